//! A copy of the log that anyone can verify: the entries that the checkpoint covers, and the public keys.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use claviger_approval::Enrolled;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::checkpoint::{CheckpointVerifier, Head};
use crate::error::{LogError, Why};
use crate::format::{CHECKPOINT_FILE, COSIGNED_FILE, HASHES_FILE, LOG_FILE};
use crate::lines::{Lines, Step};
use crate::open::{parent, sync_directory};
use crate::segments::Joined;
use crate::syncer::private;
use crate::tree::leaf;
use crate::verify::{Keys, Summary, read_checkpoint, verify_directory};

/// The public keys in an export.
pub const KEYS_FILE: &str = "keys.json";
/// The list of an export's files with the SHA-256 of each.
pub const DIGESTS_FILE: &str = "digests.json";

/// More than a fleet's approvers take, and little enough to read at once.
const MAX_SMALL_FILE: u64 = 1024 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysFile {
    log: String,
    approvers: Enrolled,
}

/// Writes an export into a new directory: the log as its checkpoint signs it, whole entries after it left out. Works while
/// the host runs. All segments become one file.
///
/// # Errors
/// [`LogError`]: the destination exists, a file operation failed, or the log does not reach its own checkpoint.
pub fn export(directory: &Path, destination: &Path, keys: &Keys) -> Result<Head, LogError> {
    // First: the log only grows, so it has what was signed before.
    let cosigned = cosigned(directory, &keys.log);
    let note = read_checkpoint(directory).map_err(|why| why.at(0))?;
    let head = keys.log.open(&note).map_err(|error| Why::Checkpoint(error).at(0))?;
    let log = Joined::open(directory).map_err(LogError::io("file of entries"))?;
    fs::create_dir(destination).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => LogError::Exists,
        _ => LogError::io("export directory")(error),
    })?;
    let io = LogError::io("export");
    let mut digests = BTreeMap::new();
    copy_entries(log, destination, head.size(), &mut digests)?;
    let keys = KeysFile { log: keys.log.vkey(), approvers: keys.approvers.clone() };
    let keys = serde_json::to_vec_pretty(&keys).map_err(|_| LogError::Keys)?;
    let small = [(CHECKPOINT_FILE, &note), (KEYS_FILE, &keys)].into_iter();
    for (name, bytes) in small.chain(cosigned.as_ref().map(|note| (COSIGNED_FILE, note))) {
        let mut copy = Copy::new(destination, name).map_err(&io)?;
        copy.write_all(bytes).map_err(&io)?;
        copy.finish(&mut digests).map_err(&io)?;
    }
    let list = serde_json::to_vec_pretty(&digests).map_err(|_| LogError::Keys)?;
    let mut copy = Copy::new(destination, DIGESTS_FILE).map_err(&io)?;
    copy.write_all(&list).map_err(&io)?;
    copy.finish(&mut BTreeMap::new()).map_err(&io)?;
    sync_directory(destination).and_then(|()| sync_directory(parent(destination))).map_err(&io)?;
    Ok(head)
}

/// The checkpoint that witnesses signed last, if there is one and it is this log's. What is none is no part of the log.
fn cosigned(directory: &Path, key: &CheckpointVerifier) -> Option<Vec<u8>> {
    let mut note = Vec::new();
    File::open(directory.join(COSIGNED_FILE)).ok()?.take(MAX_SMALL_FILE).read_to_end(&mut note).ok()?;
    key.open(&note).ok().map(|_| note)
}

/// Leaf hashes are made from the lines that are copied, not copied themselves: verifying the export holds both against the
/// checkpoint.
fn copy_entries(
    log: Joined,
    destination: &Path,
    size: u64,
    digests: &mut BTreeMap<String, String>,
) -> Result<(), LogError> {
    let io = LogError::io("export");
    let mut entries = Copy::new(destination, LOG_FILE).map_err(&io)?;
    let mut hashes = Copy::new(destination, HASHES_FILE).map_err(&io)?;
    let mut lines = Lines::new(BufReader::new(log));
    for index in 0..size {
        if lines.step().map_err(LogError::io("file of entries"))? != Step::Line {
            return Err(Why::Truncated { signed: size }.at(index).into());
        }
        entries.write_all(lines.line()).and_then(|()| entries.write_all(b"\n")).map_err(&io)?;
        hashes.write_all(&leaf(lines.line()).0).map_err(&io)?;
    }
    entries.finish(digests).and_then(|()| hashes.finish(digests)).map_err(&io)
}

/// The keys that an export brings along. They prove only that the export agrees with itself: compare them with keys that
/// came another way.
///
/// # Errors
/// [`LogError::Keys`] or [`LogError::Io`].
pub fn export_keys(directory: &Path) -> Result<Keys, LogError> {
    let file = File::open(directory.join(KEYS_FILE)).map_err(LogError::io("file of keys"))?;
    let keys: KeysFile = serde_json::from_reader(file.take(MAX_SMALL_FILE)).map_err(|_| LogError::Keys)?;
    Ok(Keys { log: CheckpointVerifier::parse(&keys.log)?, approvers: keys.approvers })
}

/// Verifies an export: as a log, and file by file against its own list of digests.
///
/// # Errors
/// [`LogError::Broken`] with the first entry that is wrong; [`LogError::Digest`] for a file that was damaged otherwise.
pub fn verify_export(directory: &Path, keys: &Keys, others: &[Vec<u8>]) -> Result<Summary, LogError> {
    let summary = verify_directory(directory, keys, others)?;
    // A log may be ahead of its checkpoint; a copy of what the checkpoint covers is not.
    if summary.uncovered > 0 || summary.torn {
        return Err(Why::Unsigned.at(summary.covered).into());
    }
    let list = File::open(directory.join(DIGESTS_FILE)).map_err(LogError::io("list of digests"))?;
    let damaged = |file: &str| LogError::Digest { file: file.to_owned() };
    let list: BTreeMap<String, String> =
        serde_json::from_reader(list.take(MAX_SMALL_FILE)).map_err(|_| damaged(DIGESTS_FILE))?;
    let is_cosigned = directory.join(COSIGNED_FILE).exists() || list.contains_key(COSIGNED_FILE);
    let files = [LOG_FILE, HASHES_FILE, CHECKPOINT_FILE, KEYS_FILE].into_iter();
    for name in files.chain(is_cosigned.then_some(COSIGNED_FILE)) {
        let file = File::open(directory.join(name)).map_err(|_| damaged(name))?;
        let digest = digest(file).map_err(LogError::io("export"))?;
        if list.get(name) != Some(&digest) {
            return Err(damaged(name));
        }
    }
    Ok(summary)
}

fn digest(mut file: File) -> io::Result<String> {
    let mut hash = Hashed { inner: io::sink(), hash: Sha256::new() };
    io::copy(&mut file, &mut hash)?;
    Ok(hash.digest())
}

/// A file of the export, hashed while it is written.
struct Copy {
    name: String,
    writer: BufWriter<Hashed<File>>,
}

impl Copy {
    fn new(destination: &Path, name: &str) -> io::Result<Self> {
        let inner = private().create_new(true).open(destination.join(name))?;
        Ok(Self { name: name.to_owned(), writer: BufWriter::new(Hashed { inner, hash: Sha256::new() }) })
    }

    fn finish(self, digests: &mut BTreeMap<String, String>) -> io::Result<()> {
        let hashed = self.writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        hashed.inner.sync_all()?;
        digests.insert(self.name, hashed.digest());
        Ok(())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)
    }
}

struct Hashed<W> {
    inner: W,
    hash: Sha256,
}

impl<W> Hashed<W> {
    fn digest(self) -> String {
        format!("sha256:{}", hex::encode(self.hash.finalize()))
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
