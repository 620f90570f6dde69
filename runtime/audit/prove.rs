//! One entry with the proof that it is in the log, for someone who may not see the rest.

use std::fs::File;
use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tlog_tiles::{Hash, HashReader, check_record, prove_record, split_stored_hash_index};

use crate::checkpoint::{CheckpointVerifier, Head};
use crate::error::{Broken, LogError, Why};
use crate::format::{HASHES_FILE, Line, VERSION};
use crate::lines::{Lines, Step};
use crate::segments::{Joined, segments};
use crate::tree::{HASH_BYTES, Tree, leaf};
use crate::verify::read_checkpoint;

/// The longest proof that is read: a line, its escapes as a JSON string, and a path of 64 hashes.
pub const MAX_PROOF: u64 = 128 * 1024 * 1024;

/// An entry, its inclusion proof (RFC 6962 §2.1.1) and the checkpoint that it leads to. A file by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The version of the format, 1.
    pub v: u64,
    /// The entry's index.
    pub index: u64,
    /// The entry's line, without its newline.
    pub entry: String,
    /// Hashes from the leaf's sibling up, base64.
    pub path: Vec<String>,
    /// The checkpoint, a signed note.
    pub checkpoint: String,
}

/// Makes the proof of an entry. Works while the host runs.
///
/// # Errors
/// [`LogError`]: no checkpoint covers the entry (yet), or the files do not fit the checkpoint.
pub fn prove(directory: &Path, index: u64, key: &CheckpointVerifier) -> Result<Proof, LogError> {
    let note = read_checkpoint(directory).map_err(|why| why.at(0))?;
    let head = key.open(&note).map_err(|error| Why::Checkpoint(error).at(0))?;
    if index >= head.size() {
        return Err(LogError::NotCovered { index, size: head.size() });
    }
    let stored = File::open(directory.join(HASHES_FILE)).map_err(LogError::io("file of leaf hashes"))?;
    let path = prove_record(head.size(), index, &Stored(&stored)).map_err(|_| Why::Altered.at(index))?;
    let checkpoint = String::from_utf8(note).map_err(|_| Why::Checkpoint(crate::CheckpointError::Malformed).at(0))?;
    let path = path.iter().map(ToString::to_string).collect();
    let proof = Proof { v: VERSION, index, entry: line(directory, index)?, path, checkpoint };
    // Stored leaf hashes are not trusted: what they gave must lead to the signed root.
    proof.check(key)?;
    Ok(proof)
}

impl Proof {
    /// Checks the proof with the log's public key alone; gives the head that covers the entry.
    ///
    /// # Errors
    /// [`Broken`] at the entry's index.
    pub fn check(&self, key: &CheckpointVerifier) -> Result<Head, Broken> {
        self.checked(key).map_err(|why| why.at(self.index))
    }

    fn checked(&self, key: &CheckpointVerifier) -> Result<Head, Why> {
        let head = key.open(self.checkpoint.as_bytes()).map_err(Why::Checkpoint)?;
        let path: Result<Vec<Hash>, _> = self.path.iter().map(|hash| Hash::parse_hash(hash)).collect();
        let path = path.map_err(|_| Why::Inclusion)?;
        if self.v != VERSION || self.index >= head.size() {
            return Err(Why::Inclusion);
        }
        let hash = leaf(self.entry.as_bytes());
        check_record(&path, head.size(), head.root, self.index, hash).map_err(|_| Why::Inclusion)?;
        let line = Line::parse(self.entry.as_bytes())?;
        if line.index == self.index { Ok(head) } else { Err(Why::Misplaced { found: line.index }) }
    }
}

/// The line of an entry, found from the start of its segment.
fn line(directory: &Path, index: u64) -> Result<String, LogError> {
    let io = LogError::io("file of entries");
    let mut from = segments(directory).map_err(&io)?;
    let skipped = from.partition_point(|segment| segment.first <= index).saturating_sub(1);
    from.drain(..skipped);
    let mut next = from.first().map_or(0, |segment| segment.first);
    let mut lines = Lines::new(BufReader::new(Joined::of(from, 0).map_err(&io)?));
    while lines.step().map_err(&io)? == Step::Line {
        if next == index {
            let text = String::from_utf8(lines.line().to_vec());
            return text.map_err(|_| Why::NotJson.at(index).into());
        }
        next += 1;
    }
    Err(Why::Truncated { signed: index.saturating_add(1) }.at(next).into())
}

/// The hashes of complete subtrees, made from the leaf hashes in a file.
pub(crate) struct Stored<'a>(pub(crate) &'a File);

impl HashReader for Stored<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let subtree = |index: &u64| {
            let (level, number) = split_stored_hash_index(*index);
            subtree(self.0, level, number)
        };
        indexes.iter().map(subtree).collect::<std::io::Result<_>>().map_err(|_| tlog_tiles::Error::IndexesNotInTree)
    }
}

/// The root of the leaves from `number << level` on, `1 << level` of them.
fn subtree(mut stored: &File, level: u8, number: u64) -> std::io::Result<Hash> {
    let width = u64::try_from(HASH_BYTES).unwrap_or(u64::MAX);
    stored.seek(SeekFrom::Start((number << level).saturating_mul(width)))?;
    let mut reader = BufReader::new(stored);
    let mut tree = Tree::default();
    for _ in 0..1_u64 << level {
        let mut hash = [0; HASH_BYTES];
        reader.read_exact(&mut hash)?;
        tree.push(Hash(hash));
    }
    Ok(tree.root())
}
