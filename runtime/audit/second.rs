//! The last checkpoint in a second place, so that a log that was rolled back is noticed when it is opened.
//!
//! The copy is replaced by comparing and swapping: only who knows the one that lies there may put the next. Two hosts that
//! run from copies of one state directory cannot both go on.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::checkpoint::{CheckpointVerifier, Head, MAX_CHECKPOINT};
use crate::error::{LogError, Unrecorded};
use crate::syncer::private;

/// The second place, and what this process knows to lie there.
#[derive(Debug)]
pub(crate) struct Second {
    path: PathBuf,
    known: Vec<u8>,
}

impl Second {
    /// Reads the second copy. A log that has a checkpoint must have a copy of one: a missing copy is how a rolled-back log
    /// would look too.
    pub(crate) fn open(
        path: &Path,
        public: &CheckpointVerifier,
        is_new: bool,
    ) -> Result<(Self, Option<Head>), LogError> {
        let known = read(path).map_err(LogError::io("second copy of the checkpoint"))?;
        let second = |known| Self { path: path.to_owned(), known };
        match known {
            None if is_new => Ok((second(Vec::new()), None)),
            None => Err(LogError::SecondMissing),
            Some(note) => {
                let head = public.open(&note).map_err(LogError::Second)?;
                // A log that begins finds at most its own beginning: a kill came between the two copies.
                if is_new && head.size() > 0 {
                    return Err(LogError::RolledBack { signed: head.size(), found: 0 });
                }
                Ok((second(note), Some(head)))
            }
        }
    }

    /// Puts the next checkpoint in the place of the one that is known.
    pub(crate) fn replace(&mut self, note: &[u8]) -> Result<(), Unrecorded> {
        let swapped = self.swap(note).map_err(|error| Unrecorded::Failed(error.kind()))?;
        if !swapped {
            return Err(Unrecorded::Moved);
        }
        note.clone_into(&mut self.known);
        Ok(())
    }

    /// Under a lock, so that of two who know the same copy one is told that it is another by now.
    fn swap(&self, note: &[u8]) -> io::Result<bool> {
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let lock = private().open(self.beside("lock"))?;
        lock.lock()?;
        if read(&self.path)?.unwrap_or_default() != self.known {
            return Ok(false);
        }
        let next = self.beside("next");
        let mut file = private().truncate(true).open(&next)?;
        file.write_all(note)?;
        file.sync_data()?;
        fs::rename(&next, &self.path)?;
        Ok(true)
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        self.path.with_added_extension(suffix)
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut note = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, MAX_CHECKPOINT), &mut note)?;
    Ok(Some(note))
}
