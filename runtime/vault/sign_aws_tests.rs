#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{PayloadChecksumKind, PercentEncodingMode, SessionTokenMode, UriPathNormalizationMode};
use claviger_manifest::{AwsSigv4, FieldValue, Name};
use serde::Deserialize;

use super::{Scope, headers, settings, sign};
use crate::failure::FailureKind;
use crate::inject::Resolved;
use crate::reveal::Secret;
use crate::scan::Live;
use crate::sign::Unsigned;

const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// One case of the published suite.
#[derive(Deserialize)]
struct Vector {
    name: String,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
    normalize: bool,
    sign_body: bool,
    authorization: String,
    token: Option<String>,
    #[serde(default)]
    cover_token: bool,
}

/// 2015-08-30T12:36:00Z, when the suite signs.
fn then() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_440_938_160)
}

/// The grant room encodes every parameter; the suite has a few raw ones.
fn encoded(target: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_graphic();
    target.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn authorization(vector: &Vector) -> String {
    let mut settings = settings("service");
    if !vector.sign_body {
        settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    }
    if !vector.normalize {
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    if !vector.cover_token {
        settings.session_token_mode = SessionTokenMode::Exclude;
    }
    let target = encoded(&vector.target);
    // The suite's paths are encoded once in all. Those of services are encoded once more, which the upstream of
    // `send_tests/signatures.rs` holds them to.
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let covered: Vec<(&str, &str)> =
        vector.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let request = Unsigned {
        scheme: "https",
        method: &vector.method,
        host: "example.amazonaws.com",
        path,
        query,
        headers: &[],
        body: vector.body.as_bytes(),
    };
    let credentials = Credentials::new("AKIDEXAMPLE", KEY, vector.token.clone(), None, "vector");
    let scope = Scope { region: "us-east-1", service: "service" };
    let (headers, _) = headers(&credentials, &scope, &covered, settings, &request, then()).unwrap();
    headers.into_iter().find(|(name, _)| name == "authorization").unwrap().1
}

#[test]
fn the_published_suite_is_signed_as_published() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors/aws-sigv4.json")).unwrap();
    assert_eq!(vectors.len(), 37);
    for vector in vectors {
        assert_eq!(authorization(&vector), vector.authorization, "{}", vector.name);
    }
}

fn secrets(region: &str) -> Resolved {
    let mut secrets = Resolved::default();
    for (name, value) in [("id", "AKIDEXAMPLE"), ("key", KEY), ("region", region)] {
        secrets.add(name.parse().unwrap(), Arc::new(Secret::new(value.as_bytes().to_vec())), name == "key");
    }
    secrets
}

fn scheme(region: FieldValue) -> AwsSigv4 {
    let name = |text: &str| -> Name { text.parse().unwrap() };
    let (access_key_id, secret_access_key) = (name("id"), name("key"));
    AwsSigv4 { access_key_id, secret_access_key, session_token: None, region, service: "s3".to_owned() }
}

fn request() -> Unsigned<'static> {
    let host = "bucket.s3.eu-central-1.amazonaws.com";
    Unsigned { scheme: "https", method: "GET", host, path: "/a%20b", query: "", headers: &[], body: b"" }
}

#[test]
fn a_region_of_a_setting_cannot_change_the_scope() {
    let template = || FieldValue::Template("{{region}}".parse().unwrap());
    for region in ["", "eu/s3", "eu central", "eu\n", "eu,", "\u{e9}"] {
        let failure = sign(&scheme(template()), &secrets(region), &request(), then(), &mut Live::default()).err();
        assert!(matches!(failure, Some(FailureKind::Unplaceable(name)) if name.as_str() == "region"), "{region:?}");
    }
    sign(&scheme(template()), &secrets("eu-central-1"), &request(), then(), &mut Live::default()).unwrap();
}

#[test]
fn a_signature_is_a_secret_in_every_spelling() {
    let mut live = Live::default();
    let region = FieldValue::Constant(serde_json::json!("eu-central-1"));
    let signed = sign(&scheme(region), &secrets(""), &request(), then(), &mut live).unwrap();
    let header = |name: &str| {
        let found = signed.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.to_str().unwrap().to_owned()).unwrap()
    };
    let signature = header("authorization").rsplit_once('=').unwrap().1.to_owned();
    for echo in [signature.clone(), signature.to_uppercase(), header("authorization")] {
        assert_eq!(live.leaks(echo.as_bytes()).len(), 1, "{echo}");
    }
    assert!(live.leaks(header("x-amz-content-sha256").as_bytes()).is_empty());
    assert!(signed.headers.iter().all(|(_, value)| value.is_sensitive()));
}
