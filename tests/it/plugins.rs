//! Each plugin against its upstream: what its tools tell, what the upstream saw, and what becomes of the vendor's errors.

mod hypervisor;
mod mutual;
mod pax8;
mod psa;
mod redfish;

use claviger_lab::{Canary, Lab, Upstream};
use serde_json::Value;

/// The error text of a tool call that must fail with this exit code.
#[track_caller]
fn refused(lab: &Lab, tool: &str, arguments: &Value, code: i32) -> String {
    let ran = lab.call(tool, arguments).unwrap();
    assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{tool} {arguments}: {}", ran.stderr);
    ran.stderr
}

/// The value of one of the upstream's secrets.
fn secret<'a>(upstream: &'a Upstream, name: &str) -> &'a str {
    let found = upstream.canaries.iter().find(|canary| canary.name == name);
    &found.unwrap().value
}

/// One member of each object of a list.
fn members<'a>(list: &'a Value, name: &str) -> Vec<&'a Value> {
    list.as_array().unwrap().iter().map(|item| &item[name]).collect()
}

/// Gives the connection's secret another value, which the upstream does not know.
pub(crate) fn spoil(lab: &Lab, reference: &str) {
    let canary = Canary::new("a wrong secret").unwrap();
    let ran = lab.run_with(&["secret", "put", "--replace", reference], canary.value.as_bytes()).unwrap();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    lab.know(canary);
}
