//! New secrets: taken out, made durable, used as handles, written back.

use claviger_grant::SlotHandle;

use super::house::{House, KEY, Place, request, show};
use super::upstream::{Reply, Upstream};
use crate::decode::tests::{brotli, zstd};
use crate::failure::FailureKind;
use crate::response::{Answer, HttpAnswer};

const MINTED: &str = "b7e19f04-55c2-4d8a-9e63-0a1f2c3d4e5b";
const SESSION: &str = "sX9dK2mV7qR4tY8wB1nC";

fn body() -> String {
    format!(r#"{{"data":{{"value":"{MINTED}","id":"root@pam!x","echo":"again {MINTED}"}},"n":1.5}}"#)
}

async fn make(
    operation: &str,
    reply: impl Fn() -> Reply + Send + Sync + 'static,
) -> (House, Result<HttpAnswer, FailureKind>) {
    let upstream = Upstream::start(move |_| reply()).await;
    let house = House::at(&Place::here(upstream.port));
    let answer = house.send(request(operation, Some("bearer")), &mut house.begin()).await;
    if let Err(failure) = &answer {
        assert!(failure.left_host);
    }
    assert!(!house.audit().contains(MINTED) && !house.audit().contains(SESSION));
    (house, answer.map_err(|failure| failure.kind))
}

/// The slots in the order of their names: values of one moment have the same time, so their own order says nothing.
fn pending(house: &House) -> Vec<String> {
    let pending = house.vault.journal().pending().unwrap();
    let mut slots: Vec<String> = pending.into_iter().map(|pending| pending.slot.to_string()).collect();
    slots.sort();
    slots
}

#[tokio::test]
async fn values_are_taken_from_body_and_header() {
    let headers = format!("x-session: {SESSION}\r\nlink: <x>\r\n");
    let (house, answer) = make("make", move || Reply::with(201, &headers, body().as_bytes())).await;
    let answer = answer.unwrap();
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(json, serde_json::json!({"data": {"value": "[captured:minted]", "id": "root@pam!x"}, "n": 1.5}));
    let slots: Vec<&str> = answer.captured.iter().map(|handle| handle.slot.as_str()).collect();
    assert_eq!(slots, ["minted", "session"]);
    assert_eq!(pending(&house), ["minted", "session"]);
    assert!(house.audit().contains(r#""captured":["minted","session"]"#));
}

#[tokio::test]
async fn a_missing_value_is_a_failure_and_what_was_found_is_kept() {
    let (house, answer) = make("make", || Reply::json(200, &body())).await;
    assert!(matches!(answer.unwrap_err(), FailureKind::Capture(slot) if slot.as_str() == "session"));
    assert_eq!(pending(&house), ["minted"]);
}

#[tokio::test]
async fn a_value_that_could_be_two_is_none() {
    for text in [
        format!(r#"{{"data":{{"value":"decoy-decoy","value":"{MINTED}"}}}}"#),
        format!(r#"{{"data":{{"value":["{MINTED}"]}}}}"#),
        r#"{"data":{"value":7}}"#.to_owned(),
        "<html></html>".to_owned(),
        String::new(),
    ] {
        let (house, answer) = make("make-one", move || Reply::json(200, &text)).await;
        assert!(matches!(answer.unwrap_err(), FailureKind::Capture(slot) if slot.as_str() == "minted"));
        assert!(pending(&house).is_empty());
    }
}

#[tokio::test]
async fn an_error_is_not_captured_from() {
    let (house, answer) =
        make("make", || Reply::json(403, r#"{"data":{"value":null,"echo":"x"},"message":"no"}"#)).await;
    let answer = answer.unwrap();
    assert_eq!(answer.body, r#"{"data":{"value":null},"message":"no"}"#);
    assert!(answer.captured.is_empty() && pending(&house).is_empty());
}

#[tokio::test]
async fn a_captured_value_elsewhere_in_the_answer_is_a_leak_and_still_kept() {
    let text = format!(r#"{{"data":{{"value":"{MINTED}","copy":"{MINTED}"}}}}"#);
    let (house, answer) = make("make-one", move || Reply::json(200, &text)).await;
    assert!(matches!(answer.unwrap_err(), FailureKind::Leak));
    assert_eq!(pending(&house), ["minted"]);
}

#[tokio::test]
async fn what_rules_took_out_may_still_stand_in_the_packed_body_and_nothing_else() {
    // Not compressed inside its frame, so the packed body has the captured and the stripped value as they are.
    let packed = brotli(body().as_bytes());
    assert!(packed.windows(MINTED.len()).filter(|part| *part == MINTED.as_bytes()).count() == 2);
    let (_, answer) =
        make("make-one", move || Reply::with(200, "content-encoding: br\r\n", &brotli(body().as_bytes()))).await;
    let json: serde_json::Value = serde_json::from_slice(&answer.unwrap().body).unwrap();
    assert_eq!(json["data"], serde_json::json!({"value": "[captured:minted]", "id": "root@pam!x"}));
    // What readers skip is in no body, so no rule named it.
    let frame = [b"\x50\x2a\x4d\x18\x30\0\0\0".as_slice(), format!("{KEY:>48}").as_bytes()].concat();
    let packed = [zstd(body().as_bytes()), frame].concat();
    let (house, answer) = make("make-one", move || Reply::with(200, "content-encoding: zstd\r\n", &packed)).await;
    assert!(matches!(answer.unwrap_err(), FailureKind::Leak));
    assert!(house.audit().contains("it was first found in the body as it came, compressed, as it is"));
    assert_eq!(pending(&house), ["minted"], "and what was made is not lost");
}

#[tokio::test]
async fn a_value_that_cannot_be_made_durable_is_told_and_not_used() {
    let upstream = Upstream::start(|_| Reply::json(200, &body())).await;
    let house = House::at(&Place::here(upstream.port));
    std::fs::remove_dir_all(house.root.path().join("journal")).unwrap();
    let mut scope = house.begin();
    let failure = house.send(request("make-one", Some("bearer")), &mut scope).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Journal(_)), "{failure:?}");
    assert!(scope.value(&SlotHandle { slot: "minted".parse().unwrap(), id: 0 }).is_none());
}

#[tokio::test]
async fn mint_use_and_store_within_one_call() {
    let upstream = Upstream::start(|seen| {
        Reply::json(200, if seen.line().starts_with("POST") { body() } else { "{}".to_owned() }.as_str())
    })
    .await;
    let house = House::at(&Place::here(upstream.port));
    let mut scope = house.begin();
    let made = house.send(request("make-one", Some("bearer")), &mut scope).await.unwrap();
    house.send(show("fresh"), &mut scope).await.unwrap();
    assert_eq!(upstream.seen()[1].header("authorization"), [format!("Bearer {MINTED}")]);
    let Answer::Stored(references) = house.store(made.captured, &mut scope).await.unwrap() else { unreachable!() };
    assert_eq!(references[0].to_string(), "op://MSP/acme token 2026-11-23 213000/secret");
    assert!(pending(&house).is_empty());
    let stored = house.vault.providers().resolve(&references[0]).await.unwrap();
    assert_eq!(stored.value.expose(), MINTED.as_bytes());
    assert!(house.audit().contains(r#""stored":["op://MSP/acme token"#));
    // The value belongs to the call that made it.
    let failure = house.show("fresh").await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::EmptySlot(_)));
}

#[tokio::test]
async fn a_handle_that_names_nothing_stores_nothing() {
    let upstream = Upstream::start(|_| Reply::json(200, "{}")).await;
    let house = House::at(&Place::here(upstream.port));
    let generation = house.store.generation();
    let forged = SlotHandle { slot: "minted".parse().unwrap(), id: 3 };
    let failure = house.store(vec![forged], &mut house.begin()).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::EmptySlot(slot) if slot.as_str() == "minted"));
    assert_eq!(house.store.generation(), generation);
}

#[tokio::test]
async fn a_generated_value_is_in_the_journal_before_there_is_a_handle() {
    let upstream = Upstream::start(|_| Reply::json(200, "{}")).await;
    let house = House::at(&Place::here(upstream.port));
    let mut scope = house.begin();
    let rule = claviger_manifest::Generate { length: 32, alphabet: claviger_manifest::Alphabet::Password };
    let slot = "password".parse().unwrap();
    house.vault.generate(&mut scope, &slot, &rule).unwrap();
    assert_eq!(pending(&house), ["password"]);
}
