//! Proxmox VE.

use claviger_lab::Upstream;
use serde_json::{Value, json};

use super::{members, refused, secret, spoil};
use crate::laboratory::{lab, swept};

const GIB: u64 = 1024 * 1024 * 1024;

#[test]
fn every_tool_tells_what_the_cluster_holds() {
    let lab = lab();
    let pve = lab.hypervisor().unwrap();

    let nodes = lab.result("pve.list_nodes", &json!({})).unwrap();
    assert_eq!(members(&nodes["nodes"], "node"), ["pve1", "pve2", "pve3"]);
    let first = json!({ "node": "pve1", "status": "online", "cpus": 32, "cpu_percent": 17, "memory_bytes": 256 * GIB,
        "memory_used_bytes": 128 * GIB, "uptime_seconds": 2_419_200 });
    assert_eq!((&nodes["nodes"][0], &nodes["note"]), (&first, &Value::Null));
    assert_eq!(nodes["nodes"][2], json!({ "node": "pve3", "status": "offline" }));

    let machines = |arguments: &Value| lab.result("pve.list_vms", arguments).unwrap();
    assert_eq!(members(&machines(&json!({}))["vms"], "vmid"), [100, 101, 102, 110, 111, 120, 121, 130, 900]);
    assert_eq!(members(&machines(&json!({ "status": "running" }))["vms"], "vmid"), [100, 101, 102, 110, 120, 130]);
    let here = machines(&json!({ "node": "pve1", "status": "stopped" }));
    assert_eq!(members(&here["vms"], "name"), ["initech-test", "debian-template"]);
    assert_eq!(members(&here["vms"], "template"), [false, true]);

    let machine = lab.result("pve.get_vm", &json!({ "node": "pve2", "vmid": 102 })).unwrap();
    assert_eq!(
        (&machine["name"], &machine["status"], &machine["cpus"], &machine["memory_bytes"], &machine["kind"]),
        (&json!("acme-rds"), &json!("running"), &json!(16), &json!(64 * GIB), &json!("qemu"))
    );
    assert!(machine["config"].as_object().is_some_and(|config| !config.is_empty()), "{machine}");

    let expected = format!("PVEAPIToken=claviger@pve!agent={}", secret(&pve, "token-secret"));
    for request in pve.running.seen() {
        assert_eq!(request.header("authorization"), Some(expected.as_str()));
        assert_eq!(request.header("host"), Some("pve1.example:8006"));
        assert!(request.header("cookie").is_none() && request.header("transfer-encoding").is_none());
    }
    swept(&lab);
}

#[test]
fn the_vendors_errors_say_what_to_do() {
    let lab = lab();
    let _pve = lab.hypervisor().unwrap();
    let machine = |node: &str, vmid: u64, kind: &str| json!({ "node": node, "vmid": vmid, "kind": kind });
    for (arguments, expected) in [
        (machine("pve1", 4711, "qemu"), "not found: Configuration file"),
        (machine("pve9", 100, "qemu"), "not found: hostname lookup 'pve9' failed"),
        (machine("pve3", 100, "qemu"), "No route to host"),
        (machine("pve1", 100, "lxc"), "no such operation (501)"),
    ] {
        let told = refused(&lab, "pve.get_vm", &arguments, 1);
        assert!(told.contains(expected), "{arguments}: {told}");
    }
    spoil(&lab, "op://MSP/Proxmox/token-secret");
    let told = refused(&lab, "pve.list_nodes", &json!({}), 1);
    assert!(told.contains("refuses the token (401): check token-id (user@realm!name) and token-secret"), "{told}");
    swept(&lab);
}

#[test]
fn a_token_without_permissions_of_its_own_is_recognised() {
    let lab = lab();
    let pve: Upstream = lab.proxmox(true).unwrap();
    lab.install("hypervisor").unwrap();
    lab.connect_hypervisor("pve", "hypervisor", &pve, "MSP").unwrap();
    // Proxmox answers 200 and an empty list; the plugin says what that most likely means.
    for (tool, list) in [("pve.list_nodes", "nodes"), ("pve.list_vms", "vms")] {
        let found = lab.result(tool, &json!({})).unwrap();
        assert_eq!(found[list], json!([]));
        assert!(found["note"].as_str().unwrap().contains("privilege separation"), "{found}");
    }
    let told = refused(&lab, "pve.get_vm", &json!({ "node": "pve1", "vmid": 100 }), 1);
    assert!(told.contains("privilege separation") && told.contains("VM.Audit"), "{told}");
    swept(&lab);
}
