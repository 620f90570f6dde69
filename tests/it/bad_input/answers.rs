//! Upstreams that answer with the secret, without end, or with a lie about the length.

use std::time::{Duration, Instant};

use claviger_lab::Lab;
use serde_json::{Value, json};

use super::{besieged, echo, refused};
use crate::laboratory::{lab, swept};

const LEAK: &str = "the answer held a secret and was dropped";

/// What is quarantined.
fn quarantined(lab: &Lab) -> Value {
    lab.must(&["quarantine", "list", "--json"]).unwrap().json()
}

#[test]
fn a_secret_in_an_answer_is_caught_in_every_form_and_quarantined() {
    let lab = lab();
    let lair = besieged(&lab);
    for form in [
        "raw",
        "base64",
        "base64url",
        "hex",
        "hex-upper",
        "percent",
        "json",
        "html",
        "utf16",
        "split",
        "header",
        "cookie",
        "gzip",
        "reason",
        "trailer",
    ] {
        let told = refused(&lab, "probe.rotate_api_token", &echo("header", form), 1);
        assert!(told.contains(LEAK), "{form}: {told}");
        assert_eq!(quarantined(&lab), json!([{ "connection": "probe", "secret": "key" }]), "{form}");

        // It is not used again, by no operation and no process, before an operator says so.
        let asked = lair.running.seen().len();
        let told = refused(&lab, "probe.list_nodes", "{}", 1);
        assert!(told.contains("secret key is quarantined for connection probe"), "{told}");
        assert!(told.contains("claviger quarantine lift probe key"), "{told}");
        assert_eq!(lair.running.seen().len(), asked, "{form}");
        lab.must(&["quarantine", "lift", "probe", "key"]).unwrap();
    }
    assert_eq!(quarantined(&lab), json!([]));
    // Lifted, it is used again.
    let asked = lair.running.seen().len();
    refused(&lab, "probe.get_vm", r#"{"node":"short","vmid":1,"kind":"lxc"}"#, 1);
    assert_eq!(lair.running.seen().len(), asked + 1);
    let verdicts = |wanted: &str| {
        let entries = lab.entries().unwrap();
        entries.iter().filter(|entry| entry.pointer("/outcome/verdict") == Some(&json!(wanted))).count()
    };
    assert_eq!(verdicts("leak"), 15);
    assert_eq!(lair.elsewhere.running.connections(), 0);
    swept(&lab);
}

#[test]
fn a_secret_where_nobody_reads_goes_nowhere() {
    let lab = lab();
    let lair = besieged(&lab);
    let told = refused(&lab, "probe.rotate_api_token", &echo("header", "location"), 1);
    assert!(told.contains("a redirect; redirects are never followed"), "{told}");
    assert_eq!(lair.elsewhere.running.connections(), 0);
    swept(&lab);
}

#[test]
fn an_answer_without_end_is_cut_off_at_the_limit() {
    let lab = lab();
    let lair = besieged(&lab);
    let told = refused(&lab, "probe.list_nodes", "{}", 1);
    assert!(told.contains("the answer is longer than 65536 bytes") && told.contains("[limits] response"), "{told}");
    let told = refused(&lab, "probe.list_systems", "{}", 1);
    // What is compressed grows no further than what is not.
    assert!(told.contains("the answer is longer than 65536 bytes"), "{told}");
    assert_eq!(lair.running.seen().len(), 2);
    swept(&lab);
}

#[test]
fn a_slow_answer_ends_with_the_deadline_and_is_known_as_unfinished() {
    let lab = lab();
    let _lair = besieged(&lab);
    let started = Instant::now();
    let told = refused(&lab, "probe.list_vms", "{}", 1);
    assert!(told.contains("the manifest's `[limits] deadline = \"2s\"` sets it"), "{told}");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let last = lab.entries().unwrap().pop().unwrap();
    assert_eq!((&last["kind"], &last["reason"]), (&json!("outcome-unknown"), &json!("abandoned")));
    swept(&lab);
}

#[test]
fn a_length_that_is_a_lie_is_told_and_nothing_is_read_past_it() {
    let lab = lab();
    let lair = besieged(&lab);
    for (kind, expected) in [
        ("short", "has another shape than its vendor documents"),
        ("long", "the HTTP exchange with the upstream failed"),
        ("twice", "the answer is not HTTP/1.1"),
        ("negative", "the answer is not HTTP/1.1"),
        ("both", "has another shape than its vendor documents"),
    ] {
        let told = refused(&lab, "probe.get_vm", &format!(r#"{{"node":"{kind}","vmid":1,"kind":"lxc"}}"#), 1);
        assert!(told.contains(expected), "{kind}: {told}");
    }
    assert_eq!(lair.running.seen().len(), 5);
    swept(&lab);
}
