//! The log that the other rooms write to.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use claviger_approval::{Approved, Evidence, Receipt};
use jiff::Timestamp;

use crate::checkpoint::{CheckpointKey, CheckpointVerifier, DigestKey};
use crate::entry::Body;
use crate::error::{LogError, Unrecorded};
use crate::event::Event;
use crate::open::{self, Recovery};
use crate::options::Options;
use crate::outcome::Outcome;
use crate::queue::{Counts, Mark, Pending, Queue};
use crate::recorded::{OpenIntent, Recorded};

/// An open audit log. One process at a time has it; entries of all its tasks are made durable together.
pub struct Log {
    pub(crate) queue: Arc<Queue>,
    syncer: Option<JoinHandle<()>>,
    public: CheckpointVerifier,
    digests: DigestKey,
    /// The receipts that uses of a lease may name: those whose entries precede theirs. Leases end with the process, so
    /// this begins empty; it grows with the gestures that people make.
    receipts: Mutex<BTreeSet<String>>,
    /// What people had approved last when it was opened.
    approved: Vec<Receipt>,
    /// Held until the last entry is written.
    _lock: File,
}

impl Log {
    /// Opens the log in a directory, or makes one. What a crash left is put in order first: a torn tail is set aside, and
    /// intents without outcome get an `outcome-unknown`. Blocks while it reads the leaf hashes, the last segment and
    /// what it recalls of those before.
    ///
    /// # Errors
    /// [`LogError`]: another process has it, a file operation failed, or it is not what was signed; then with the first
    /// entry that is wrong.
    pub fn open(directory: &Path, key: CheckpointKey) -> Result<(Self, Recovery), LogError> {
        Self::open_with(directory, key, Options::default())
    }

    /// As [`Log::open`], kept in another way.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_with(directory: &Path, key: CheckpointKey, options: Options) -> Result<(Self, Recovery), LogError> {
        let (public, digests) = (key.public(), key.digest_key());
        let opened = open::open(directory, key, options)?;
        let syncer = opened.syncer;
        let thread = std::thread::Builder::new().name("audit".to_owned());
        let thread = thread.spawn(move || syncer.run()).map_err(LogError::io("thread"))?;
        let (queue, receipts) = (opened.queue, Mutex::default());
        let log = Self {
            queue,
            syncer: Some(thread),
            public,
            digests,
            receipts,
            approved: opened.approved,
            _lock: opened.lock,
        };
        Ok((log, opened.recovery))
    }

    /// What people had approved last when the log was opened, one receipt by who asked, connection and operation: of the last
    /// segment's entries that the checkpoint covered, and of 64 MiB before them. Nothing of it was verified; a receipt proves itself. Given once.
    pub fn take_approved(&mut self) -> Vec<Receipt> {
        std::mem::take(&mut self.approved)
    }

    /// Writes that an approved request is about to be done. Returns once that is durable: what it returns is the proof that
    /// the vault room acts on.
    ///
    /// Dropping the future gives the request up: if the entry was written already, an `outcome-unknown` follows it.
    ///
    /// # Errors
    /// [`Unrecorded`]: it is not durable, so it must not be done.
    pub async fn open_intent(&self, approved: Approved, at: Timestamp) -> Result<Recorded<Approved>, Unrecorded> {
        let own = Body::Intent { request: approved.facts(), proof: approved.evidence() }.canonical()?;
        let (index, pending) = self.append_after_its_receipt(&own, approved.evidence(), at)?;
        let intent = OpenIntent::new(index, Arc::clone(&self.queue));
        pending.durable().await?;
        Ok(Recorded::new(approved, intent))
    }

    /// Writes how an intent ended, and gives out what it ended with once that is durable.
    ///
    /// # Errors
    /// [`Unrecorded`]: the outcome is not durable, so the answer stays here and is dropped.
    pub async fn close<T: Outcome>(&self, recorded: Recorded<T>, at: Timestamp) -> Result<T, Unrecorded> {
        let (value, intent) = recorded.into_parts();
        if !intent.belongs_to(&self.queue) {
            return Err(Unrecorded::Foreign);
        }
        let outcome = value.outcome();
        let own = Body::Outcome { intent: intent.index(), outcome: &outcome }.canonical()?;
        let (_, pending) = self.queue.append_marked(&own, at, Mark::Closes(intent.index()))?;
        intent.settle();
        pending.durable().await?;
        Ok(value)
    }

    /// Writes an event: what was turned back, what an operator did. Returns its index once it is durable.
    ///
    /// # Errors
    /// [`Unrecorded`]: it is not durable, so what it is about must not be done.
    pub async fn note(&self, event: Event, at: Timestamp) -> Result<u64, Unrecorded> {
        let event = event.keyed(&self.digests);
        let (index, pending) = self.queue.append(&Body::Event(&event).canonical()?, at)?;
        pending.durable().await?;
        Ok(index)
    }

    /// What the log has done since it was opened: entries for each sync, for one.
    pub fn counters(&self) -> Counts {
        self.queue.counters.read()
    }

    /// The log's public key.
    pub fn public(&self) -> &CheckpointVerifier {
        &self.public
    }

    /// Writes what waits, signs the head, and releases the log. Dropping the log does the same and tells nobody how it went.
    ///
    /// # Errors
    /// [`Unrecorded`] when the log had failed, or failed at this.
    pub fn shutdown(mut self) -> Result<(), Unrecorded> {
        self.stop();
        match self.queue.refusal() {
            None | Some(Unrecorded::Closed) => Ok(()),
            Some(failure) => Err(failure),
        }
    }

    /// A use of a lease is worth nothing to an auditor unless the receipt that gave it comes before it in the log.
    fn append_after_its_receipt(
        &self,
        own: &str,
        evidence: &Evidence,
        at: Timestamp,
    ) -> Result<(u64, Pending), Unrecorded> {
        let receipts = || self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        match evidence {
            Evidence::Lease { receipt, .. } if !receipts().contains(receipt) => Err(Unrecorded::NoLeaseReceipt),
            Evidence::Lease { .. } => self.queue.append_marked(own, at, Mark::Opens),
            Evidence::Receipts(given) => {
                let appended = self.queue.append_marked(own, at, Mark::Opens)?;
                receipts().extend(given.iter().map(Receipt::digest));
                Ok(appended)
            }
        }
    }

    fn stop(&mut self) {
        self.queue.refuse(Unrecorded::Closed);
        if let Some(syncer) = self.syncer.take() {
            // The thread's own guard has told everyone who waited; that it panicked changes nothing here.
            drop(syncer.join());
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.stop();
    }
}
