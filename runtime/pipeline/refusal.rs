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
    /// The reference did not resolve, the secret is quarantined or does not fit its use, or what it was to be exchanged for
    /// was not given.
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
        // There, and not fit for what it is wanted for: trying again helps as little as with one that is missing.
        | FailureKind::Short(_)
        | FailureKind::Guessable(_)
        | FailureKind::GuessableMade(_)
        | FailureKind::ClientCertificate { .. }
        | FailureKind::SigningKey { .. }
        | FailureKind::Quarantined { .. }
        | FailureKind::Token { .. }
        | FailureKind::TokenAnswer(_)
        | FailureKind::Login { .. }
        | FailureKind::LoginAnswer(_)
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_manifest::Name;
    use claviger_vault::FailureKind;

    use super::{Reason, reason};

    #[test]
    fn a_secret_that_cannot_be_used_is_no_failure_of_the_network() {
        let name = || "token".parse::<Name>().unwrap();
        for kind in [
            FailureKind::Short(name()),
            FailureKind::Guessable(name()),
            FailureKind::GuessableMade(name()),
            FailureKind::ClientCertificate { secret: name(), why: "a certificate" },
            FailureKind::SigningKey { secret: name(), why: "base64" },
            FailureKind::Login { credential: name(), status: 401 },
            FailureKind::LoginAnswer(name()),
        ] {
            assert_eq!(reason(&kind), Reason::SecretUnavailable, "{kind}");
        }
        for kind in [FailureKind::Unresolved, FailureKind::Tls("no"), FailureKind::Slow(60), FailureKind::Logout(500)] {
            assert_eq!(reason(&kind), Reason::Transport, "{kind}");
        }
    }
}
