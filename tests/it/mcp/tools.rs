//! What is listed: granted tools and nothing else.

use serde_json::{Value, json};

use super::wire::Wire;
use crate::laboratory::{lab, swept};

/// Clients put this before every name, and the model APIs behind them take 64 characters.
const PREFIX: &str = "mcp__claviger__";

fn list(wire: &mut Wire<'_>) -> Vec<Value> {
    wire.ask("tools/list", json!({}))["result"]["tools"].as_array().unwrap().clone()
}

fn names(tools: &[Value]) -> Vec<&str> {
    tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

#[test]
fn granted_tools_are_listed_as_their_manifests_describe_them() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let _pve = lab.hypervisor().unwrap();
    let mut wire = Wire::begin(&lab);
    let tools = list(&mut wire);
    let shown = names(&tools);
    assert_eq!(
        shown,
        [
            "psa_get_project_status",
            "psa_get_ticket",
            "psa_list_projects",
            "psa_search_tickets",
            "pve_get_vm",
            "pve_list_nodes",
            "pve_list_systems",
            "pve_list_vms",
            "pve_rotate_api_token"
        ]
    );
    for tool in &tools {
        let name = tool["name"].as_str().unwrap();
        assert!(format!("{PREFIX}{name}").len() < 64, "{name} is too long");
        assert!(name.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{name}");
        for schema in ["inputSchema", "outputSchema"] {
            assert_eq!(tool[schema]["type"], "object", "{name} {schema}");
        }
        let (reads, hints) = (name != "pve_rotate_api_token", &tool["annotations"]);
        assert_eq!((&hints["readOnlyHint"], &hints["destructiveHint"]), (&reads.into(), &(!reads).into()), "{name}");
    }
    assert!(tools[3]["description"].as_str().unwrap().contains("(client: Acme Manufacturing)"));
    // Nothing that is shown tells where a secret is, or that there are any.
    let text = Value::from(tools.clone()).to_string();
    assert!(!text.contains("op://MSP"), "{text}");
    assert_eq!(list(&mut wire), tools, "the same list, in the same order");
    assert_eq!(wire.end().0, Some(0));
    let mut again = Wire::begin(&lab);
    assert_eq!(list(&mut again), tools, "and in the next session");
    drop(again);
    // A principal who is not granted anything sees nothing.
    let mut stranger = Wire::new(&lab, &["--as", "mallory"]);
    stranger.initialize("2025-11-25");
    assert!(list(&mut stranger).is_empty());
    let refused = stranger.call("psa_search_tickets", json!({}));
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    swept(&lab);
}

#[test]
fn a_connection_that_is_broken_takes_nothing_from_the_others() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let _pve = lab.hypervisor().unwrap();
    std::fs::write(lab.state().join("connections/half.toml"), "plugin = \"psa\"\nsurprise = 1\n").unwrap();
    let component = lab.state().join("plugins/hypervisor/component.wasm");
    let bytes = std::fs::read(&component).unwrap();
    std::fs::write(&component, &bytes[..bytes.len() - 1]).unwrap();
    let mut wire = Wire::begin(&lab);
    assert!(list(&mut wire).iter().all(|tool| tool["name"].as_str().unwrap().starts_with("psa_")));
    assert!(wire.call("psa_search_tickets", json!({}))["result"]["structuredContent"]["tickets"].is_array());
    let (code, said) = wire.end();
    assert_eq!(code, Some(0));
    for left_out in ["connection half is left out", "connection pve is left out: plugin hypervisor"] {
        assert!(said.contains(left_out), "{said}");
    }
    assert_eq!(lab.run(&["call", "pve.list_nodes"]).unwrap().code, 6, "who calls it is told");
    lab.must(&["call", "psa.search_tickets"]).unwrap();
    swept(&lab);
}

#[test]
fn nothing_but_tools_is_exposed() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let mut wire = Wire::begin(&lab);
    for method in [
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "resources/subscribe",
        "prompts/list",
        "prompts/get",
        "completion/complete",
        "logging/setLevel",
        "secrets/list",
        "claviger/secret",
    ] {
        let parameters = match method {
            "resources/read" | "resources/subscribe" => json!({ "uri": "op://MSP/ConnectWise/company" }),
            "prompts/get" => json!({ "name": "secret" }),
            "logging/setLevel" => json!({ "level": "debug" }),
            "completion/complete" => {
                json!({ "ref": { "type": "ref/prompt", "name": "x" }, "argument": { "name": "a", "value": "b" } })
            }
            _ => json!({}),
        };
        let answer = wire.ask(method, parameters);
        let empty = ["/result/resources", "/result/resourceTemplates", "/result/prompts"]
            .iter()
            .any(|place| answer.pointer(place).is_some_and(|list| list == &json!([])));
        assert!(answer["error"]["code"] == -32601 || empty, "{method}: {answer}");
    }
    assert_eq!(wire.end().0, Some(0));
    swept(&lab);
}
