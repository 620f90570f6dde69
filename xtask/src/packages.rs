//! Binaries and signed plugin packages.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::step::{Failed, Step, file};
use crate::toolchain::{self, TARGET};

/// The reference plugins: the name of the package and of the component's file.
const PLUGINS: [(&str, &str); 3] = [
    ("psa", "claviger_plugin_psa.wasm"),
    ("hypervisor", "claviger_plugin_hypervisor.wasm"),
    ("pax8", "claviger_plugin_pax8.wasm"),
];

/// Where packages and the development publisher's key are kept.
const PACKAGES: &str = "target/packages";

/// Builds the host, the compiler process and the plugins, and packs and signs each plugin.
///
/// # Errors
/// [`Failed`] at the first step that does.
pub(crate) fn build() -> Result<(), Failed> {
    toolchain::ensure(TARGET)?;
    Step::cargo("building the component compiler (minutes the first time)")
        .args(["build", "--quiet", "--release", "--manifest-path", "runtime/compiler/Cargo.toml"])
        .args(["--target-dir", "target/compiler"])
        .run()?;
    Step::cargo("building the plugins")
        .args(["build", "--quiet", "--release", "--manifest-path", "plugins/Cargo.toml"])
        .args(["--target", TARGET, "--target-dir", "target/plugins"])
        .env("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", &remapped())
        .run()?;
    Step::cargo("building claviger").args(["build", "--quiet", "--bin", "claviger"]).run()?;
    // The host looks for the compiler beside itself.
    for profile in ["debug", "release"] {
        let beside = Path::new("target").join(profile);
        file("placing the compiler", std::fs::create_dir_all(&beside))?;
        place(Path::new("target/compiler/release/claviger-compile"), &beside.join("claviger-compile"))?;
    }
    sign()
}

/// The flags that keep this machine's directories out of a component: panic locations would name them, and the same
/// sources would give another digest elsewhere.
fn remapped() -> OsString {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from).or(home).unwrap_or_default();
    let here = std::env::current_dir().unwrap_or_default();
    let mut flags = OsString::from("--remap-path-prefix=");
    flags.push(cargo);
    flags.push("=/cargo --remap-path-prefix=");
    flags.push(here);
    flags.push("=/claviger");
    flags
}

/// Replaces a file by renaming, so that a running program keeps the old one.
fn place(from: &Path, to: &Path) -> Result<(), Failed> {
    let staged = to.with_extension("new");
    file("placing the compiler", std::fs::copy(from, &staged))?;
    file("placing the compiler", std::fs::rename(&staged, to))
}

fn sign() -> Result<(), Failed> {
    let packages = PathBuf::from(PACKAGES);
    file("making the packages' directory", std::fs::create_dir_all(&packages))?;
    let claviger = Path::new("target/debug/claviger");
    let key = packages.join("publisher.key");
    if !key.exists() {
        Step::new("making a development publisher's key", claviger)
            .args(["plugin", "key", "claviger", "--out"])
            .args([&key])
            .run()?;
    }
    for (plugin, component) in PLUGINS {
        Step::new(&format!("packing and signing {plugin}"), claviger)
            .args(["plugin", "pack"])
            .args([Path::new("manifests").join(plugin)])
            .arg_pair("--component", &Path::new("target/plugins").join(TARGET).join("release").join(component))
            .arg_pair("--key", &key)
            .arg_pair("--out", &packages.join(plugin))
            .run()?;
    }
    Ok(())
}

impl Step {
    fn arg_pair(self, name: &str, path: &Path) -> Self {
        self.args([name.as_ref(), path.as_os_str()])
    }
}
