//! Somebody with a passkey that verified them.

use claviger_approval::{ApproverKind, Assertion, Base64Url, EnrolledKey, Enrolment, PublicKey};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use sha2::{Digest as _, Sha256};

/// The page's host.
const RP_ID: &str = "claviger.localhost";

/// UP and UV (WebAuthn Level 3 §6.1).
const FLAGS: u8 = 0x05;

/// The name of the passkey's credential.
const CREDENTIAL: &[u8] = b"a passkey of a bench";

/// A person, on a page of this origin.
pub(crate) struct Person {
    key: SigningKey,
    origin: String,
}

impl Person {
    pub(crate) fn new(origin: &str) -> Self {
        Self { key: SigningKey::from_slice(&[0x11; 32]).unwrap(), origin: origin.to_owned() }
    }

    pub(crate) fn enrolment(&self) -> EnrolledKey {
        let public = self.key.verifying_key().to_sec1_point(false);
        EnrolledKey::try_from(Enrolment {
            name: "Robin".to_owned(),
            role: None,
            kind: ApproverKind::Webauthn,
            credential_id: CREDENTIAL.into(),
            public_key: PublicKey::from_sec1(public.as_bytes()).unwrap(),
            rp_id: RP_ID.to_owned(),
            origins: [self.origin.clone()].into(),
        })
        .unwrap()
    }

    pub(crate) fn sign(&self, challenge: &[u8]) -> Assertion {
        let (challenge, origin) = (Base64Url::from(challenge), &self.origin);
        let client_data =
            format!(r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#);
        let authenticator_data = [&Sha256::digest(RP_ID)[..], &[FLAGS], &[0; 4]].concat();
        let signature: Signature = self.key.sign(&message(&authenticator_data, client_data.as_bytes()));
        Assertion {
            credential_id: CREDENTIAL.into(),
            authenticator_data: authenticator_data.into(),
            client_data_json: client_data.into_bytes().into(),
            signature: signature.to_der().as_bytes().into(),
            batch: None,
        }
    }
}

/// What an authenticator signs.
pub(crate) fn message(authenticator_data: &[u8], client_data: &[u8]) -> Vec<u8> {
    [authenticator_data, &Sha256::digest(client_data)].concat()
}
