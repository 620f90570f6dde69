//! What was done is there, in order, and verifies with public keys alone.

use std::fs;

use super::{count, entries};
use crate::laboratory::{lab, swept};

#[test]
fn a_call_is_an_intent_and_an_outcome_that_anyone_can_verify() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let before = count(&lab);
    lab.must(&["call", "psa.search_tickets"]).unwrap();
    let summary = lab.must(&["audit", "verify", "--json"]).unwrap().json();
    assert_eq!((&summary["entries"], &summary["covered"]), (&(before + 2).into(), &(before + 2).into()));
    assert_eq!((&summary["open_intents"], &summary["approvals"]["simulated"]), (&0.into(), &1.into()));
    let log = entries(&lab, 2);
    let kinds: Vec<_> = log.iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["intent", "outcome"]);
    assert_eq!((&log[1]["intent"], &log[1]["outcome"]["status"]), (&log[0]["index"], &200.into()));
    let rows = lab.must(&["audit", "log", "--last", "2"]).unwrap().stdout;
    for shown in [
        "alex psa.search_tickets for Acme Manufacturing read: GET https://api-na",
        "approved by alex (simulated)",
        "answered with 200",
    ] {
        assert!(rows.contains(shown), "{shown:?} is not in {rows}");
    }
    let refused = lab.run(&["call", "psa.search_tickets", "--as", "mallory"]).unwrap();
    assert_eq!(refused.code, 3);
    assert_eq!(
        (&entries(&lab, 1)[0]["kind"], &entries(&lab, 1)[0]["refusal"]["principal"]),
        (&"denied".into(), &"mallory".into())
    );
    swept(&lab);
}

#[test]
fn an_export_verifies_elsewhere_with_a_key_that_came_another_way() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    lab.must(&["call", "psa.search_tickets"]).unwrap();
    let bundle = lab.beside("bundle");
    let bundle = bundle.to_str().unwrap();
    lab.must(&["audit", "export", bundle]).unwrap();
    let key = lab.file("kept.pub", &fs::read(lab.state().join("audit.pub")).unwrap()).unwrap();
    let other = crate::laboratory::lab();
    let others = other.state().join("audit.pub");
    // The state directory that made it is not needed.
    let elsewhere = |key: &[&str]| other.run(&[&["audit", "verify", bundle], key].concat()).unwrap();
    let known = elsewhere(&["--key", key.to_str().unwrap()]);
    assert_eq!(known.code, 0, "{}", known.stderr);
    assert!(!known.stdout.contains("compare it"), "{}", known.stdout);
    let unknown = elsewhere(&[]);
    assert!(unknown.code == 0 && unknown.stdout.contains("compare it with one that did not"), "{}", unknown.stdout);
    let wrong = elsewhere(&["--key", others.to_str().unwrap()]);
    assert_eq!(wrong.code, 5, "a log under another key passed");
    let again = lab.run(&["audit", "export", bundle]).unwrap();
    assert!(again.code == 2 && again.stderr.contains("name a new directory"), "{}", again.stderr);
    swept(&lab);
}
