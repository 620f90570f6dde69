//! What a call gives: the same as at the command line, and errors that a model can read.

use std::time::Duration;

use claviger_lab::Canary;
use serde_json::{Value, json};

use super::wire::Wire;
use crate::laboratory::{lab, swept};

#[test]
fn results_are_those_of_the_command_line() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let _pax8 = lab.pax8(Duration::from_secs(3600), 0).unwrap();
    let calls = [
        ("psa", "search_tickets", json!({ "company": "Acme", "open_only": true })),
        ("psa", "list_projects", json!({})),
        ("pax8", "list_companies", json!({ "name": "Acme" })),
    ];
    let mut wire = Wire::begin(&lab);
    let shown: Vec<Value> = calls
        .iter()
        .map(|(connection, tool, arguments)| {
            let result = wire.call(&format!("{connection}_{tool}"), arguments.clone())["result"].clone();
            assert_ne!(result["isError"], true, "{result}");
            let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
            assert_eq!(text, result["structuredContent"], "clients that read text get the same");
            text
        })
        .collect();
    assert_eq!(wire.end(), (Some(0), String::new()));
    for ((connection, tool, arguments), shown) in calls.iter().zip(shown) {
        let tool = format!("{connection}.{tool}");
        let ran = lab.must(&["call", &tool, "--args", &arguments.to_string()]).unwrap();
        assert_eq!(ran.json(), shown, "{tool}");
    }
    swept(&lab);
}

#[test]
fn failures_are_results_with_a_text_and_an_unknown_tool_is_an_error() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let mut wire = Wire::begin(&lab);
    for (tool, arguments, says) in [
        ("psa_search_tickets", json!({ "nonsense": 1 }), "input schema"),
        ("psa_search_tickets", json!({ "company": 7 }), "input schema"),
        ("psa_get_ticket", json!({ "id": 999_999 }), "not found"),
    ] {
        let result = wire.call(tool, arguments)["result"].clone();
        assert_eq!(result["isError"], true, "{result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(says), "{text}");
    }
    for unknown in ["psa_delete_everything", "psa.search_tickets", "PSA_SEARCH_TICKETS", "", "../psa_search_tickets"] {
        let answer = wire.call(unknown, json!({}));
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains("list the tools"), "{answer}");
    }
    drop(psa);
    let result = wire.call("psa_search_tickets", json!({}))["result"].clone();
    assert_eq!(result["isError"], true, "{result}");
    assert_eq!(wire.end().0, Some(0));
    swept(&lab);
}

#[test]
fn a_model_gets_references_of_what_was_minted_and_never_the_secret() {
    let lab = lab();
    let pve = lab.hypervisor().unwrap();
    let mut wire = Wire::begin(&lab);
    let arguments = json!({ "userid": "claviger@pve", "old_token": "agent", "new_token": "agent-2" });
    let result = wire.call("pve_rotate_api_token", arguments)["result"].clone();
    assert_ne!(result["isError"], true, "{result}");
    assert!(result["structuredContent"].to_string().contains("op://MSP/"), "{result}");
    let seen = pve.running.seen();
    let header = seen.last().unwrap().header("authorization").unwrap().to_owned();
    lab.know(Canary::given("the minted token", header.rsplit('=').next().unwrap()).unwrap());
    assert_eq!(wire.end().0, Some(0));
    swept(&lab);
}
