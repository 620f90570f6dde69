//! Requests that are signed, and an upstream that signs them again by its own reading of the standards.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use claviger_grant::SendRequest;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::house::{House, KEY, Place, lent, put, request};
use super::upstream::{Reply, Seen, Upstream};
use crate::failure::FailureKind;

const ACCESS_KEY: &str = "Hq7/Xw2Lm9Rt4+Vb6Nc1Zp8Kd3Js5Gf0Ty2Uo4Ie";
const SESSION_TOKEN: &str = "FwoGZXIvYXdzEJr//Pz9Xw2Lm9Rt4Vb6Nc1Zp8Kd3Js5Gf0Ty2U=";

const MORE: &str = r#"
[secrets.access-key-id]
reference = "op://MSP/Site/access key id"
[secrets.access-key]
reference = "op://MSP/Site/access key"
[secrets.session-token]
reference = "op://MSP/Site/session token"
[settings.region]
description = "Region"
default = "eu-central-1"

[credentials.aws]
scheme = "aws-sigv4"
access-key-id = "access-key-id"
secret-access-key = "access-key"
region = "{{region}}"
service = "execute-api"
[credentials.aws-storage]
scheme = "aws-sigv4"
access-key-id = "access-key-id"
secret-access-key = "access-key"
session-token = "session-token"
region = "eu-central-1"
service = "s3"
[credentials.signed]
scheme = "hmac"
key = "key"
message = "{method}\n{host}\n{path}\n{query}\n{timestamp}\n{body-sha256}"
timestamp = "http-date"
headers = { Authorization = "HMAC-SHA256 Signature={{signature}}", "x-ms-date" = "{{timestamp}}", "x-client" = "{{client-id}}" }

[operations.signed-read]
endpoint = "api"
credentials = ["aws", "aws-storage", "signed"]
method = "GET"
path = "/v1/things/{id}"
query = ["b", "a"]
headers = { Accept = "application/json", "X-Amz-Target" = "Things.Read" }
effect = "read"
[operations.signed-write]
endpoint = "api"
credentials = ["aws", "aws-storage", "signed"]
method = "PUT"
path = "/v1/things/{id}"
body = ["/name"]
lend = { password = "/password" }
effect = "write"

[tools.more]
description = "More things"
operations = ["signed-read", "signed-write"]
effect = "write"
input = "schemas/things.json"
"#;

fn house(port: u16) -> House {
    let more_operations = &["signed-read", "signed-write"];
    let house = House::at(&Place { more: MORE, more_operations, ..Place::here(port) });
    let values =
        [("access key id", "AKIAHQ7XW2LM9RT4VB6N"), ("access key", ACCESS_KEY), ("session token", SESSION_TOKEN)];
    values.into_iter().for_each(|(field, value)| put(&house.store, field, value));
    house
}

fn read(credential: &str) -> SendRequest {
    let parameters =
        [("id", "a b+c"), ("b", "2 &x"), ("a", "1")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    SendRequest { parameters: parameters.to_vec(), ..request("signed-read", Some(credential)) }
}

fn write(credential: &str) -> SendRequest {
    let parameters = vec![("id".to_owned(), "7".to_owned())];
    let body = Some(br#"{"name":"n"}"#.to_vec());
    SendRequest { parameters, body, ..request("signed-write", Some(credential)) }
}

type Verifier = fn(&Seen, &str, SystemTime) -> Result<(), &'static str>;

/// What arrives at an upstream that lets in who signs with this key.
async fn sent(verify: Verifier, key: &'static str, request: SendRequest) -> (u16, Seen) {
    let upstream = Upstream::start(move |seen| {
        let status = if verify(seen, key, SystemTime::now()).is_ok() { 200 } else { 403 };
        Reply::json(status, "{}")
    })
    .await;
    let house = house(upstream.port);
    let mut scope = house.begin();
    let password = house.generate(&mut scope);
    let lent = if request.operation == "signed-write" { lent(&password) } else { Vec::new() };
    let status = house.more(SendRequest { lent, ..request }, &mut scope).await.unwrap().status;
    (status, upstream.seen().remove(0))
}

fn code(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = <Hmac<Sha256>>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Target and query of a request line.
fn target(seen: &Seen) -> (String, String) {
    let target = seen.line().split(' ').nth(1).unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    (path.to_owned(), query.to_owned())
}

/// `YYYYMMDD'T'HHMMSS'Z'` as seconds.
fn basic_time(text: &str) -> Option<u64> {
    let timestamp: jiff::Timestamp = jiff::fmt::temporal::DateTimeParser::new().parse_timestamp(text).ok()?;
    u64::try_from(timestamp.as_second()).ok()
}

fn fresh(seconds: u64, now: SystemTime) -> bool {
    now.duration_since(UNIX_EPOCH).unwrap().as_secs().abs_diff(seconds) <= 15 * 60
}

/// Signature Version 4 as the AWS documentation describes it for a server: everything is taken from the request.
fn verify_aws(seen: &Seen, key: &str, now: SystemTime) -> Result<(), &'static str> {
    let one = |name: &str| seen.header(name).first().copied().ok_or("a header is missing");
    let date = one("x-amz-date")?;
    if !basic_time(date).is_some_and(|then| fresh(then, now)) {
        return Err("time");
    }
    if one("x-amz-content-sha256")? != digest(&seen.body) {
        return Err("body");
    }
    let fields = one("authorization")?.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("algorithm")?;
    let fields: BTreeMap<&str, &str> = fields.split(", ").filter_map(|field| field.split_once('=')).collect();
    let [credential, names, signature] = ["Credential", "SignedHeaders", "Signature"].map(|name| fields[name]);
    let scope: Vec<&str> = credential.split('/').skip(1).collect();
    let [day, region, service, "aws4_request"] = scope[..] else { return Err("scope") };
    for must in ["host", "x-amz-date", "x-amz-content-sha256"] {
        if !names.split(';').any(|name| name == must) {
            return Err("coverage");
        }
    }
    let (path, query) = target(seen);
    // Every service but S3 encodes the path that was sent once more.
    let path = if service == "s3" { path } else { path.replace('%', "%25") };
    let mut pairs: Vec<String> = query.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
    pairs.sort();
    let headers: String = names.split(';').map(|name| format!("{name}:{}\n", seen.header(name)[0].trim())).collect();
    let method = seen.line().split(' ').next().unwrap();
    let canonical = format!("{method}\n{path}\n{}\n{headers}\n{names}\n{}", pairs.join("&"), digest(&seen.body));
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{}\n{}", scope.join("/"), digest(&canonical));
    let derived = [day, region, service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{key}").into_bytes(), |key, part| code(&key, part));
    if hex::encode(code(&derived, &text)) == signature { Ok(()) } else { Err("signature") }
}

/// The keyed hash that the manifest above declares.
fn verify_hmac(seen: &Seen, key: &str, now: SystemTime) -> Result<(), &'static str> {
    let date = seen.header("x-ms-date").first().copied().ok_or("date")?;
    let then = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).map_err(|_| "date")?;
    if !fresh(u64::try_from(then.as_second()).map_err(|_| "date")?, now) {
        return Err("time");
    }
    let ((path, query), host) = (target(seen), seen.header("host")[0]);
    let method = seen.line().split(' ').next().unwrap();
    let text = format!("{method}\n{host}\n{path}\n{query}\n{date}\n{}", digest(&seen.body));
    let given = seen.header("authorization")[0].strip_prefix("HMAC-SHA256 Signature=").ok_or("scheme")?;
    if BASE64_STANDARD.encode(code(key.as_bytes(), &text)) == given { Ok(()) } else { Err("signature") }
}

const SCHEMES: [(&str, Verifier, &str); 3] =
    [("aws", verify_aws, ACCESS_KEY), ("aws-storage", verify_aws, ACCESS_KEY), ("signed", verify_hmac, KEY)];

#[tokio::test]
async fn an_upstream_that_signs_again_lets_in_who_has_the_key() {
    for (credential, verify, key) in SCHEMES {
        for request in [read(credential), write(credential)] {
            assert_eq!(sent(verify, key, request).await.0, 200, "{credential}");
        }
        assert_eq!(sent(verify, "Zt4Yb8NcJ6HfAnotherKey", read(credential)).await.0, 403, "{credential}");
    }
}

#[tokio::test]
async fn every_part_of_the_request_is_covered() {
    for (credential, verify, key) in SCHEMES {
        let (_, seen) = sent(verify, key, write(credential)).await;
        let now = SystemTime::now();
        assert_eq!(verify(&seen, key, now), Ok(()));
        assert!(seen.body.contains("password"), "a lent value is signed too");
        let changed = |from: &str, to: &str| {
            assert!(seen.head.contains(from), "{from}");
            Seen { head: seen.head.replacen(from, to, 1), body: seen.body.clone() }
        };
        let host = format!("host: {}", seen.header("host")[0]);
        for forged in [
            changed("PUT ", "POST "),
            changed("/v1/things/7", "/v1/things/8"),
            changed("/v1/things/7", "/v1/things/7?admin=1"),
            changed(&host, "host: evil.example.com"),
            Seen { body: seen.body.replacen("\"n\"", "\"m\"", 1), ..seen.clone() },
        ] {
            assert!(verify(&forged, key, now).is_err(), "{credential}: {forged:?}");
        }
        for skew in [16 * 60, 86_400] {
            assert_eq!(verify(&seen, key, now + Duration::from_secs(skew)), Err("time"));
            assert_eq!(verify(&seen, key, now - Duration::from_secs(skew)), Err("time"));
        }
        assert_eq!(verify(&seen, key, now + Duration::from_secs(14 * 60)), Ok(()));
    }
}

#[tokio::test]
async fn the_key_itself_is_never_sent_and_the_session_token_is_covered() {
    for (credential, verify, key) in SCHEMES {
        let (_, seen) = sent(verify, key, read(credential)).await;
        assert!(!format!("{seen:?}").contains(key), "{credential}");
        let token = seen.header("x-amz-security-token");
        assert_eq!(token.len(), usize::from(credential == "aws-storage"));
        if let Some(token) = token.first() {
            assert_eq!(*token, SESSION_TOKEN);
            assert!(seen.header("authorization")[0].contains(";x-amz-security-token"));
        }
        if credential != "signed" {
            assert!(seen.header("authorization")[0].contains(";x-amz-target"), "what is said to AWS is covered");
            let head = seen.head.replacen("Things.Read", "Things.Drop", 1);
            assert!(verify(&Seen { head, ..seen.clone() }, key, SystemTime::now()).is_err());
        }
    }
}

#[tokio::test]
async fn an_echo_of_a_signature_is_a_leak_of_the_key() {
    let echo = |seen: &Seen| {
        let value = seen.header("authorization")[0].to_owned();
        // The signature alone; what stands around it is no secret.
        let signature = value.split_once("Signature=").unwrap().1.to_owned();
        Reply::json(403, &format!(r#"{{"SignatureProvided":"{signature}"}}"#))
    };
    let upstream = Upstream::start(echo).await;
    for (credential, _, _) in SCHEMES {
        let house = house(upstream.port);
        let failure = house.more(read(credential), &mut house.begin()).await.unwrap_err();
        assert!(matches!(failure.kind, FailureKind::Leak), "{credential}: {failure:?}");
        let listed: Vec<String> =
            house.vault.quarantine().list().into_iter().map(|(_, name)| name.to_string()).collect();
        assert_eq!(listed, [if credential == "signed" { "key" } else { "access-key" }]);
    }
}
