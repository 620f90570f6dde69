//! The one thread that writes.
//!
//! Order is everything here: lines, then `fdatasync`, then the callers are woken, then leaf hashes and (soon) a checkpoint.
//! The first error of any step ends the log: after a failed sync the kernel may have dropped the pages and report success
//! next time, so nothing is tried twice.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::checkpoint::CheckpointKey;
use crate::error::Unrecorded;
use crate::format::{self, CHECKPOINT_FILE, CHECKPOINT_NEXT_FILE, VERSION};
use crate::open::sync_directory;
use crate::queue::{Batch, Durability, Next, Queue, tell};
use crate::resume::Note;
use crate::second::Second;
use crate::segments::{Segment, SegmentLimits};
use crate::tree::{Tree, leaf};

/// With nothing to write for this long, the head is signed: so a call's intent and outcome usually share one checkpoint,
/// and neither waits for it.
pub(crate) const QUIET: Duration = Duration::from_millis(2);

/// Under load the head is signed at the latest this long after the first entry that it adds. A checkpoint takes two syncs,
/// so this bounds both the unsigned tail and the share of the disk's syncs that checkpoints take (some two per cent).
pub const CHECKPOINT_LAG: Duration = Duration::from_millis(50);

/// Buffers keep at most this much between batches; one large entry must not stay in memory for ever.
const KEPT_BUFFER: usize = 256 * 1024;

pub(crate) struct Syncer {
    pub(crate) queue: Arc<Queue>,
    /// The last segment, where it begins, and how long it is.
    pub(crate) log: File,
    pub(crate) first: u64,
    pub(crate) length: u64,
    pub(crate) limits: SegmentLimits,
    /// Intents that are written and have no outcome that is.
    pub(crate) open: BTreeSet<u64>,
    /// The time of the last entry.
    pub(crate) last: String,
    pub(crate) hashes: File,
    pub(crate) tree: Tree,
    pub(crate) key: CheckpointKey,
    pub(crate) directory: PathBuf,
    pub(crate) second: Option<Second>,
    /// Since when entries wait to be covered by a checkpoint.
    pub(crate) owed: Option<Instant>,
}

impl Syncer {
    /// Writes until the queue closes or something fails.
    pub(crate) fn run(mut self) {
        // Whatever ends this thread, nobody may wait for it afterwards.
        let _end = End(Arc::clone(&self.queue));
        let mut batch = Batch::default();
        loop {
            let step = match self.queue.next(&mut batch, self.patience()) {
                Next::Work => self.commit(&mut batch),
                Next::Quiet => self.checkpoint_if_owed(),
                Next::Closing => break self.finish(),
            };
            if step.is_err() {
                break;
            }
        }
    }

    fn patience(&self) -> Option<Duration> {
        let unsynced = self.queue.durability() == Durability::UnsyncedForBenchesOnly;
        (self.owed.is_some() || unsynced).then_some(QUIET)
    }

    /// Makes a batch durable and tells its callers; empties it.
    pub(crate) fn commit(&mut self, batch: &mut Batch) -> Result<(), Unrecorded> {
        let waiters = std::mem::take(&mut batch.waiters);
        let written = self.write(batch);
        tell(waiters, &written);
        written.and_then(|()| self.cover(batch))?;
        batch.bytes.clear();
        batch.bytes.shrink_to(KEPT_BUFFER);
        batch.entries = 0;
        batch.opened.clear();
        batch.closed.clear();
        if self.is_full() {
            return self.rotate();
        }
        if self.owed.is_some_and(|since| since.elapsed() >= CHECKPOINT_LAG) { self.checkpoint() } else { Ok(()) }
    }

    fn is_full(&self) -> bool {
        let entries = self.tree.size().saturating_sub(self.first);
        entries > 0 && (entries >= self.limits.entries || self.length >= self.limits.bytes)
    }

    /// Begins the next segment. Everything before it is signed first, so that opening the log need not read it again; and
    /// the new file's name is durable before anything is written to it, so a power cut cannot take a file of entries away.
    fn rotate(&mut self) -> Result<(), Unrecorded> {
        self.checkpoint_if_owed()?;
        let first = self.tree.size();
        let note = Note { first, last: self.last.clone(), open: self.open.clone(), v: VERSION };
        let segment = Segment::starting_at(&self.directory, first);
        let begun = note.write(&self.directory).and_then(|()| private().create_new(true).open(&segment.path));
        let begun = begun.and_then(|file| sync_directory(&self.directory).map(|()| file));
        self.log = begun.map_err(|error| self.fail(&error))?;
        (self.first, self.length) = (first, 0);
        Ok(())
    }

    fn write(&mut self, batch: &Batch) -> Result<(), Unrecorded> {
        let synced = self.log.write_all(&batch.bytes).and_then(|()| self.sync(&self.log));
        synced.map_err(|error| self.fail(&error))?;
        let counters = &self.queue.counters;
        counters.entries.fetch_add(batch.entries, Ordering::Relaxed);
        counters.bytes.fetch_add(u64::try_from(batch.bytes.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
        counters.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Adds the batch to the tree. Leaf hashes need no sync of their own: until a checkpoint covers them they are made
    /// again from the log.
    fn cover(&mut self, batch: &Batch) -> Result<(), Unrecorded> {
        let mut leaves = Vec::new();
        for line in batch.bytes.split_inclusive(|byte| *byte == b'\n') {
            let leaf = leaf(line.strip_suffix(b"\n").unwrap_or(line));
            leaves.extend_from_slice(&leaf.0);
            self.tree.push(leaf);
            if let Some(at) = format::time_of(line) {
                at.clone_into(&mut self.last);
            }
        }
        self.open.extend(&batch.opened);
        self.open.retain(|intent| !batch.closed.contains(intent));
        self.length = self.length.saturating_add(u64::try_from(batch.bytes.len()).unwrap_or(u64::MAX));
        self.owed.get_or_insert_with(Instant::now);
        self.hashes.write_all(&leaves).map_err(|error| self.fail(&error))
    }

    fn checkpoint_if_owed(&mut self) -> Result<(), Unrecorded> {
        if self.owed.is_some() { self.checkpoint() } else { Ok(()) }
    }

    /// Signs the head. Its leaf hashes are durable before it, and its own bytes before it takes the old one's place, so a
    /// power cut leaves a whole checkpoint, old or new, that covers only what is there.
    pub(crate) fn checkpoint(&mut self) -> Result<(), Unrecorded> {
        let note = self.key.sign(&self.tree).map_err(|_| self.fail(&io::Error::from(io::ErrorKind::InvalidData)))?;
        // The second copy first: a log that has a checkpoint then has a copy of one, whenever the host is killed. The
        // entries that it covers are durable already, so a copy that is ahead is met when the log is opened.
        if let Some(failure) = self.second.as_mut().and_then(|second| second.replace(&note).err()) {
            return Err(self.fail_with(failure));
        }
        self.replace(&note).map_err(|error| self.fail(&error))?;
        self.owed = None;
        self.queue.counters.checkpoints.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn replace(&self, note: &[u8]) -> io::Result<()> {
        self.sync(&self.hashes)?;
        let next = self.directory.join(CHECKPOINT_NEXT_FILE);
        let mut file = private().truncate(true).open(&next)?;
        file.write_all(note)?;
        self.sync(&file)?;
        std::fs::rename(&next, self.directory.join(CHECKPOINT_FILE))
    }

    /// A failure here finds nobody waiting any more; it stays in the queue, where the log's owner reads it.
    fn finish(&mut self) {
        drop(self.checkpoint_if_owed());
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        match self.queue.durability() {
            Durability::Synced => file.sync_data(),
            Durability::UnsyncedForBenchesOnly => Ok(()),
        }
    }

    fn fail(&self, error: &io::Error) -> Unrecorded {
        self.fail_with(Unrecorded::Failed(error.kind()))
    }

    fn fail_with(&self, failure: Unrecorded) -> Unrecorded {
        self.queue.fail(&failure);
        failure
    }
}

/// Files that only their owner may read: the log says who did what for whom.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

struct End(Arc<Queue>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.fail(&Unrecorded::Closed);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::collections::BTreeSet;
    use std::fs::File;
    use std::io::ErrorKind;
    use std::os::fd::OwnedFd;
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::Syncer;
    use crate::checkpoint::CheckpointKey;
    use crate::error::Unrecorded;
    use crate::queue::{Durability, Queue};
    use crate::segments::SegmentLimits;
    use crate::tree::Tree;

    const OWN: &str = r#"{"kind":"event","note":{}}"#;

    /// A syncer on real files; what they can and cannot do is the kernel's matter.
    fn syncer(log: File, hashes: File, directory: &std::path::Path) -> (Arc<Queue>, Syncer) {
        let queue = Arc::new(Queue::new(0, Timestamp::UNIX_EPOCH, Durability::Synced));
        let key = CheckpointKey::from_seed([3; 32]);
        let directory = directory.to_owned();
        let syncer = Syncer {
            queue: Arc::clone(&queue),
            log,
            first: 0,
            length: 0,
            limits: SegmentLimits::default(),
            open: BTreeSet::new(),
            last: String::new(),
            hashes,
            tree: Tree::default(),
            key,
            directory,
            second: None,
            owed: None,
        };
        (queue, syncer)
    }

    fn append(queue: &Queue) -> Result<(), Unrecorded> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (_, pending) = queue.append(OWN, Timestamp::UNIX_EPOCH)?;
        runtime.block_on(pending.durable())
    }

    #[test]
    fn a_full_disk_refuses_this_entry_and_every_later_one() {
        let directory = tempfile::tempdir().unwrap();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (queue, syncer) = syncer(full, tempfile::tempfile().unwrap(), directory.path());
        let thread = std::thread::spawn(move || syncer.run());
        assert_eq!(append(&queue), Err(Unrecorded::Failed(ErrorKind::StorageFull)));
        assert_eq!(append(&queue), Err(Unrecorded::Failed(ErrorKind::StorageFull)));
        thread.join().unwrap();
        assert_eq!(queue.counters.read().entries, 0);
    }

    #[test]
    fn a_failed_sync_is_final_although_the_write_went_through() {
        // A pipe takes writes and cannot be synced (fdatasync(2): EINVAL).
        let (reader, writer) = std::io::pipe().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (queue, syncer) =
            syncer(File::from(OwnedFd::from(writer)), tempfile::tempfile().unwrap(), directory.path());
        let thread = std::thread::spawn(move || syncer.run());
        assert_eq!(append(&queue), Err(Unrecorded::Failed(ErrorKind::InvalidInput)));
        thread.join().unwrap();
        assert_eq!(append(&queue), Err(Unrecorded::Failed(ErrorKind::InvalidInput)));
        let written = std::io::read_to_string(reader).unwrap();
        assert_eq!(written.lines().count(), 1, "the second entry was written after the failure");
    }

    #[test]
    fn failing_leaf_hashes_or_checkpoints_stop_the_log_too() {
        let directory = tempfile::tempdir().unwrap();
        let full = || File::options().write(true).open("/dev/full").unwrap();
        let (queue, one) = syncer(tempfile::tempfile().unwrap(), full(), directory.path());
        let thread = std::thread::spawn(move || one.run());
        assert_eq!(append(&queue), Ok(()), "the entry itself is durable");
        thread.join().unwrap();
        assert_eq!(append(&queue), Err(Unrecorded::Failed(ErrorKind::StorageFull)));

        let gone = directory.path().join("gone");
        let (queue, two) = syncer(tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap(), &gone);
        let thread = std::thread::spawn(move || two.run());
        assert_eq!(append(&queue), Ok(()));
        thread.join().unwrap();
        assert_eq!(append(&queue), Err(Unrecorded::Failed(ErrorKind::NotFound)));
    }
}
