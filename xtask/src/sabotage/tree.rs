//! The copy that is mutated. The working tree itself is only read.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::sabotage::git;
use crate::step::{Failed, file};

/// What tests look for beside the sources: built by `cargo xtask test`, and too large to build twice.
const BUILT: [&str; 5] =
    ["target/compiler", "target/packages", "target/plugins", "target/servers", "tests/hostile/target"];

/// The file that lists what was copied, so that what is gone from the tree goes from the copy.
const LIST: &str = ".copied";

/// Makes sure that nobody else mutates the copy, for as long as the file is held.
///
/// # Errors
/// [`Failed::Gate`] when somebody does.
pub(crate) fn alone(place: &Path) -> Result<File, Failed> {
    file("the place of the copy", fs::create_dir_all(place))?;
    let lock = file("the lock", File::create(place.join("lock")))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(_) => {
            Err(Failed::Gate(format!("another `cargo xtask sabotage` works in {}; wait for it", place.display())))
        }
    }
}

/// A copy of the tree.
pub(crate) struct Tree(PathBuf);

impl Tree {
    /// Brings the copy up to date. A file that is the same is not touched: its time tells cargo what to build again.
    ///
    /// # Errors
    /// [`Failed`] when the files cannot be listed, or one cannot be copied.
    pub(crate) fn copy(from: &Path, to: &Path) -> Result<Self, Failed> {
        file("the copy", fs::create_dir_all(to))?;
        let names = git::files(from)?;
        let before = fs::read_to_string(to.join(LIST)).unwrap_or_default();
        for gone in before.lines().filter(|name| !names.contains(*name)) {
            // Gone already is as good.
            let _ = fs::remove_file(to.join(gone));
        }
        for name in &names {
            file(&format!("copying {name}"), same(&from.join(name), &to.join(name)))?;
        }
        file(
            "the list",
            fs::write(to.join(LIST), names.iter().flat_map(|name| [name.as_str(), "\n"]).collect::<String>()),
        )?;
        for built in BUILT {
            file(&format!("the link to {built}"), link(&from.join(built), &to.join(built)))?;
        }
        Ok(Self(to.to_owned()))
    }

    /// A path in the copy.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The copy's root.
    pub(crate) fn root(&self) -> &Path {
        &self.0
    }
}

/// Makes `to` hold what `from` holds.
fn same(from: &Path, to: &Path) -> std::io::Result<()> {
    let wanted = fs::read(from)?;
    if fs::read(to).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    to.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::copy(from, to).map(|_| ())
}

/// Makes `to` lead to `from`, if that was built.
#[cfg(unix)]
pub(crate) fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    if fs::symlink_metadata(to).is_ok() || !from.exists() {
        return Ok(());
    }
    to.parent().map_or(Ok(()), fs::create_dir_all)?;
    std::os::unix::fs::symlink(from, to)
}

#[cfg(not(unix))]
pub(crate) fn link(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::Error::from(std::io::ErrorKind::Unsupported))
}
