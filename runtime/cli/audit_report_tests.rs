#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use claviger_approval::Base64Url;
use claviger_audit::{Entry, Kind};
use serde_json::{Value, json};

use super::Report;

fn entry(index: u64, kind: Kind, value: Value) -> Entry {
    Entry { index, at: "2026-11-23T21:30:00Z".parse().unwrap(), kind, value }
}

fn intent(index: u64, effect: &str, proof: &Value) -> Entry {
    let credential = json!({ "secrets": { "token": "op://MSP/Demo/key", "user": "setting robin" } });
    let request = json!({ "plugin": { "name": "psa" }, "client": "Acme <b>", "principal": "alex\u{202e}", "session": "s1",
        "connection": "psa", "effect": effect, "action": { "operation": "show", "credential": credential } });
    entry(index, Kind::Intent, json!({ "request": request, "proof": proof }))
}

fn report() -> Report {
    let receipt = json!({ "receipts": [{ "approver": "sam", "kind": "webauthn" }] });
    let two =
        json!({ "receipts": [{ "approver": "sam", "kind": "webauthn" }, { "approver": "kim", "kind": "webauthn" }] });
    let mut report = Report::default();
    for entry in [
        intent(0, "read", &receipt),
        entry(1, Kind::Outcome, json!({ "intent": 0, "outcome": { "verdict": "answered" } })),
        intent(2, "read", &json!({ "lease": { "receipt": "00", "use_number": 2 } })),
        entry(3, Kind::OutcomeUnknown, json!({ "intent": 2 })),
        intent(4, "read", &receipt),
        intent(5, "destroy", &two),
        entry(
            6,
            Kind::Refused,
            json!({ "refusal": { "plugin": "psa", "client": "Acme <b>", "session": "s1", "code": "denied" } }),
        ),
        entry(7, Kind::Denied, json!({ "refusal": { "principal": "mallory" } })),
    ] {
        report.add(&entry);
    }
    report
}

#[test]
fn it_counts_what_was_used_by_whom_and_approved_how() {
    let report = report();
    let value = serde_json::to_value(&report).unwrap();
    let used = value.pointer("/clients/Acme <b>/psa").unwrap();
    assert_eq!(used["effects"], json!({ "read": 3, "destroy": 1 }));
    assert_eq!(used["ended"], json!({ "answered": 1, "unknown": 1, "open": 2 }));
    assert_eq!(used["principals"], json!({ "alex\\u{202e}": 4 }), "what could deceive is escaped");
    assert_eq!(used["approved"], json!({ "sam (webauthn)": 3, "kim (webauthn)": 1, "lease": 1 }));
    assert_eq!((&used["secrets"], &used["refused"]), (&json!(["op://MSP/Demo/key"]), &json!(1)));
    assert_eq!(value["denied"], json!({ "mallory": 1 }));
}

/// A receipt as the log has it, made on this machine: the members that the method follows from, and the rest in form.
fn asserted(origin: &str) -> Value {
    let encoded = |text: &str| Base64Url::from(text.as_bytes()).to_string();
    let client = encoded(&json!({ "type": "webauthn.get", "challenge": "AA", "origin": origin }).to_string());
    json!({ "v": 1, "kind": "host-asserted", "approver": "sam", "credential_id": "AA", "request": "{}",
        "authenticator_data": "AA", "client_data_json": client, "signature": "AA" })
}

#[test]
fn every_form_says_by_which_method_the_host_asserts_a_yes() {
    let mut report = Report::default();
    for (index, origin) in
        ["claviger:host-asserted", "claviger:host-asserted/fprintd", "claviger:other"].iter().enumerate()
    {
        report.add(&intent(index.try_into().unwrap(), "read", &json!({ "receipts": [asserted(origin)] })));
    }
    let told = ["sam (host-asserted by terminal)", "sam (host-asserted by fprintd)", "sam (host-asserted)"];
    let value = serde_json::to_value(&report).unwrap();
    let approved = value.pointer("/clients/Acme <b>/psa/approved").unwrap();
    assert_eq!(approved, &json!({ told[0]: 1, told[1]: 1, told[2]: 1 }), "a method that is none is not told");
    let page = crate::audit_html::page(&report).into_string();
    for text in told {
        assert!(report.told().contains(&format!("1 {text}")) && page.contains(text), "{text}: {}", report.told());
    }
}

#[test]
fn it_counts_how_often_people_were_asked() {
    let report = report();
    let prompts = &report.sessions["s1"];
    // Two reads, two gestures of the quorum, one refusal; the second read was like the first.
    assert_eq!((prompts.asked, prompts.leased, prompts.spared_by_a_lease), (5, 1, 1));
    assert_eq!(report.days["2026-11-23"], 5);
    assert!(
        report.told().contains("session s1: asked 5 times, 1 requests under a lease, 1 reads"),
        "{}",
        report.told()
    );
}

#[test]
fn the_page_holds_no_markup_of_others_and_its_pictures_are_its_own() {
    let page = crate::audit_html::page(&report()).into_string();
    assert!(page.contains("Acme &lt;b&gt;") && !page.contains("Acme <b>"), "{page}");
    assert!(page.contains("<svg") && page.contains("op://MSP/Demo/key"));
    for outside in ["http://", "https://", "<script", "url(", "src="] {
        assert!(!page.contains(outside), "the page has {outside}");
    }
}
