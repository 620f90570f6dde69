//! What of an answer reaches the guest, how short a secret may be for it, and credentials in a body.

use bytes::Bytes;
use claviger_grant::SendRequest;
use serde_json::{Value, json};

use super::house::{COMPANY, House, KEY, PRIVATE, Place, put, request};
use super::upstream::{Reply, Upstream};
use crate::failure::FailureKind;

/// An answer with fields of every kind, and free text among them.
const ANSWER: &str = r#"{"data":[{"id":7,"name":"free text"},{"id":"free text"}],"state":"up","note":"free text"}"#;

async fn house() -> (Upstream, House) {
    let upstream = Upstream::start(|_| Reply::json(200, ANSWER)).await;
    let house = House::at(&Place::here(upstream.port));
    (upstream, house)
}

async fn body(house: &House, operation: &str) -> Result<Bytes, FailureKind> {
    let answer = house.send(request(operation, Some("bearer")), &mut house.begin()).await;
    answer.map(|answer| answer.body).map_err(|failure| failure.kind)
}

#[tokio::test]
async fn a_guest_reads_what_the_operation_lets_through() {
    let (_upstream, house) = house().await;
    assert_eq!(body(&house, "whole").await.unwrap(), ANSWER.as_bytes());
    assert!(body(&house, "knock").await.unwrap().is_empty());
    let projected: Value = serde_json::from_slice(&body(&house, "count").await.unwrap()).unwrap();
    assert_eq!(projected, json!({ "data": [{ "id": 7 }, null], "state": "up" }));
}

#[tokio::test]
async fn a_short_secret_goes_only_where_no_text_comes_back() {
    let (upstream, house) = house().await;
    let value = "kR7vQ2pXw9LmZt4Y";
    for (length, expected) in [(7, ["short", "short", "sent"]), (15, ["guessable", "sent", "sent"]), (16, ["sent"; 3])]
    {
        put(&house.store, "key", value.get(..length).unwrap());
        for (operation, expected) in ["whole", "count", "knock"].into_iter().zip(expected) {
            let before = upstream.connections();
            let got = body(&house, operation).await.map_or_else(|kind| kind.code(), |_| "sent");
            assert_eq!(got, expected, "{length} bytes, {operation}");
            assert_eq!(upstream.connections() > before, expected == "sent", "{operation}: refused before it is sent");
        }
    }
}

#[tokio::test]
async fn a_projected_answer_is_scanned_whole() {
    let upstream = Upstream::start(|seen| {
        let echo = seen.header("authorization").first().map(ToString::to_string).unwrap_or_default();
        Reply::json(200, &json!({ "state": "up", "note": echo }).to_string())
    });
    let upstream = upstream.await;
    let house = House::at(&Place::here(upstream.port));
    assert!(matches!(body(&house, "count").await, Err(FailureKind::Leak)), "what the guest would not read counts too");
    assert!(matches!(body(&house, "knock").await, Err(FailureKind::Quarantined { .. })));
}

#[tokio::test]
async fn an_identifier_may_be_short_and_may_come_back() {
    let upstream = Upstream::start(|_| Reply::json(200, r#"{"owner":"root"}"#)).await;
    let house = House::at(&Place { identifiers: vec!["company"], ..Place::here(upstream.port) });
    put(&house.store, "company", "root");
    let answer = house.send(request("whole", Some("named")), &mut house.begin()).await.unwrap();
    assert_eq!(answer.body, r#"{"owner":"root"}"#.as_bytes());
    let strict = House::at(&Place::here(upstream.port));
    put(&strict.store, "company", "root");
    let refused = strict.send(request("whole", Some("named")), &mut strict.begin()).await.unwrap_err();
    assert!(matches!(&refused.kind, FailureKind::Short(name) if name.as_str() == "company"), "{refused:?}");
    assert!(refused.to_string().contains("`identifiers`"), "{refused}");
}

#[tokio::test]
async fn what_is_made_of_an_identifier_is_still_a_secret() {
    let upstream =
        Upstream::start(|seen| Reply::json(200, &json!({ "echo": seen.header("authorization").first() }).to_string()));
    let upstream = upstream.await;
    let house = House::at(&Place { identifiers: vec!["company"], ..Place::here(upstream.port) });
    let failure = house.send(request("whole", Some("named")), &mut house.begin()).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Leak));
    let quarantined: Vec<String> =
        house.vault.quarantine().list().into_iter().map(|(_, secret)| secret.to_string()).collect();
    assert_eq!(quarantined, ["private"], "a name cannot leak");
}

#[tokio::test]
async fn a_pair_is_looked_for_although_its_password_is_too_short_to_be() {
    // The host's header is all that the guest reads, so that seven bytes may be sent at all.
    let reply = |seen: &super::upstream::Seen| {
        let echo = seen.header("authorization").first().map(ToString::to_string).unwrap_or_default();
        Reply::with(200, &format!("retry-after: {echo}\r\n"), b"{}")
    };
    let upstream = Upstream::start(reply).await;
    let house = House::at(&Place { identifiers: vec!["company"], ..Place::here(upstream.port) });
    put(&house.store, "private", "kR7vQ2p");
    let failure = house.send(request("knock", Some("named")), &mut house.begin()).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Leak), "{failure:?}");
    assert_eq!(house.vault.quarantine().list(), [(super::house::name("acme"), super::house::name("private"))]);
}

#[tokio::test]
async fn a_credential_in_the_body_stands_beside_what_the_guest_gave() {
    let (upstream, house) = house().await;
    let given = Some(br#"{"note":"n","auth":{"hint":"h"}}"#.to_vec());
    let send = SendRequest { body: given, ..request("post-key", Some("in-body")) };
    house.send(send, &mut house.begin()).await.unwrap();
    house.send(request("post-form", Some("in-form")), &mut house.begin()).await.unwrap();
    let seen = upstream.seen();
    let json: Value = serde_json::from_str(&seen[0].body).unwrap();
    let auth = json!({ "hint": "h", "key": KEY, "user": format!("127.0.0.1/{COMPANY}"), "methods": ["password"] });
    assert_eq!(json, json!({ "note": "n", "auth": auth }));
    let pairs: Vec<(String, String)> = form_urlencoded::parse(seen[1].body.as_bytes()).into_owned().collect();
    assert_eq!(pairs, [("grant".to_owned(), "password".to_owned()), ("key".to_owned(), KEY.to_owned())]);
    for secret in [KEY, PRIVATE] {
        assert!(!house.audit().contains(secret));
    }
}

#[tokio::test]
async fn a_guest_cannot_fill_a_credentials_place() {
    let (upstream, house) = house().await;
    for body in [r#"{"auth":"x"}"#, r#"{"auth":{"key":"mine"}}"#, r#"{"auth":[]}"#] {
        let send = SendRequest { body: Some(body.as_bytes().to_vec()), ..request("post-key", Some("in-body")) };
        // What the allow-list does not refuse, placing does.
        let Ok(granted) = house.check(send) else { continue };
        assert!(house.act(granted, &mut house.begin()).await.is_err(), "{body}");
    }
    assert_eq!(upstream.connections(), 0);
}
