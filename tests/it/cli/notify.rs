//! People elsewhere are told that a request waits, and nothing that comes back from there is an answer.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use claviger_lab::{Canary, Lab};
use claviger_sim::{Receiver, ReceiverKind, Running, TestCa};

use super::variant::{answer, configure, with_approval};
use crate::laboratory::{lab, swept};

const KINDS: [(ReceiverKind, &str); 3] =
    [(ReceiverKind::Ntfy, "ntfy"), (ReceiverKind::Slack, "slack"), (ReceiverKind::Teams, "teams")];

/// Names a channel in the configuration; its whole address is a secret.
fn channel(lab: &Lab, kind: &str, address: &str, ca: &TestCa) {
    let canary = Canary::given(&format!("{kind}-address"), address).unwrap();
    let reference = format!("op://MSP/Chat/{kind}");
    lab.put(&reference, &canary).unwrap();
    let ca = lab.file("receivers.pem", ca.pem().as_bytes()).unwrap();
    configure(&lab.state(), |text| {
        let ca = ca.display();
        format!(
            "{text}\n[[notify]]\nkind = \"{kind}\"\nurl = \"{reference}\"\nca = \"{ca}\"\nnetworks = [\"127.0.0.0/8\"]\n"
        )
    });
}

fn receivers(lab: &Lab, ca: &TestCa) -> Vec<(&'static str, Running)> {
    let started = KINDS.iter().map(|(kind, name)| {
        let key = lab.canary(&format!("{name}-key")).unwrap().value;
        let running = Receiver::start(ca, *kind, &key).unwrap();
        channel(lab, name, &Receiver::address(&running, *kind, &key), ca);
        (*name, running)
    });
    started.collect()
}

#[test]
fn each_receiver_is_told_once_and_none_of_them_decides() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let ca = TestCa::new().unwrap();
    with_approval(&lab, "psa", "3s");
    let receivers = receivers(&lab, &ca);
    answer(&lab, "never");
    let ran = lab.run(&["call", "psa.search_tickets", "--args", r#"{"company":"Acme"}"#]).unwrap();
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("nobody answered within 3") && !ran.stderr.contains("was not told"), "{}", ran.stderr);
    for (name, running) in &receivers {
        let seen = running.seen();
        assert_eq!(seen.len(), 1, "{name} was told {} times", seen.len());
        let text = seen[0].text();
        for said in ["Acme Manufacturing", "plugin: psa", "effect: read", "who: "] {
            assert!(text.contains(said), "{name} is not told {said}: {text}");
        }
        assert!(!text.contains("op://") && !text.contains("localhost") && !text.contains("conditions"), "{text}");
    }
    assert_eq!(psa.running.connections(), 0, "a request went out that nobody approved");
    let log = lab.must(&["audit", "log", "--json"]).unwrap().json();
    let opened = log.as_array().unwrap().iter().filter(|entry| entry["note"]["action"] == "channel-opened").count();
    assert_eq!(opened, KINDS.len());
    swept(&lab);
}

#[test]
fn a_receiver_that_refuses_or_says_nothing_changes_nothing() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let ca = TestCa::new().unwrap();
    let key = lab.canary("key").unwrap().value;
    let running = Receiver::start(&ca, ReceiverKind::Slack, "another key").unwrap();
    channel(&lab, "slack", &Receiver::address(&running, ReceiverKind::Slack, &key), &ca);
    // It takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    channel(&lab, "ntfy", &format!("https://{}/{key}", silent.local_addr().unwrap()), &ca);
    let begin = Instant::now();
    let ran = lab.run(&["call", "psa.search_tickets"]).unwrap();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(begin.elapsed() < Duration::from_secs(8), "the call waited for a receiver");
    assert!(psa.running.connections() > 0);
    // And when people take their time, the refusal is told, by reference.
    with_approval(&lab, "psa", "2s");
    answer(&lab, "never");
    let ran = lab.run(&["call", "psa.search_tickets"]).unwrap();
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let told = "slack (op://MSP/Chat/slack) was not told: the receiver answered 403";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    swept(&lab);
}
