//! Servers that nobody here wrote, for the tests that speak to them.

use std::path::Path;

use crate::step::{Failed, Step, file};

/// Installs what the servers need, when it is missing.
///
/// # Errors
/// [`Failed`] at the first step that does.
pub(crate) fn install() -> Result<(), Failed> {
    Ok(())
}
