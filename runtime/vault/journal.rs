//! The journal of values that are not stored yet: a credential that an upstream has just made exists nowhere else, so it
//! is sealed and durable here before anything else happens to it.
//!
//! One file for each value, written whole and renamed into place. A value whose [`Journal::append`] returned survives
//! every crash; one whose append did not return leaves at most an unfinished file, which the next open removes. A damaged
//! file harms no other. Of tokens that rotate the newest stays when it is stored, see `journal/succession.rs`.
//!
//! ```text
//! "claviger pending 1\n"
//! length of what it is about, 4 bytes big endian     what it is about: JSON, sealed
//! the value, sealed, to the end of the file
//! ```

mod succession;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use claviger_manifest::Name;
use serde::{Deserialize, Serialize};

pub(crate) use self::succession::Succession;
use crate::embedded::JournalKey;
use crate::key_cell::KeyCell;
use crate::private_file::{self, Lock, PrivateFileError};
use crate::reveal::Secret;
use crate::seal::{Key, SealError, bind};

/// The first line of an entry's file.
const MAGIC: &[u8] = b"claviger pending 1\n";
/// What the name of an entry's file ends with.
const EXTENSION: &str = ".pending";
/// Writers hold this lock together; who removes unfinished files holds it alone.
const LOCK: &str = "journal.lock";
/// Whoever refreshes a token that rotates holds this lock alone.
const REFRESH_LOCK: &str = "refresh.lock";
/// How long another process may take that holds it: an exchange with an issuer, and a provider's answer.
const REFRESH_PATIENCE: Duration = Duration::from_secs(90);
/// The longest entry, bytes: a value of 1 MiB, as the embedded store's, and what it is about.
const ENTRY_MAX: u64 = 1024 * 1024 + 64 * 1024;

/// The journal of one state directory.
#[derive(Clone, Debug)]
pub struct Journal {
    directory: Arc<PathBuf>,
    key: KeyCell,
}

/// A journalled value that is not stored yet, without the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its number: random, so that it never means another entry later.
    pub number: u64,
    /// The connection whose call it came up in.
    pub connection: Name,
    /// The manifest's slot, or secret for a value that takes the place of an older one.
    pub slot: Name,
    /// Whether it takes the place of a value that a provider holds, and until then is used instead of it.
    pub is_successor: bool,
    /// When it was written, by the file system's clock; none if the file system does not say.
    pub written: Option<SystemTime>,
}

/// Why the journal did not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The file could not be read or written.
    #[error("the journal could not be read or written: {0}; check the disk of the state directory")]
    Storage(std::io::ErrorKind),
    /// The disk did not confirm a write.
    #[error("the disk did not confirm that the journal was written; check the disk of the state directory")]
    NotDurable,
    /// The permissions are wrong.
    #[error("others can reach the journal; `chmod go=` its directory and files, and see that they are yours")]
    OpenToOthers,
    /// The value is too long.
    #[error("the value is longer than the journal allows (1 MiB)")]
    TooLarge,
    /// The entry does not open.
    #[error("the journal's entry is damaged, or was written under another master key")]
    Damaged,
    /// There is no such entry.
    #[error("the journal has no such entry; `claviger vault recover` lists them")]
    NoSuchEntry,
    /// The vault whose key this is was locked.
    #[error("the vault was locked; open it again")]
    Locked,
    /// No randomness.
    #[error("the operating system gave no randomness; try again")]
    Randomness,
}

impl From<PrivateFileError> for JournalError {
    fn from(error: PrivateFileError) -> Self {
        match error {
            PrivateFileError::Io(std::io::ErrorKind::NotFound) => Self::NoSuchEntry,
            PrivateFileError::Io(kind) => Self::Storage(kind),
            PrivateFileError::NotDurable(_) => Self::NotDurable,
            PrivateFileError::OpenToOthers => Self::OpenToOthers,
            PrivateFileError::NotAFile | PrivateFileError::TooLong => Self::Damaged,
            PrivateFileError::Busy => Self::Storage(std::io::ErrorKind::ResourceBusy),
        }
    }
}

impl From<SealError> for JournalError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Randomness | SealError::Memory => Self::Randomness,
            SealError::Locked => Self::Locked,
            SealError::Refused => Self::Damaged,
        }
    }
}

/// What an entry is about, as it is sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    connection: Name,
    slot: Name,
    /// A mark of the value that this one succeeds in a provider; none for a value that is to become a new item. A mark and
    /// not a provider's version: that says nothing to another process, where it is a digest under a key of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    supersedes: Option<String>,
    /// The marks of what was used before that, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    before: Vec<String>,
    /// The entry that was the successor before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    follows: Option<u64>,
    /// Whether a provider has it. A successor is kept all the same, for what it knows of the values before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    stored: bool,
}

impl Journal {
    /// Opens the journal of a directory, which is made if it is not there. Unfinished files are removed.
    pub fn open(directory: &Path, key: JournalKey) -> Result<Self, JournalError> {
        private_file::ensure_directory(directory)?;
        // Not while somebody writes: what looks unfinished then is about to be finished.
        if let Some(_lock) = Lock::attempt(&directory.join(LOCK))? {
            private_file::remove_unfinished(directory)?;
        }
        Ok(Self { directory: Arc::new(directory.to_owned()), key: key.0 })
    }

    /// Seals a value into the journal and gives its number. When this returns, the value survives a power cut. Waits for
    /// the disk.
    pub fn append(&self, connection: &Name, slot: &Name, value: &Secret) -> Result<u64, JournalError> {
        let (connection, slot) = (connection.clone(), slot.clone());
        let (supersedes, before, follows, stored) = (None, Vec::new(), None, false);
        self.write(&About { connection, slot, supersedes, before, follows, stored }, value)
    }

    /// Wipes the key, for every holder of this journal.
    pub(crate) fn lock(&self) {
        self.key.lock();
    }

    /// Waits until nobody else refreshes a token on this machine, for as long as that may take them.
    pub(crate) fn refresh_lock(&self) -> Result<Lock, JournalError> {
        Ok(Lock::exclusive_within(&self.directory.join(REFRESH_LOCK), REFRESH_PATIENCE)?)
    }

    fn write(&self, about: &About, value: &Secret) -> Result<u64, JournalError> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).map_err(|_| JournalError::Randomness)?;
        let number = u64::from_be_bytes(random);
        self.put(number, about, value).map(|()| number)
    }

    fn put(&self, number: u64, about: &About, value: &Secret) -> Result<(), JournalError> {
        let bytes = self.encode(number, about, value)?;
        if u64::try_from(bytes.len()).map_or(true, |length| length > ENTRY_MAX) {
            return Err(JournalError::TooLarge);
        }
        let _lock = Lock::shared(&self.directory.join(LOCK))?;
        Ok(private_file::replace(&self.directory, &file(number), &bytes)?)
    }

    /// Forgets entries whose values are stored, or never will be. Forgetting twice is nothing. Waits for the disk.
    pub fn done(&self, numbers: &[u64]) -> Result<(), JournalError> {
        if numbers.is_empty() {
            return Ok(());
        }
        for number in numbers {
            private_file::remove(&self.path(*number))?;
        }
        Ok(private_file::sync_directory(&self.directory)?)
    }

    /// Everything that is not stored yet and can be read, without the values; oldest first, as far as the file system's clock tells
    /// them apart.
    pub fn pending(&self) -> Result<Vec<Pending>, JournalError> {
        let numbers = self.numbers()?;
        let listed = numbers.into_iter().filter_map(|number| self.listed(number).ok());
        let mut pending: Vec<_> = listed.filter_map(|(pending, stored)| (!stored).then_some(pending)).collect();
        pending.sort_by_key(|pending| (pending.written, pending.number));
        Ok(pending)
    }

    /// Entries that cannot be read, so that nobody takes a short list for a complete one.
    pub fn unreadable(&self) -> Result<Vec<u64>, JournalError> {
        let numbers = self.numbers()?;
        Ok(numbers.into_iter().filter(|number| self.listed(*number).is_err()).collect())
    }

    /// The value of an entry.
    pub(crate) fn recover(&self, number: u64) -> Result<Secret, JournalError> {
        let (about, value) = self.read(number)?;
        Ok(self.entry_key(number)?.open(&place("value", number, &about), &value)?)
    }

    fn encode(&self, number: u64, about: &About, value: &Secret) -> Result<Vec<u8>, JournalError> {
        let key = self.entry_key(number)?;
        let about = serde_json::to_vec(about).map_err(|_| JournalError::TooLarge)?;
        let about = key.seal(&place("about", number, &[]), &about)?;
        // EXPOSE: sealed at once; what leaves this line is ciphertext.
        let value = key.seal(&place("value", number, &about), value.expose())?;
        let length = u32::try_from(about.len()).map_err(|_| JournalError::TooLarge)?;
        Ok([MAGIC, &length.to_be_bytes(), &about, &value].concat())
    }

    fn about(&self, number: u64) -> Result<(About, Vec<u8>), JournalError> {
        let (about, value) = self.read(number)?;
        let plain = self.entry_key(number)?.open(&place("about", number, &[]), &about)?;
        // EXPOSE: names and a mark, no value.
        Ok((serde_json::from_slice(plain.expose()).map_err(|_| JournalError::Damaged)?, value))
    }

    /// An entry, and whether a provider has it.
    fn listed(&self, number: u64) -> Result<(Pending, bool), JournalError> {
        let (about, _) = self.about(number)?;
        let written = std::fs::metadata(self.path(number)).and_then(|metadata| metadata.modified()).ok();
        let is_successor = about.supersedes.is_some();
        let About { connection, slot, stored, .. } = about;
        Ok((Pending { number, connection, slot, is_successor, written }, stored))
    }

    /// The two sealed parts of an entry.
    fn read(&self, number: u64) -> Result<(Vec<u8>, Vec<u8>), JournalError> {
        let (bytes, _) = private_file::read(&self.path(number), ENTRY_MAX)?;
        let rest = bytes.strip_prefix(MAGIC).ok_or(JournalError::Damaged)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(JournalError::Damaged)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| JournalError::Damaged)?;
        let (about, value) = rest.split_at_checked(length).ok_or(JournalError::Damaged)?;
        Ok((about.to_vec(), value.to_vec()))
    }

    fn numbers(&self) -> Result<Vec<u64>, JournalError> {
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(self.directory.as_path()).map_err(PrivateFileError::from)? {
            let name = entry.map_err(PrivateFileError::from)?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(EXTENSION));
            let number = number.and_then(|number| u64::from_str_radix(number, 16).ok());
            // Only names as they are written here: another spelling of the same number is another file.
            numbers.extend(number.filter(|number| name.to_str() == Some(&file(*number))));
        }
        Ok(numbers)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(file(number))
    }

    fn entry_key(&self, number: u64) -> Result<Key, JournalError> {
        self.key.with(|key| Ok(key.derive("claviger/vault/pending/v1", &[&number.to_be_bytes()])?))
    }
}

fn file(number: u64) -> String {
    format!("{number:016x}{EXTENSION}")
}

/// What a sealed part is bound to: which part it is, whose, and for a value also what it is about.
fn place(part: &str, number: u64, about: &[u8]) -> Vec<u8> {
    bind("claviger/vault/pending/v1", &[part.as_bytes(), &number.to_be_bytes(), about])
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
