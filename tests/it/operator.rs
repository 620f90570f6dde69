//! An operator at work while a host runs: what they change is in the log first, and counts at once.

mod door;

use std::fs;
use std::time::{Duration, Instant};

use claviger_lab::{Agent, Lab};
use serde_json::{Value, json};

use crate::cli::variant::answer;
use crate::laboratory::{lab, swept};
use crate::mcp::wire::Wire;

/// How long a host is waited for that looks every second.
const PATIENCE: Duration = Duration::from_secs(30);

/// The action of each of an operator's entries, with its subject and detail.
fn notes(lab: &Lab) -> Vec<[String; 3]> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let log = lab.must(&["audit", "log", "--json", "--last", "100000"]).unwrap().json();
    let notes = log.as_array().unwrap().iter().filter_map(|entry| entry.get("note"));
    notes.map(|note| ["action", "subject", "detail"].map(|member| text(&note[member]))).collect()
}

/// What a tool says, and whether that is an error.
fn search(agent: &mut Agent<'_>) -> (bool, String) {
    let answer = agent.call("psa_search_tickets", &json!({})).unwrap();
    (answer["isError"] == true, answer["content"][0]["text"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_grant_that_is_revoked_while_a_host_runs_is_none_from_then_on() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let mut agent = Agent::start(&lab).unwrap();
    assert!(!search(&mut agent).0);
    let (file, sent) = (lab.state().join("connections/psa.toml"), psa.running.seen().len());
    let whole = fs::read_to_string(&file).unwrap();

    lab.must(&["grant", "revoke", "psa", "search-tickets"]).unwrap();
    let (is_error, text) = search(&mut agent);
    assert!(is_error && text.contains("declared but not granted"), "{text}");
    assert_eq!(psa.running.seen().len(), sent, "nothing goes out under a grant that is gone");

    // The operator's own hand counts as much as the command, and the log has it too.
    fs::write(&file, &whole).unwrap();
    let until = Instant::now() + PATIENCE;
    while search(&mut agent).0 {
        assert!(Instant::now() < until, "what was granted again never counted");
    }
    // A file that is none allows nothing.
    fs::write(&file, "plugin = ").unwrap();
    while !search(&mut agent).0 {
        assert!(Instant::now() < until, "a broken connection went on");
    }
    fs::write(&file, &whole).unwrap();
    while search(&mut agent).0 {
        assert!(Instant::now() < until, "the connection never came back");
    }
    lab.must(&["connection", "remove", "psa"]).unwrap();
    let (is_error, text) = search(&mut agent);
    assert!(is_error && text.contains("no connection has this name"), "{text}");

    let told: Vec<_> = notes(&lab).into_iter().filter(|[_, subject, _]| subject == "psa").collect();
    let told: Vec<[&str; 2]> = told.iter().map(|[action, _, detail]| [action.as_str(), detail.as_str()]).collect();
    assert_eq!(told[1], ["connection-changed", "revoked: search-tickets"], "{told:?}");
    assert_eq!(told[2], ["connection-followed", "withdrawn: operation search-tickets"], "{told:?}");
    assert_eq!(told[3], ["connection-followed", "granted: operation search-tickets"], "{told:?}");
    assert!(told[4][1].starts_with("counts no more: ") && told[5][1].starts_with("counts again: "), "{told:?}");
    assert_eq!(told[6][0], "connection-removed", "{told:?}");
    assert!(told[7][1].starts_with("counts no more: no connection psa"), "{told:?}");
    drop(agent);
    lab.must(&["audit", "verify"]).unwrap();
    swept(&lab);
}

#[test]
fn what_waits_for_a_person_is_denied_when_its_connection_is_changed() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    answer(&lab, "never");
    let mut wire = Wire::begin(&lab);
    for (command, and_now) in [
        (&["grant", "revoke", "psa", "get-ticket"][..], "was changed while this waited"),
        (&["connection", "remove", "psa"][..], "was changed while this waited"),
    ] {
        let id = wire.send("tools/call", json!({ "name": "psa_search_tickets", "arguments": {} }));
        // The question stands when the next request has been answered.
        wire.ask("ping", json!({}));
        lab.must(command).unwrap();
        let (denied, _) = wire.answer(id);
        let text = denied["result"]["content"][0]["text"].as_str().unwrap();
        assert!(denied["result"]["isError"] == true && text.contains(and_now), "{denied}");
    }
    assert_eq!(psa.running.connections(), 0);
    assert_eq!(wire.end().0, Some(0));
    let log = lab.must(&["audit", "log", "--json", "--verdict", "denied"]).unwrap().json();
    assert_eq!(log.as_array().unwrap().len(), 2, "{log}");
    swept(&lab);
}

#[test]
fn a_lease_ends_when_its_connection_is_changed() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    answer(&lab, "lease");
    let mut agent = Agent::start(&lab).unwrap();
    let asked = |lab: &Lab| {
        let log = lab.must(&["audit", "log", "--json", "--last", "100"]).unwrap().json();
        log.as_array().unwrap().iter().filter(|entry| entry.pointer("/proof/receipts/0").is_some()).count()
    };
    for _ in 0..2 {
        assert!(!search(&mut agent).0);
    }
    assert_eq!(asked(&lab), 1, "the second was covered");
    // What is taken away has nothing to do with what the lease covers.
    lab.must(&["grant", "revoke", "psa", "get-project"]).unwrap();
    for _ in 0..2 {
        assert!(!search(&mut agent).0);
    }
    assert_eq!(asked(&lab), 2);
    drop(agent);
    swept(&lab);
}

#[test]
fn a_plugin_that_is_trusted_no_more_runs_no_more() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let mut agent = Agent::start(&lab).unwrap();
    assert!(!search(&mut agent).0);
    let trust = lab.state().join("trust");
    let key = fs::read_dir(&trust).unwrap().next().unwrap().unwrap().path();
    fs::rename(&key, lab.state().join("distrusted")).unwrap();
    let until = Instant::now() + PATIENCE;
    while !search(&mut agent).0 {
        assert!(Instant::now() < until, "the plugin of a publisher whom nobody trusts went on");
    }
    fs::rename(lab.state().join("distrusted"), &key).unwrap();
    while search(&mut agent).0 {
        assert!(Instant::now() < until, "it never came back");
    }
    drop(agent);
    swept(&lab);
}

#[test]
fn while_the_approvers_cannot_be_read_nobody_approves() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let mut agent = Agent::start(&lab).unwrap();
    assert!(!search(&mut agent).0);
    let file = lab.state().join("approvers.toml");
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, "[[approver").unwrap();
    let (begin, mut sent) = (Instant::now(), psa.running.seen().len());
    loop {
        let (is_error, text) = search(&mut agent);
        if is_error {
            assert!(text.contains("not enrolled"), "{text}");
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "an approver whom no file names went on");
        sent = psa.running.seen().len();
    }
    assert_eq!(psa.running.seen().len(), sent);
    fs::write(&file, whole).unwrap();
    // The host looks every second, and a session that asks on and on is refused for that.
    std::thread::sleep(Duration::from_secs(1));
    while search(&mut agent).0 {
        assert!(begin.elapsed() < PATIENCE, "the approver never came back: {}", search(&mut agent).1);
        std::thread::sleep(Duration::from_secs(1));
    }
    drop(agent);
    swept(&lab);
}

#[test]
fn a_host_that_is_locked_does_nothing_any_more() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    answer(&lab, "lease");
    assert!(lab.must(&["vault", "lock"]).unwrap().stdout.contains("no host runs"));
    let mut agent = Agent::start(&lab).unwrap();
    assert!(!search(&mut agent).0);
    let sent = psa.running.seen().len();
    for _ in 0..2 {
        assert!(lab.must(&["vault", "lock"]).unwrap().stdout.contains("is locked"));
        let (is_error, text) = search(&mut agent);
        assert!(is_error && text.contains("locked by its operator"), "{text}");
    }
    // What is in the files counts no more, and no command is noted by a host that cannot tell who asks.
    let ran = lab.run(&["connection", "remove", "psa"]).unwrap();
    assert!(ran.code == 5 && ran.stderr.contains("it is locked; end it"), "{}", ran.stderr);
    assert!(search(&mut agent).0);
    assert_eq!(psa.running.seen().len(), sent);
    assert!(agent.complaints().contains("locked by the operator"));
    drop(agent);
    assert_eq!(notes(&lab).last().unwrap()[0], "host-locked");
    lab.must(&["audit", "verify"]).unwrap();
    assert_eq!(lab.call("psa.search_tickets", &json!({})).unwrap().code, 0, "started again, it goes on");
    swept(&lab);
}

#[test]
fn an_operators_commands_work_while_a_host_has_the_log() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let mut agent = Agent::start(&lab).unwrap();
    assert!(!search(&mut agent).0);
    let bundle = lab.beside("bundle");
    lab.put("op://MSP/Beside/field", psa.canaries.last().unwrap()).unwrap();
    lab.must(&["connection", "bind", "psa", "client-id=op://MSP/Beside/field"]).unwrap();
    lab.must(&["audit", "export", bundle.to_str().unwrap()]).unwrap();
    let (package, key) = (lab.package("pax8"), lab.package("pax8").with_file_name("publisher.pub"));
    let installed = lab.must(&["plugin", "install", package.to_str().unwrap(), "--trust", key.to_str().unwrap()]);
    let installed = installed.unwrap();
    assert!(installed.stderr.contains("counts from its next start on"), "{}", installed.stderr);
    let done: Vec<[String; 3]> = notes(&lab);
    let done: Vec<&str> = done.iter().map(|[action, ..]| action.as_str()).collect();
    let expected = ["secret-put", "connection-changed", "connection-followed", "log-exported", "plugin-installed"];
    assert_eq!(done[done.len() - expected.len()..], expected, "{done:?}");
    // The very process goes on, with what is bound now.
    assert!(!search(&mut agent).0);
    drop(agent);
    lab.must(&["audit", "verify", bundle.to_str().unwrap()]).unwrap();
    lab.must(&["audit", "verify"]).unwrap();
    assert!(!lab.state().join("door.sock").exists(), "a host that ended left its door open");
    swept(&lab);
}
