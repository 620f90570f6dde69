//! A client that nobody here wrote: the command line of the protocol's own inspector, on the protocol's own SDK.

use std::process::Command;

use claviger_lab::{Lab, Ran};
use claviger_sim::Installation;
use serde_json::{Value, json};

use crate::laboratory::{lab, swept};

const CLIENT: &str = "node_modules/@modelcontextprotocol/inspector-cli/build/cli.js";

fn inspector(lab: &Lab, request: &[&str]) -> Ran {
    let servers = Installation::find();
    assert!(servers.is_complete(), "the client is not installed: run `cargo xtask setup`");
    let mut command = Command::new("node");
    command.arg(servers.directory().join(CLIENT)).arg("--cli").arg(env!("CARGO_BIN_EXE_claviger"));
    let output = command.arg("--state").arg(lab.state()).arg("mcp").args(request).output().unwrap();
    lab.heard(&output.stdout);
    lab.heard(&output.stderr);
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_client_that_nobody_here_wrote_lists_and_calls() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let listed = inspector(&lab, &["--method", "tools/list"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let names: Vec<Value> =
        listed.json()["tools"].as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect();
    assert_eq!(names, ["psa_get_project_status", "psa_get_ticket", "psa_list_projects", "psa_search_tickets"]);
    let call = ["--method", "tools/call", "--tool-name", "psa_search_tickets", "--tool-arg"];
    let called = inspector(&lab, &[&call[..], &["company=Acme", "open_only=true"]].concat());
    assert_eq!(called.code, 0, "{}", called.stderr);
    let arguments = json!({ "company": "Acme", "open_only": true }).to_string();
    let known = lab.must(&["call", "psa.search_tickets", "--args", &arguments]).unwrap().json();
    assert_eq!(called.json()["structuredContent"], known, "{}", called.stdout);
    let failed = inspector(&lab, &[&call[..], &["nonsense=1"]].concat());
    assert_eq!(failed.json()["isError"], true, "{}{}", failed.stdout, failed.stderr);
    let nothing = inspector(&lab, &["--method", "resources/list"]);
    assert!(nothing.code != 0 || nothing.json()["resources"] == json!([]), "{}", nothing.stdout);
    swept(&lab);
}
