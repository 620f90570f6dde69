//! The WebAssembly target of the plugins.

use std::path::Path;

use crate::step::{Failed, Step, say};

/// The target that plugins are built for.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// Adds the target when the toolchain does not have it.
///
/// It is not listed in `rust-toolchain.toml`: where rustup's automatic installation is switched off, a missing target
/// there makes every cargo command fail, this one included.
///
/// # Errors
/// [`Failed`] when rustup cannot add it.
pub(crate) fn ensure_target() -> Result<(), Failed> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let library = Step::new("looking for the WebAssembly target", Path::new(&rustc))
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()?;
    if Path::new(library.trim()).is_dir() {
        return Ok(());
    }
    say("the toolchain has no wasm32-wasip2; rustup adds it");
    Step::new("rustup target add wasm32-wasip2", Path::new("rustup")).args(["target", "add", TARGET]).run()
}
