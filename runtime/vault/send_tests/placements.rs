//! What the upstream gets, to the byte.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use claviger_grant::SendRequest;

use super::house::{CLIENT_ID, CLIENT_SECRET, COMPANY, House, KEY, PRIVATE, PUBLIC, Place, lent, put, request, show};
use super::upstream::{Reply, Seen, Upstream};
use crate::failure::FailureKind;

async fn sent(request: SendRequest) -> Seen {
    let upstream = Upstream::start(|_| Reply::json(200, "{}")).await;
    let house = House::at(&Place::here(upstream.port));
    house.send(request, &mut house.begin()).await.unwrap();
    assert_eq!(upstream.seen().len(), 1);
    upstream.seen().remove(0)
}

#[tokio::test]
async fn the_host_writes_the_request_line_and_its_own_headers() {
    let parameters = vec![("page".to_owned(), "2 &x=y".to_owned()), ("id".to_owned(), "a b".to_owned())];
    let seen = sent(SendRequest { parameters, ..show("bearer") }).await;
    assert_eq!(seen.line(), "GET /v1/things/a%20b?page=2%20%26x%3Dy HTTP/1.1");
    assert!(seen.header("host").first().unwrap().starts_with("127.0.0.1:"));
    assert_eq!(seen.header("accept-encoding"), ["identity"]);
    assert_eq!(seen.header("accept"), ["application/json"]);
    assert_eq!(seen.header("user-agent"), [concat!("claviger/", env!("CARGO_PKG_VERSION"))]);
    for absent in ["cookie", "referer", "content-length", "transfer-encoding", "connection", "content-type"] {
        assert!(seen.header(absent).is_empty(), "{absent}");
    }
}

#[tokio::test]
async fn each_scheme_places_its_secrets() {
    assert_eq!(sent(show("bearer")).await.header("authorization"), [format!("Bearer {KEY}")]);
    let template = sent(show("template")).await;
    assert_eq!(template.header("authorization"), [format!("PVEAPIToken={PUBLIC}={KEY}")]);
    assert_eq!(template.header("clientid"), [CLIENT_ID]);
    let pair = BASE64_STANDARD.encode(format!("{COMPANY}+{PUBLIC}:{PRIVATE}"));
    assert_eq!(sent(show("basic")).await.header("authorization"), [format!("Basic {pair}")]);
    let seen = sent(show("query")).await;
    let query = seen.line().split(['?', ' ']).nth(2).unwrap();
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    assert_eq!(pairs, [("api_key".to_owned(), CLIENT_SECRET.to_owned())]);
    assert!(seen.header("authorization").is_empty());
    assert!(sent(request("open", None)).await.header("authorization").is_empty());
}

#[tokio::test]
async fn a_generated_value_goes_to_its_site_and_nowhere_else() {
    let upstream = Upstream::start(|_| Reply::json(200, "{}")).await;
    let house = House::at(&Place::here(upstream.port));
    let mut scope = house.begin();
    let password = house.generate(&mut scope);
    let value = String::from_utf8(scope.value(&password).unwrap().expose().to_vec()).unwrap();
    let body = Some(br#"{"name":"n","user":{"mail":"m"}}"#.to_vec());
    let parameters = vec![("id".to_owned(), "7".to_owned())];
    let change = SendRequest { parameters, body, lent: lent(&password), ..request("change", Some("bearer")) };
    house.send(change, &mut scope).await.unwrap();
    let body = Some(br#"{"name":"a b"}"#.to_vec());
    house
        .send(SendRequest { body, lent: lent(&password), ..request("change-form", Some("bearer")) }, &mut scope)
        .await
        .unwrap();
    let seen = upstream.seen();
    let json: serde_json::Value = serde_json::from_str(&seen[0].body).unwrap();
    assert_eq!(json, serde_json::json!({"name": "n", "user": {"mail": "m", "password": value}}));
    assert_eq!(seen[0].header("content-type"), ["application/json"]);
    let pairs: Vec<_> = form_urlencoded::parse(seen[1].body.as_bytes()).into_owned().collect();
    assert_eq!(pairs, [("name".to_owned(), "a b".to_owned()), ("pass word".to_owned(), value.clone())]);
    assert!(seen[1].body.starts_with("name=a%20b&"), "encoded as the approved digest was");
    assert_eq!(seen[1].header("content-type"), ["application/x-www-form-urlencoded"]);
    assert!(!house.audit().contains(&value));
    assert_eq!(house.vault.journal().pending().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_placed_is_not_sent() {
    let upstream = Upstream::start(|_| Reply::json(200, "{}")).await;
    let house = House::at(&Place::here(upstream.port));
    put(&house.store, "key", "kR7vQ2pXw9Lm\r\nx-injected: 1");
    let failure = house.show("bearer").await.unwrap_err();
    assert!(matches!(&failure.kind, FailureKind::Unplaceable(name) if name.as_str() == "key"), "{failure:?}");
    put(&house.store, "company", "with:colon-Zt4Yb8Nc");
    assert!(matches!(house.show("basic").await.unwrap_err().kind, FailureKind::Unplaceable(_)));
    let failure = house.show("fresh").await.unwrap_err();
    assert!(matches!(&failure.kind, FailureKind::EmptySlot(slot) if slot.as_str() == "minted"), "{failure:?}");
    assert!(!failure.left_host);
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_reference_that_does_not_resolve_names_the_secret() {
    let upstream = Upstream::start(|_| Reply::json(200, "{}")).await;
    let house = House::at(&Place { key: "op://MSP/Site/nothing", ..Place::here(upstream.port) });
    let failure = house.show("bearer").await.unwrap_err();
    assert!(matches!(&failure.kind, FailureKind::Secret { secret, .. } if secret.as_str() == "key"), "{failure:?}");
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_value_that_is_replaced_in_a_call_is_sent_as_it_was_approved() {
    let upstream = Upstream::start(|_| Reply::json(200, "{}")).await;
    let house = House::at(&Place::here(upstream.port));
    let mut scope = house.begin();
    house.send(show("bearer"), &mut scope).await.unwrap();
    put(&house.store, "key", "Zt4Yb8NcJ6HfNewer");
    house.send(show("bearer"), &mut scope).await.unwrap();
    let keys: Vec<String> = upstream.seen().iter().map(|seen| seen.header("authorization")[0].to_owned()).collect();
    assert_eq!(keys, [format!("Bearer {KEY}"), "Bearer Zt4Yb8NcJ6HfNewer".to_owned()]);
}

#[tokio::test]
async fn a_scope_serves_its_own_connection_only() {
    let upstream = Upstream::start(|_| Reply::json(200, "{}")).await;
    let house = House::at(&Place::here(upstream.port));
    let mut scope = house.vault.begin(&super::house::name("other"), "s1");
    let failure = house.send(show("bearer"), &mut scope).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::OtherConnection));
    assert_eq!(upstream.connections(), 0);
}
