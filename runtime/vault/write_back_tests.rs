#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use claviger_manifest::Name;
use tempfile::TempDir;

use super::{NotKept, RecoverError, keep, recover};
use crate::embedded::Embedded;
use crate::identity_file::IdentityFile;
use crate::journal::{Journal, JournalError};
use crate::provider::{NewItem, ProviderError};
use crate::providers::Providers;
use crate::reveal::Secret;

struct Room {
    _root: TempDir,
    store: Arc<Embedded>,
    providers: Providers,
    journal: Journal,
}

impl Room {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let slot = IdentityFile::create(&root.path().join("identity")).unwrap();
        let store = Arc::new(Embedded::create(&root.path().join("vault"), &[slot]).unwrap());
        let journal = Journal::open(&root.path().join("journal"), store.journal_key().unwrap()).unwrap();
        let providers = Providers::new(store.clone());
        Self { _root: root, store, providers, journal }
    }

    fn journalled(&self, value: &str) -> u64 {
        let (connection, slot): (Name, Name) = ("pve-acme".parse().unwrap(), "new-token".parse().unwrap());
        self.journal.append(&connection, &slot, &secret(value)).unwrap()
    }

    async fn value(&self, reference: &str) -> Vec<u8> {
        let resolved = self.providers.resolve(&reference.parse().unwrap()).await.unwrap();
        resolved.value.expose().to_vec()
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn item(value: &str) -> NewItem {
    let fields = vec![("token id".to_owned(), secret("root@pam!claviger")), ("secret".to_owned(), secret(value))];
    NewItem { vault: "MSP".to_owned(), title: "pve-acme token 2031-04-05 060708".to_owned(), fields }
}

#[tokio::test]
async fn a_stored_value_leaves_the_journal() {
    let room = Room::new();
    let pending = room.journalled("b1946ac9-2492-4d23");
    let item = item("b1946ac9-2492-4d23");
    let stored = keep(&item, vec![pending], &room.providers, &room.journal).await;
    let references: Vec<_> = stored.ok().unwrap().iter().map(ToString::to_string).collect();
    let base = "op://MSP/pve-acme token 2031-04-05 060708";
    assert_eq!(references, [format!("{base}/token id"), format!("{base}/secret")]);
    assert_eq!(room.value(&format!("{base}/secret")).await, b"b1946ac9-2492-4d23");
    assert!(room.journal.pending().unwrap().is_empty());
}

#[tokio::test]
async fn a_refused_value_stays_in_the_journal_and_changes_nothing() {
    let room = Room::new();
    keep(&item("the-first-5d41402a"), Vec::new(), &room.providers, &room.journal).await.ok().unwrap();
    let generation = room.store.generation();
    let pending = room.journalled("the-second-7d793037");
    let refused = keep(&item("the-second-7d793037"), vec![pending], &room.providers, &room.journal).await;
    assert!(matches!(refused, Err(NotKept::Refused(ProviderError::Exists))));
    assert_eq!(room.store.generation(), generation);
    assert_eq!(room.value("op://MSP/pve-acme token 2031-04-05 060708/secret").await, b"the-first-5d41402a");
    assert_eq!(room.journal.recover(pending).unwrap().expose(), b"the-second-7d793037");
}

#[tokio::test]
async fn what_stayed_in_the_journal_is_recovered_into_a_new_item() {
    let room = Room::new();
    let pending = room.journalled("b1946ac9-2492-4d23");
    let bad = recover(pending, &"op://MSP/New/Section/secret".parse().unwrap(), &room.providers, &room.journal).await;
    assert_eq!(bad.unwrap_err(), RecoverError::Place);
    let place = "op://MSP/New/secret".parse().unwrap();
    let reference = recover(pending, &place, &room.providers, &room.journal).await.unwrap();
    assert_eq!(room.value(&reference.to_string()).await, b"b1946ac9-2492-4d23");
    let again = recover(pending, &place, &room.providers, &room.journal).await.unwrap_err();
    assert_eq!(again, RecoverError::Journal(JournalError::NoSuchEntry));
}
