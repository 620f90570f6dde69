//! Log in, be let in, log out: the sessions of four vendors, from the manifest alone, against upstreams that refuse what
//! the vendors refuse.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::house::{CLIENT_ID, House, KEY, PUBLIC, Place, name, put, request};
use super::upstream::{Reply, Seen, Upstream};
use crate::failure::{Failure, FailureKind};
use crate::response::HttpAnswer;

const MORE: &str = r#"
[settings.user]
description = "User"
default = "root@pam"

[credentials.form]
scheme = "body"
fields = { "/username" = "{{user}}", "/password" = "{{key}}" }
[credentials.nested]
scheme = "body"
[credentials.nested.fields]
"/auth/identity/methods" = ["password"]
"/auth/identity/password/user/name" = "{{user}}"
"/auth/identity/password/user/domain/id" = "default"
"/auth/identity/password/user/password" = "{{key}}"
[credentials.pair]
scheme = "basic"
username = "{{user}}"
password = "{{key}}"

[credentials.pve]
scheme = "session"
login = "pve-in"
lifetime = "120m"
cookies = { PVEAuthCookie = "{{ticket}}" }
write-headers = { CSRFPreventionToken = "{{csrf}}" }
values = { ticket = { pointer = "/data/ticket" }, csrf = { pointer = "/data/CSRFPreventionToken" } }
[credentials.vcenter]
scheme = "session"
login = "vcenter-in"
headers = { vmware-api-session-id = "{{sid}}" }
values = { sid = { pointer = "" } }
logout = { operation = "vcenter-out" }
[credentials.keystone]
scheme = "session"
login = "keystone-in"
lifetime = { until = "/token/expires_at" }
headers = { x-auth-token = "{{subject}}" }
values = { subject = { header = "X-Subject-Token" } }
logout = { operation = "keystone-out", headers = { x-subject-token = "{{subject}}" } }
[credentials.web]
scheme = "session"
login = "web-in"
login-status = [302]
cookies = { RT_SID = "{{sid}}" }
values = { sid = { cookie = "RT_SID" } }
[credentials.bmc]
scheme = "session"
login = "bmc-in"
lifetime = { seconds = "/life" }
headers = { x-auth-token = "{{token}}", x-site = "{{public}}" }
values = { token = { header = "X-Auth-Token" }, id = { pointer = "/Id" } }
logout = { operation = "bmc-out", parameters = { id = "{{id}}" } }

[operations.pve-in]
endpoint = "api"
credential = "form"
method = "POST"
path = "/pve/ticket"
body-type = "form"
effect = "read"
[operations.vcenter-in]
endpoint = "api"
credential = "pair"
method = "POST"
path = "/vcenter/session"
effect = "read"
[operations.vcenter-out]
endpoint = "api"
method = "DELETE"
path = "/vcenter/session"
effect = "write"
[operations.keystone-in]
endpoint = "api"
credential = "nested"
method = "POST"
path = "/keystone/tokens"
effect = "read"
[operations.keystone-out]
endpoint = "api"
method = "DELETE"
path = "/keystone/tokens"
effect = "write"
[operations.web-in]
endpoint = "api"
credential = "form"
method = "POST"
path = "/web/log-in"
body-type = "form"
effect = "read"
[operations.bmc-in]
endpoint = "api"
credential = "form"
method = "POST"
path = "/bmc/sessions"
effect = "read"
[operations.bmc-out]
endpoint = "api"
method = "DELETE"
path = "/bmc/sessions/{id}"
effect = "write"

[operations.read]
endpoint = "api"
credentials = ["pve", "vcenter", "keystone", "web", "bmc"]
method = "GET"
path = "/read"
effect = "read"
[operations.write]
endpoint = "api"
credentials = ["pve", "vcenter", "keystone", "web", "bmc"]
method = "POST"
path = "/write"
body = ["/x"]
effect = "write"

[tools.more]
description = "Sessions"
operations = ["read", "write"]
effect = "write"
input = "schemas/things.json"
"#;

const VENDORS: [&str; 5] = ["pve", "vcenter", "keystone", "web", "bmc"];

/// What the upstream knows.
#[derive(Default)]
struct Vendor {
    /// Sessions that are open: their identifiers.
    open: BTreeSet<String>,
    logins: usize,
    logouts: usize,
    /// What is answered to a read, with `@` for the session's identifier.
    answer: String,
    /// How long a session of the controller says that it lives, in seconds.
    life: u64,
    password: String,
    /// How long a log-in takes.
    pause: Duration,
}

impl Vendor {
    fn open(&mut self) -> String {
        self.logins += 1;
        let id = format!("Zt4Yb8NcJ6HfQw3Er5Ty{:04}", self.logins);
        self.open.insert(id.clone());
        id
    }

    fn close(&mut self, id: &str) -> Reply {
        if self.open.remove(id) {
            self.logouts += 1;
            Reply::with(204, "", b"")
        } else {
            Reply::json(404, "{}")
        }
    }

    fn reply(&mut self, seen: &Seen) -> Reply {
        let mut words = seen.line().split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        if let Some(id) = path.strip_prefix("/bmc/sessions/").filter(|_| method == "DELETE") {
            // The log-out brings what every request of the credential brings.
            let own = (first(seen, "x-site"), first(seen, "x-auth-token"));
            let right = own == (PUBLIC.to_owned(), id.trim_start_matches("id-").to_owned());
            return if right { self.close(&own.1) } else { Reply::json(403, "{}") };
        }
        match (method, path) {
            ("POST", "/pve/ticket" | "/web/log-in") => self.form(seen, path),
            ("POST", "/bmc/sessions") => self.controller(seen),
            ("POST", "/vcenter/session") => self.pair(seen),
            ("POST", "/keystone/tokens") => self.nested(seen),
            ("DELETE", "/vcenter/session") => self.close(&first(seen, "vmware-api-session-id")),
            ("DELETE", "/keystone/tokens") if self.open.contains(&first(seen, "x-auth-token")) => {
                self.close(&first(seen, "x-subject-token"))
            }
            ("GET" | "POST", "/read" | "/write") => self.served(seen, method),
            _ => Reply::json(401, "{}"),
        }
    }

    fn form(&mut self, seen: &Seen, path: &str) -> Reply {
        let expected = [("password", self.password.as_str()), ("username", "root@pam")];
        let given: Vec<(String, String)> = form_urlencoded::parse(seen.body.as_bytes()).into_owned().collect();
        let right =
            given.len() == 2 && expected.iter().all(|(key, value)| given.contains(&((*key).into(), (*value).into())));
        match (right, path) {
            (false, _) => Reply::json(401, "{}"),
            (true, "/web/log-in") => {
                let cookie = format!("set-cookie: RT_SID={}; Path=/; HttpOnly\r\nlocation: /home\r\n", self.open());
                Reply::with(302, &cookie, b"")
            }
            (true, _) => {
                let id = self.open();
                Reply::json(
                    200,
                    &json!({ "data": { "ticket": id, "CSRFPreventionToken": format!("csrf-{id}") } }).to_string(),
                )
            }
        }
    }

    /// A management controller: JSON, two sessions at most.
    fn controller(&mut self, seen: &Seen) -> Reply {
        let given: Value = serde_json::from_str(&seen.body).unwrap_or_default();
        if given != json!({ "username": "root@pam", "password": self.password }) {
            return Reply::json(401, "{}");
        }
        if self.open.len() >= 2 {
            return Reply::json(503, "{}");
        }
        let id = self.open();
        let body = json!({ "Id": format!("id-{id}"), "life": self.life }).to_string();
        Reply::with(201, &format!("x-auth-token: {id}\r\n"), body.as_bytes())
    }

    fn pair(&mut self, seen: &Seen) -> Reply {
        let right = format!("Basic {}", BASE64_STANDARD.encode(format!("root@pam:{}", self.password)));
        if first(seen, "authorization") != right {
            return Reply::json(401, "{}");
        }
        Reply::json(201, &json!(self.open()).to_string()).late(self.pause)
    }

    fn nested(&mut self, seen: &Seen) -> Reply {
        let user = json!({ "name": "root@pam", "domain": { "id": "default" }, "password": self.password });
        let right = json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": user } } } });
        if serde_json::from_str::<Value>(&seen.body).ok() != Some(right) {
            return Reply::json(401, "{}");
        }
        let id = self.open();
        Reply::with(201, &format!("x-subject-token: {id}\r\n"), br#"{"token":{"expires_at":"2125-01-01T00:00:00Z"}}"#)
    }

    /// Exactly one way to authenticate, and against cross-site requests a token on everything that writes.
    fn served(&mut self, seen: &Seen, method: &str) -> Reply {
        let cookie = first(seen, "cookie");
        let pve = cookie.strip_prefix("PVEAuthCookie=").map(str::to_owned);
        let ways = [
            pve.clone(),
            cookie.strip_prefix("RT_SID=").map(str::to_owned),
            seen.header("vmware-api-session-id").first().map(ToString::to_string),
            seen.header("x-auth-token").first().map(ToString::to_string),
        ];
        let given: Vec<String> = ways.into_iter().flatten().collect();
        let [id] = given.as_slice() else { return Reply::json(400, "{}") };
        let csrf = first(seen, "csrfpreventiontoken");
        let checked = match (&pve, method) {
            (Some(id), "POST") => csrf == format!("csrf-{id}"),
            _ => csrf.is_empty(),
        };
        match (self.open.contains(id), checked) {
            (true, true) => Reply::json(200, &self.answer.replace('@', id)),
            (true, false) => Reply::json(403, "{}"),
            (false, _) => Reply::json(401, "{}"),
        }
    }
}

fn first(seen: &Seen, header: &str) -> String {
    seen.header(header).first().map(ToString::to_string).unwrap_or_default()
}

struct Yard {
    house: House,
    vendor: Arc<Mutex<Vendor>>,
    _upstream: Upstream,
}

impl Yard {
    async fn new() -> Self {
        let vendor = Vendor { answer: "{}".to_owned(), life: 3600, password: KEY.to_owned(), ..Vendor::default() };
        let vendor = Arc::new(Mutex::new(vendor));
        let known = Arc::clone(&vendor);
        let upstream = Upstream::start(move |seen| known.lock().unwrap().reply(seen)).await;
        let place = Place { more: MORE, more_operations: &["read", "write"], ..Place::here(upstream.port) };
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
        for secret in [KEY, "Zt4Yb8NcJ6HfQw3Er5Ty"] {
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
