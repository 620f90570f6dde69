//! Redfish, against the server of `sushy-tools`, which nobody here wrote.

use claviger_sim::Redfish;
use serde_json::json;

use super::{refused, spoil};
use crate::laboratory::{lab, swept};

#[test]
fn the_servers_and_their_power_are_listed() {
    let lab = lab();
    let _server = lab.redfish().unwrap();
    let found = lab.result("bmc.list_systems", &json!({})).unwrap();
    let systems = found["systems"].as_array().unwrap();
    assert_eq!((systems.len(), &found["truncated"]), (Redfish::SYSTEMS.len(), &json!(false)));
    for known in Redfish::SYSTEMS {
        let told = systems.iter().find(|system| system["id"] == known.uuid).unwrap();
        let power = if known.powered { "On" } else { "Off" };
        assert_eq!((&told["name"], &told["power_state"]), (&json!(known.name), &json!(power)), "{told}");
    }
    // The other operations of the plugin have no credential on this connection.
    let told = refused(&lab, "bmc.list_nodes", &json!({}), 3);
    assert!(told.contains("is bound to no reference"), "{told}");

    spoil(&lab, "op://MSP/Rack 1/bmc-password");
    let told = refused(&lab, "bmc.list_systems", &json!({}), 1);
    assert!(told.contains("refuses the credential (401): check bmc-user and bmc-password"), "{told}");
    swept(&lab);
}
