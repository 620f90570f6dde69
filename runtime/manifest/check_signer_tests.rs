//! Client certificates and signers: one broken credential for each rule, with the text that its author reads.

use crate::testkit::manifest;
use crate::{Manifest, Scheme};

/// The whole manifest with one more credential, `signer`, that `list-nodes` takes.
fn with(credential: &str) -> String {
    let text = manifest().replace("[\"token\", \"basic\"]", "[\"token\", \"basic\", \"signer\"]");
    format!("{text}\n[credentials.signer]\n{credential}\n")
}

fn error(credential: &str) -> String {
    match Manifest::parse(&with(credential)) {
        Ok(_) => unreachable!("{credential} was accepted"),
        Err(error) => error.to_string(),
    }
}

const AWS: &str = r#"scheme = "aws-sigv4"
access-key-id = "client-id"
secret-access-key = "client-secret"
region = "eu-central-1"
service = "execute-api"
"#;

const HMAC: &str = r#"scheme = "hmac"
key = "client-secret"
message = "{method}{path}{query}{timestamp}{body-sha256}"
headers = { Authorization = "HMAC {{client-id}}:{{signature}}", X-Time = "{{timestamp}}" }
"#;

const MUTUAL: &str = r#"scheme = "client-certificate"
client-certificate = { certificate = "host", key = "token-secret" }
"#;

#[test]
fn certificates_and_signers_are_accepted() {
    for credential in [AWS, HMAC, MUTUAL] {
        let manifest = Manifest::parse(&with(credential)).unwrap();
        let signer = manifest.credentials.get(&"signer".parse().unwrap()).unwrap();
        assert_eq!(signer.client_certificate.is_some(), matches!(signer.scheme, Scheme::ClientCertificate));
    }
    // A certificate goes with any scheme, and a region may be the operator's.
    let both = format!("{AWS}client-certificate = {{ certificate = \"client-id\", key = \"token-secret\" }}");
    Manifest::parse(&with(&both.replace("eu-central-1", "{{host}}"))).unwrap();
}

#[test]
fn what_authenticates_is_a_secret() {
    let secret = "this authenticates; it is a secret, not a setting, which lies in the open";
    let slot = "client credentials are secrets, not slots: tokens outlive the call that fills a slot";
    for (credential, from, to, at, why) in [
        (MUTUAL, "\"token-secret\"", "\"port\"", "client-certificate", secret),
        (MUTUAL, "\"token-secret\"", "\"password\"", "client-certificate", slot),
        (AWS, "key = \"client-secret\"", "key = \"port\"", "secret-access-key", secret),
        (AWS, "key = \"client-secret\"", "key = \"password\"", "secret-access-key", slot),
        (AWS, "service", "session-token = \"port\"\nservice", "session-token", secret),
        (HMAC, "key = \"client-secret\"", "key = \"port\"", "key", secret),
    ] {
        let text = error(&credential.replacen(from, to, 1));
        let expected = format!("[credentials.signer] {at}: {why}");
        // A credential without any secret is found before it is asked which.
        let alone = "[credentials.signer]: a credential names at least one secret or slot; constant headers belong to the operation";
        assert!(text == expected || text == alone, "{to}: {text}");
    }
}

#[test]
fn each_signer_is_whole() {
    let word = "[credentials.signer]: an AWS region or service is letters, digits and any of - _ . , 64 at most";
    let written = "[credentials.signer]: a header of the credential names {{signature}}, and the signature is written in base64 or hex";
    let timed =
        "[credentials.signer]: {{timestamp}} stands in a header and {timestamp} in the message, or neither does";
    let taken = "[credentials.signer] headers: the header is set by the operation's credential too, or by its scheme";
    for (credential, from, to, expected) in [
        (AWS, "\"eu-central-1\"", "\"eu/s3\"", word),
        (AWS, "\"execute-api\"", "\"\"", word),
        (AWS, "scheme", "headers = { X-Amz-Date = \"{{client-id}}\" }\nscheme", taken),
        (AWS, "scheme", "headers = { authorization = \"{{client-id}}\" }\nscheme", taken),
        (HMAC, ":{{signature}}", "", written),
        (HMAC, "scheme", "signature = \"text\"\nscheme", written),
        (HMAC, "{timestamp}{body", "{body", timed),
        (HMAC, "\"{{timestamp}}\"", "\"{{client-id}}\"", timed),
    ] {
        assert_eq!(error(&credential.replacen(from, to, 1)), expected, "{to}");
    }
}

#[test]
fn a_constant_does_not_stand_where_a_signature_goes() {
    let constant = |header: &str| with(AWS).replace("{ Accept = ", &format!("{{ {header} = \"x\", Accept = "));
    let error = Manifest::parse(&constant("X-Amz-Content-SHA256")).unwrap_err().to_string();
    assert!(
        error.ends_with("headers: the header is set by the operation's credential too, or by its scheme"),
        "{error}"
    );
    Manifest::parse(&constant("X-Amz-Target")).unwrap();
}
