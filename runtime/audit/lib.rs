//! Is it written, unaltered?
//!
//! [`Log::open_intent`] takes the approval room's proof and returns [`Recorded`], the only thing that the vault room acts
//! on, once the intent is durable. The vault seals what it did into `Recorded` of an [`Outcome`], and [`Log::close`] gives
//! that out once the outcome is durable: no record, no act, and no answer before its outcome.
//!
//! The log is lines of canonical JSON under a Merkle tree whose head is signed; `docs/audit-format.md` describes it for
//! other implementations. [`verify()`] needs public keys alone and names the first entry that is not as it was written.
//!
//! Durability is bought once for many: callers wait together for one sync (group commit). A failed write or sync is final.

mod approvals;
mod canonical;
mod chain;
mod checkpoint;
mod entry;
mod error;
mod event;
mod examine;
mod export;
mod format;
mod last;
mod lines;
mod log;
mod open;
mod options;
mod outcome;
mod prove;
mod queue;
mod read;
mod recall;
mod recorded;
mod resume;
mod second;
mod segments;
mod syncer;
mod text;
mod tree;
mod verify;
mod witness;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod whole;

pub use approvals::ApprovalTally;
pub use canonical::NotCanonical;
pub use chain::Tally;
pub use checkpoint::{CheckpointError, CheckpointKey, CheckpointVerifier, Head};
pub use error::{Broken, LogError, Unrecorded, Why};
pub use event::{DeniedFacts, Event, OperatorAction, OperatorFacts, RefusedFacts};
pub use examine::LeafHashes;
pub use export::{DIGESTS_FILE, KEYS_FILE, export, export_keys, verify_export};
pub use format::{CHECKPOINT_FILE, COSIGNED_FILE, HASHES_FILE, Kind, LOG_FILE, MAX_LINE, VERSION};
pub use log::Log;
pub use open::{Recovery, Torn};
pub use options::Options;
pub use outcome::{Outcome, OutcomeFacts, Verdict};
pub use prove::{MAX_PROOF, Proof, prove};
pub use queue::{Counts, Durability};
pub use read::{Entries, Entry, entries, entries_from};
pub use recorded::{OpenIntent, Recorded};
pub use segments::SegmentLimits;
pub use syncer::CHECKPOINT_LAG;
pub use text::{MAX_TEXT, Text};
pub use verify::{Keys, LogFiles, Summary, verify, verify_directory};
pub use witness::{
    Cosignature, WitnessError, WitnessKey, WitnessRequest, WitnessVerifier, add_cosignatures, cosignatures,
};
