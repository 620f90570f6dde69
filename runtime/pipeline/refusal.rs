//! Why the hallway turned a request back, in the words of the door.

use claviger_approval::Refused;
use claviger_audit::Unrecorded;
use claviger_grant::Denied;
use claviger_vault::{Failure, FailureKind};

use crate::NoRandomness;

/// The kinds of refusal, as in `wit/plugin.wit`: closed, so that a plugin can decide what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The manifest does not declare it.
    Undeclared,
    /// Declared, but not granted to this connection and principal.
    NotGranted,
    /// A parameter, body, credential or lent secret does not fit the operation.
    InvalidRequest,
    /// A human said no, or nobody answered in time.
    NotApproved,
    /// The audit log could not be written.
    NotRecorded,
    /// The reference did not resolve, or the secret is quarantined.
    SecretUnavailable,
    /// Address, connection, TLS or HTTP failed.
    Transport,
    /// The upstream answered with a redirect.
    Redirected,
    /// The answer held a secret.
    LeakBlocked,
    /// The answer did not have what a capture rule names.
    CaptureFailed,
    /// A new secret could not be stored.
    StoreFailed,
    /// A limit of the manifest was reached.
    Limit,
}

/// A refusal. `detail` is safe to log, safe for a model, and says what to do next.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// Which kind.
    pub reason: Reason,
    /// Why, and what would help.
    pub detail: String,
    /// Whether bytes of the request may have reached the upstream.
    pub left_host: bool,
}

impl Refusal {
    /// A refusal of something that never left the host.
    pub fn before_sending(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), left_host: false }
    }
}

impl From<&Denied> for Refusal {
    fn from(denied: &Denied) -> Self {
        let reason = match denied {
            denied if denied.is_undeclared() => Reason::Undeclared,
            denied if denied.is_invalid_request() => Reason::InvalidRequest,
            _ => Reason::NotGranted,
        };
        Self::before_sending(reason, denied.to_string())
    }
}

impl From<&Refused> for Refusal {
    fn from(refused: &Refused) -> Self {
        Self::before_sending(Reason::NotApproved, refused.to_string())
    }
}

impl From<NoRandomness> for Refusal {
    fn from(error: NoRandomness) -> Self {
        Self::before_sending(Reason::NotApproved, error.to_string())
    }
}

impl Refusal {
    /// The log failed: before the vault was asked, or after it had acted.
    pub(crate) fn unrecorded(error: &Unrecorded, left_host: bool) -> Self {
        Self { reason: Reason::NotRecorded, detail: error.to_string(), left_host }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { reason: reason(&failure.kind), detail: failure.to_string(), left_host: failure.left_host }
    }
}

fn reason(kind: &FailureKind) -> Reason {
    match kind {
        FailureKind::Secret { .. }
        | FailureKind::Replaced(_)
        | FailureKind::EmptySlot(_)
        | FailureKind::Unplaceable(_)
        | FailureKind::Quarantined { .. }
        | FailureKind::Token { .. }
        | FailureKind::TokenAnswer(_)
        | FailureKind::Randomness(_) => Reason::SecretUnavailable,
        FailureKind::Redirected(_) => Reason::Redirected,
        FailureKind::Leak => Reason::LeakBlocked,
        FailureKind::Capture(_) | FailureKind::Journal(_) => Reason::CaptureFailed,
        FailureKind::Store(_) | FailureKind::ReadBack => Reason::StoreFailed,
        FailureKind::TooLong(_) => Reason::Limit,
        FailureKind::Body | FailureKind::OtherConnection => Reason::InvalidRequest,
        _ => Reason::Transport,
    }
}
