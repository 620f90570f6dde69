//! The evidence of one yes.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::enrolled::TERMINAL_ORIGIN;
use crate::{ApproverKind, Ask, Assertion, Base64Url, EnrolledKey, HostMethod, client_data};

/// The version of this format. A verifier refuses any other.
pub(crate) const VERSION: u8 = 1;

/// Separates the digest of a receipt from other hashes.
const DOMAIN: &[u8] = b"claviger/receipt/v1\0";

/// A WebAuthn assertion with the request that it signs for: all that an auditor needs besides the enrolled public key.
/// Reading one proves nothing; [`verify`](crate::verify()) does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The version of the format, 1.
    pub v: u8,
    /// What stands behind the signature.
    pub kind: ApproverKind,
    /// Who approved, as enrolled.
    pub approver: String,
    /// Which of their keys.
    pub credential_id: Base64Url,
    /// The canonical bytes of the question, as text: RFC 8785 JSON of `{v, facts, scope, need, code, nonce, expires}`.
    pub request: String,
    /// The authenticator's statement.
    pub authenticator_data: Base64Url,
    /// The client's statement.
    pub client_data_json: Base64Url,
    /// The signature over both, DER.
    pub signature: Base64Url,
    /// The canonical text of the batch, when one gesture answered several questions: RFC 8785 JSON of `{v, asks}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
}

impl Receipt {
    pub(crate) fn new(ask: &Ask, assertion: Assertion, key: &EnrolledKey) -> Self {
        Self {
            v: VERSION,
            kind: key.kind(),
            approver: key.name().to_owned(),
            credential_id: assertion.credential_id,
            request: ask.canonical().to_owned(),
            authenticator_data: assertion.authenticator_data,
            client_data_json: assertion.client_data_json,
            signature: assertion.signature,
            batch: assertion.batch,
        }
    }

    /// How the host came to say that a person agreed, when only the host says so.
    pub fn method(&self) -> Option<HostMethod> {
        let data = client_data::parse(self.client_data_json.as_bytes()).ok()?;
        HostMethod::of_origin(&data.origin).filter(|_| self.kind == ApproverKind::HostAsserted)
    }

    /// Whether a security key signed it after a question on the terminal; otherwise a passkey did, on a page.
    pub fn is_by_security_key(&self) -> bool {
        let origin = client_data::parse(self.client_data_json.as_bytes()).map(|data| data.origin);
        self.kind == ApproverKind::Webauthn && origin.is_ok_and(|origin| origin == TERMINAL_ORIGIN)
    }

    /// A name for this receipt: SHA-256, in hexadecimal, of `claviger/receipt/v1`, a zero byte, and each member in the
    /// order above, preceded by its length in eight bytes, most significant first. Byte strings count as they are, the
    /// version as one byte, the kind as it is written, a batch that is not there as nothing.
    pub fn digest(&self) -> String {
        let members: [&[u8]; 9] = [
            &[self.v],
            self.kind.as_str().as_bytes(),
            self.approver.as_bytes(),
            self.credential_id.as_bytes(),
            self.request.as_bytes(),
            self.authenticator_data.as_bytes(),
            self.client_data_json.as_bytes(),
            self.signature.as_bytes(),
            self.batch.as_deref().unwrap_or_default().as_bytes(),
        ];
        let mut hash = Sha256::new_with_prefix(DOMAIN);
        for member in members {
            hash.update(u64::try_from(member.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(member);
        }
        hex::encode(hash.finalize())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::Receipt;
    use crate::fixtures;

    #[test]
    fn a_receipt_survives_the_log() {
        let receipt = fixtures::receipt();
        let text = serde_json_canonicalizer::to_string(&receipt).unwrap();
        let read: Receipt = serde_json::from_str(&text).unwrap();
        assert_eq!(read, receipt);
        assert_eq!(read.digest(), receipt.digest());
    }

    #[test]
    fn unknown_members_are_refused() {
        let mut value = serde_json::to_value(fixtures::receipt()).unwrap();
        value.as_object_mut().unwrap().insert("trusted".to_owned(), Value::Bool(true));
        assert!(serde_json::from_value::<Receipt>(value).is_err());
    }

    #[test]
    fn every_member_is_in_the_digest() {
        let receipt = fixtures::receipt();
        let longer = |bytes: &crate::Base64Url| [bytes.as_bytes(), &[0]].concat().into();
        let changed = [
            receipt.clone(),
            Receipt { v: 2, ..receipt.clone() },
            Receipt { kind: crate::ApproverKind::Simulated, ..receipt.clone() },
            Receipt { approver: "x".to_owned(), ..receipt.clone() },
            Receipt { credential_id: longer(&receipt.credential_id), ..receipt.clone() },
            Receipt { request: "{}".to_owned(), ..receipt.clone() },
            Receipt { authenticator_data: longer(&receipt.authenticator_data), ..receipt.clone() },
            Receipt { client_data_json: longer(&receipt.client_data_json), ..receipt.clone() },
            Receipt { signature: longer(&receipt.signature), ..receipt.clone() },
            Receipt { batch: Some("{}".to_owned()), ..receipt.clone() },
        ];
        let digests: BTreeSet<String> = changed.iter().map(Receipt::digest).collect();
        assert_eq!(digests.len(), changed.len());
    }
}
