//! What `claviger probe` tells of an upstream before a secret goes there.

use claviger_lab::Lab;
use serde_json::{Value, json};

use super::{Lair, besieged, fails, refused};
use crate::laboratory::{lab, swept};

/// Probes the echo of one form.
fn probed(lab: &Lab, lair: &Lair, form: &str) -> Value {
    let upstream = format!("https://localhost:{}", lair.running.addr.port());
    let authority = lab.file("probe-ca.pem", lab.ca.pem().as_bytes()).unwrap();
    let authority = authority.to_str().unwrap();
    let form = format!("tokenid={form}");
    let arguments = ["probe", "probe", "get-token", "--upstream", &upstream, "--ca", authority];
    let parameters = ["--parameter", "userid=header", "--parameter", &form, "--json"];
    lab.must(&[&arguments[..], &parameters].concat()).unwrap().json()
}

#[test]
fn an_echo_is_told_with_the_line_that_takes_it_out() {
    let lab = lab();
    let lair = besieged(&lab);
    for (form, place, spelling, line) in [
        ("base64", "at \"/echo\" of the body", "as base64", Some("strip = [\"/echo\"]")),
        ("hex", "at \"/echo\" of the body", "as hexadecimal digits", Some("strip = [\"/echo\"]")),
        ("percent", "at \"/echo\" of the body", "percent-encoded", Some("strip = [\"/echo\"]")),
        ("header", "in header x-echo", "as it is", Some("strip-headers = [\"x-echo\"]")),
        ("raw", "in the body", "as it is", None),
        ("html", "in the body", "as character references", None),
        ("reason", "in the words behind the status", "as it is", None),
    ] {
        let told = probed(&lab, &lair, form);
        assert_eq!(told["status"], 200, "{form}");
        assert_eq!(told["echoes"], json!([{ "secret": "key", "place": place, "spelling": spelling }]), "{form}");
        assert_eq!(told["manifest"], json!(line.into_iter().collect::<Vec<_>>()), "{form}");
        assert_eq!(told["usable"], json!(line.is_some()), "{form}");
    }
    // Nothing is quarantined by an answer that held nobody's secret, and the log has every probe.
    assert_eq!(lab.must(&["quarantine", "list", "--json"]).unwrap().json(), json!([]));
    let entries = lab.entries().unwrap();
    let from = |entry: &&Value| entry.pointer("/request/action/credential/secrets/key") == Some(&json!("canary"));
    assert_eq!(entries.iter().filter(from).count(), 7);
    swept(&lab);
}

#[test]
fn a_probe_carries_no_secret_and_another_one_each_time() {
    let lab = lab();
    let lair = besieged(&lab);
    // A call carries the secret, a probe does not.
    refused(&lab, "probe.get_vm", r#"{"node":"short","vmid":1,"kind":"lxc"}"#, 1);
    probed(&lab, &lair, "base64");
    probed(&lab, &lair, "base64");
    let sent: Vec<String> =
        lair.running.seen().iter().map(|request| request.header("authorization").unwrap().to_owned()).collect();
    assert!(sent.iter().all(|value| value.starts_with("Bearer ")));
    let different: std::collections::BTreeSet<&String> = sent.iter().collect();
    assert_eq!((sent.len(), different.len()), (3, 3));
    let told = fails(&lab, &["probe", "probe", "nothing", "--upstream", "https://localhost:1"], 3);
    assert!(told.contains("no tool of probe's plugin has an operation nothing"), "{told}");
    swept(&lab);
}
