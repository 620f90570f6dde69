//! While a human is asked: progress, an end to waiting, and a way to withdraw.

use serde_json::{Value, json};

use super::wire::Wire;
use crate::cli::variant::{answer, with_approval};
use crate::laboratory::{lab, swept};
use crate::log::crash::Hanging;

fn ask(wire: &mut Wire<'_>, token: Option<&str>) -> u64 {
    let meta = token.map_or_else(|| json!({}), |token| json!({ "progressToken": token }));
    wire.send("tools/call", json!({ "name": "psa_search_tickets", "arguments": {}, "_meta": meta }))
}

#[test]
fn progress_is_told_each_second_and_then_a_refusal() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    with_approval(&lab, "psa", "3s");
    answer(&lab, "never");
    let mut wire = Wire::begin(&lab);
    let (told, untold) = (ask(&mut wire, Some("token-7")), ask(&mut wire, None));
    let (refused, before) = wire.answer(told);
    let text = refused["result"]["content"][0]["text"].as_str().unwrap();
    assert!(refused["result"]["isError"] == true && text.contains("nobody answered within 3 seconds"), "{refused}");
    let is_progress = |frame: &&Value| frame["method"] == "notifications/progress";
    let progress: Vec<&Value> = before.iter().filter(is_progress).map(|frame| &frame["params"]).collect();
    assert!((3..=5).contains(&progress.len()), "{before:?}");
    assert!(progress.iter().all(|told| told["progressToken"] == "token-7"), "nobody else asked for progress");
    let counts: Vec<f64> = progress.iter().map(|told| told["progress"].as_f64().unwrap()).collect();
    assert!(counts.is_sorted_by(|one, next| one < next), "progress goes up: {counts:?}");
    assert!(progress[0]["message"].as_str().unwrap().contains("waiting for a human"), "{progress:?}");
    if !before.iter().any(|frame| frame["id"] == untold) {
        assert_eq!(wire.answer(untold).0["result"]["isError"], true);
    }
    assert_eq!(wire.end().0, Some(0));
    assert_eq!(psa.running.connections(), 0);
    swept(&lab);
}

#[test]
fn a_call_that_is_withdrawn_ends_and_the_session_goes_on() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    answer(&lab, "never");
    let mut wire = Wire::begin(&lab);
    let id = ask(&mut wire, None);
    // The question stands when the next request has been answered.
    wire.ask("ping", json!({}));
    wire.notify("notifications/cancelled", json!({ "requestId": id, "reason": "changed my mind" }));
    assert!(wire.unasked().is_empty(), "a cancelled request is not answered");
    assert!(wire.ask("tools/list", json!({}))["result"]["tools"].is_array());
    wire.notify("notifications/cancelled", json!({ "requestId": 4711 }));
    assert!(wire.ask("ping", json!({}))["result"].is_object());
    assert_eq!(wire.end(), (Some(0), String::new()));
    swept(&lab);
}

#[test]
fn a_request_that_is_out_when_its_call_is_withdrawn_is_known_to_be_unknown() {
    let lab = lab();
    let hanging = Hanging::new(&lab);
    let mut wire = Wire::begin(&lab);
    for round in 0..2 {
        let id = ask(&mut wire, None);
        hanging.reached(round);
        wire.notify("notifications/cancelled", json!({ "requestId": id }));
        assert!(wire.unasked().is_empty());
    }
    // Closing standard input while a call is out ends the program all the same.
    ask(&mut wire, None);
    hanging.reached(2);
    assert_eq!(wire.end().0, Some(0));
    let log = lab.must(&["audit", "log", "--json", "--last", "6"]).unwrap().json();
    let reasons: Vec<_> = log.as_array().unwrap().iter().filter_map(|entry| entry["reason"].as_str()).collect();
    assert_eq!(reasons, ["abandoned"; 3], "{log}");
    assert_eq!(lab.must(&["audit", "verify", "--json"]).unwrap().json()["open_intents"], 0);
    swept(&lab);
}
