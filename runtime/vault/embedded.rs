//! The embedded store: one encrypted file, for those who have no other vault, and for tests of everybody.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use claviger_manifest::SecretReference;
use subtle::ConstantTimeEq as _;

use crate::embedded_error::EmbeddedError;
use crate::embedded_file::{self, Head};
use crate::embedded_index::{Index, identifier};
use crate::embedded_state::{Draft, Listed, State};
use crate::key_cell::KeyCell;
use crate::key_slots::{self, KeySlot, NewSlot, Unlock};
use crate::machine::MachineWarning;
use crate::private_file::{self, Lock, Pinned, PrivateFileError};
use crate::provider::{BoxFuture, Created, NewItem, Provider, ProviderError, Resolved};
use crate::reveal::Secret;
use crate::seal::{Key, SealError};

/// The store's file in its directory.
const FILE: &str = "embedded.vault";
/// What writers lock. A file of its own, because the store's is replaced by every save.
const LOCK: &str = "embedded.lock";
/// The longest file, bytes. It is read whole; ten thousand items of a few fields are below 16 MiB.
const FILE_MAX: u64 = 256 * 1024 * 1024;
/// How often a file is read again that seems older than what is known: once is normal, when another thread was faster.
const READS: u32 = 3;

/// The embedded store. Opening it authenticates the whole file and opens the index; resolving opens exactly one value.
#[derive(Clone, Debug)]
pub struct Embedded {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    master: KeyCell,
    journal: KeyCell,
    state: RwLock<Arc<State>>,
    /// Set when the disk did not confirm a write: what is on it is unknown until somebody opens it anew.
    doubtful: AtomicBool,
}

/// A key for the journal of values that are not stored yet. It ends when the store that gave it is locked.
#[derive(Debug)]
pub struct JournalKey(pub(crate) KeyCell);

impl Embedded {
    /// Makes an empty store with a new master key.
    pub fn create(directory: &Path, slots: &[NewSlot]) -> Result<Self, EmbeddedError> {
        private_file::ensure_directory(directory)?;
        let _lock = Lock::exclusive(&directory.join(LOCK))?;
        if std::fs::symlink_metadata(directory.join(FILE)).is_ok() {
            return Err(EmbeddedError::AlreadyThere);
        }
        let (store, master) = (identifier()?, Key::random_lasting()?);
        key_slots::check_count(slots.len())?;
        let slots = slots.iter().map(|slot| KeySlot::wrap(slot, &store, &master)).collect::<Result<_, _>>()?;
        let head = Head { store, generation: 1, slots };
        let bytes = embedded_file::encode(&head, &Index::default(), &master)?;
        private_file::replace(directory, FILE, &bytes)?;
        let file = Pinned::open(&directory.join(FILE))?;
        Self::new(directory, master, State { head, index: Index::default(), file })
    }

    /// Opens the store of a directory. What a writer that crashed has left is removed.
    pub fn open(directory: &Path, unlock: &Unlock) -> Result<Self, EmbeddedError> {
        let (bytes, file) = private_file::read(&directory.join(FILE), FILE_MAX)?;
        private_file::ensure_directory(directory)?;
        let parts = embedded_file::parse(&bytes)?;
        let master = key_slots::unwrap(&parts.head.slots, &parts.head.store, unlock)?;
        let index = parts.open(&master)?;
        // Not while somebody writes: what looks unfinished then is about to be finished.
        if let Some(_lock) = Lock::attempt(&directory.join(LOCK))? {
            private_file::remove_unfinished(directory)?;
        }
        Self::new(directory, master, State { head: parts.head, index, file })
    }

    fn new(directory: &Path, master: Key, state: State) -> Result<Self, EmbeddedError> {
        let journal = KeyCell::new(master.derive_lasting("claviger/vault/journal/v1", &[])?);
        let (master, state) = (KeyCell::new(master), RwLock::new(Arc::new(state)));
        let doubtful = AtomicBool::new(false);
        Ok(Self { inner: Arc::new(Inner { directory: directory.to_owned(), master, journal, state, doubtful }) })
    }

    /// Wipes the master key and what was derived from it, for every holder of this store and its journal. Waits for what
    /// is using them. Only opening the store anew ends this.
    pub fn lock(&self) {
        self.inner.master.lock();
        self.inner.journal.lock();
    }

    /// The bytes of both keys, for the test that looks for their copies.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> [zeroize::Zeroizing<Vec<u8>>; 2] {
        let copy = |key: &Key| Ok::<_, EmbeddedError>(zeroize::Zeroizing::new(key.bytes().to_vec()));
        [&self.inner.master, &self.inner.journal].map(|cell| cell.with(copy).unwrap_or_default())
    }

    /// What the machine did not do for the memory of the keys.
    pub fn warning(&self) -> Option<MachineWarning> {
        self.inner.master.warning().or_else(|| self.inner.journal.warning())
    }

    /// How often the store was saved. Goes into anything that wants to notice that the whole file was rolled back.
    pub fn generation(&self) -> u64 {
        self.inner.state().head.generation
    }

    /// Puts a value where a reference points. The vault, the item and the field are made if they are not there. A field
    /// that has a value already gets a new one, and a new version, only with `replace`.
    pub fn put(&self, place: &SecretReference, value: &Secret, replace: bool) -> Result<(), EmbeddedError> {
        self.inner.change(|draft| draft.put(place, value, replace))
    }

    /// Every field, in the order of its names. Never a value.
    pub fn list(&self) -> Result<Vec<Listed>, EmbeddedError> {
        Ok(self.inner.current()?.list())
    }

    /// Adds a passphrase or a recipient that opens the store.
    pub fn add_slot(&self, slot: &NewSlot) -> Result<(), EmbeddedError> {
        self.inner.change(|draft| {
            key_slots::check_count(draft.head.slots.len() + 1)?;
            draft.head.slots.push(KeySlot::wrap(slot, &draft.head.store, draft.master)?);
            Ok(())
        })
    }

    /// What only somebody who has opened this store can say under a statement. `nonce` comes from whoever is to believe it.
    ///
    /// # Errors
    /// [`EmbeddedError`] when the store was locked.
    pub fn vouch(&self, nonce: &[u8], statement: &[u8]) -> Result<[u8; 32], EmbeddedError> {
        self.inner.master.with(|master| {
            let key = master.derive("claviger/vault/voucher/v1", &[nonce, statement])?;
            key.bytes().try_into().map_err(|_| SealError::Refused.into())
        })
    }

    /// Whether somebody said it.
    ///
    /// # Errors
    /// [`EmbeddedError`] when the store was locked: then nobody can tell.
    pub fn is_vouched(&self, nonce: &[u8], statement: &[u8], proof: &[u8]) -> Result<bool, EmbeddedError> {
        Ok(self.vouch(nonce, statement)?.as_slice().ct_eq(proof).into())
    }

    /// The key that seals values on their way into a provider.
    pub fn journal_key(&self) -> Result<JournalKey, EmbeddedError> {
        Ok(JournalKey(self.inner.journal.clone()))
    }
}

impl Inner {
    fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the file says now. Read again only when another has taken its place, which one `stat` tells.
    fn current(&self) -> Result<Arc<State>, EmbeddedError> {
        let path = self.directory.join(FILE);
        for _ in 0..READS {
            let known = self.state();
            if known.file.is_at(&path)? {
                return Ok(known);
            }
            let (bytes, file) = private_file::read(&path, FILE_MAX)?;
            let parts = embedded_file::parse(&bytes)?;
            let index = self.master.with(|master| parts.open(master))?;
            if let Some(accepted) = self.accept(State { head: parts.head, index, file }) {
                return Ok(accepted);
            }
        }
        Err(EmbeddedError::RolledBack)
    }

    /// Takes a state for the current one, but never an older one.
    fn accept(&self, state: State) -> Option<Arc<State>> {
        let mut known = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.head.generation < known.head.generation {
            return None;
        }
        *known = Arc::new(state);
        Some(Arc::clone(&known))
    }

    /// Saves a change: read under the lock, changed, saved as the next generation. Two writers never lose an update.
    fn change<T>(&self, apply: impl FnOnce(&mut Draft<'_>) -> Result<T, EmbeddedError>) -> Result<T, EmbeddedError> {
        let _lock = Lock::exclusive(&self.directory.join(LOCK))?;
        if self.doubtful.load(Ordering::Acquire) {
            return Err(EmbeddedError::Doubtful);
        }
        let current = self.current()?;
        self.master.with(|master| {
            let mut draft = Draft { head: current.head.clone(), index: current.index.clone(), master };
            draft.head.generation = draft.head.generation.checked_add(1).ok_or(EmbeddedError::TooLarge)?;
            let result = apply(&mut draft)?;
            let Draft { head, index, .. } = draft;
            self.save(head, index, master)?;
            Ok(result)
        })
    }

    /// Writes a generation. The caller holds the lock.
    fn save(&self, head: Head, index: Index, master: &Key) -> Result<(), EmbeddedError> {
        let bytes = embedded_file::encode(&head, &index, master)?;
        if u64::try_from(bytes.len()).map_or(true, |length| length > FILE_MAX) {
            return Err(EmbeddedError::TooLarge);
        }
        if let Err(error) = private_file::replace(&self.directory, FILE, &bytes) {
            self.doubtful.fetch_or(matches!(error, PrivateFileError::NotDurable(_)), Ordering::AcqRel);
            return Err(error.into());
        }
        let file = Pinned::open(&self.directory.join(FILE))?;
        self.accept(State { head, index, file }).map(|_| ()).ok_or(EmbeddedError::RolledBack)
    }
}

impl Provider for Embedded {
    fn name(&self) -> &'static str {
        "embedded"
    }

    fn resolve<'a>(&'a self, reference: &'a SecretReference) -> BoxFuture<'a, Result<Resolved, ProviderError>> {
        // One `stat` and one decryption: shorter than the way to another thread.
        Box::pin(async move {
            let current = self.inner.current()?;
            Ok(self.inner.master.with(|master| current.resolve(master, reference))?)
        })
    }

    fn version<'a>(&'a self, reference: &'a SecretReference) -> BoxFuture<'a, Result<Option<String>, ProviderError>> {
        // Names and versions are sealed apart from the values: no value is opened for this.
        Box::pin(async move { Ok(Some(self.inner.current()?.version(reference)?)) })
    }

    fn create<'a>(&'a self, item: &'a NewItem) -> BoxFuture<'a, Result<Created, ProviderError>> {
        let (inner, item) = (Arc::clone(&self.inner), item.duplicate());
        Box::pin(async move {
            // Waits for the lock and for the disk, which must not stop other calls.
            let save = move || inner.change(|draft| draft.create(&item));
            let saved = tokio::task::spawn_blocking(save).await;
            Ok(saved.map_err(|_| ProviderError::Unavailable("the host is shutting down"))??)
        })
    }

    fn replace<'a>(
        &'a self,
        reference: &'a SecretReference,
        version: &'a str,
        value: &'a Secret,
    ) -> BoxFuture<'a, Result<(), ProviderError>> {
        let (inner, reference, version) = (Arc::clone(&self.inner), reference.clone(), version.to_owned());
        let value = value.duplicate();
        Box::pin(async move {
            // Compared and replaced under the writer's lock.
            let save = move || inner.change(|draft| draft.replace(&reference, &version, &value));
            let saved = tokio::task::spawn_blocking(save).await;
            Ok(saved.map_err(|_| ProviderError::Unavailable("the host is shutting down"))??)
        })
    }

    fn lock(&self) {
        Self::lock(self);
    }
}

#[cfg(test)]
#[path = "embedded_tests.rs"]
mod tests;
