//! Why there is no approval. Every text is safe to log and says what to do next.

use crate::{ApproverKind, HostMethod, ReceiptError, SecurityKeyError};

/// Why a request was not approved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A human said no.
    #[error("a human denied this request; ask them why before trying again")]
    Denied,
    /// Somebody who had signed in said no.
    #[error("{name} denied this request; ask them why before trying again")]
    DeniedBy {
        /// Who.
        name: String,
    },
    /// Nobody answered.
    #[error("nobody answered within {seconds} seconds, which is a denial; call again when an approver is there")]
    NoHuman {
        /// How long the desk waited, in seconds.
        seconds: u64,
    },
    /// The answer came after the end, on one clock or the other.
    #[error("the answer came after the request had expired; call again and approve in time")]
    Expired,
    /// Nobody can be asked here.
    #[error(
        "there is no terminal to ask on: {why}; run claviger in the foreground of a terminal, or enrol an approver that needs none"
    )]
    NoTerminal {
        /// What is missing.
        why: &'static str,
    },
    /// The request cannot be shown whole, and nobody approves what they cannot see.
    #[error("the request is too long to be shown whole ({limit} bytes); send less in one request")]
    TooLongToShow {
        /// The longest text that is shown, in bytes.
        limit: usize,
    },
    /// The machine did not recognise the person who typed a yes.
    #[error("{method} did not confirm who agreed: {why}")]
    Unverified {
        /// What was asked.
        method: HostMethod,
        /// What it said.
        why: &'static str,
    },
    /// Somebody typed a yes, and no security key signed for it.
    #[error("no security key signed for this: {0}")]
    SecurityKey(#[from] SecurityKeyError),
    /// The approver's own machinery failed.
    #[error("the {kind} approver failed before it had an answer; call again")]
    ApproverFailed {
        /// Which approver.
        kind: ApproverKind,
    },
    /// Somebody signed whose key is not enrolled.
    #[error("the signature is of a key that is not enrolled; approvers.toml lists those that are")]
    NotEnrolled,
    /// What was asked is not enough any more.
    #[error(
        "a passkey or a security key was enrolled while this host runs, so a yes on the terminal alone counts no more; start the host again, and it asks for that"
    )]
    Superseded,
    /// Somebody enrolled answered, but the answer does not verify.
    #[error("the approver's answer proves nothing: {0}")]
    Receipt(#[from] ReceiptError),
    /// A simulated answer where real secrets are.
    #[error(
        "a simulated approval counts only in a throw-away directory, and this is none; enrol an approver who is a person"
    )]
    Simulated,
    /// Somebody has said no too often.
    #[error(
        "people denied {denials} requests of this session, which ends it; start a new session once you know why they did"
    )]
    SessionLocked {
        /// How many.
        denials: u32,
    },
    /// A flood.
    #[error(
        "this session asks people too much: {waiting} requests wait, {unanswered} in a row got no answer; ask less, and call again when somebody is there"
    )]
    TooManyQuestions {
        /// How many wait.
        waiting: usize,
        /// How many got no answer since the last one that did.
        unanswered: u32,
    },
    /// The same thing twice at once, and it is no mere look.
    #[error(
        "the very same request waits for an approval already; wait for its answer, then ask again if both are meant"
    )]
    AlreadyWaiting,
    /// One person cannot be two.
    #[error("{name} has agreed already, and {need} different people must; ask somebody else")]
    SamePerson {
        /// Who.
        name: String,
        /// How many must.
        need: u8,
    },
    /// The facts have no canonical form.
    #[error("the request has no canonical JSON form (RFC 8785), so nobody can sign for it")]
    NoCanonicalForm,
}

impl Refused {
    /// A short name for the log and for counting.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied | Self::DeniedBy { .. } => "denied",
            Self::NoHuman { .. } => "no-human",
            Self::Expired => "expired",
            Self::NoTerminal { .. } => "no-terminal",
            Self::TooLongToShow { .. } => "too-long-to-show",
            Self::Unverified { .. } => "unverified",
            Self::SecurityKey(_) => "security-key",
            Self::ApproverFailed { .. } => "approver-failed",
            Self::NotEnrolled => "not-enrolled",
            Self::Superseded => "superseded",
            Self::Receipt(_) => "receipt",
            Self::Simulated => "simulated",
            Self::SessionLocked { .. } => "session-locked",
            Self::TooManyQuestions { .. } => "too-many-questions",
            Self::AlreadyWaiting => "already-waiting",
            Self::SamePerson { .. } => "same-person",
            Self::NoCanonicalForm => "no-canonical-form",
        }
    }
}
