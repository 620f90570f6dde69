//! Hypervisors: Proxmox VE for nodes and virtual machines, Redfish for the servers below them.
//!
//! The Proxmox API as its sources and API viewer describe it, Redfish as DMTF DSP0266 does. Everything is read-only but
//! `rotate_api_token`, which replaces an API token by a new one that only the vault sees.
#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

mod api_token;
mod explain;
mod fetch;
mod machine;
mod machine_config;
mod machines;
mod nodes;
mod rotate;
mod servers;

claviger_plugin_sdk::plugin! {
    "list_nodes" => nodes::list,
    "list_vms" => machines::list,
    "get_vm" => machine::get,
    "rotate_api_token" => rotate::rotate,
    "list_systems" => servers::list,
}
