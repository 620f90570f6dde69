//! Secrets that an answer has shown. Not used again on that connection until an operator says so.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use claviger_manifest::Name;
use serde::{Deserialize, Serialize};

use crate::private_file::{self, Lock, PrivateFileError};

/// The format of the file. Another one is refused, not guessed at.
const VERSION: u32 = 1;

/// The longest file: far more pairs than a host has secrets.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// The list of quarantined secrets, by connection. Kept in a file that is replaced whole.
#[derive(Debug)]
pub struct Quarantine {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    saved: Entries,
    /// What could not be written. It holds for the life of this process at least.
    unsaved: Entries,
}

type Entries = BTreeMap<Name, BTreeSet<Name>>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    /// Connection to secrets.
    quarantined: Entries,
}

/// Why the list could not be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuarantineError {
    /// The file could not be read or written.
    #[error("the quarantine list could not be read or written: {0}")]
    Storage(&'static str),
    /// The file is not a list of this version.
    #[error(
        "the quarantine list is not one that this version reads; restore it, or move it away and lift nothing blindly"
    )]
    Malformed,
}

impl Quarantine {
    /// Opens the list. A file that does not exist is an empty list; one that cannot be read is an error, because treating
    /// it as empty would lift every quarantine.
    ///
    /// # Errors
    /// [`QuarantineError`] when the file cannot be read or is not a list.
    pub fn open(path: &Path) -> Result<Self, QuarantineError> {
        let state = State { saved: read(path)?, unsaved: Entries::new() };
        Ok(Self { path: path.to_owned(), state: Mutex::new(state) })
    }

    /// Quarantines a secret for a connection. It holds in this process even when the file cannot be written.
    ///
    /// # Errors
    /// [`QuarantineError`] when the list could not be written.
    pub fn add(&self, connection: &Name, secret: &Name) -> Result<(), QuarantineError> {
        let mut state = self.lock();
        let insert = |entries: &mut Entries| {
            entries.entry(connection.clone()).or_default().insert(secret.clone());
        };
        insert(&mut state.unsaved);
        state.saved = self.change(insert)?;
        remove(&mut state.unsaved, connection, secret);
        Ok(())
    }

    /// Whether a secret is quarantined for a connection. A hit is looked up in the file again: an operator may have
    /// lifted it from another process.
    pub fn is_quarantined(&self, connection: &Name, secret: &Name) -> bool {
        let mut state = self.lock();
        if holds(&state.unsaved, connection, secret) {
            return true;
        }
        if !holds(&state.saved, connection, secret) {
            return false;
        }
        // A file that cannot be read lifts nothing.
        if let Ok(saved) = read(&self.path) {
            state.saved = saved;
        }
        holds(&state.saved, connection, secret)
    }

    /// Lifts the quarantine of a secret, and says whether there was one. For operators.
    ///
    /// # Errors
    /// [`QuarantineError`] when the list could not be written; then it is not lifted.
    pub fn lift(&self, connection: &Name, secret: &Name) -> Result<bool, QuarantineError> {
        let mut state = self.lock();
        let mut lifted = false;
        state.saved = self.change(|entries| lifted = remove(entries, connection, secret))?;
        Ok(remove(&mut state.unsaved, connection, secret) || lifted)
    }

    /// Every quarantined secret: connection and name.
    pub fn list(&self) -> Vec<(Name, Name)> {
        let state = self.lock();
        let all = state.saved.iter().chain(&state.unsaved);
        let pairs: BTreeSet<(Name, Name)> =
            all.flat_map(|(connection, secrets)| secrets.iter().map(|s| (connection.clone(), s.clone()))).collect();
        pairs.into_iter().collect()
    }

    /// Changes what is in the file now, not what it was when it was opened, while nobody else does.
    fn change(&self, change: impl FnOnce(&mut Entries)) -> Result<Entries, QuarantineError> {
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name =
            self.path.file_name().and_then(|name| name.to_str()).ok_or(QuarantineError::Storage("no file name"))?;
        let _alone = Lock::exclusive(&directory.join(format!("{name}.lock"))).map_err(storage)?;
        let mut entries = read(&self.path)?;
        change(&mut entries);
        let document = Document { version: VERSION, quarantined: entries };
        let text = serde_json::to_vec_pretty(&document).map_err(|_| QuarantineError::Malformed)?;
        private_file::replace(directory, name, &text).map_err(storage)?;
        Ok(document.quarantined)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn holds(entries: &Entries, connection: &Name, secret: &Name) -> bool {
    entries.get(connection).is_some_and(|secrets| secrets.contains(secret))
}

fn remove(entries: &mut Entries, connection: &Name, secret: &Name) -> bool {
    let Some(secrets) = entries.get_mut(connection) else { return false };
    let removed = secrets.remove(secret);
    if secrets.is_empty() {
        entries.remove(connection);
    }
    removed
}

fn read(path: &Path) -> Result<Entries, QuarantineError> {
    let text = match private_file::read(path, MAX_FILE) {
        Ok((text, _)) => text,
        Err(PrivateFileError::Io(io::ErrorKind::NotFound)) => return Ok(Entries::new()),
        Err(error) => return Err(storage(error)),
    };
    let document: Document = serde_json::from_slice(&text).map_err(|_| QuarantineError::Malformed)?;
    if document.version == VERSION { Ok(document.quarantined) } else { Err(QuarantineError::Malformed) }
}

fn storage(error: PrivateFileError) -> QuarantineError {
    QuarantineError::Storage(match error {
        PrivateFileError::OpenToOthers => "others can reach it; `chmod go= ` it, and see that it is yours",
        PrivateFileError::NotAFile => "it is not a regular file",
        PrivateFileError::TooLong => "it is longer than it can be",
        PrivateFileError::Busy => "another process holds its lock",
        PrivateFileError::Io(_) | PrivateFileError::NotDurable(_) => "the disk failed; check the state directory",
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::fs;

    use claviger_manifest::Name;

    use super::{Quarantine, QuarantineError};

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn a_quarantine_outlives_the_process_and_holds_for_its_pair_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("quarantine.json");
        let first = Quarantine::open(&path).unwrap();
        first.add(&name("acme"), &name("key")).unwrap();
        let second = Quarantine::open(&path).unwrap();
        assert!(second.is_quarantined(&name("acme"), &name("key")));
        assert!(!second.is_quarantined(&name("acme"), &name("other")));
        assert!(!second.is_quarantined(&name("other"), &name("key")));
        assert_eq!(second.list(), [(name("acme"), name("key"))]);
    }

    #[test]
    fn lifting_reaches_a_host_that_is_running() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("quarantine.json");
        let host = Quarantine::open(&path).unwrap();
        host.add(&name("acme"), &name("key")).unwrap();
        host.add(&name("acme"), &name("other")).unwrap();
        let operator = Quarantine::open(&path).unwrap();
        assert!(operator.lift(&name("acme"), &name("key")).unwrap());
        assert!(!operator.lift(&name("acme"), &name("key")).unwrap());
        assert!(!host.is_quarantined(&name("acme"), &name("key")));
        assert!(host.is_quarantined(&name("acme"), &name("other")));
    }

    #[test]
    fn what_cannot_be_written_still_holds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gone/quarantine.json");
        let quarantine = Quarantine::open(&path).unwrap();
        assert!(quarantine.add(&name("acme"), &name("key")).is_err());
        assert!(quarantine.is_quarantined(&name("acme"), &name("key")));
        assert_eq!(quarantine.list(), [(name("acme"), name("key"))]);
    }

    #[test]
    fn a_damaged_list_is_an_error_and_lifts_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("quarantine.json");
        let quarantine = Quarantine::open(&path).unwrap();
        quarantine.add(&name("acme"), &name("key")).unwrap();
        for text in ["", "{}", r#"{"version":2,"quarantined":{}}"#, r#"{"version":1,"quarantined":{},"x":1}"#] {
            fs::write(&path, text).unwrap();
            assert_eq!(Quarantine::open(&path).unwrap_err(), QuarantineError::Malformed, "{text}");
            assert!(quarantine.is_quarantined(&name("acme"), &name("key")), "{text}");
        }
    }
}
