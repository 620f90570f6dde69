//! Opening a long log from its last segment alone.
//!
//! The entries of earlier segments are not read again: the leaf hashes, which are authentic once their root is the signed
//! one, stand for them. What the rules between entries need besides (the last time, the intents that are open) is noted
//! beside the log when a segment begins. The note is signed by nobody and proves nothing: it saves time when it is there,
//! the log is read from its start when it is not, and a verifier reads the log from its start in any case.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tlog_tiles::Hash;

use crate::chain::Chain;
use crate::checkpoint::Head;
use crate::format::{SEGMENT_FILE, SEGMENT_NEXT_FILE, VERSION};
use crate::syncer::private;
use crate::tree::{HASH_BYTES, Tree};

/// The most that is read of a note: a thousand open intents take a tenth of it.
const MAX_NOTE: u64 = 256 * 1024;

/// What is remembered at the start of a segment.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    /// The index of the segment's first entry.
    pub(crate) first: u64,
    /// The time of the entry before it.
    pub(crate) last: String,
    /// The intents that had no outcome yet.
    pub(crate) open: BTreeSet<u64>,
    pub(crate) v: u64,
}

/// Where a walk begins that does not begin at the start.
pub(crate) struct Start {
    pub(crate) tree: Tree,
    pub(crate) chain: Chain,
    /// In bytes of all segments.
    pub(crate) offset: u64,
}

impl Note {
    /// Notes it, whole or not at all.
    pub(crate) fn write(&self, directory: &Path) -> io::Result<()> {
        let next = directory.join(SEGMENT_NEXT_FILE);
        let mut file = private().truncate(true).open(&next)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_data()?;
        std::fs::rename(next, directory.join(SEGMENT_FILE))
    }

    /// The note for the segment that begins there, if there is one.
    pub(crate) fn read(directory: &Path, first: u64) -> Option<Self> {
        let file = File::open(directory.join(SEGMENT_FILE)).ok()?;
        let note: Self = serde_json::from_reader(file.take(MAX_NOTE)).ok()?;
        (note.v == VERSION && note.first == first).then_some(note)
    }

    /// Where to begin, if the leaf hashes up to the checkpoint are authentic and agree with every other head; leaves their
    /// reader at the segment's first.
    pub(crate) fn start(
        self,
        hashes: &mut (impl Read + Seek),
        head: &Head,
        others: &[Head],
        offset: u64,
    ) -> io::Result<Option<Start>> {
        if head.size < self.first {
            return Ok(None);
        }
        hashes.rewind()?;
        let mut reader = io::BufReader::new(&mut *hashes);
        let (mut tree, mut before) = (Tree::default(), None);
        loop {
            let agrees = |other: &Head| other.size != tree.size() || other.root == tree.root();
            if !others.iter().all(agrees) {
                return Ok(None);
            }
            if tree.size() == self.first {
                before = Some(tree.clone());
            }
            if tree.size() == head.size {
                break;
            }
            let mut hash = [0; HASH_BYTES];
            match reader.read_exact(&mut hash) {
                Ok(()) => tree.push(Hash(hash)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        drop(reader);
        let width = u64::try_from(HASH_BYTES).unwrap_or(u64::MAX);
        hashes.seek(SeekFrom::Start(self.first.saturating_mul(width)))?;
        let Some(before) = before.filter(|_| tree.root() == head.root) else { return Ok(None) };
        Ok(Some(Start { tree: before, chain: Chain::resume(self.first, self.last, self.open), offset }))
    }
}
