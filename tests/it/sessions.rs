//! Sessions through the whole program, from the manifest alone: one log-in for two calls, another when the server has
//! forgotten it, and a log-out at the end, however the program ends.

mod endings;
mod keys;

use std::time::{Duration, Instant};

use claviger_lab::{Agent, Canary, Draft, Lab};
use claviger_sim::{Running, SessionBook, SessionConfig, SessionVendor, Sessions};
use serde_json::{Value, json};

use crate::hostile::script;
use crate::laboratory::{lab, swept};

const USER: &str = "claviger@pve";

/// A laboratory with one vendor's server, connected.
struct Site {
    lab: Lab,
    running: Running,
    book: SessionBook,
    /// The credential's name, which its operations' begin with.
    name: &'static str,
}

impl Site {
    fn new(vendor: SessionVendor, name: &'static str) -> Self {
        Self::with(vendor, name, |draft| draft)
    }

    /// One whose manifest says something else.
    fn with(vendor: SessionVendor, name: &'static str, change: impl FnOnce(Draft) -> Draft) -> Self {
        let lab = lab();
        let password = lab.canary("password").unwrap();
        let config = SessionConfig { user: USER.to_owned(), password: password.value.clone(), most: 2 };
        let (running, book) = Sessions::start(&lab.ca, vendor, config).unwrap();
        let draft = Draft { manifest: include_str!("../vectors/script/sessions.toml").to_owned(), ..script() };
        lab.adopt(&lab.publisher("tester", "tester").unwrap(), &change(draft), "sessions").unwrap();
        lab.put("op://MSP/Site/password", &password).unwrap();
        assert_eq!(lab.run_with(&["secret", "put", "op://MSP/Site/user"], USER.as_bytes()).unwrap().code, 0);
        let bound = ["--identifier", "user=op://MSP/Site/user", "--secret", "password=op://MSP/Site/password"];
        let more: Vec<&str> = bound.into_iter().chain(["--allow", "proxmox-write"]).collect();
        lab.connect("site", "sessions", "api", running.addr, &more).unwrap();
        Self { lab, running, book, name }
    }

    fn redfish() -> Self {
        Self::new(SessionVendor::Redfish, "redfish")
    }

    fn steps(&self, operation: &str) -> Value {
        let (name, operation) = (self.name, format!("{}-{operation}", self.name));
        json!([{ "do": "open", "name": name, "as": "k" }, { "do": "send", "operation": operation, "credential": "k" }])
    }

    /// What a call was answered: the status, or what the guest was told instead.
    #[track_caller]
    fn call(&self, agent: &mut Agent<'_>, operation: &str) -> Value {
        let result = agent.call("site_run", &json!({ "steps": self.steps(operation) })).unwrap();
        let told = result.pointer("/structuredContent/told/1").unwrap_or_else(|| panic!("{result}"));
        told.get("status").unwrap_or(told).clone()
    }

    /// Methods and paths of what the server was asked from this request on.
    fn asked(&self, from: usize) -> Vec<String> {
        let seen = self.running.seen();
        seen.iter().skip(from).map(|request| format!("{} {}", request.method, request.path)).collect()
    }

    /// How many log-outs are in the log.
    fn noted(&self) -> usize {
        let entries = self.lab.entries().unwrap();
        entries.iter().filter(|entry| entry.to_string().contains("session-ended")).count()
    }

    /// Nothing that let anybody in was printed or kept.
    fn swept(&self) {
        for value in self.book.minted() {
            self.lab.know(Canary::given("a value of a session", &value).unwrap());
        }
        swept(&self.lab);
    }
}

/// The life of a session: who logs out at the end, and how.
#[track_caller]
fn lives(vendor: SessionVendor, name: &'static str, second: &str, log_out: Option<&str>) {
    let site = Site::new(vendor, name);
    let mut agent = Agent::start(&site.lab).unwrap();
    assert_eq!(site.call(&mut agent, "read"), 200);
    assert_eq!(site.call(&mut agent, second), 200);
    assert_eq!((site.book.counts(), site.asked(0).len()), ((1, 0, 1), 3), "one log-in, two requests");
    site.book.forget();
    assert_eq!(site.call(&mut agent, "read"), 200);
    assert_eq!(site.book.counts(), (2, 0, 1), "logged in again on 401");
    let before = site.running.seen().len();
    drop(agent);
    let ended = usize::from(log_out.is_some());
    assert_eq!(site.book.counts(), (2, ended, 1 - ended));
    if let Some(log_out) = log_out {
        assert!(site.asked(before).iter().any(|line| line == log_out), "{:?}", site.asked(0));
    }
    // The one that the server forgot was logged out of too: it had to be tried.
    assert_eq!(site.noted(), 2 * ended);
    site.swept();
}

/// A connection that is taken away while the host runs leaves nobody logged in.
#[test]
fn whose_connection_is_removed_is_logged_out_while_the_host_goes_on() {
    let site = Site::redfish();
    let mut agent = Agent::start(&site.lab).unwrap();
    assert_eq!(site.call(&mut agent, "read"), 200);
    assert_eq!(site.book.counts(), (1, 0, 1));
    site.lab.must(&["connection", "remove", "site"]).unwrap();
    let begin = Instant::now();
    while site.book.counts() != (1, 1, 0) {
        assert!(begin.elapsed() < Duration::from_secs(30), "the session stays open: {:?}", site.book.counts());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(agent.tools().is_ok(), "the host goes on");
    drop(agent);
    assert_eq!((site.book.counts(), site.noted()), ((1, 1, 0), 1));
    site.swept();
}

#[test]
fn a_proxmox_ticket_with_its_token_against_cross_site_requests() {
    lives(SessionVendor::Proxmox, "proxmox", "write", None);
}

#[test]
fn a_vcenter_session() {
    lives(SessionVendor::Vcenter, "vcenter", "read", Some("DELETE /api/session"));
}

/// Its sessions are numbered, and `2` is no secret.
#[test]
fn a_redfish_session() {
    lives(SessionVendor::Redfish, "redfish", "read", Some("DELETE /redfish/v1/SessionService/Sessions/2"));
}

#[test]
fn a_keystone_token() {
    lives(SessionVendor::Keystone, "keystone", "read", Some("DELETE /v3/auth/tokens"));
}

#[test]
fn a_cookie_of_a_form() {
    lives(SessionVendor::Form, "web", "read", Some("GET /NoAuth/Logout.html"));
}

/// Every run of the program logs in and out again: a controller that counts sessions does not run out of them.
#[test]
fn twenty_runs_of_the_program_leave_no_session() {
    let site = Site::redfish();
    for _ in 0..20 {
        let ran = site.lab.call("site.run", &json!({ "steps": site.steps("read") })).unwrap();
        assert_eq!(ran.json().pointer("/told/1/status"), Some(&json!(200)), "{}", ran.stderr);
    }
    assert_eq!((site.book.counts(), site.book.refused()), ((20, 20, 0), 0));
    site.swept();
}

#[test]
fn a_wrong_password_is_tried_once_and_opens_nothing() {
    let site = Site::new(SessionVendor::Keystone, "keystone");
    crate::plugins::spoil(&site.lab, "op://MSP/Site/password");
    let mut agent = Agent::start(&site.lab).unwrap();
    let told = site.call(&mut agent, "read");
    assert!(told["detail"].as_str().unwrap().contains("401") && told["left"] == false, "{told}");
    assert_eq!((site.book.counts(), site.book.refused()), ((0, 0, 0), 1));
}
