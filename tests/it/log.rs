//! The audit log through the whole program: verified, exported, tampered with, cut off, refused by a full disk, shared.

pub(crate) mod crash;
mod disk;
mod lock;
mod look;
mod tamper;
mod verify;
mod witness;
mod witnessing;

use claviger_lab::Lab;
use serde_json::Value;

/// The last entries, newest last.
fn entries(lab: &Lab, last: usize) -> Vec<Value> {
    let ran = lab.must(&["audit", "log", "--json", "--last", &last.to_string()]).unwrap();
    ran.json().as_array().unwrap().clone()
}

fn count(lab: &Lab) -> u64 {
    lab.must(&["audit", "verify", "--json"]).unwrap().json()["entries"].as_u64().unwrap()
}
