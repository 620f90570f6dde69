//! The programs that belong to this one.

use std::path::PathBuf;

use crate::error::Failure;

/// A program in the directory of this one, if it is there. Nothing is ever looked up in `PATH`: what runs with the keys
/// within reach is what was installed together.
pub(crate) fn beside(program: &str) -> Result<Option<PathBuf>, Failure> {
    let this = std::env::current_exe().map_err(|error| Failure::state(format!("this program's own path: {error}")))?;
    Ok(this.parent().map(|directory| directory.join(program)).filter(|path| path.exists()))
}
