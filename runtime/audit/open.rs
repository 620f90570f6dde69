//! Opening a log: nobody else has it, it is what was signed, and what a crash left is put in order and said.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use claviger_approval::Receipt;
use jiff::Timestamp;

use crate::chain::Chain;
use crate::checkpoint::{CheckpointKey, Head};
use crate::entry::{Body, Unknown};
use crate::error::{Broken, LogError, Why};
use crate::event::{Event, OperatorAction};
use crate::examine::{Examined, LeafHashes, Sources, examine};
use crate::format::{self, CHECKPOINT_FILE, HASHES_FILE, LOCK_FILE, Line, TORN_PREFIX};
use crate::last::Last;
use crate::lines::{Lines, Step};
use crate::options::Options;
use crate::queue::{Batch, Mark, Next, Queue};
use crate::recall::{MOST_RECALLED, recall};
use crate::resume::Note;
use crate::second::Second;
use crate::segments::{Joined, Segment, segments};
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
    /// What people approved last, unverified.
    pub(crate) approved: Vec<Receipt>,
}

pub(crate) fn open(directory: &Path, key: CheckpointKey, options: Options) -> Result<Opened, LogError> {
    create_directory(directory).map_err(LogError::io("directory"))?;
    let lock = lock(directory)?;
    let files = Files::open(directory, lock)?;
    let is_new = !directory.join(CHECKPOINT_FILE).exists();
    let second = options.second.as_deref().map(|path| Second::open(path, &key.public(), is_new)).transpose()?;
    let (second, elsewhere) = second.unzip();
    let keeping = Keeping { directory: directory.to_owned(), key, options, second };
    if is_new {
        return create(keeping, files);
    }
    let note = read_checkpoint(directory).map_err(|why| why.at(0))?;
    let head = keeping.key.public().open(&note).map_err(|error| Why::Checkpoint(error).at(0))?;
    let mut last = Last::default();
    let seen = look(&keeping.directory, &files, head, elsewhere.flatten(), &mut last)?;
    let mut opened = put_in_order(keeping, files, seen, head, elsewhere.flatten())?;
    opened.approved = last.into_receipts();
    Ok(opened)
}

/// How the log is kept from here on.
struct Keeping {
    directory: PathBuf,
    key: CheckpointKey,
    options: Options,
    second: Option<Second>,
}

struct Files {
    segments: Vec<Segment>,
    /// The last segment.
    log: File,
    /// Bytes of the segments before it.
    before: u64,
    hashes: File,
    lock: File,
}

impl Files {
    fn open(directory: &Path, lock: File) -> Result<Self, LogError> {
        let entries = LogError::io("file of entries");
        // The first is made if it is missing; so is none of the others.
        drop(private().open(Segment::starting_at(directory, 0).path).map_err(&entries)?);
        let segments = segments(directory).map_err(&entries)?;
        let (last, earlier) =
            segments.split_last().ok_or(LogError::Io { what: "file of entries", kind: io::ErrorKind::NotFound })?;
        let log = private().read(true).open(&last.path).map_err(&entries)?;
        let lengths = earlier.iter().map(Segment::length).sum::<io::Result<u64>>();
        let hashes = private().read(true).open(directory.join(HASHES_FILE));
        let hashes = hashes.map_err(LogError::io("file of leaf hashes"))?;
        Ok(Self { before: lengths.map_err(entries)?, log, segments, hashes, lock })
    }

    /// The index of the last segment's first entry.
    fn first(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.first)
    }
}

/// Looks at the last segment alone where that is enough, and at the whole log otherwise.
fn look(
    directory: &Path,
    files: &Files,
    head: Head,
    elsewhere: Option<Head>,
    last: &mut Last,
) -> Result<Examined, LogError> {
    let (mut hashes, others) = (&files.hashes, Vec::from_iter(elsewhere));
    let from = match Note::read(directory, files.first()).filter(|_| files.segments.len() > 1) {
        Some(note) => {
            note.start(&mut hashes, &head, &others, files.before).map_err(LogError::io("file of leaf hashes"))?
        }
        None => None,
    };
    if let (Some(_), Some((_, earlier))) = (&from, files.segments.split_last()) {
        *last = recall(directory, earlier, MOST_RECALLED);
    }
    let offset = from.as_ref().map_or(0, |start| start.offset);
    let log = Joined::of(files.segments.clone(), offset).map_err(LogError::io("file of entries"))?;
    let sources = Sources { log: BufReader::new(log), hashes: Some(hashes), head, others, from };
    let signed = |line: &Line<'_>| {
        // Nothing signs what comes after the head: whoever has the disk could have put it there.
        if line.index < head.size() {
            last.see(line);
        }
        Ok(())
    };
    let seen = examine(sources, signed).map_err(|broken| rolled_back(broken, elsewhere))?;
    // Only the last segment may end within an entry: the others were signed before the next began.
    if seen.end < files.before {
        return Err(Why::Unterminated.at(seen.tree.size()).into());
    }
    Ok(seen)
}

/// A log that ends before the copy of its checkpoint in the second place does has been rolled back, whoever did it.
fn rolled_back(broken: Broken, elsewhere: Option<Head>) -> LogError {
    match (&broken.why, elsewhere) {
        (Why::Truncated { signed }, Some(head)) if *signed == head.size() => {
            LogError::RolledBack { signed: *signed, found: broken.index }
        }
        _ => broken.into(),
    }
}

/// Sets aside what a crash left, and writes down what it left open.
fn put_in_order(
    keeping: Keeping,
    mut files: Files,
    seen: Examined,
    head: Head,
    elsewhere: Option<Head>,
) -> Result<Opened, LogError> {
    let torn = set_aside(&keeping.directory, &mut files, &seen).map_err(LogError::io("torn tail"))?;
    rebuild(&files, &seen, head.size()).map_err(LogError::io("file of leaf hashes"))?;
    let recovery = Recovery {
        entries: seen.tree.size(),
        uncovered: seen.tree.size() - head.size(),
        torn,
        unknown: seen.chain.open.iter().copied().collect(),
        leaf_hashes_rebuilt: seen.leaf_hashes != LeafHashes::Authentic,
    };
    let is_behind = keeping.second.is_some() && elsewhere != Some(head);
    let opened = assemble(keeping, files, seen.tree, seen.chain)?;
    record(opened, recovery, is_behind)
}

/// A new log. Its first checkpoint, of the empty tree, is there before its first entry: so entries without a checkpoint are
/// never an accident.
fn create(keeping: Keeping, files: Files) -> Result<Opened, LogError> {
    let length = files.log.metadata().map_err(LogError::io("file of entries"))?.len();
    if length > 0 || files.segments.len() > 1 {
        return Err(Why::Checkpoint(crate::CheckpointError::Missing).at(0).into());
    }
    files.hashes.set_len(0).map_err(LogError::io("file of leaf hashes"))?;
    let directory = keeping.directory.clone();
    let mut opened = assemble(keeping, files, Tree::default(), Chain::default())?;
    opened.syncer.checkpoint()?;
    sync_directory(&directory).map_err(LogError::io("directory"))?;
    Ok(opened)
}

fn assemble(keeping: Keeping, files: Files, tree: Tree, chain: Chain) -> Result<Opened, LogError> {
    let Keeping { directory, key, options, second } = keeping;
    let first = files.first();
    let Files { mut log, mut hashes, lock, .. } = files;
    let length = log.seek(SeekFrom::End(0)).map_err(LogError::io("file of entries"))?;
    hashes.seek(SeekFrom::End(0)).map_err(LogError::io("file of leaf hashes"))?;
    let last = format::time(chain.last()).unwrap_or(Timestamp::UNIX_EPOCH);
    let queue = Arc::new(Queue::new(tree.size(), last, options.durability));
    let last = chain.last().to_owned();
    let (limits, open) = (options.segments, chain.open);
    let queued = Arc::clone(&queue);
    let syncer = Syncer {
        queue: queued,
        log,
        first,
        length,
        limits,
        open,
        last,
        hashes,
        tree,
        key,
        directory,
        second,
        owed: None,
    };
    Ok(Opened { queue, syncer, lock, recovery: Recovery::default(), approved: Vec::new() })
}

/// Writes what was found into the log, and signs everything that no checkpoint covered.
fn record(mut opened: Opened, recovery: Recovery, is_behind: bool) -> Result<Opened, LogError> {
    if let Some(torn) = &recovery.torn {
        let detail = format!("{} bytes after entry {} were no whole entry", torn.bytes, torn.index);
        let event = Event::operator(OperatorAction::LogRecovered, &torn.file, Some(&detail));
        drop(opened.queue.append(&Body::Event(&event).canonical()?, Timestamp::UNIX_EPOCH)?);
    }
    for intent in &recovery.unknown {
        let body = Body::OutcomeUnknown { intent: *intent, reason: Unknown::Interrupted };
        drop(opened.queue.append_marked(&body.canonical()?, Timestamp::UNIX_EPOCH, Mark::Closes(*intent))?);
    }
    let mut batch = Batch::default();
    let has_entries = recovery.torn.is_some() || !recovery.unknown.is_empty();
    if has_entries && opened.queue.next(&mut batch, None) == Next::Work {
        opened.syncer.commit(&mut batch)?;
    } else if recovery.uncovered > 0 || is_behind {
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
fn set_aside(directory: &Path, files: &mut Files, seen: &Examined) -> io::Result<Option<Torn>> {
    if !seen.is_torn {
        return Ok(None);
    }
    let (log, end) = (&mut files.log, seen.end.saturating_sub(files.before));
    log.seek(SeekFrom::Start(end))?;
    let (name, mut file) = new_torn_file(directory)?;
    let bytes = io::copy(log, &mut file)?;
    file.sync_all()?;
    sync_directory(directory)?;
    log.set_len(end)?;
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
fn rebuild(files: &Files, seen: &Examined, covered: u64) -> io::Result<()> {
    let mut hashes = &files.hashes;
    let is_good = seen.leaf_hashes == LeafHashes::Authentic;
    let (index, offset) = if is_good { (covered, seen.covered_end) } else { (0, 0) };
    let width = u64::try_from(HASH_BYTES).unwrap_or(u64::MAX);
    hashes.set_len(index.saturating_mul(width))?;
    hashes.seek(SeekFrom::End(0))?;
    let log = Joined::of(files.segments.clone(), offset)?;
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
