//! Where simulated approvals may count.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// The marker's file name.
const MARKER: &str = "THROWAWAY";

/// What the marker says, exactly: a file that is merely called so is none.
const TEXT: &str = "claviger throw-away state directory, format 1\n\
    Software may answer approvals here. Put no real secret into this directory.\n";

/// Proof that a state directory was created, empty, for being thrown away. Simulated approvals need it twice: to make the
/// software passkey, and at the desk.
#[derive(Debug)]
#[must_use = "the proof is what the software passkey and the desk ask for"]
pub struct Throwaway {
    directory: PathBuf,
}

/// Why a directory is not throw-away.
#[derive(Debug, thiserror::Error)]
pub enum ThrowawayError {
    /// Something is in it.
    #[error("the directory is not empty; give a new one, so that nothing real is ever made throw-away")]
    NotEmpty,
    /// It has no marker.
    #[error("the directory was not created as a throw-away one; simulated approvals are refused in it")]
    NotThrowaway,
    /// The file system failed.
    #[error("the directory cannot be used: {0}")]
    Io(#[from] io::Error),
}

impl Throwaway {
    /// Creates the directory, or takes an empty one, and marks it.
    ///
    /// # Errors
    /// [`ThrowawayError::NotEmpty`] when there is anything in it; [`ThrowawayError::Io`].
    pub fn create(directory: &Path) -> Result<Self, ThrowawayError> {
        fs::create_dir_all(directory)?;
        if fs::read_dir(directory)?.next().is_some() {
            return Err(ThrowawayError::NotEmpty);
        }
        let mut marker = OpenOptions::new().write(true).create_new(true).open(directory.join(MARKER))?;
        marker.write_all(TEXT.as_bytes())?;
        marker.sync_all()?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// Recognises a directory that [`Throwaway::create`] made.
    ///
    /// # Errors
    /// [`ThrowawayError::NotThrowaway`] when it has no marker; [`ThrowawayError::Io`].
    pub fn of(directory: &Path) -> Result<Self, ThrowawayError> {
        let path = directory.join(MARKER);
        // Not through a link: the marker must lie in this very directory.
        let is_file = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
        if !is_file || read_marker(&path)? != TEXT.as_bytes() {
            return Err(ThrowawayError::NotThrowaway);
        }
        Ok(Self { directory: directory.to_owned() })
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// One byte more than the marker has, so that a longer file is seen to be another.
fn read_marker(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let limit = u64::try_from(TEXT.len()).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(path)?.take(limit).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::fs;

    use super::{MARKER, Throwaway, ThrowawayError};

    #[test]
    fn an_empty_or_new_directory_becomes_throwaway() {
        let empty = tempfile::tempdir().unwrap();
        let new = empty.path().join("a/b");
        assert_eq!(Throwaway::create(&new).unwrap().directory(), new);
        assert_eq!(Throwaway::of(&new).unwrap().directory(), new);
    }

    #[test]
    fn a_directory_with_anything_in_it_does_not() {
        let used = tempfile::tempdir().unwrap();
        fs::write(used.path().join(".hidden"), "").unwrap();
        assert!(matches!(Throwaway::create(used.path()), Err(ThrowawayError::NotEmpty)));
        assert!(matches!(Throwaway::of(used.path()), Err(ThrowawayError::NotThrowaway)));
    }

    #[test]
    fn it_is_created_once() {
        let once = tempfile::tempdir().unwrap();
        let _first = Throwaway::create(once.path()).unwrap();
        assert!(matches!(Throwaway::create(once.path()), Err(ThrowawayError::NotEmpty)));
    }

    #[test]
    fn a_marker_with_other_words_or_behind_a_link_is_none() {
        let real = tempfile::tempdir().unwrap();
        let _proof = Throwaway::create(real.path()).unwrap();
        let text = fs::read_to_string(real.path().join(MARKER)).unwrap();
        let other = tempfile::tempdir().unwrap();
        for words in [String::new(), text.trim_end().to_owned(), format!("{text}x"), text.to_lowercase()] {
            fs::write(other.path().join(MARKER), words).unwrap();
            assert!(matches!(Throwaway::of(other.path()), Err(ThrowawayError::NotThrowaway)));
        }
        fs::remove_file(other.path().join(MARKER)).unwrap();
        std::os::unix::fs::symlink(real.path().join(MARKER), other.path().join(MARKER)).unwrap();
        assert!(matches!(Throwaway::of(other.path()), Err(ThrowawayError::NotThrowaway)));
    }
}
