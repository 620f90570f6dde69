//! Log in, be let in, log out: the sessions of four vendors, from the manifest alone, against upstreams that refuse what
//! the vendors refuse.

mod declared;
mod vendors;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;

use self::declared::MORE;
use self::vendors::Vendor;
use super::house::{CLIENT_ID, House, KEY, Place, name, put, request};
use super::upstream::{Reply, Upstream};
use crate::failure::{Failure, FailureKind};
use crate::response::HttpAnswer;

/// How the identifiers of sessions begin.
const BEGINS: &str = "Zt4Yb8NcJ6HfQw3Er5Ty";

const VENDORS: [&str; 5] = ["pve", "vcenter", "keystone", "web", "bmc"];

struct Yard {
    house: House,
    vendor: Arc<Mutex<Vendor>>,
    _upstream: Upstream,
}

impl Yard {
    async fn new() -> Self {
        let (answer, password) = ("{}".to_owned(), KEY.to_owned());
        let vendor = Vendor { answer, life: 3600, password, begins: BEGINS, ..Vendor::default() };
        let vendor = Arc::new(Mutex::new(vendor));
        let known = Arc::clone(&vendor);
        let upstream = Upstream::start(move |seen| known.lock().unwrap().reply(seen)).await;
        let place = Place { more: MORE, more_operations: &["read", "typed", "write"], ..Place::here(upstream.port) };
        Self { house: House::at(&place), vendor, _upstream: upstream }
    }

    async fn call(&self, operation: &str, credential: &str) -> Result<HttpAnswer, Failure> {
        self.house.more(request(operation, Some(credential)), &mut self.house.begin()).await
    }

    async fn end(&self) -> Vec<Result<(), Failure>> {
        let mut ended = Vec::new();
        for session in self.house.vault.take_sessions().await {
            ended.push(self.house.vault.end_session(session).await);
        }
        ended
    }

    /// Log-ins, log-outs, sessions that are open.
    fn counts(&self) -> (usize, usize, usize) {
        let vendor = self.vendor.lock().unwrap();
        (vendor.logins, vendor.logouts, vendor.open.len())
    }
}

#[tokio::test]
async fn one_log_in_serves_every_call_and_one_log_out_ends_it() {
    for credential in VENDORS {
        let yard = Yard::new().await;
        for operation in ["read", "write", "read"] {
            assert_eq!(yard.call(operation, credential).await.unwrap().status, 200, "{credential} {operation}");
        }
        assert_eq!(yard.counts(), (1, 0, 1), "{credential}");
        let ended = yard.end().await;
        let declared = ["vcenter", "keystone", "bmc"].contains(&credential);
        assert!(ended.len() == usize::from(declared) && ended.iter().all(Result::is_ok), "{credential}: {ended:?}");
        assert_eq!(yard.counts(), (1, usize::from(declared), usize::from(!declared)), "{credential}");
        assert!(yard.end().await.is_empty(), "once is enough");
        for secret in [KEY, BEGINS] {
            assert!(!yard.house.audit().contains(secret), "{credential}");
        }
    }
}

#[tokio::test]
async fn an_upstream_that_counts_sessions_does_not_run_out() {
    let yard = Yard::new().await;
    for round in 1..=20 {
        assert_eq!(yard.call("read", "bmc").await.unwrap().status, 200, "round {round}");
        assert!(yard.end().await.iter().all(Result::is_ok));
        assert_eq!(yard.counts(), (round, round, 0));
    }
}

#[tokio::test]
async fn thirty_two_calls_at_once_log_in_once() {
    let yard = Arc::new(Yard::new().await);
    let call = || {
        let yard = Arc::clone(&yard);
        tokio::spawn(async move { yard.call("read", "vcenter").await.map(|answer| answer.status) })
    };
    let calls: Vec<_> = (0..32).map(|_| call()).collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), 200);
    }
    assert_eq!(yard.counts().0, 1);
}

#[tokio::test]
async fn a_log_in_whose_call_is_cancelled_is_ended() {
    let yard = Arc::new(Yard::new().await);
    yard.vendor.lock().unwrap().pause = Duration::from_millis(300);
    let call = {
        let yard = Arc::clone(&yard);
        tokio::spawn(async move { yard.call("read", "vcenter").await.map(|answer| answer.status) })
    };
    while yard.counts().0 == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(yard.counts(), (1, 0, 1));
    assert!(yard.end().await.iter().all(Result::is_ok));
    assert_eq!(yard.counts(), (1, 1, 0));
}

#[tokio::test]
async fn a_session_that_the_upstream_has_ended_already_is_no_trouble() {
    let yard = Yard::new().await;
    yard.call("read", "vcenter").await.unwrap();
    yard.vendor.lock().unwrap().open.clear();
    let ended = yard.end().await;
    assert!(ended.len() == 1 && ended.iter().all(Result::is_ok), "{ended:?}");
}

#[tokio::test]
async fn a_session_that_the_upstream_forgot_is_opened_again_once() {
    let yard = Yard::new().await;
    yard.call("read", "pve").await.unwrap();
    yard.vendor.lock().unwrap().open.clear();
    assert_eq!(yard.call("write", "pve").await.unwrap().status, 200);
    assert_eq!(yard.counts().0, 2);
    // One that lets nobody in is asked twice and no more.
    let before = yard.counts().0;
    yard.vendor.lock().unwrap().open.clear();
    yard.vendor.lock().unwrap().password = "changed".to_owned();
    let failure = yard.call("read", "pve").await.unwrap_err();
    assert!(matches!(&failure.kind, FailureKind::Login { status: 401, .. }), "{failure:?}");
    assert_eq!(yard.counts().0, before);
}

#[tokio::test]
async fn a_session_is_not_used_past_its_life_and_not_with_another_password() {
    let yard = Yard::new().await;
    yard.vendor.lock().unwrap().life = 0;
    // Two at most are open at this one: those that are over have to be ended while the host goes on.
    for round in 1..=5 {
        yard.call("read", "bmc").await.unwrap();
        assert_eq!(yard.counts().0, round, "its life was over at once");
        // Nobody has to call for that.
        while !yard.house.vault.has_replaced_sessions() {
            tokio::time::timeout(Duration::from_secs(60), yard.house.vault.watch_sessions().ended()).await.unwrap();
        }
        for session in yard.house.vault.take_replaced_sessions() {
            yard.house.vault.end_session(session).await.unwrap();
        }
        assert_eq!(yard.counts(), (round, round, 0));
    }
    assert!(!yard.house.vault.has_replaced_sessions());
    put(&yard.house.store, "key", "Another-kR7vQ2pXw9LmZt4Y");
    yard.vendor.lock().unwrap().password = "Another-kR7vQ2pXw9LmZt4Y".to_owned();
    yard.call("read", "vcenter").await.unwrap();
    put(&yard.house.store, "key", KEY);
    yard.vendor.lock().unwrap().password = KEY.to_owned();
    yard.call("read", "vcenter").await.unwrap();
    assert_eq!(yard.counts().0, 7);
    // The one that was replaced is ended too.
    assert!(yard.house.vault.has_replaced_sessions());
    assert_eq!(yard.end().await.len(), 2);
    assert_eq!(yard.counts().2, 0);
}

#[tokio::test]
async fn a_session_that_comes_back_is_a_leak_of_what_it_was_opened_with() {
    let yard = Yard::new().await;
    yard.vendor.lock().unwrap().answer = r#"{"you":"@"}"#.to_owned();
    let failure = yard.call("read", "web").await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Leak), "{failure:?}");
    assert_eq!(yard.house.vault.quarantine().list(), [(name("acme"), name("key"))]);
    let before = yard.counts().0;
    let failure = yard.call("read", "pve").await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Quarantined { .. }), "no log-in with a quarantined secret");
    assert_eq!(yard.counts().0, before);
}

#[tokio::test]
async fn a_log_in_without_the_values_is_told_without_quoting_it() {
    let upstream =
        Upstream::start(|_| Reply::json(200, &format!(r#"{{"data":{{"ticket":"short","other":"{CLIENT_ID}"}}}}"#)));
    let upstream = upstream.await;
    let place = Place { more: MORE, more_operations: &["read"], ..Place::here(upstream.port) };
    let house = House::at(&place);
    for credential in VENDORS {
        let failure = house.more(request("read", Some(credential)), &mut house.begin()).await.unwrap_err();
        assert!(matches!(&failure.kind, FailureKind::LoginAnswer(name) if name.as_str() == credential), "{failure:?}");
        assert!(!failure.to_string().contains(CLIENT_ID) && !failure.to_string().contains("short\""));
        assert!(!failure.left_host, "the request itself never left");
    }
}

/// Nobody but the upstream has a say in how long its sessions' values are.
#[tokio::test]
async fn a_short_value_of_a_session_goes_only_where_no_text_comes_back() {
    for credential in VENDORS {
        let yard = Yard::new().await;
        // With the number that follows, 13 bytes.
        yard.vendor.lock().unwrap().begins = "Zt4Yb8NcJ";
        yard.vendor.lock().unwrap().answer = r#"{"n":7,"note":"words"}"#.to_owned();
        for operation in ["read", "write"] {
            let failure = yard.call(operation, credential).await.unwrap_err();
            assert!(matches!(&failure.kind, FailureKind::GuessableMade(name) if name.as_str() == credential));
            assert!(!failure.left_host && failure.kind.code() == "guessable", "{credential} {operation}");
        }
        let answer = yard.call("typed", credential).await.unwrap();
        assert_eq!(answer.body, Bytes::from_static(br#"{"n":7}"#), "{credential}");
        assert_eq!(yard.counts().0, 1, "{credential}: the session was opened once and is used");
    }
}
