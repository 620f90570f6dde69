//! Is the log what was signed? Offline, from the files and public keys alone.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

use claviger_approval::Enrolled;
use serde::Serialize;

use crate::approvals::{ApprovalTally, Approvals};
use crate::chain::Tally;
use crate::checkpoint::{CheckpointError, CheckpointVerifier, Head, MAX_CHECKPOINT};
use crate::error::{Broken, Why};
use crate::examine::{Examined, LeafHashes, Sources, examine};
use crate::format::{CHECKPOINT_FILE, HASHES_FILE};
use crate::segments::Joined;

/// The public keys that a verifier needs. They come from the verifier's own records: keys out of the log's directory prove
/// only that the directory agrees with itself.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The log's.
    pub log: CheckpointVerifier,
    /// The approvers', revoked ones included: what they signed while they were enrolled stays signed.
    pub approvers: Enrolled,
}

/// What a log is verified from.
pub struct LogFiles<'a, L, H> {
    /// `log.jsonl` and the segments after it, as one.
    pub log: L,
    /// `tree.hashes`, if there is one.
    pub hashes: Option<H>,
    /// `checkpoint`.
    pub checkpoint: &'a [u8],
    /// Checkpoints of the same log that were kept elsewhere. A log that was rolled back or forked disagrees with one.
    pub others: &'a [Vec<u8>],
}

/// What a verified log holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The log's name.
    pub origin: String,
    /// Whole entries.
    pub entries: u64,
    /// Entries that the checkpoint covers.
    pub covered: u64,
    /// Entries after the checkpoint: their form and approvals were verified, but nothing signed says that they are the ones
    /// that were written. Some are normal while the host runs or after it was killed.
    pub uncovered: u64,
    /// Whether something that is no whole entry follows the last one, as after a crash.
    pub torn: bool,
    /// The root hash of the covered entries, base64.
    pub root: String,
    /// Whether the stored leaf hashes are good.
    pub leaf_hashes: LeafHashes,
    /// Entries by kind.
    pub kinds: Tally,
    /// Intents without any outcome yet. Opening the log closes those of a host that stopped.
    pub open_intents: u64,
    /// What the intents' approvals rest on.
    pub approvals: ApprovalTally,
    /// The first entry's time, RFC 3339; empty without entries.
    pub first_at: String,
    /// The last entry's time.
    pub last_at: String,
}

/// Verifies a log: checkpoint signatures, the tree, the form, order and time of every entry, the pairing of intents and
/// outcomes, and every approval. Streams: memory grows with the gestures that people made, not with the log.
///
/// # Errors
/// [`Broken`]: the first entry that is not as it was written, and what is wrong with it.
pub fn verify<L: BufRead, H: Read + Seek>(files: LogFiles<'_, L, H>, keys: &Keys) -> Result<Summary, Broken> {
    let open = |note: &[u8]| keys.log.open(note).map_err(|error| Why::Checkpoint(error).at(0));
    let head = open(files.checkpoint)?;
    let others = files.others.iter().map(|note| open(note)).collect::<Result<Vec<_>, _>>()?;
    let mut approvals = Approvals::new(&keys.approvers);
    let sources = Sources { log: files.log, hashes: files.hashes, head, others, from: None };
    let seen = examine(sources, |line| approvals.entry(line))?;
    Ok(summary(&seen, &head, keys, approvals.tally))
}

fn summary(seen: &Examined, head: &Head, keys: &Keys, approvals: ApprovalTally) -> Summary {
    let entries = seen.tree.size();
    let tally = seen.chain.tally;
    Summary {
        origin: keys.log.origin().to_owned(),
        entries,
        covered: head.size(),
        uncovered: entries.saturating_sub(head.size()),
        torn: seen.is_torn,
        root: head.root(),
        leaf_hashes: seen.leaf_hashes,
        kinds: tally,
        open_intents: tally.intents.saturating_sub(tally.outcomes).saturating_sub(tally.unknown),
        approvals,
        first_at: seen.first_at.clone(),
        last_at: seen.chain.last().to_owned(),
    }
}

/// Verifies the log in a directory: a state directory's, also while its host runs, or an export's.
///
/// # Errors
/// As [`verify()`]; files that cannot be read are [`Why::Unreadable`] at the first entry.
pub fn verify_directory(directory: &Path, keys: &Keys, others: &[Vec<u8>]) -> Result<Summary, Broken> {
    let unreadable = |error: std::io::Error| Why::Unreadable(error.kind()).at(0);
    // In this order: a host that writes meanwhile only adds to what an earlier checkpoint covers.
    let checkpoint = read_checkpoint(directory).map_err(|why| why.at(0))?;
    let hashes = match File::open(directory.join(HASHES_FILE)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        opened => Some(opened.map_err(unreadable)?),
    };
    let log = BufReader::new(Joined::open(directory).map_err(unreadable)?);
    verify(LogFiles { log, hashes, checkpoint: &checkpoint, others }, keys)
}

/// The checkpoint of a directory, bounded.
pub(crate) fn read_checkpoint(directory: &Path) -> Result<Vec<u8>, Why> {
    let file = match File::open(directory.join(CHECKPOINT_FILE)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Why::Checkpoint(CheckpointError::Missing));
        }
        opened => opened.map_err(|error| Why::Unreadable(error.kind()))?,
    };
    let mut note = Vec::new();
    file.take(MAX_CHECKPOINT).read_to_end(&mut note).map_err(|error| Why::Unreadable(error.kind()))?;
    Ok(note)
}
