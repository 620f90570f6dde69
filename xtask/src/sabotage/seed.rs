//! Registry crates that are built already. They are the same in the copy, and minutes of building.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::sabotage::tree;
use crate::step::{Failed, file, say};

/// What begins so is built from the tree itself, and must be built from the copy.
const OWN: [&str; 5] = ["claviger", "libclaviger", "xtask", "it-", "call-"];

/// What tests look for beside the program that they run: packages, servers and the second verifier's Python, the compiler.
const BESIDE: [&str; 3] = ["packages", "servers", "debug/claviger-compile"];

/// Puts what tests start or read beside the programs of the copy.
///
/// # Errors
/// [`Failed`] when a link cannot be made.
pub(crate) fn beside(built: &Path, to: &Path) -> Result<(), Failed> {
    for name in BESIDE {
        file(&format!("the link to {name}"), tree::link(&built.join(name), &to.join(name)))?;
    }
    Ok(())
}

/// Copies cargo's results for registry crates into a new target directory. Where there are none, cargo builds them.
///
/// # Errors
/// [`Failed`] when a file cannot be copied.
pub(crate) fn from(built: &Path, to: &Path) -> Result<(), Failed> {
    if to.exists() || !built.exists() {
        return Ok(());
    }
    say("copying the registry crates that are built already");
    let next = to.with_extension("new");
    // What an interrupted copy left.
    let _ = fs::remove_dir_all(&next);
    for part in [".fingerprint", "build", "deps"] {
        file("copying built crates", directory(&built.join(part), &next.join(part), is_foreign))?;
    }
    file("copying built crates", fs::rename(next, to))
}

fn is_foreign(name: &str) -> bool {
    !OWN.iter().any(|own| name.starts_with(own))
}

fn directory(from: &Path, to: &Path, wanted: fn(&str) -> bool) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if !wanted(&name.to_string_lossy()) {
            continue;
        }
        let (from, to) = (entry.path(), to.join(&name));
        if entry.file_type()?.is_dir() {
            directory(&from, &to, |_| true)?;
        } else {
            fs::copy(&from, &to)?;
            // Cargo compares times to see what is older than what.
            let modified = entry.metadata()?.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            fs::File::options()
                .write(true)
                .open(&to)
                .and_then(|copy| copy.set_modified(modified))
                .or_else(read_only)?;
        }
    }
    Ok(())
}

/// A copied file that may not be written keeps its new time; cargo builds once more what depends on it.
fn read_only(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::PermissionDenied { Ok(()) } else { Err(error) }
}
