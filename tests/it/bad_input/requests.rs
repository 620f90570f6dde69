//! Calls that are not declared, not granted, or do not fit: each is told what would help.

use std::fs;

use claviger_lab::Lab;
use serde_json::json;

use super::{attacks, fails, refused, tester};
use crate::laboratory::{lab, swept};

/// The attacking plugin, connected as `attacks` to an upstream that records who came.
fn connected(lab: &Lab, allow: &[&str]) -> claviger_sim::Recorded {
    let recorder = claviger_sim::Recorder::start().unwrap();
    lab.adopt(&tester(lab), &attacks(), "attacks").unwrap();
    lab.put("op://MSP/Attacks/key", &lab.canary("key").unwrap()).unwrap();
    let address = format!("api={}", recorder.running.addr);
    let mut arguments = vec!["connection", "add", "attacks", "--plugin", "attacks", "--connect", &address];
    arguments.extend(["--secret", "key=op://MSP/Attacks/key", "--network", "127.0.0.0/8"]);
    arguments.extend(allow.iter().flat_map(|operation| ["--allow", operation]));
    lab.must(&arguments).unwrap();
    recorder
}

#[test]
fn arguments_that_miss_the_schema_are_told_the_place_and_not_the_value() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let value = "qV7rZt2LxWm93KdPfYb4";
    for (tool, arguments, places) in [
        ("psa.get_ticket", json!({ "id": value }), &["/id"][..]),
        ("psa.get_ticket", json!({ "id": 0 }), &["/id"]),
        ("psa.get_ticket", json!({ "id": 1.5 }), &["/id"]),
        ("psa.get_ticket", json!({}), &["at the top"]),
        ("psa.get_ticket", json!([1001]), &["at the top"]),
        ("psa.get_ticket", json!({ "id": 1001, "fields": value }), &["at the top", "'fields' was unexpected"]),
        ("psa.search_tickets", json!({ "company": value.repeat(50), "page": "2" }), &["/company", "/page"]),
    ] {
        let told = refused(&lab, tool, &arguments.to_string(), 2);
        assert!(told.contains("do not fit the tool's input schema"), "{told}");
        assert!(places.iter().all(|place| told.contains(place)) && !told.contains(value), "{arguments}: {told}");
    }
    for text in ["{", "", "{\"id\": 1e999}", "\u{1}", "{\"id\":1} {}"] {
        refused(&lab, "psa.get_ticket", text, 2);
    }
    assert_eq!(psa.running.connections(), 0);
    swept(&lab);
}

#[test]
fn what_does_not_exist_is_told_where_to_look() {
    let lab = lab();
    connected(&lab, &["get"]);
    for (tool, code, expected) in [
        ("nowhere.noop", 3, "`claviger connection list` shows them"),
        ("attacks.nothing", 3, "`claviger plugin inspect` lists its tools"),
        ("attacks", 2, "name a tool as connection.tool"),
        ("../attacks.noop", 2, "name a tool as connection.tool"),
        ("attacks.../noop", 2, "name a tool as connection.tool"),
    ] {
        let told = refused(&lab, tool, "{}", code);
        assert!(told.contains(expected), "{tool}: {told}");
    }
    swept(&lab);
}

#[test]
fn an_operation_that_the_tool_does_not_list_is_refused() {
    let lab = lab();
    let recorder = connected(&lab, &["get"]);
    let told = refused(&lab, "attacks.request_storm", "{}", 3);
    assert!(told.contains("tool request_storm does not declare this operation"), "{told}");
    assert!(told.contains("[tools.request_storm] operations would have to list it"), "{told}");
    let told = refused(&lab, "attacks.open_undeclared", "{}", 3);
    assert!(told.contains("declares no credential of this name"), "{told}");
    // Saying that the host refused does not make it so.
    let told = refused(&lab, "attacks.claim_refused", "{}", 1);
    assert!(told.contains("the plugin says: refused:"), "{told}");
    assert_eq!(recorder.running.connections(), 0);
    swept(&lab);
}

#[test]
fn a_parameter_cannot_leave_its_path_segment() {
    let lab = lab();
    let recorder = connected(&lab, &["get"]);
    let told = refused(&lab, "attacks.ask_once", "{}", 2);
    assert!(told.contains("operation get: path parameter id would leave its path segment"), "{told}");
    assert_eq!(recorder.running.connections(), 0);
    let denied = lab.entries().unwrap().pop().unwrap();
    assert_eq!((&denied["kind"], &denied["refusal"]["code"]), (&json!("denied"), &json!("invalid-request")));
    swept(&lab);
}

#[test]
fn a_schema_keeps_paths_out_of_a_node_name() {
    let lab = lab();
    let pve = lab.hypervisor().unwrap();
    for node in ["../../access", "pve1/../../access/users", "%2e%2e", "pve1;x", "pve1?x", ".", "..", ""] {
        let told = refused(&lab, "pve.get_vm", &json!({ "node": node, "vmid": 100 }).to_string(), 2);
        assert!(told.contains("/node"), "{node}: {told}");
    }
    assert_eq!(pve.running.connections(), 0);
    swept(&lab);
}

#[test]
fn a_principal_without_a_grant_is_told_the_line_that_gives_it() {
    let lab = lab();
    connected(&lab, &["get"]);
    let file = lab.state().join("connections/attacks.toml");
    let told = fails(&lab, &["call", "attacks.noop", "--as", "mallory"], 3);
    let line = "principals = [\"mallory\"]";
    assert!(told.contains("mallory may not use connection attacks") && told.contains(line), "{told}");
    assert!(told.contains("connections/attacks.toml needs\n  [grant]\n  principals"), "{told}");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("principals = [\"alex\"]", line)).unwrap();
    lab.must(&["call", "attacks.noop", "--as", "mallory"]).unwrap();
    fails(&lab, &["call", "attacks.noop"], 3);
    swept(&lab);
}

#[test]
fn an_operation_without_a_grant_is_told_the_line_that_gives_it() {
    let lab = lab();
    let pve = lab.proxmox(false).unwrap();
    lab.install("hypervisor").unwrap();
    lab.connect_hypervisor("pve", "hypervisor", &pve, "MSP").unwrap();
    let file = lab.state().join("connections/pve.toml");
    let text = fs::read_to_string(&file).unwrap();
    let granted = text.lines().find(|line| line.starts_with("operations = ")).unwrap();
    fs::write(&file, text.replace(granted, "operations = []")).unwrap();
    let told = refused(&lab, "pve.list_nodes", "{}", 3);
    assert!(told.contains("operation list-nodes is declared but not granted"), "{told}");
    assert_eq!(pve.running.connections(), 0);
    // The printed line as it is, in the place that is printed.
    let line = told.lines().map(str::trim).find(|line| line.starts_with("operations = ")).unwrap();
    assert!(told.contains("connections/pve.toml needs\n  [grant]\n"), "{told}");
    fs::write(&file, text.replace(granted, line)).unwrap();
    assert_eq!(lab.result("pve.list_nodes", &json!({})).unwrap()["nodes"].as_array().unwrap().len(), 3);
    // That operation and no other.
    refused(&lab, "pve.list_vms", "{}", 3);
    let denied = lab.entries().unwrap().pop().unwrap();
    assert_eq!((&denied["kind"], &denied["refusal"]["code"]), (&json!("denied"), &json!("not-granted")));
    swept(&lab);
}

#[test]
fn a_connection_file_with_an_unknown_key_has_line_and_column() {
    let lab = lab();
    connected(&lab, &["get"]);
    let file = lab.state().join("connections/attacks.toml");
    let text = fs::read_to_string(&file).unwrap();
    let place = text.split("[grant]").next().unwrap().matches('\n').count() + 2;
    fs::write(&file, text.replace("[grant]\n", "[grant]\nadmins = [\"mallory\"]\n")).unwrap();
    let told = refused(&lab, "attacks.noop", "{}", 6);
    assert!(told.contains(&format!("line {place}, column 1: unknown key")) && !told.contains("mallory"), "{told}");
    fs::write(&file, text).unwrap();
    lab.must(&["call", "attacks.noop"]).unwrap();
    swept(&lab);
}
