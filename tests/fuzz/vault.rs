//! What lies in the state directory. Each input is one file; the rest of the directory is as the room made it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use claviger_vault::{Embedded, IdentityFile, Journal, NewSlot, Quarantine, Unlock};
use tempfile::TempDir;

/// An identity of age that opens the corpus; it is in this source and opens nothing else.
pub const IDENTITY: &str = "AGE-SECRET-KEY-1PXQCDVXLXNKS3LCH78AGHDKP29AAY29GMHSCC8JK7R4YNZQJ3R3QTS2DEM";

/// The public half of it.
pub const RECIPIENT: &str = "age179lt5j3aucmz8fckf2qhqj7cxz20zk46fe5q0vc9v0gj0cpat4aqydhl2u";

/// A directory in memory, where there is one: a file each time.
fn place() -> &'static Path {
    static PLACE: OnceLock<TempDir> = OnceLock::new();
    let memory = PathBuf::from("/dev/shm");
    let made = || if memory.is_dir() { TempDir::new_in(&memory) } else { TempDir::new() };
    PLACE.get_or_init(|| made().unwrap()).path()
}

/// Writes the input where the room expects one of its own files.
fn written(directory: &str, name: &str, bytes: &[u8]) -> PathBuf {
    let directory = place().join(format!("{directory}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    directory
}

/// The embedded vault: head, key slots, index and values.
pub(crate) fn vault(bytes: &[u8]) {
    let directory = written("vault", "embedded.vault", bytes);
    let unlock = Unlock::AgeIdentity(claviger_vault::Secret::new(IDENTITY.as_bytes().to_vec()));
    if let Ok(store) = Embedded::open(&directory, &unlock) {
        assert!(store.generation() > 0);
        drop(store.list());
    }
    // A passphrase costs 64 MiB and a tenth of a second, so only files with strange parameters are tried: they are
    // refused before anything is spent.
    if !bytes.windows(18).any(|window| window == b"\"memory-kib\":65536") {
        let unlock = Unlock::Passphrase(claviger_vault::Secret::new(b"correct horse".to_vec()));
        drop(Embedded::open(&directory, &unlock));
    }
}

/// An entry of the journal.
pub(crate) fn journal(bytes: &[u8]) {
    static JOURNAL: OnceLock<Journal> = OnceLock::new();
    let directory = written("journal", "00000000000000aa.pending", bytes);
    let journal = JOURNAL.get_or_init(|| {
        let slot = NewSlot::Passphrase(claviger_vault::Secret::new(b"correct horse battery".to_vec()));
        let vault = Embedded::create(&place().join("of-the-journal"), &[slot]).unwrap();
        Journal::open(&directory, vault.journal_key().unwrap()).unwrap()
    });
    let (good, bad) = (journal.pending().unwrap(), journal.unreadable().unwrap());
    assert_eq!(good.len() + bad.len(), 1, "an entry is listed on one of two lists");
    assert!(good.is_empty(), "an entry opens that nobody sealed");
}

/// The list of quarantined secrets. What is damaged is an error, and never an empty list.
pub(crate) fn quarantine(bytes: &[u8]) {
    let directory = written("quarantine", "list.json", bytes);
    if let Ok(quarantine) = Quarantine::open(&directory.join("list.json")) {
        for (connection, secret) in quarantine.list() {
            assert!(quarantine.is_quarantined(&connection, &secret));
        }
    }
}

/// A file with an age identity.
pub(crate) fn identity(bytes: &[u8]) {
    let directory = written("identity", "identity", bytes);
    if let Ok(unlock) = IdentityFile::read(&directory.join("identity")) {
        let said = format!("{unlock:?}");
        assert!(!said.contains("AGE-SECRET-KEY"), "an identity is printed");
    }
}
