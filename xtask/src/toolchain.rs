//! The targets that something here is built or checked for, besides the machine's own.

use std::path::Path;

use crate::step::{Failed, Step, say};

/// The target that plugins are built for.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// The systems whose own dialogs the approval room can ask. No such machine is at hand: what is for them is type-checked.
pub(crate) const ELSEWHERE: [&str; 2] = ["aarch64-apple-darwin", "x86_64-pc-windows-gnu"];

/// Adds a target when the toolchain does not have it.
///
/// They are not listed in `rust-toolchain.toml`: where rustup's automatic installation is switched off, a missing target
/// there makes every cargo command fail, this one included.
///
/// # Errors
/// [`Failed`] when rustup cannot add it.
pub(crate) fn ensure(target: &str) -> Result<(), Failed> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let library = Step::new(&format!("looking for the target {target}"), Path::new(&rustc))
        .args(["--print", "target-libdir", "--target", target])
        .output()?;
    if Path::new(library.trim()).is_dir() {
        return Ok(());
    }
    say(&format!("the toolchain has no {target}; rustup adds it"));
    Step::new(&format!("rustup target add {target}"), Path::new("rustup")).args(["target", "add", target]).run()
}
