//! How sessions end: what a log-out may name, who sends it, and that no call waits for one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::house::{House, KEY, Place, put, request};
use super::site::{Clients, Site};
use super::upstream::{Reply, Seen, Upstream};
use crate::failure::{Failure, FailureKind};

const HOST: &str = "bmc.example.com";
const TOKEN: &str = "Zt4Yb8NcJ6HfQw3Er5Ty-0001";

const MORE: &str = r#"
[secrets.certificate]
reference = "op://MSP/Site/certificate"
[secrets.client-key]
reference = "op://MSP/Site/client key"

[credentials.form]
scheme = "body"
fields = { "/Password" = "{{key}}" }
[credentials.form-mutual]
scheme = "body"
fields = { "/Password" = "{{key}}" }
client-certificate = { certificate = "certificate", key = "client-key" }

[credentials.bmc]
scheme = "session"
login = "log-in"
headers = { x-auth-token = "{{token}}" }
values = { token = { header = "X-Auth-Token" }, id = { pointer = "/Id" } }
logout = { operation = "log-out", parameters = { id = "{{id}}" } }
[credentials.placed]
scheme = "session"
login = "log-in"
headers = { x-auth-token = "{{token}}", x-session = "{{id}}" }
values = { token = { header = "X-Auth-Token" }, id = { pointer = "/Id" } }
logout = { operation = "log-out", parameters = { id = "{{id}}" } }
[credentials.said-goodbye]
scheme = "session"
login = "log-in"
headers = { x-auth-token = "{{token}}" }
values = { token = { header = "X-Auth-Token" }, id = { pointer = "/Id" } }
logout = { operation = "log-out", parameters = { id = "{{id}}" }, headers = { x-session = "{{id}}" } }
[credentials.cookie]
scheme = "session"
login = "log-in"
headers = { x-auth-token = "{{token}}" }
cookies = { session = "{{id}}" }
values = { token = { header = "X-Auth-Token" }, id = { pointer = "/Id" } }
logout = { operation = "log-out", parameters = { id = "{{id}}" } }
[credentials.writes]
scheme = "session"
login = "log-in"
headers = { x-auth-token = "{{token}}" }
write-headers = { x-session = "{{id}}" }
values = { token = { header = "X-Auth-Token" }, id = { pointer = "/Id" } }
logout = { operation = "log-out", parameters = { id = "{{id}}" } }
[credentials.mutual]
scheme = "session"
login = "log-in-mutual"
headers = { x-auth-token = "{{token}}" }
values = { token = { header = "X-Auth-Token" }, id = { pointer = "/Id" } }
logout = { operation = "log-out", parameters = { id = "{{id}}" } }

[operations.log-in]
endpoint = "api"
credential = "form"
method = "POST"
path = "/Sessions"
effect = "read"
[operations.log-in-mutual]
endpoint = "api"
credential = "form-mutual"
method = "POST"
path = "/Sessions"
effect = "read"
[operations.log-out]
endpoint = "api"
method = "DELETE"
path = "/Sessions/{id}"
effect = "write"
[operations.systems]
endpoint = "api"
credentials = ["bmc", "placed", "said-goodbye", "cookie", "writes", "mutual"]
method = "GET"
path = "/Systems"
effect = "read"

[tools.more]
description = "Sessions"
operations = ["systems"]
effect = "read"
input = "schemas/things.json"
"#;

/// A controller that numbers its sessions from this number on.
fn controller(id: &'static str, slow: Duration) -> impl Fn(&Seen) -> Reply + Send + Sync {
    move |seen| {
        let line = seen.line();
        let known = seen.header("x-auth-token") == [TOKEN];
        if line.starts_with("POST /Sessions ") && seen.body.contains(KEY) {
            let body = format!(r#"{{"Id":"{id}"}}"#);
            return Reply::with(201, &format!("x-auth-token: {TOKEN}\r\n"), body.as_bytes());
        }
        if line == format!("DELETE /Sessions/{id} HTTP/1.1") && known {
            return Reply::with(204, "", b"").late(slow);
        }
        // Its own identifier stands in its answers, as it does in those of a controller that lists its sessions.
        let listed = line.starts_with("GET /Systems ") && known;
        if listed { Reply::json(200, &format!(r#"{{"id":"{id}"}}"#)) } else { Reply::json(401, "{}") }
    }
}

async fn yard(id: &'static str) -> (House, Upstream) {
    let upstream = Upstream::start(controller(id, Duration::ZERO)).await;
    let place = Place { more: MORE, more_operations: &["systems"], ..Place::here(upstream.port) };
    (House::at(&place), upstream)
}

async fn systems(house: &House, credential: &str) -> Result<u16, Failure> {
    let answer = house.more(request("systems", Some(credential)), &mut house.begin()).await;
    answer.map(|answer| answer.status)
}

async fn end(house: &House) -> Vec<Result<(), Failure>> {
    let mut ended = Vec::new();
    for session in house.vault.take_sessions().await {
        ended.push(house.vault.end_session(session).await);
    }
    ended
}

fn lines(upstream: &Upstream) -> Vec<String> {
    upstream.seen().iter().map(|seen| seen.line().trim_end_matches(" HTTP/1.1").to_owned()).collect()
}

#[tokio::test]
async fn a_log_out_may_name_its_session_by_one_digit() {
    let (house, upstream) = yard("7").await;
    assert_eq!(systems(&house, "bmc").await.unwrap(), 200);
    let ended = end(&house).await;
    assert!(ended.len() == 1 && ended.iter().all(Result::is_ok), "{ended:?}");
    assert_eq!(lines(&upstream), ["POST /Sessions", "GET /Systems", "DELETE /Sessions/7"]);
}

#[tokio::test]
async fn a_short_value_that_is_placed_on_a_request_stays_refused() {
    for credential in ["placed", "said-goodbye", "cookie", "writes"] {
        let (house, upstream) = yard("7").await;
        let failure = systems(&house, credential).await.unwrap_err();
        assert!(matches!(&failure.kind, FailureKind::LoginAnswer(name) if name.as_str() == credential), "{failure:?}");
        assert_eq!(lines(&upstream), ["POST /Sessions"], "{credential}: nothing is sent with it");
        assert!(end(&house).await.is_empty());
    }
}

#[tokio::test]
async fn a_session_without_a_name_is_none() {
    let (house, upstream) = yard("").await;
    let failure = systems(&house, "bmc").await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::LoginAnswer(_)), "{failure:?}");
    assert_eq!(lines(&upstream), ["POST /Sessions"]);
}

#[tokio::test]
async fn a_name_cannot_lead_a_log_out_elsewhere() {
    for id in ["..", ".", "7/../../Systems/1"] {
        let (house, upstream) = yard(id).await;
        // The long one is looked for like every value, and this upstream shows it.
        let _ = systems(&house, "bmc").await;
        let ended = end(&house).await;
        assert!(ended.len() == 1 && ended.iter().all(Result::is_err), "{id}: {ended:?}");
        assert!(!lines(&upstream).iter().any(|line| line.starts_with("DELETE")), "{id}");
    }
}

#[tokio::test]
async fn a_name_that_is_long_enough_is_looked_for_in_answers() {
    let (house, _upstream) = yard("session-Qw3Er5Ty7").await;
    let failure = systems(&house, "bmc").await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Leak), "{failure:?}");
}

/// The certificate belongs to the credential that logs in, whose call and client are gone by then.
#[tokio::test]
async fn the_client_that_logged_in_logs_out() {
    let clients = Clients::new();
    let site = Site { clients: Some(clients.authority()), lets_others_in: true, ..Site::new(&[HOST]) };
    let upstream = Upstream::tls(&site, controller("7", Duration::ZERO)).await;
    let place = Place {
        scheme: "https",
        host: HOST.to_owned(),
        authority: Some(site.authority.clone()),
        connect: Some(format!("127.0.0.1:{}", upstream.port)),
        more: MORE,
        more_operations: &["systems"],
        ..Place::here(upstream.port)
    };
    let house = House::at(&place);
    let (certificate, key) = clients.client();
    put(&house.store, "certificate", &certificate);
    put(&house.store, "client key", &key);
    assert_eq!(systems(&house, "mutual").await.unwrap(), 200);
    // The log-in with the certificate, the request without.
    assert_eq!((upstream.connections(), upstream.presented()), (2, 1));
    assert!(end(&house).await.iter().all(Result::is_ok));
    assert_eq!((upstream.connections(), upstream.presented()), (3, 2));
}

/// Another call replaces the session, and logs in beside the log-out that takes its time.
#[tokio::test]
async fn no_call_waits_for_a_log_out() {
    let slow = Duration::from_secs(2);
    let upstream = Upstream::start(controller("7", slow)).await;
    let place = Place { more: MORE, more_operations: &["systems"], ..Place::here(upstream.port) };
    let house = Arc::new(House::at(&place));
    assert_eq!(systems(&house, "bmc").await.unwrap(), 200);
    // The same password under a new version: the session is another's now.
    put(&house.store, "key", KEY);
    assert_eq!(systems(&house, "bmc").await.unwrap(), 200);
    let ending = {
        let house = Arc::clone(&house);
        tokio::spawn(async move {
            for session in house.vault.take_replaced_sessions() {
                house.vault.end_session(session).await.unwrap();
            }
        })
    };
    while !lines(&upstream).contains(&"DELETE /Sessions/7".to_owned()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    assert_eq!(systems(&house, "bmc").await.unwrap(), 200);
    put(&house.store, "key", KEY);
    assert_eq!(systems(&house, "bmc").await.unwrap(), 200);
    assert!(begun.elapsed() < slow / 2 && !ending.is_finished(), "{:?}", begun.elapsed());
    ending.await.unwrap();
}
