//! What can be wrong with a log, and why an entry was not written. Every text is safe to log and says what to do next.

use std::io::ErrorKind;

use crate::canonical::NotCanonical;
use crate::checkpoint::CheckpointError;

/// An entry was not made durable, so what it records must not be done, or its answer not given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrecorded {
    /// Writing or syncing failed once. What the disk holds after that is unknown, and asking it again proves nothing, so
    /// the log takes no more entries until it is opened again and looked at from the start.
    #[error(
        "the audit log could not be written ({0}), so nothing more is done; check space and health of the disk that holds the state directory, then start the host again"
    )]
    Failed(ErrorKind),
    /// The entry is longer than a line may be.
    #[error(
        "the audit entry would have {bytes} bytes, more than the {limit} that a line may have; send a smaller request"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The entry has no canonical form.
    #[error(
        "the audit entry has no canonical form (RFC 8785, integers below 2^53); send numbers beyond that as strings"
    )]
    NotCanonical,
    /// The lease that covers the request was given for a request that is not in the log (yet).
    #[error(
        "the approval of the lease that covers this request is not in the audit log, so nothing would prove it; call again, or end the session to be asked again"
    )]
    NoLeaseReceipt,
    /// The intent belongs to another log.
    #[error("the intent was opened on another audit log, so its outcome cannot be closed on this one")]
    Foreign,
    /// The second copy of the checkpoint is not the one that this process put there.
    #[error(
        "another host replaced the second copy of the checkpoint, so two of them go on from one log; stop both, find out which log is the true one, and start only that"
    )]
    Moved,
    /// The log was closed.
    #[error("the audit log is closed, because the host is shutting down; call again when it runs")]
    Closed,
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Another process has it.
    #[error("another process has the audit log open; stop it, or use another state directory")]
    Locked,
    /// A file operation failed.
    #[error("the audit log's {what} failed: {kind}; check the permissions and the disk of the state directory")]
    Io {
        /// Which.
        what: &'static str,
        /// How.
        kind: ErrorKind,
    },
    /// The log is not what was signed.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The entries that say what was recovered could not be written.
    #[error(transparent)]
    Unrecorded(#[from] Unrecorded),
    /// The checkpoint could not be made.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The second place knows of more entries than the log has.
    #[error(
        "the log has {found} entries, but the second copy of its checkpoint signs {signed}: it was rolled back or its tail cut off; restore the log from a copy that has them, and find out who did it. Only if the entries are lost for good, move the second copy away as evidence and put this log's `checkpoint` in its place"
    )]
    RolledBack {
        /// How many entries the second copy signs.
        signed: u64,
        /// How many there are.
        found: u64,
    },
    /// The second place has no copy, although the log has a checkpoint.
    #[error(
        "the second copy of the checkpoint is missing, so a rolled-back log would not be noticed; if the place was configured just now, copy `checkpoint` from the audit directory there, otherwise find out who removed it"
    )]
    SecondMissing,
    /// The second copy is not one of this log.
    #[error("the second copy of the checkpoint does not hold: {0}")]
    Second(CheckpointError),
    /// No checkpoint covers the entry.
    #[error("the checkpoint covers {size} entries, and entry {index} is none of them; ask again when it is signed")]
    NotCovered {
        /// The entry.
        index: u64,
        /// How many the checkpoint covers.
        size: u64,
    },
    /// The export's destination is there already.
    #[error("the export's destination exists already; name a new directory, so that nothing is overwritten")]
    Exists,
    /// The export's files are not what its own list of digests says.
    #[error("{file} of the export is not what digests.json says; fetch the export again")]
    Digest {
        /// The file.
        file: String,
    },
    /// The keys in an export cannot be read.
    #[error("keys.json of the export holds no readable public keys; fetch the export again")]
    Keys,
}

impl LogError {
    /// For `map_err`: names the step that failed.
    pub(crate) fn io(what: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |error| Self::Io { what, kind: error.kind() }
    }
}

/// The first entry that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {index}: {why}")]
pub struct Broken {
    /// Its index, from 0.
    pub index: u64,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with an entry, or with the place where it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Its hash is not the one that the checkpoint covers.
    #[error("its bytes are not those that the checkpoint covers: it was edited")]
    Altered,
    /// Another entry stands in its place.
    #[error(
        "in its place stands an entry that says it is {found}: entries were removed, inserted or reordered from here on"
    )]
    Misplaced {
        /// What the entry in its place says it is.
        found: u64,
    },
    /// The log ends before the checkpoint does.
    #[error(
        "the log ends here, but its checkpoint covers {signed} entries: the tail was cut off or the log rolled back"
    )]
    Truncated {
        /// How many entries the checkpoint covers.
        signed: u64,
    },
    /// The tree has another root than a checkpoint, and no authentic leaf hash says where.
    #[error(
        "the entries up to {last} do not give the root that a checkpoint signs; without authentic leaf hashes the place is not known more closely than from here to {last}"
    )]
    NotCovered {
        /// The last entry that the checkpoint covers.
        last: u64,
    },
    /// Another checkpoint that the log's key signed shows a different history.
    #[error(
        "a checkpoint signed at {size} entries shows another history: the log was forked or rewritten between here and {size}"
    )]
    Forked {
        /// The size of the other checkpoint.
        size: u64,
    },
    /// The line is not JSON.
    #[error("the line is not JSON")]
    NotJson,
    /// The line is JSON, but not in the one form that an entry has.
    #[error("the line is not in canonical form: {0}")]
    NotCanonical(#[from] NotCanonical),
    /// The line has no newline, although the checkpoint covers it.
    #[error("the line has no newline, although the checkpoint covers it")]
    Unterminated,
    /// The line is too long.
    #[error("the line is longer than an entry may be")]
    TooLong,
    /// The entry has other members than its kind has.
    #[error(
        "the entry does not have the members of its kind, or a version that this verifier does not know; see docs/audit-format.md"
    )]
    Members,
    /// The time is malformed.
    #[error("the time is not RFC 3339 UTC with milliseconds")]
    Time,
    /// The time is before the previous entry's.
    #[error("the time is before the previous entry's")]
    TimeBackwards,
    /// Something follows the entries of an export.
    #[error("nothing signs what stands here: an export ends with its checkpoint; fetch the export again")]
    Unsigned,
    /// The path of an inclusion proof leads elsewhere.
    #[error("the proof does not lead from this entry to the root that its checkpoint signs")]
    Inclusion,
    /// An outcome without an intent.
    #[error("it closes intent {intent}, which is not open here")]
    NoOpenIntent {
        /// The intent.
        intent: u64,
    },
    /// The approval does not verify.
    #[error("its approval does not verify: {0}")]
    Approval(String),
    /// The approval is for something else.
    #[error("its approval was given for another request")]
    OtherRequest,
    /// The checkpoint is not one of this log.
    #[error("{0}")]
    Checkpoint(CheckpointError),
    /// A file could not be read.
    #[error("the log could not be read from here on: {0}")]
    Unreadable(ErrorKind),
}

impl Why {
    /// At this entry.
    pub(crate) fn at(self, index: u64) -> Broken {
        Broken { index, why: self }
    }
}
