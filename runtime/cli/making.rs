//! A state directory that is being made: whole at the end, or gone.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::Failure;
use crate::state;

/// An empty directory that is being filled. Dropped before it is kept, it takes what was made with it, so that an `init`
/// that failed can simply be run again.
#[must_use = "what is not kept is removed"]
pub(crate) struct Making {
    root: PathBuf,
    existed: bool,
    kept: bool,
}

impl Making {
    /// Makes the directory, or takes an empty one, for its owner alone.
    pub(crate) fn begin(root: &Path) -> Result<Self, Failure> {
        let existed = match fs::read_dir(root).map(|mut entries| entries.next().is_none()) {
            Ok(true) => true,
            Ok(false) => return Err(Failure::usage(not_empty(root))),
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(Failure::file(root, &error)),
        };
        state::private_directory(root)?;
        let making = Self { root: root.to_owned(), existed, kept: false };
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(root, private).map_err(|error| Failure::file(root, &error))?;
        Ok(making)
    }

    /// It is whole.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }

    /// Everything in the directory came into it after it was found empty.
    fn undo(&self) -> std::io::Result<()> {
        if !self.existed {
            return fs::remove_dir_all(&self.root);
        }
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }?;
        }
        Ok(())
    }
}

fn not_empty(root: &Path) -> String {
    format!("{} is not empty and no state directory; name a new or an empty one", root.display())
}

impl Drop for Making {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed is found by the next `init`, which says so.
            let _left = self.undo();
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::Making;

    #[test]
    fn what_is_not_kept_is_gone_and_what_was_there_stays() {
        let place = tempfile::tempdir().unwrap();
        let (new, empty) = (place.path().join("a/new"), place.path().join("empty"));
        fs::create_dir(&empty).unwrap();
        for (root, stays) in [(&new, false), (&empty, true)] {
            let making = Making::begin(root).unwrap();
            fs::create_dir(root.join("vault")).unwrap();
            fs::write(root.join("vault/file"), "x").unwrap();
            fs::write(root.join("key"), "x").unwrap();
            drop(making);
            assert_eq!(root.exists(), stays);
        }
        assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);
    }

    #[test]
    fn what_is_kept_stays_and_is_its_owners() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("state");
        fs::create_dir(&root).unwrap();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
        let making = Making::begin(&root).unwrap();
        fs::write(root.join("key"), "x").unwrap();
        making.keep();
        assert!(root.join("key").exists());
        assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(Making::begin(&root).is_err(), "it is not empty any more");
        assert!(root.join("key").exists());
    }
}
