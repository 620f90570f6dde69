//! Many calls in one session at once.

use std::collections::BTreeSet;

use serde_json::json;

use super::wire::Wire;
use crate::laboratory::{lab, swept};

const CALLS: u64 = 64;

#[test]
fn sixty_four_calls_at_once_are_all_answered() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let mut wire = Wire::begin(&lab);
    let asked: BTreeSet<u64> = (0..CALLS)
        .map(|number| {
            let arguments = json!({ "company": "Acme", "open_only": number % 2 == 0 });
            wire.send("tools/call", json!({ "name": "psa_search_tickets", "arguments": arguments }))
        })
        .collect();
    let mut answered = BTreeSet::new();
    while answered.len() < asked.len() {
        let frame = wire.frame().expect("an answer");
        assert!(frame["result"]["structuredContent"]["tickets"].is_array(), "{frame}");
        assert!(answered.insert(frame["id"].as_u64().unwrap()), "answered twice: {frame}");
    }
    assert_eq!(answered, asked);
    assert_eq!(wire.end(), (Some(0), String::new()));
    let summary = lab.must(&["audit", "verify", "--json"]).unwrap().json();
    assert_eq!((&summary["kinds"]["intents"], &summary["open_intents"]), (&CALLS.into(), &0.into()));
    assert_eq!(u64::try_from(psa.running.seen().len()).unwrap(), CALLS);
    swept(&lab);
}
