//! Opening a log: nobody else has it, it is what was signed, and what a crash left is put in order and said.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use crate::checkpoint::CheckpointKey;
use crate::entry::{Body, Unknown};
use crate::error::{LogError, Why};
use crate::event::{Event, OperatorAction};
use crate::examine::{Examined, LeafHashes, Sources, examine};
use crate::format::{self, CHECKPOINT_FILE, HASHES_FILE, LOCK_FILE, LOG_FILE, TORN_PREFIX};
use crate::lines::{Lines, Step};
use crate::queue::{Batch, Durability, Next, Queue};
use crate::syncer::{Syncer, private};
use crate::tree::{HASH_BYTES, Tree, leaf};
use crate::verify::read_checkpoint;

/// What opening found and did. All of it is in the log too.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Recovery {
    /// Entries that were there, those that recovery added not counted.
    pub entries: u64,
    /// Entries that no checkpoint covered yet. They are whole; now they are signed.
    pub uncovered: u64,
    /// What was set aside after the last whole entry.
    pub torn: Option<Torn>,
    /// Intents that had no outcome; each now has an `outcome-unknown`.
    pub unknown: Vec<u64>,
    /// Whether the stored leaf hashes were missing or wrong and were made again from the log.
    pub leaf_hashes_rebuilt: bool,
}

/// The rest of an entry that a crash cut off.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Torn {
    /// The index that it would have had.
    pub index: u64,
    /// Its length.
    pub bytes: u64,
    /// The file in the log's directory that holds it now.
    pub file: String,
}

/// A log that is open and in order, before its thread runs.
pub(crate) struct Opened {
    pub(crate) queue: Arc<Queue>,
    pub(crate) syncer: Syncer,
    pub(crate) lock: File,
    pub(crate) recovery: Recovery,
}

pub(crate) fn open(directory: &Path, key: CheckpointKey, durability: Durability) -> Result<Opened, LogError> {
    create_directory(directory).map_err(LogError::io("directory"))?;
    let lock = lock(directory)?;
    let mut log = private().read(true).open(directory.join(LOG_FILE)).map_err(LogError::io("file of entries"))?;
    let hashes = private().read(true).open(directory.join(HASHES_FILE)).map_err(LogError::io("file of leaf hashes"))?;
    if !directory.join(CHECKPOINT_FILE).exists() {
        return create(directory, key, durability, Files { log, hashes, lock });
    }
    let note = read_checkpoint(directory).map_err(|why| why.at(0))?;
    let head = key.public().open(&note).map_err(|error| Why::Checkpoint(error).at(0))?;
    let sources = Sources { log: BufReader::new(&mut log), hashes: Some(&hashes), head, others: Vec::new() };
    let seen = examine(sources, |_| Ok(()))?;
    let torn = set_aside(directory, &mut log, &seen).map_err(LogError::io("torn tail"))?;
    rebuild(&mut log, &hashes, &seen, head.size()).map_err(LogError::io("file of leaf hashes"))?;
    let recovery = Recovery {
        entries: seen.tree.size(),
        uncovered: seen.tree.size() - head.size(),
        torn,
        unknown: seen.chain.open.iter().copied().collect(),
        leaf_hashes_rebuilt: seen.leaf_hashes != LeafHashes::Authentic,
    };
    let last = format::time(seen.chain.last()).unwrap_or(Timestamp::UNIX_EPOCH);
    let opened = assemble(directory, key, durability, Files { log, hashes, lock }, seen.tree, last)?;
    record(opened, recovery)
}

struct Files {
    log: File,
    hashes: File,
    lock: File,
}

/// A new log. Its first checkpoint, of the empty tree, is there before its first entry: so entries without a checkpoint are
/// never an accident.
fn create(directory: &Path, key: CheckpointKey, durability: Durability, files: Files) -> Result<Opened, LogError> {
    if files.log.metadata().map_err(LogError::io("file of entries"))?.len() > 0 {
        return Err(Why::Checkpoint(crate::CheckpointError::Missing).at(0).into());
    }
    files.hashes.set_len(0).map_err(LogError::io("file of leaf hashes"))?;
    let mut opened = assemble(directory, key, durability, files, Tree::default(), Timestamp::UNIX_EPOCH)?;
    opened.syncer.checkpoint()?;
    sync_directory(directory).map_err(LogError::io("directory"))?;
    Ok(opened)
}

fn assemble(
    directory: &Path,
    key: CheckpointKey,
    durability: Durability,
    files: Files,
    tree: Tree,
    last: Timestamp,
) -> Result<Opened, LogError> {
    let Files { mut log, mut hashes, lock } = files;
    log.seek(SeekFrom::End(0)).map_err(LogError::io("file of entries"))?;
    hashes.seek(SeekFrom::End(0)).map_err(LogError::io("file of leaf hashes"))?;
    let queue = Arc::new(Queue::new(tree.size(), last, durability));
    let directory = directory.to_owned();
    let syncer = Syncer { queue: Arc::clone(&queue), log, hashes, tree, key, directory, owed: None };
    Ok(Opened { queue, syncer, lock, recovery: Recovery::default() })
}

/// Writes what was found into the log, and signs everything that no checkpoint covered.
fn record(mut opened: Opened, recovery: Recovery) -> Result<Opened, LogError> {
    if let Some(torn) = &recovery.torn {
        let detail = format!("{} bytes after entry {} were no whole entry", torn.bytes, torn.index);
        let event = Event::operator(OperatorAction::LogRecovered, &torn.file, Some(&detail));
        drop(opened.queue.append(&Body::Event(&event).canonical()?, Timestamp::UNIX_EPOCH)?);
    }
    for intent in &recovery.unknown {
        let body = Body::OutcomeUnknown { intent: *intent, reason: Unknown::Interrupted };
        drop(opened.queue.append(&body.canonical()?, Timestamp::UNIX_EPOCH)?);
    }
    let mut batch = Batch::default();
    let has_entries = recovery.torn.is_some() || !recovery.unknown.is_empty();
    if has_entries && opened.queue.next(&mut batch, None) == Next::Work {
        opened.syncer.commit(&mut batch)?;
    } else if recovery.uncovered > 0 {
        opened.syncer.owed = Some(Instant::now());
    }
    if opened.syncer.owed.is_some() {
        opened.syncer.checkpoint()?;
    }
    opened.recovery = recovery;
    Ok(opened)
}

/// Makes the directory if it is not there. Entries are as durable as the names of all directories above them.
fn create_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    create_directory(parent(directory))?;
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    // Recursive only so that whoever makes it at the same moment is no error.
    builder.recursive(true).create(directory)?;
    sync_directory(parent(directory))
}

/// The directory that a name is in.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// An advisory lock on an open file: the kernel releases it with the process, however that ends.
fn lock(directory: &Path) -> Result<File, LogError> {
    let file = private().open(directory.join(LOCK_FILE)).map_err(LogError::io("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LogError::Locked),
        Err(TryLockError::Error(error)) => Err(LogError::io("lock")(error)),
    }
}

/// Moves everything after the last whole entry into a file of its own. The copy is durable before the original goes.
fn set_aside(directory: &Path, log: &mut File, seen: &Examined) -> io::Result<Option<Torn>> {
    if !seen.is_torn {
        return Ok(None);
    }
    log.seek(SeekFrom::Start(seen.end))?;
    let (name, mut file) = new_torn_file(directory)?;
    let bytes = io::copy(log, &mut file)?;
    file.sync_all()?;
    sync_directory(directory)?;
    log.set_len(seen.end)?;
    log.sync_all()?;
    Ok(Some(Torn { index: seen.tree.size(), bytes, file: name }))
}

fn new_torn_file(directory: &Path) -> io::Result<(String, File)> {
    for number in 1..u32::MAX {
        let name = format!("{TORN_PREFIX}{number}");
        match private().create_new(true).open(directory.join(&name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (name, file)),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

/// Makes the stored leaf hashes those of the log's lines: after the checkpoint in any case, because nothing synced them,
/// and from the start if they were not the signed ones. The log was held against the checkpoint before.
fn rebuild(log: &mut File, mut hashes: &File, seen: &Examined, covered: u64) -> io::Result<()> {
    let is_good = seen.leaf_hashes == LeafHashes::Authentic;
    let (index, offset) = if is_good { (covered, seen.covered_end) } else { (0, 0) };
    let width = u64::try_from(HASH_BYTES).unwrap_or(u64::MAX);
    hashes.set_len(index.saturating_mul(width))?;
    hashes.seek(SeekFrom::End(0))?;
    log.seek(SeekFrom::Start(offset))?;
    let mut lines = Lines::new(BufReader::new(log.take(seen.end.saturating_sub(offset))));
    let mut writer = io::BufWriter::new(hashes);
    while lines.step()? == Step::Line {
        writer.write_all(&leaf(lines.line()).0)?;
    }
    writer.flush()
}

/// Makes a new name in the directory durable.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(directory)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}
