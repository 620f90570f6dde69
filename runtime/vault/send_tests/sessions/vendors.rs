//! What five vendors' servers say to who logs in, asks and logs out, and refuse as the vendors do.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::super::house::PUBLIC;
use super::super::upstream::{Reply, Seen};

/// What the upstream knows.
#[derive(Default)]
pub(super) struct Vendor {
    /// Sessions that are open: their identifiers.
    pub(super) open: BTreeSet<String>,
    pub(super) logins: usize,
    pub(super) logouts: usize,
    /// What is answered to a read, with `@` for the session's identifier.
    pub(super) answer: String,
    /// How long a session of the controller says that it lives, in seconds.
    pub(super) life: u64,
    pub(super) password: String,
    /// How long a log-in takes.
    pub(super) pause: Duration,
    /// How the identifiers of its sessions begin.
    pub(super) begins: &'static str,
}

impl Vendor {
    fn open(&mut self) -> String {
        self.logins += 1;
        let id = format!("{}{:04}", self.begins, self.logins);
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

    pub(super) fn reply(&mut self, seen: &Seen) -> Reply {
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
