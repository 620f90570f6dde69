//! Every revision of the protocol that clients speak.

use serde_json::{Value, json};

use super::wire::Wire;
use crate::laboratory::{lab, swept};

const WITH_HANDSHAKE: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
const WITHOUT: &str = "2026-07-28";

/// What every request carries since there is no handshake.
fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": WITHOUT,
        "io.modelcontextprotocol/clientInfo": { "name": "wire", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

#[test]
fn each_revision_lists_and_calls() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let mut lists = Vec::new();
    for version in WITH_HANDSHAKE {
        let mut wire = Wire::new(&lab, &[]);
        let begun = wire.initialize(version);
        assert_eq!(begun["protocolVersion"], version);
        assert_eq!(begun["serverInfo"]["name"], "claviger");
        let capabilities: Vec<_> = begun["capabilities"].as_object().unwrap().keys().collect();
        assert_eq!(capabilities, ["tools"], "only tools are offered");
        lists.push(wire.ask("tools/list", json!({}))["result"]["tools"].clone());
        let result = wire.call("psa_search_tickets", json!({ "company": "Acme" }));
        assert!(result["result"]["content"][0]["text"].is_string(), "{result}");
        assert_eq!(wire.end(), (Some(0), String::new()));
    }
    let mut wire = Wire::new(&lab, &[]);
    let discovered = wire.ask("server/discover", json!({ "_meta": meta() }));
    let versions = discovered["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!(WITHOUT)), "{discovered}");
    lists.push(wire.ask("tools/list", json!({ "_meta": meta() }))["result"]["tools"].clone());
    let parameters = json!({ "name": "psa_search_tickets", "arguments": {}, "_meta": meta() });
    let result = wire.ask("tools/call", parameters);
    assert!(result["result"]["structuredContent"]["tickets"].is_array(), "{result}");
    assert_eq!(wire.end(), (Some(0), String::new()));
    let names = |list: &Value| list.as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect::<Vec<_>>();
    assert!(lists.iter().all(|list| names(list) == names(&lists[0])), "the revision changes what is granted");
    swept(&lab);
}

#[test]
fn a_version_that_nobody_knows_is_answered_with_one_that_both_may_speak() {
    let lab = lab();
    let mut wire = Wire::new(&lab, &[]);
    let begun = wire.initialize("1999-01-01");
    assert!(WITH_HANDSHAKE.contains(&begun["protocolVersion"].as_str().unwrap()), "{begun}");
    assert_eq!(wire.ask("tools/list", json!({}))["result"]["tools"], json!([]), "nothing is granted, nothing is shown");
    assert_eq!(wire.end().0, Some(0));
}

#[test]
fn who_begins_no_session_is_told_what_to_do() {
    let lab = lab();
    let (code, said) = Wire::new(&lab, &[]).end();
    assert_eq!(code, Some(2));
    assert!(said.contains("run this command from an MCP client's configuration"), "{said}");
}
