//! Refresh tokens that rotate, against an issuer that kills the family when one is used twice.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use claviger_manifest::SecretReference;
use serde_json::json;

use super::house::{CLIENT_ID, House, Place, name, put, request};
use super::upstream::{Reply, Seen, Upstream};
use crate::failure::{Failure, FailureKind};
use crate::journal::Journal;
use crate::providers::Providers;
use crate::quarantine::Quarantine;
use crate::vault::Vault;

const FIRST: &str = "refresh-Zt4Yb8NcJ6HfQw3Er5Ty-0000";

const MORE: &str = r#"
[secrets.refresh]
reference = "op://MSP/Site/refresh"
[credentials.delegated]
scheme = "oauth2-refresh-token"
client-id = "client-id"
refresh-token = "refresh"
token-endpoint = { endpoint = "mint", path = "/token", parameters = { tenant = "{{host}}" }, query = { tenant = "{{host}}" } }
[operations.read]
endpoint = "api"
credential = "delegated"
method = "GET"
path = "/read"
effect = "read"
[tools.more]
description = "Delegated"
operations = ["read"]
effect = "read"
input = "schemas/things.json"
"#;

/// The issuer and the service that takes its tokens.
struct Issuer {
    /// The refresh token that works, and how many were issued.
    current: String,
    issued: usize,
    dead: bool,
    /// Access tokens that work.
    access: Vec<String>,
    rotates: bool,
    echo: bool,
    /// How long a refresh takes.
    pause: Duration,
}

impl Issuer {
    fn reply(&mut self, seen: &Seen) -> Reply {
        if seen.line().starts_with("GET /read ") {
            let given = seen.header("authorization").first().map(ToString::to_string).unwrap_or_default();
            let known = self.access.iter().any(|token| given == format!("Bearer {token}"));
            let body = if self.echo { json!({ "echo": self.current }).to_string() } else { "{}".to_owned() };
            return Reply::json(if known { 200 } else { 401 }, &body);
        }
        assert!(seen.line().starts_with("POST /token?tenant=127.0.0.1 "), "{}", seen.line());
        let given: Vec<(String, String)> = form_urlencoded::parse(seen.body.as_bytes()).into_owned().collect();
        let value = |key: &str| given.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        assert_eq!(
            (value("grant_type"), value("client_id"), value("tenant")),
            (Some("refresh_token"), Some(CLIENT_ID), Some("127.0.0.1"))
        );
        if value("refresh_token") != Some(&self.current) {
            self.dead = true;
        }
        if self.dead {
            return Reply::json(400, r#"{"error":"invalid_grant"}"#);
        }
        self.issued += 1;
        let access = format!("access-Zt4Yb8NcJ6HfQw3Er5Ty-{:04}", self.issued);
        self.access = vec![access.clone()];
        let mut answer = json!({ "access_token": access, "token_type": "Bearer", "expires_in": 3600 });
        if self.rotates {
            self.current = format!("refresh-Zt4Yb8NcJ6HfQw3Er5Ty-{:04}", self.issued);
        }
        answer["refresh_token"] = json!(self.current);
        Reply::json(200, &answer.to_string()).late(self.pause)
    }
}

struct Yard {
    house: House,
    issuer: Arc<Mutex<Issuer>>,
    upstream: Upstream,
}

impl Yard {
    async fn new() -> Self {
        let issuer = Issuer {
            current: FIRST.to_owned(),
            issued: 0,
            dead: false,
            access: Vec::new(),
            rotates: true,
            echo: false,
            pause: Duration::ZERO,
        };
        let issuer = Arc::new(Mutex::new(issuer));
        let known = Arc::clone(&issuer);
        let upstream = Upstream::start(move |seen| known.lock().unwrap().reply(seen)).await;
        let house = Self::house(upstream.port);
        put(&house.store, "refresh", FIRST);
        Self { house, issuer, upstream }
    }

    fn house(port: u16) -> House {
        House::at(&Place { more: MORE, more_operations: &["read"], ..Place::here(port) })
    }

    async fn read(&self) -> Result<u16, Failure> {
        let answer = self.house.more(request("read", Some("delegated")), &mut self.house.begin()).await;
        answer.map(|answer| answer.status)
    }

    /// What another process has: the store and the journal, and no token.
    fn another(&self) -> Vault {
        let (root, store) = (self.house.root.path(), self.house.store.clone());
        let journal = Journal::open(&root.join("journal"), store.journal_key().unwrap()).unwrap();
        let quarantine = Quarantine::open(&root.join("quarantine.json")).unwrap();
        Vault::new(Providers::new(store), journal, quarantine)
    }

    fn restart(&mut self) {
        self.house.vault = self.another();
    }

    async fn stored(&self) -> String {
        let reference: SecretReference = "op://MSP/Site/refresh".parse().unwrap();
        let held = self.house.vault.providers().resolve(&reference).await.unwrap();
        String::from_utf8(held.value.expose().to_vec()).unwrap()
    }

    fn pending(&self) -> usize {
        self.house.vault.journal().pending().unwrap().len()
    }
}

#[tokio::test]
async fn the_next_token_takes_the_place_of_the_old_one_in_every_process() {
    let mut yard = Yard::new().await;
    for round in 1..=3 {
        assert_eq!(yard.read().await.unwrap(), 200, "round {round}");
        assert_eq!(yard.read().await.unwrap(), 200, "an access token serves until its end");
        let current = yard.issuer.lock().unwrap().current.clone();
        assert_eq!((yard.stored().await, yard.pending()), (current.clone(), 0), "round {round}");
        assert!(!yard.house.audit().contains(&current));
        yard.restart();
    }
    assert_eq!(yard.issuer.lock().unwrap().issued, 3);
}

#[tokio::test]
async fn thirty_two_calls_at_once_refresh_once() {
    let yard = Arc::new(Yard::new().await);
    let call = || {
        let yard = Arc::clone(&yard);
        tokio::spawn(async move { yard.read().await })
    };
    let calls: Vec<_> = (0..32).map(|_| call()).collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), 200);
    }
    let issuer = yard.issuer.lock().unwrap();
    assert_eq!((issuer.issued, issuer.dead), (1, false));
}

/// Whoever comes second waits, and goes on from what the first was given.
#[tokio::test]
async fn two_processes_at_once_do_not_use_one_token_twice() {
    let yard = Yard::new().await;
    yard.issuer.lock().unwrap().pause = Duration::from_millis(300);
    let mut beside = Yard::house(yard.upstream.port);
    beside.vault = yard.another();
    let mut scope = beside.begin();
    let (one, other) = tokio::join!(yard.read(), beside.more(request("read", Some("delegated")), &mut scope));
    // Which of the two access tokens the service still takes is its own affair.
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    let current = yard.issuer.lock().unwrap().current.clone();
    assert!(!yard.issuer.lock().unwrap().dead);
    assert_eq!((yard.stored().await, yard.pending()), (current, 0));
}

/// A store that cannot be written keeps the old token; the journal has the next one, and that is used.
#[tokio::test]
async fn where_the_store_cannot_follow_the_journal_is_the_successor() {
    let mut yard = Yard::new().await;
    let held = yard.house.vault.providers().resolve(&"op://MSP/Site/refresh".parse().unwrap()).await.unwrap();
    // As after a kill between the journal and the store: the issuer has gone on, the store has not.
    let next = "refresh-Zt4Yb8NcJ6HfQw3Er5Ty-9999";
    yard.issuer.lock().unwrap().current = next.to_owned();
    let value = crate::reveal::Secret::new(next.as_bytes().to_vec());
    yard.house.vault.journal().succeed(&name("acme"), &name("refresh"), &held.value, None, &value).unwrap();
    // One that succeeds another version is none of ours.
    let stranger = crate::reveal::Secret::new(b"refresh-of-another-version-Qw3Er5Ty".to_vec());
    let other = crate::reveal::Secret::new(b"refresh-that-nobody-holds-Qw3Er5Ty".to_vec());
    yard.house.vault.journal().succeed(&name("acme"), &name("refresh"), &other, None, &stranger).unwrap();
    yard.restart();
    assert_eq!(yard.read().await.unwrap(), 200);
    assert!(!yard.issuer.lock().unwrap().dead);
    assert_eq!(yard.pending(), 1, "what succeeded is settled, the stranger stays for `vault recover`");
    let current = yard.issuer.lock().unwrap().current.clone();
    assert_eq!(yard.stored().await, current);
}

/// A backup that is put back, a copy of the item, the place that a connection was bound to before: what is there now was
/// used already.
#[tokio::test]
async fn no_older_token_is_used_again_wherever_it_turns_up() {
    let mut yard = Yard::new().await;
    let mut tokens = vec![FIRST.to_owned()];
    for _ in 0..3 {
        assert_eq!(yard.read().await.unwrap(), 200);
        tokens.push(yard.issuer.lock().unwrap().current.clone());
        yard.restart();
    }
    for older in tokens {
        put(&yard.house.store, "refresh", &older);
        assert_eq!(yard.read().await.unwrap(), 200, "{older}");
        let current = yard.issuer.lock().unwrap().current.clone();
        assert!(!yard.issuer.lock().unwrap().dead && current != older, "{older} was used again");
        assert_eq!((yard.stored().await, yard.pending()), (current, 0));
        yard.restart();
    }
}

/// A provider that cannot replace: an operator recovers the next token into a new item, and binds that.
#[tokio::test]
async fn a_token_that_was_recovered_elsewhere_is_not_used_after_the_next_one() {
    let mut yard = Yard::new().await;
    let held = yard.house.vault.providers().resolve(&"op://MSP/Site/refresh".parse().unwrap()).await.unwrap();
    let journal = yard.house.vault.journal();
    let [second, third] = ["refresh-Zt4Yb8NcJ6HfQw3Er5Ty-8888", "refresh-Zt4Yb8NcJ6HfQw3Er5Ty-9999"];
    let value = |text: &str| crate::reveal::Secret::new(text.as_bytes().to_vec());
    let entry = journal.succeed(&name("acme"), &name("refresh"), &held.value, None, &value(second)).unwrap();
    let place = "op://MSP/Recovered/refresh".parse().unwrap();
    crate::write_back::recover(entry, &place, yard.house.vault.providers(), journal).await.unwrap();
    // Another call refreshes before the connection is bound to the new place.
    journal.succeed(&name("acme"), &name("refresh"), &held.value, Some(entry), &value(third)).unwrap();
    journal.done(&[entry]).unwrap();
    yard.issuer.lock().unwrap().current = third.to_owned();
    put(&yard.house.store, "refresh", second);
    yard.restart();
    assert_eq!(yard.read().await.unwrap(), 200);
    assert!(!yard.issuer.lock().unwrap().dead);
    // And the place before that is safe too, though the next token was stored.
    put(&yard.house.store, "refresh", FIRST);
    yard.restart();
    assert_eq!(yard.read().await.unwrap(), 200);
    assert!(!yard.issuer.lock().unwrap().dead);
}

/// As after a kill between the store and the journal: the entry says what the store says already.
#[tokio::test]
async fn an_entry_that_the_store_has_is_forgotten() {
    let yard = Yard::new().await;
    let (old, held) = (b"refresh-of-long-ago-Qw3Er5Ty".to_vec(), FIRST.as_bytes().to_vec());
    let [old, held] = [old, held].map(crate::reveal::Secret::new);
    yard.house.vault.journal().succeed(&name("acme"), &name("refresh"), &old, None, &held).unwrap();
    assert_eq!((yard.pending(), yard.read().await.unwrap(), yard.pending()), (1, 200, 0));
}

#[tokio::test]
async fn a_refresh_goes_on_when_its_call_is_cancelled() {
    let yard = Arc::new(Yard::new().await);
    yard.issuer.lock().unwrap().pause = Duration::from_millis(300);
    let call = {
        let yard = Arc::clone(&yard);
        tokio::spawn(async move { yard.read().await })
    };
    while yard.issuer.lock().unwrap().issued == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(yard.stored().await, FIRST, "the issuer has replaced it and not answered yet");
    // What the host does when it ends.
    assert!(yard.house.vault.take_sessions().await.is_empty());
    let current = yard.issuer.lock().unwrap().current.clone();
    assert_eq!((yard.stored().await, yard.pending()), (current, 0));
    let mut yard = Arc::into_inner(yard).unwrap();
    yard.restart();
    assert_eq!(yard.read().await.unwrap(), 200);
    assert!(!yard.issuer.lock().unwrap().dead);
}

#[tokio::test]
async fn an_issuer_that_does_not_rotate_is_served_with_the_same_token() {
    let mut yard = Yard::new().await;
    yard.issuer.lock().unwrap().rotates = false;
    let generation = yard.house.store.generation();
    for _ in 0..2 {
        assert_eq!(yard.read().await.unwrap(), 200);
        yard.restart();
    }
    assert_eq!((yard.stored().await, yard.pending()), (FIRST.to_owned(), 0));
    assert_eq!(yard.house.store.generation(), generation, "the same token again is not stored again");
}

#[tokio::test]
async fn a_token_that_was_used_elsewhere_is_told_by_its_status() {
    let yard = Yard::new().await;
    yard.issuer.lock().unwrap().current = "refresh-used-by-somebody-else-Qw3Er5Ty".to_owned();
    let failure = yard.read().await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Token { status: 400, .. }), "{failure:?}");
    assert_eq!(yard.stored().await, FIRST);
}

#[tokio::test]
async fn the_next_token_that_comes_back_is_a_leak_too() {
    let yard = Yard::new().await;
    yard.issuer.lock().unwrap().echo = true;
    let failure = yard.read().await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Leak), "{failure:?}");
    assert_eq!(yard.house.vault.quarantine().list(), [(name("acme"), name("refresh"))]);
}

/// A call that did not refresh itself, of an agent that never saw the token.
#[tokio::test]
async fn the_next_token_is_a_secret_of_every_call_that_its_access_token_serves() {
    let yard = Yard::new().await;
    assert_eq!(yard.read().await.unwrap(), 200);
    // The store is bound to something else meanwhile, so nothing but the kept access token knows of the next one.
    put(&yard.house.store, "refresh", "another-refresh-token-Qw3Er5Ty");
    yard.issuer.lock().unwrap().echo = true;
    let mut scope = yard.house.vault.begin(&name("acme"), "another agent");
    let failure = yard.house.more(request("read", Some("delegated")), &mut scope).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Leak), "{failure:?}");
}
