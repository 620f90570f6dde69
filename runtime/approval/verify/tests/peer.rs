//! The same assertions before another implementation of the standard, webauthn-rs: both accept, or both refuse.

use std::time::Duration;

use serde_json::json;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::proto::{
    AuthenticationState, COSEAlgorithm, COSEEC2Key, COSEKey, COSEKeyType, Credential, CredentialV3, ECDSACurve,
    PublicKeyCredential, UserVerificationPolicy,
};

use super::{AuthenticatorData, Ceremony, ORIGIN, RP_ID, UP, UV, client_data, fixtures, moment, verify};
use crate::{Base64Url, Receipt};

/// What webauthn-rs says of an assertion, asked for the challenge of the right request.
fn peer_accepts(receipt: &Receipt, right: &Ceremony) -> bool {
    let point = right.key.public_key().to_sec1();
    let cred = COSEKey {
        type_: COSEAlgorithm::ES256,
        key: COSEKeyType::EC_EC2(COSEEC2Key {
            curve: ECDSACurve::SECP256R1,
            x: point.iter().skip(1).take(32).copied().collect(),
            y: point.iter().skip(33).copied().collect(),
        }),
    };
    let credential = Credential::from(CredentialV3 {
        cred_id: right.key.credential_id().as_bytes().to_vec(),
        cred,
        counter: 0,
        verified: true,
        registration_policy: UserVerificationPolicy::Required,
    });
    let state: AuthenticationState = serde_json::from_value(json!({
        "credentials": [credential], "policy": "required", "challenge": Base64Url::from(right.ask.digest().as_slice()),
        "appid": null, "allow_backup_eligible_upgrade": false,
    }))
    .unwrap();
    let given: PublicKeyCredential = serde_json::from_value(json!({
        "id": receipt.credential_id, "rawId": receipt.credential_id, "type": "public-key", "extensions": {},
        "response": { "authenticatorData": receipt.authenticator_data, "clientDataJSON": receipt.client_data_json,
            "signature": receipt.signature, "userHandle": null },
    }))
    .unwrap();
    let origins = vec![url::Url::parse(ORIGIN).unwrap()];
    let peer = WebauthnCore::new_unsafe_experts_only("Claviger", RP_ID, origins, Duration::from_secs(60), None, None);
    peer.authenticate_credential(&given, &state).is_ok()
}

#[test]
fn both_accept_and_both_refuse() {
    let right = Ceremony::new();
    let other = fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, 8)).unwrap();
    let data = |rp_id, flags| AuthenticatorData::new(rp_id, flags, 41).to_bytes();
    let with = |client_data| Ceremony { client_data, ..Ceremony::new() };
    let from = |authenticator_data| Ceremony { authenticator_data, ..Ceremony::new() };
    let plain = r#","crossOrigin":false"#;
    let cases = [
        ("right", Ceremony::new(), true),
        ("nobody verified", from(data(RP_ID, UP)), false),
        ("nobody present", from(data(RP_ID, UV)), false),
        ("another relying party", from(data("other.localhost", UP | UV)), false),
        ("another origin", with(client_data(&right.ask, "http://other.localhost:7443", plain)), false),
        ("another port", with(client_data(&right.ask, "http://claviger.localhost:7444", plain)), false),
        ("another challenge", with(client_data(&other, ORIGIN, plain)), false),
        ("a registration", with(right.client_data.replace("webauthn.get", "webauthn.create")), false),
    ];
    for (name, case, holds) in cases {
        let receipt = case.receipt();
        assert_eq!((verify(&receipt, &case.key).is_ok(), peer_accepts(&receipt, &right)), (holds, holds), "{name}");
    }
    let signed = right.receipt();
    let other_signature =
        Ceremony { authenticator_data: data(RP_ID, UP | UV | 8), ..Ceremony::new() }.receipt().signature;
    let swapped = Receipt { signature: other_signature, ..signed };
    assert!(verify(&swapped, &right.key).is_err() && !peer_accepts(&swapped, &right), "another statement's signature");
}
