//! How an action ended, as the log keeps it. Sizes, codes and references; no content of an answer.

use claviger_manifest::{Name, SecretReference};
use serde::Serialize;

use crate::text::Text;

/// Implemented by what the vault room returns, so that its outcome can be written before anyone reads it.
pub trait Outcome {
    /// The facts to write.
    fn outcome(&self) -> OutcomeFacts;
}

/// What an outcome entry says.
#[derive(Clone, Debug, Serialize)]
pub struct OutcomeFacts {
    /// The short of it.
    pub verdict: Verdict,
    /// Whether bytes of the request may have reached the upstream.
    pub left_host: bool,
    /// A fixed word for the reason of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// The reason in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Text>,
    /// The HTTP status, if the upstream answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Bytes of the request's body as it was sent.
    pub request_bytes: u64,
    /// Bytes of the answer's body as it was received.
    pub response_bytes: u64,
    /// Slots that were filled from the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub captured: Vec<Name>,
    /// References of what was stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stored: Vec<SecretReference>,
}

/// How it ended, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The upstream answered and the answer is given out.
    Answered,
    /// The item was stored.
    Stored,
    /// The answer held a secret; nothing of it is given out.
    Leak,
    /// It failed; `code` says at what.
    Failed,
}

impl OutcomeFacts {
    /// An outcome with nothing but its verdict; fill in what applies.
    pub fn new(verdict: Verdict) -> Self {
        Self {
            verdict,
            left_host: false,
            code: None,
            detail: None,
            status: None,
            request_bytes: 0,
            response_bytes: 0,
            captured: Vec::new(),
            stored: Vec::new(),
        }
    }
}
