//! One test for every way in which a receipt can be wrong.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod peer;

use p256::ecdsa::Signature;
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer as _;

use super::{ReceiptError, signed_message, verify};
use crate::ask::digest;
use crate::authenticator_data::{AuthenticatorData, UP, UV};
use crate::fixtures::{self, ORIGIN, RP_ID, moment};
use crate::{ApproverKind, Ask, Base64Url, Batch, EnrolledKey, Enrolment, HOST_ASSERTED_RP_ID, Receipt, Scope};

/// A receipt that is right in everything but what a test changes, with a true signature over what it changed.
struct Ceremony {
    ask: Ask,
    request: String,
    key: EnrolledKey,
    signing: SigningKey,
    client_data: String,
    authenticator_data: Vec<u8>,
}

impl Ceremony {
    fn new() -> Self {
        let (key, signing) = fixtures::webauthn_key();
        let ask = fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, 7)).unwrap();
        let client_data = client_data(&ask, ORIGIN, r#","crossOrigin":false"#);
        let authenticator_data = AuthenticatorData::new(RP_ID, UP | UV, 41).to_bytes();
        Self { request: ask.canonical().to_owned(), ask, key, signing, client_data, authenticator_data }
    }

    fn receipt(&self) -> Receipt {
        let message = signed_message(&self.authenticator_data, self.client_data.as_bytes());
        let signature: Signature = self.signing.sign(&message);
        Receipt {
            v: 1,
            kind: self.key.kind(),
            approver: self.key.name().to_owned(),
            credential_id: self.key.credential_id().clone(),
            request: self.request.clone(),
            authenticator_data: self.authenticator_data.clone().into(),
            client_data_json: self.client_data.as_bytes().into(),
            signature: signature.to_der().as_bytes().into(),
            batch: None,
        }
    }

    fn fails_with(&self, why: ReceiptError) {
        assert_eq!(verify(&self.receipt(), &self.key).unwrap_err(), why);
    }
}

fn client_data(ask: &Ask, origin: &str, rest: &str) -> String {
    client_data_for(ask.canonical(), origin, rest)
}

fn client_data_for(request: &str, origin: &str, rest: &str) -> String {
    let challenge = Base64Url::from(digest(request).as_slice());
    format!(r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"{origin}"{rest}}}"#)
}

fn with_client_data(origin: &str, rest: &str) -> Ceremony {
    let right = Ceremony::new();
    Ceremony { client_data: client_data(&right.ask, origin, rest), ..right }
}

fn with_flags(flags: u8) -> Ceremony {
    Ceremony { authenticator_data: AuthenticatorData::new(RP_ID, flags, 1).to_bytes(), ..Ceremony::new() }
}

#[test]
fn a_right_receipt_verifies_and_says_what_was_approved() {
    let ceremony = Ceremony::new();
    let verified = verify(&ceremony.receipt(), &ceremony.key).unwrap();
    assert_eq!(verified.scope(), &Scope::Once);
    assert_eq!(verified.expires(), 1_700_000_060);
    assert_eq!(verified.counter(), 41);
    assert!(verified.user_verified());
    assert_eq!(verified.facts(), &serde_json::to_value(ceremony.ask.facts()).unwrap());
    assert_eq!(verified.into_receipt(), ceremony.receipt());
}

#[test]
fn unknown_client_data_members_are_allowed() {
    let ceremony = with_client_data(ORIGIN, r#","other_keys_can_be_added_here":"see the standard""#);
    assert!(verify(&ceremony.receipt(), &ceremony.key).is_ok());
}

#[test]
fn wrong_challenge() {
    let right = Ceremony::new();
    let other = fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, 8)).unwrap();
    Ceremony { client_data: client_data(&other, ORIGIN, ""), ..right }.fails_with(ReceiptError::Challenge);
}

#[test]
fn replay_on_another_ask() {
    let mut facts = fixtures::facts();
    facts.client = Some("Globex".to_owned());
    let other = fixtures::ask(&facts, &moment(1_700_000_000, 7)).unwrap();
    let receipt = Receipt { request: other.canonical().to_owned(), ..Ceremony::new().receipt() };
    assert_eq!(verify(&receipt, &Ceremony::new().key).unwrap_err(), ReceiptError::Challenge);
}

#[test]
fn one_gesture_answers_each_request_of_a_batch_and_no_other() {
    let asks: Vec<Ask> =
        (0..3).map(|nonce| fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, nonce)).unwrap()).collect();
    let (inside, outside) = asks.split_at(2);
    let (key, _) = fixtures::webauthn_key();
    let batch = Batch::of(inside).unwrap();
    for ask in inside {
        let verified = verify(&Receipt::new(ask, fixtures::batched(&batch), &key), &key).unwrap();
        assert_eq!((verified.scope(), verified.need()), (&Scope::Once, 1));
    }
    let stranger = Receipt::new(outside.first().unwrap(), fixtures::batched(&batch), &key);
    assert_eq!(verify(&stranger, &key).unwrap_err(), ReceiptError::Batch);
    // Without the batch's text the challenge is another one, and so it is with another batch's.
    let bare = Receipt { batch: None, ..Receipt::new(inside.first().unwrap(), fixtures::batched(&batch), &key) };
    assert_eq!(verify(&bare, &key).unwrap_err(), ReceiptError::Challenge);
    let larger = Batch::of(&asks).unwrap().canonical().to_owned();
    assert_eq!(verify(&Receipt { batch: Some(larger), ..stranger }, &key).unwrap_err(), ReceiptError::Challenge);
}

/// A batch that no page makes, because the request must be asked alone, but a key has signed.
#[test]
fn what_must_be_asked_alone_is_not_good_in_a_batch() {
    let mut facts = fixtures::facts();
    let read = fixtures::ask(&facts, &moment(1_700_000_000, 1)).unwrap();
    facts.effect = claviger_manifest::Effect::Destroy;
    let destroy = fixtures::ask(&facts, &moment(1_700_000_000, 2)).unwrap();
    let (key, _) = fixtures::webauthn_key();
    for alone in [&destroy, read.as_lease().unwrap()] {
        let digests = [&read, alone].map(|ask| hex::encode(ask.digest()));
        let text = format!(r#"{{"asks":["{}","{}"],"v":1}}"#, digests[0], digests[1]);
        let batch = Batch::parse(&text).unwrap();
        let receipt = |ask| Receipt::new(ask, fixtures::batched(&batch), &key);
        assert!(verify(&receipt(&read), &key).is_ok());
        assert_eq!(verify(&receipt(alone), &key).unwrap_err(), ReceiptError::Batch);
    }
}

#[test]
fn a_lease_for_several_people_or_with_a_code_is_no_request() {
    let right = Ceremony::new();
    let lease = right.ask.as_lease().unwrap().canonical().to_owned();
    let changed = [lease.replace(r#""need":1"#, r#""need":2"#), lease.replacen(r#"{"#, r#"{"code":"07","#, 1)];
    for request in changed.into_iter().chain([right.request.replace(r#""need":1"#, r#""need":0"#)]) {
        assert!(request != lease && request != right.request);
        let client_data = client_data_for(&request, ORIGIN, "");
        Ceremony { request, client_data, ..Ceremony::new() }.fails_with(ReceiptError::Request);
    }
}

#[test]
fn a_yes_for_once_is_no_lease() {
    let ceremony = Ceremony::new();
    let lease = ceremony.ask.as_lease().unwrap().canonical().to_owned();
    let receipt = Receipt { request: lease, ..ceremony.receipt() };
    assert_eq!(verify(&receipt, &ceremony.key).unwrap_err(), ReceiptError::Challenge);
}

#[test]
fn every_single_field_of_the_request() {
    let ceremony = Ceremony::new();
    for (place, request) in fixtures::every_change(ceremony.ask.canonical()) {
        let receipt = Receipt { request, ..ceremony.receipt() };
        // A change of the frame (version, scope, nonce) may already be no request; within the facts it is another one.
        let why = verify(&receipt, &ceremony.key).unwrap_err();
        let expected: &[ReceiptError] = if place.starts_with("/facts/") {
            &[ReceiptError::Challenge]
        } else {
            &[ReceiptError::Challenge, ReceiptError::Request, ReceiptError::Version]
        };
        assert!(expected.contains(&why), "{place}: {why:?}");
    }
}

#[test]
fn a_request_in_another_spelling() {
    let ceremony = Ceremony::new();
    let canonical = ceremony.ask.canonical();
    for request in [
        format!(" {canonical}"),
        canonical.replacen("\"v\":1", "\"v\":1.0", 1),
        canonical.replacen("{\"expires\"", "{\"expires\":1,\"expires\"", 1),
        canonical.replacen("pax8", "\\u0070ax8", 1),
        "{}".to_owned(),
        String::new(),
    ] {
        assert_ne!(request, canonical);
        let receipt = Receipt { request: request.clone(), ..ceremony.receipt() };
        assert_eq!(verify(&receipt, &ceremony.key).unwrap_err(), ReceiptError::Request, "{request}");
    }
}

/// Signed by the right person, and still nothing that a desk of this version asks.
#[test]
fn a_signed_request_that_is_none() {
    let ceremony = Ceremony::new();
    let canonical = ceremony.ask.canonical();
    let nonce = Base64Url::from([7_u8; 32].as_slice()).to_string();
    let short = Base64Url::from([7_u8; 31].as_slice()).to_string();
    let facts = serde_json_canonicalizer::to_string(ceremony.ask.facts()).unwrap();
    for (request, why) in [
        (canonical.replace("\"v\":1}", "\"v\":2}"), ReceiptError::Version),
        (canonical.replace(&nonce, &short), ReceiptError::Request),
        (canonical.replace(&facts, "\"the facts\""), ReceiptError::Request),
        (canonical.replace("\"v\":1}", "\"v\":1,\"w\":1}"), ReceiptError::Request),
        (canonical.replace("\"once\"", "\"always\""), ReceiptError::Request),
        (canonical.replace("{\"kind\":\"once\"}", "{\"kind\":\"once\",\"uses\":9}"), ReceiptError::Request),
    ] {
        assert_ne!(request, canonical);
        let client_data = client_data_for(&request, ORIGIN, "");
        Ceremony { client_data, request, ..Ceremony::new() }.fails_with(why);
    }
}

#[test]
fn wrong_type() {
    let mut ceremony = Ceremony::new();
    ceremony.client_data = ceremony.client_data.replace("webauthn.get", "webauthn.create");
    ceremony.fails_with(ReceiptError::Type);
}

#[test]
fn wrong_origin() {
    for origin in ["http://claviger.localhost:7444", "https://claviger.localhost:7443", "http://localhost:7443", ""] {
        with_client_data(origin, "").fails_with(ReceiptError::Origin);
    }
}

#[test]
fn cross_origin() {
    with_client_data(ORIGIN, r#","crossOrigin":true"#).fails_with(ReceiptError::CrossOrigin);
}

#[test]
fn top_origin() {
    with_client_data(ORIGIN, r#","crossOrigin":false,"topOrigin":"https://evil.example""#)
        .fails_with(ReceiptError::CrossOrigin);
}

#[test]
fn client_data_in_two_readings() {
    with_client_data(ORIGIN, r#","origin":"https://evil.example""#).fails_with(ReceiptError::ClientData);
}

#[test]
fn user_verification_off() {
    with_flags(UP).fails_with(ReceiptError::UserNotVerified);
}

#[test]
fn user_presence_off() {
    with_flags(UV).fails_with(ReceiptError::UserNotPresent);
    with_flags(0).fails_with(ReceiptError::UserNotPresent);
}

#[test]
fn wrong_relying_party() {
    let authenticator_data = AuthenticatorData::new("localhost", UP | UV, 1).to_bytes();
    Ceremony { authenticator_data, ..Ceremony::new() }.fails_with(ReceiptError::RelyingParty);
}

#[test]
fn truncated_authenticator_data() {
    let right = Ceremony::new().authenticator_data;
    for length in [0, 31, 32, 33, 36] {
        let authenticator_data = right.iter().take(length).copied().collect();
        Ceremony { authenticator_data, ..Ceremony::new() }.fails_with(ReceiptError::AuthenticatorData);
    }
}

#[test]
fn attested_or_extension_data() {
    with_flags(UP | UV | 0x40).fails_with(ReceiptError::UnaskedData);
    with_flags(UP | UV | 0x80).fails_with(ReceiptError::UnaskedData);
}

#[test]
fn backed_up_without_being_eligible() {
    with_flags(UP | UV | 0x10).fails_with(ReceiptError::BackupState);
}

#[test]
fn wrong_key() {
    let signing = SigningKey::from_slice(&[0x5a; 32]).unwrap();
    Ceremony { signing, ..Ceremony::new() }.fails_with(ReceiptError::Signature);
}

#[test]
fn tampered_signature() {
    let ceremony = Ceremony::new();
    let good = ceremony.receipt();
    for at in 0..good.signature.as_bytes().len() {
        let mut bytes = good.signature.as_bytes().to_vec();
        *bytes.get_mut(at).unwrap() ^= 1;
        let why = verify(&Receipt { signature: bytes.into(), ..good.clone() }, &ceremony.key).unwrap_err();
        assert!(matches!(why, ReceiptError::Signature | ReceiptError::SignatureEncoding), "byte {at}: {why:?}");
    }
}

#[test]
fn tampered_statements() {
    let ceremony = Ceremony::new();
    let good = ceremony.receipt();
    let counter = AuthenticatorData::new(RP_ID, UP | UV, 42).to_bytes();
    let spaced = format!("{} ", ceremony.client_data).into_bytes();
    for bad in [
        Receipt { authenticator_data: counter.into(), ..good.clone() },
        Receipt { client_data_json: spaced.into(), ..good.clone() },
    ] {
        assert_eq!(verify(&bad, &ceremony.key).unwrap_err(), ReceiptError::Signature);
    }
}

#[test]
fn signature_that_is_not_der() {
    let ceremony = Ceremony::new();
    let message = signed_message(&ceremony.authenticator_data, ceremony.client_data.as_bytes());
    let signature: Signature = ceremony.signing.sign(&message);
    let der = signature.to_der();
    let trailing = [der.as_bytes(), &[0]].concat();
    for bytes in [signature.to_bytes().to_vec(), trailing, Vec::new(), vec![0x30, 0x06, 2, 1, 0, 2, 1, 0]] {
        let receipt = Receipt { signature: bytes.into(), ..ceremony.receipt() };
        assert_eq!(verify(&receipt, &ceremony.key).unwrap_err(), ReceiptError::SignatureEncoding);
    }
}

#[test]
fn another_credential_name_kind_or_version() {
    let ceremony = Ceremony::new();
    let good = ceremony.receipt();
    for (bad, why) in [
        (Receipt { credential_id: vec![1].into(), ..good.clone() }, ReceiptError::OtherCredential),
        (Receipt { approver: "mallory".to_owned(), ..good.clone() }, ReceiptError::OtherApprover),
        (Receipt { kind: ApproverKind::Simulated, ..good.clone() }, ReceiptError::OtherKind),
        (Receipt { kind: ApproverKind::HostAsserted, ..good.clone() }, ReceiptError::OtherKind),
        (Receipt { v: 2, ..good.clone() }, ReceiptError::Version),
    ] {
        assert_eq!(verify(&bad, &ceremony.key).unwrap_err(), why);
    }
}

#[test]
fn what_the_host_asserts_needs_presence_and_no_verification() {
    let right = Ceremony::new();
    let enrolment = Enrolment {
        kind: ApproverKind::HostAsserted,
        rp_id: HOST_ASSERTED_RP_ID.to_owned(),
        ..right.key.clone().into()
    };
    let key = EnrolledKey::try_from(enrolment).unwrap();
    let with = |flags| AuthenticatorData::new(HOST_ASSERTED_RP_ID, flags, 0).to_bytes();
    let present = Ceremony { key: key.clone(), authenticator_data: with(UP), ..right };
    let verified = verify(&present.receipt(), &key).unwrap();
    assert!(!verified.user_verified());
    Ceremony { key, authenticator_data: with(0), ..Ceremony::new() }.fails_with(ReceiptError::UserNotPresent);
}
