//! The one function that says whether a receipt is good.

use p256::ecdsa::Signature;
use p256::ecdsa::signature::Verifier as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::authenticator_data::AuthenticatorData;
use crate::client_data::ClientData;
use crate::{ApproverKind, Assertion, Base64Url, Batch, EnrolledKey, Receipt, Scope, ask, client_data, receipt};

/// Why a receipt proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Another format.
    #[error("the receipt has a version that this verifier does not know; use a newer one")]
    Version,
    /// Another key.
    #[error("the receipt was made with another credential than this enrolled key")]
    OtherCredential,
    /// Another name.
    #[error("the receipt names another approver than the one who enrolled this key")]
    OtherApprover,
    /// Another kind.
    #[error("the receipt claims another kind than the enrolled key has")]
    OtherKind,
    /// The request cannot have been asked by a desk.
    #[error("the receipt's request is not a canonical approval request")]
    Request,
    /// The client data are malformed, or can be read in two ways.
    #[error("the client data are not one plain JSON object with type, challenge and origin")]
    ClientData,
    /// Not an assertion.
    #[error("the client data are not of an assertion (type webauthn.get)")]
    Type,
    /// Another request was signed.
    #[error("another request was approved than this one: the challenge is not this request's digest")]
    Challenge,
    /// A batch without this request, or with one that is asked alone.
    #[error("the batch that was approved does not hold this request, or this request must be approved alone")]
    Batch,
    /// Signed elsewhere.
    #[error("the signature comes from an origin that the enrolled key does not list")]
    Origin,
    /// Signed inside a frame of another site.
    #[error("the signature was made in a page inside another site's page")]
    CrossOrigin,
    /// The authenticator data have the wrong length.
    #[error("the authenticator data are not the 37 bytes of an assertion without extensions")]
    AuthenticatorData,
    /// Flags that announce data which were not asked for.
    #[error("the authenticator data announce attested or extension data, which were not asked for")]
    UnaskedData,
    /// Flags that cannot be.
    #[error("the authenticator data say that a key is backed up which cannot be")]
    BackupState,
    /// For another relying party.
    #[error("the signature is for another relying party than the enrolled key's")]
    RelyingParty,
    /// Nobody was there.
    #[error("the authenticator did not see a user (flag UP)")]
    UserNotPresent,
    /// Somebody was there, but who?
    #[error("the authenticator did not verify its user (flag UV); use the fingerprint, the face or the PIN")]
    UserNotVerified,
    /// Not a signature.
    #[error("the signature is not an ECDSA signature in DER")]
    SignatureEncoding,
    /// Not this key's signature over this.
    #[error("the signature is not this key's signature over this statement")]
    Signature,
}

/// A receipt that was verified: this key's holder said yes to exactly this request. Only [`verify`] makes one.
#[derive(Debug)]
#[must_use = "a verified receipt is a statement about a request; hold it against that request"]
pub struct VerifiedReceipt {
    receipt: Receipt,
    scope: Scope,
    facts: Value,
    need: u8,
    expires: u64,
    counter: u32,
    user_verified: bool,
}

impl VerifiedReceipt {
    /// The receipt.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The receipt, for keeping.
    pub fn into_receipt(self) -> Receipt {
        self.receipt
    }

    /// How far the yes reaches.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The facts that were approved, as JSON. Hold them against what was done.
    pub fn facts(&self) -> &Value {
        &self.facts
    }

    /// How many distinct people must have agreed to the same facts. This receipt is one of theirs.
    pub fn need(&self) -> u8 {
        self.need
    }

    /// When the question ended, in seconds of Unix time. A use under [`Scope::Once`] later than this was not approved.
    pub fn expires(&self) -> u64 {
        self.expires
    }

    /// The authenticator's signature counter. Information only: synchronised passkeys always say 0.
    pub fn counter(&self) -> u32 {
        self.counter
    }

    /// True when the authenticator verified its user by biometrics or PIN; it does not say which.
    pub fn user_verified(&self) -> bool {
        self.user_verified
    }
}

/// Verifies a receipt against an enrolled key, by the steps of WebAuthn Level 3 §7.2 that apply when the credential was
/// chosen beforehand and no extensions were asked for. Pure: the desk and an auditor run the same lines.
///
/// It does not look at the clock. The desk does before it acts; an auditor holds [`VerifiedReceipt::expires`] against the
/// time of the log entry.
///
/// # Errors
/// [`ReceiptError`]: the first step that failed.
pub fn verify(receipt: &Receipt, key: &EnrolledKey) -> Result<VerifiedReceipt, ReceiptError> {
    belongs(receipt, key)?;
    let request = request(&receipt.request)?;
    let client = client_data::parse(receipt.client_data_json.as_bytes()).map_err(|_| ReceiptError::ClientData)?;
    check_client(&client, &challenge(receipt, &request)?, key, None)?;
    let authenticator = AuthenticatorData::parse(receipt.authenticator_data.as_bytes())?;
    check_authenticator(&authenticator, key)?;
    check_signature(receipt, key)?;
    Ok(VerifiedReceipt {
        receipt: receipt.clone(),
        scope: request.scope,
        facts: request.facts,
        need: request.need,
        expires: request.expires,
        counter: authenticator.counter,
        user_verified: authenticator.user_verified(),
    })
}

/// What stands beside the signature is not signed, so it must say what the enrolment says.
fn belongs(receipt: &Receipt, key: &EnrolledKey) -> Result<(), ReceiptError> {
    let checks = [
        (receipt.v == receipt::VERSION, ReceiptError::Version),
        (receipt.credential_id == *key.credential_id(), ReceiptError::OtherCredential),
        (receipt.approver == key.name(), ReceiptError::OtherApprover),
        (receipt.kind == key.kind(), ReceiptError::OtherKind),
    ];
    first_failure(checks)
}

#[derive(Serialize, Deserialize)]
struct Request {
    v: u8,
    facts: Value,
    scope: Scope,
    need: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    nonce: Base64Url,
    expires: u64,
}

/// Only the canonical spelling is a request: any other could be read differently by somebody else. It is written again
/// from what was understood, so a member that this version does not know is a difference too.
fn request(text: &str) -> Result<Request, ReceiptError> {
    let request: Request = serde_json::from_str(text).map_err(|_| ReceiptError::Request)?;
    let canonical = serde_json_canonicalizer::to_string(&request).map_err(|_| ReceiptError::Request)?;
    let nonce_is_whole = request.nonce.as_bytes().len() == 32;
    first_failure([
        (canonical == text && nonce_is_whole && request.facts.is_object(), ReceiptError::Request),
        (request.v == ask::VERSION, ReceiptError::Version),
        (request.need > 0 && (request.scope == Scope::Once || request.is_simple()), ReceiptError::Request),
    ])?;
    Ok(request)
}

impl Request {
    /// Whether one person's gesture, without a match code, is all that it asks for.
    fn is_simple(&self) -> bool {
        self.need == 1 && self.code.is_none()
    }
}

/// What must have been signed: the request's own digest, or that of a batch which holds it.
fn challenge(receipt: &Receipt, request: &Request) -> Result<[u8; 32], ReceiptError> {
    let own = ask::digest(&receipt.request);
    let Some(text) = &receipt.batch else { return Ok(own) };
    let batch = Batch::parse(text).filter(|batch| batch.holds(&own)).ok_or(ReceiptError::Batch)?;
    let may_be_in_one = request.is_simple() && request.scope == Scope::Once;
    if may_be_in_one { Ok(batch.digest()) } else { Err(ReceiptError::Batch) }
}

/// An assertion's two statements, read and not yet believed.
pub(crate) struct Signed {
    pub(crate) client: ClientData,
    pub(crate) authenticator: AuthenticatorData,
}

impl Signed {
    /// Reads both strictly.
    pub(crate) fn of(assertion: &Assertion) -> Result<Self, ReceiptError> {
        let client = client_data::parse(assertion.client_data_json.as_bytes());
        let client = client.map_err(|_| ReceiptError::ClientData)?;
        Ok(Self { client, authenticator: AuthenticatorData::parse(assertion.authenticator_data.as_bytes())? })
    }
}

/// What the browser says. `only` narrows the key's origins to one of them.
pub(crate) fn check_client(
    client: &ClientData,
    challenge: &[u8; 32],
    key: &EnrolledKey,
    only: Option<&str>,
) -> Result<(), ReceiptError> {
    let challenge = Base64Url::from(challenge.as_slice()).to_string();
    first_failure([
        (client.kind == "webauthn.get", ReceiptError::Type),
        (client.challenge == challenge, ReceiptError::Challenge),
        (key.origins().contains(&client.origin), ReceiptError::Origin),
        (only.is_none_or(|only| only == client.origin), ReceiptError::Origin),
        (!client.cross_origin && !client.embedded, ReceiptError::CrossOrigin),
    ])
}

/// What the authenticator says.
pub(crate) fn check_authenticator(data: &AuthenticatorData, key: &EnrolledKey) -> Result<(), ReceiptError> {
    // A host cannot verify a person's finger; its receipts are labelled instead of claiming it.
    let verified = data.user_verified() || key.kind() == ApproverKind::HostAsserted;
    first_failure([
        (data.is_for(key.rp_id()), ReceiptError::RelyingParty),
        (data.user_present(), ReceiptError::UserNotPresent),
        (verified, ReceiptError::UserNotVerified),
    ])
}

fn check_signature(receipt: &Receipt, key: &EnrolledKey) -> Result<(), ReceiptError> {
    signature_over(&receipt.authenticator_data, &receipt.client_data_json, &receipt.signature, key)
}

/// The same for an assertion that is no receipt.
pub(crate) fn check_signature_of(assertion: &Assertion, key: &EnrolledKey) -> Result<(), ReceiptError> {
    signature_over(&assertion.authenticator_data, &assertion.client_data_json, &assertion.signature, key)
}

fn signature_over(
    authenticator_data: &Base64Url,
    client_data_json: &Base64Url,
    signature: &Base64Url,
    key: &EnrolledKey,
) -> Result<(), ReceiptError> {
    let signature = Signature::from_der(signature.as_bytes()).map_err(|_| ReceiptError::SignatureEncoding)?;
    let message = signed_message(authenticator_data.as_bytes(), client_data_json.as_bytes());
    key.public_key().verifying_key().verify(&message, &signature).map_err(|_| ReceiptError::Signature)
}

/// What an authenticator signs: its own data, then the hash of the client's.
pub(crate) fn signed_message(authenticator_data: &[u8], client_data_json: &[u8]) -> Vec<u8> {
    [authenticator_data, Sha256::digest(client_data_json).as_slice()].concat()
}

fn first_failure<const N: usize>(checks: [(bool, ReceiptError); N]) -> Result<(), ReceiptError> {
    checks.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, why)| Err(why))
}

#[cfg(test)]
mod tests;
