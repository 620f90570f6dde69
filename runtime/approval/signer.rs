//! A key that this program itself holds, in the shape of an authenticator.

use std::fmt;

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::authenticator_data::AuthenticatorData;
use crate::enrolled::{HOST_ASSERTED_RP_ID, SIMULATED_RP_ID};
use crate::verify::signed_message;
use crate::{
    ApproverKind, Ask, Assertion, Base64Url, Batch, EnrolledKey, Enrolment, EnrolmentError, HostMethod, PublicKey,
};

/// The 32 bytes are no private key of P-256: zero, or not below the group's order. One in 2^32 random seeds is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these 32 bytes are no P-256 private key; draw others")]
pub struct UnusableSeed;

/// An ES256 key with the identity it signs under. Only kinds that no browser can sign for are possible.
pub(crate) struct Signer {
    key: SigningKey,
    credential_id: Base64Url,
    kind: ApproverKind,
    rp_id: &'static str,
    /// What its signatures say they come from. For the host's own, it tells the method.
    origin: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClientData<'a> {
    r#type: &'static str,
    challenge: Base64Url,
    origin: &'a str,
    cross_origin: bool,
}

impl Signer {
    pub(crate) fn simulated(seed: &[u8; 32]) -> Result<Self, UnusableSeed> {
        Self::new(seed, ApproverKind::Simulated, SIMULATED_RP_ID, SIMULATED_RP_ID)
    }

    pub(crate) fn host_asserted(seed: &[u8; 32], method: HostMethod) -> Result<Self, UnusableSeed> {
        Self::new(seed, ApproverKind::HostAsserted, HOST_ASSERTED_RP_ID, method.origin())
    }

    fn new(
        seed: &[u8; 32],
        kind: ApproverKind,
        rp_id: &'static str,
        origin: &'static str,
    ) -> Result<Self, UnusableSeed> {
        let key = SigningKey::from_slice(seed).map_err(|_| UnusableSeed)?;
        // Derived, so that the same seed is the same credential; the origin is in it, so that no two kinds or methods share
        // one.
        let public = PublicKey::from(key.verifying_key()).to_sec1();
        let id = Sha256::new().chain_update(origin.as_bytes()).chain_update([0]).chain_update(public).finalize();
        Ok(Self { key, credential_id: id.as_slice().into(), kind, rp_id, origin })
    }

    pub(crate) fn kind(&self) -> ApproverKind {
        self.kind
    }

    /// What `approvers.toml` says about this key. It has one origin.
    pub(crate) fn enrolment(&self, name: &str) -> Result<EnrolledKey, EnrolmentError> {
        EnrolledKey::try_from(Enrolment {
            name: name.to_owned(),
            role: None,
            kind: self.kind,
            credential_id: self.credential_id.clone(),
            public_key: PublicKey::from(self.key.verifying_key()),
            rp_id: self.rp_id.to_owned(),
            origins: [self.origin.to_owned()].into(),
        })
    }

    /// Signs for a question as an authenticator would (WebAuthn Level 3 §6.3.3), with deterministic ECDSA (RFC 6979).
    pub(crate) fn sign(&self, ask: &Ask, flags: u8, counter: u32) -> Option<Assertion> {
        self.sign_challenge(&ask.digest(), None, flags, counter)
    }

    /// Signs once for every question of a batch.
    pub(crate) fn sign_batch(&self, batch: &Batch, flags: u8, counter: u32) -> Option<Assertion> {
        self.sign_challenge(&batch.digest(), Some(batch.canonical().to_owned()), flags, counter)
    }

    fn sign_challenge(
        &self,
        challenge: &[u8; 32],
        batch: Option<String>,
        flags: u8,
        counter: u32,
    ) -> Option<Assertion> {
        let client_data = client_data(challenge, self.origin)?;
        let authenticator_data = AuthenticatorData::new(self.rp_id, flags, counter).to_bytes();
        let signature: Signature = self.key.sign(&signed_message(&authenticator_data, &client_data));
        Some(Assertion {
            credential_id: self.credential_id.clone(),
            authenticator_data: authenticator_data.into(),
            client_data_json: client_data.into(),
            signature: signature.to_der().as_bytes().into(),
            batch,
        })
    }
}

/// The client's statement for a challenge, as this program writes it where there is no browser (WebAuthn Level 3 §5.8.1).
pub(crate) fn client_data(challenge: &[u8; 32], origin: &str) -> Option<Vec<u8>> {
    let challenge = challenge.as_slice().into();
    serde_json::to_vec(&ClientData { r#type: "webauthn.get", challenge, origin, cross_origin: false }).ok()
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Signer({}, {})", self.kind, self.credential_id)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Signer, UnusableSeed};
    use crate::HostMethod;
    use crate::fixtures::SEED;

    #[test]
    fn a_seed_is_one_credential_for_each_kind() {
        let simulated = || Signer::simulated(&SEED).unwrap().enrolment("a").unwrap();
        let host = |method| Signer::host_asserted(&SEED, method).unwrap().enrolment("a").unwrap();
        let (typed, touched) = (host(HostMethod::Terminal), host(HostMethod::Fprintd));
        assert_eq!(simulated(), simulated());
        assert_ne!(simulated().credential_id(), typed.credential_id());
        assert_ne!(typed.credential_id(), touched.credential_id());
    }

    #[test]
    fn seeds_outside_the_group_are_refused() {
        for seed in [[0; 32], [0xff; 32]] {
            assert_eq!(Signer::simulated(&seed).unwrap_err(), UnusableSeed);
        }
    }

    #[test]
    fn the_key_is_not_printed() {
        let signer = Signer::simulated(&SEED).unwrap();
        // The whole of it: a key has more spellings than a test can search for.
        assert_eq!(format!("{signer:?}"), format!("Signer(simulated, {})", signer.credential_id));
    }
}
