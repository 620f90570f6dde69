//! Whoever can be asked.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::{Ask, Base64Url, Batch, Refused, client_data};

/// What stands behind a signature. It is a property of the enrolled key, and it is in every receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApproverKind {
    /// Software answered. For tests and demonstrations, in a throw-away directory only.
    Simulated,
    /// The host says that a person agreed, and signed for it. No authenticator vouches for the person.
    HostAsserted,
    /// An authenticator verified its user and signed.
    Webauthn,
}

impl ApproverKind {
    /// The kind as it is written in receipts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Simulated => "simulated",
            Self::HostAsserted => "host-asserted",
            Self::Webauthn => "webauthn",
        }
    }
}

impl fmt::Display for ApproverKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A WebAuthn assertion, as an authenticator returns it. Nothing in it is believed before it is verified.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// Which key signed.
    pub credential_id: Base64Url,
    /// The authenticator's own statement: relying party, flags, counter (WebAuthn Level 3 §6.1).
    pub authenticator_data: Base64Url,
    /// The client's statement: type, challenge, origin (§5.8.1). JSON text, kept byte for byte.
    pub client_data_json: Base64Url,
    /// ES256 over authenticator data and the hash of the client data, DER.
    pub signature: Base64Url,
    /// The canonical text of the batch that was signed for, when one gesture answered several questions.
    pub batch: Option<String>,
}

impl Assertion {
    /// True when it claims to answer this question. Only [`verify`](crate::verify()) says whether it does.
    pub(crate) fn names(&self, ask: &Ask) -> bool {
        if let Some(batch) = &self.batch {
            return Batch::parse(batch).is_some_and(|batch| batch.holds(&ask.digest()));
        }
        let challenge = Base64Url::from(ask.digest().as_slice()).to_string();
        client_data::parse(self.client_data_json.as_bytes()).is_ok_and(|data| data.challenge == challenge)
    }
}

/// The answer to a question, in time.
pub type Decision<'a> = Pin<Box<dyn Future<Output = Result<Assertion, Refused>> + Send + 'a>>;

/// Asks a human. The desk limits the time, and drops the future when it has passed: an implementation then withdraws its
/// question. An approver is not trusted to say yes; what it returns is verified against the enrolled keys.
pub trait Approver: Send + Sync {
    /// What stands behind its signatures.
    fn kind(&self) -> ApproverKind;

    /// Shows the question and returns the signature under it. A person who wants to give a lease signs
    /// [`Ask::as_lease`] instead.
    fn decide<'a>(&'a self, ask: &'a Ask) -> Decision<'a>;
}
