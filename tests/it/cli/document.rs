//! `--json`: one document for each command, whatever happens.

use claviger_lab::Lab;
use serde_json::Value;

use crate::laboratory::{lab, swept};

fn succeeds(lab: &Lab, arguments: &[&str], input: &[u8]) -> Value {
    let ran = lab.run_with(&[&["--json"], arguments].concat(), input).unwrap();
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{arguments:?}");
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", ran.stdout))
}

/// The document of a failure, its code and its message.
fn fails(lab: &Lab, arguments: &[&str]) -> Value {
    let ran = lab.run(&[arguments, &["--json"]].concat()).unwrap();
    assert_eq!(ran.stdout, "", "{arguments:?}");
    let document: Value =
        serde_json::from_str(&ran.stderr).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", ran.stderr));
    assert_eq!(document.pointer("/error/code").and_then(Value::as_i64), Some(i64::from(ran.code)), "{arguments:?}");
    assert!(document.pointer("/error/message").and_then(Value::as_str).is_some_and(|text| !text.is_empty()));
    document
}

#[test]
fn every_command_gives_one_document() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let package = lab.package("pax8");
    let package = package.to_str().unwrap();
    let beside = |name: &str| lab.beside(name).to_str().unwrap().to_owned();
    let (key, bundle, packed) = (beside("new.key"), beside("bundle"), beside("packed"));
    let canary = lab.canary("put").unwrap();
    let put = succeeds(&lab, &["secret", "put", "op://MSP/Other/put"], canary.value.as_bytes());
    assert_eq!(put, serde_json::json!({ "references": ["op://MSP/Other/put"], "replaced": false }));
    assert!(succeeds(&lab, &["plugin", "install", package], b"").is_object());
    assert!(succeeds(&lab, &["plugin", "inspect", "psa"], b"")["operations"].is_array());
    assert_eq!(succeeds(&lab, &["plugin", "list"], b"").as_array().unwrap().len(), 2);
    assert!(succeeds(&lab, &["plugin", "key", "somebody", "--out", &key], b"").is_object());
    let component = format!("{package}/component.wasm");
    // The manifest names another publisher, and signing it is still the author's own business.
    let pack = ["plugin", "pack", package, "--component", &component, "--key", &key, "--out", &packed];
    let another = lab.run(&[&pack[..], &["--json"]].concat()).unwrap();
    assert!(serde_json::from_str::<Value>(if another.code == 0 { &another.stdout } else { &another.stderr }).is_ok());
    assert!(succeeds(&lab, &["connection", "add", "p8", "--plugin", "pax8"], b"").is_object());
    assert_eq!(succeeds(&lab, &["connection", "list"], b"").as_array().unwrap().len(), 2);
    assert!(succeeds(&lab, &["connection", "bind", "psa", "company=op://MSP/ConnectWise/company"], b"").is_object());
    assert_eq!(succeeds(&lab, &["secret", "list"], b"").as_array().unwrap().len(), 5);
    assert!(succeeds(&lab, &["grant", "list"], b"").is_array());
    assert_eq!(succeeds(&lab, &["grant", "show", "psa"], b"")["client"], "Acme Manufacturing");
    assert!(succeeds(&lab, &["call", "psa.search_tickets"], b"")["tickets"].is_array());
    assert!(succeeds(&lab, &["audit", "log"], b"").as_array().unwrap().len() > 10);
    assert!(succeeds(&lab, &["audit", "verify"], b"")["entries"].is_u64());
    assert!(succeeds(&lab, &["audit", "export", &bundle], b"")["root"].is_string());
    assert!(succeeds(&lab, &["reference", "check", "op://a/b/c"], b"")[0]["valid"].as_bool().unwrap());
    assert_eq!(succeeds(&lab, &["quarantine", "list"], b""), serde_json::json!([]));
    assert_eq!(succeeds(&lab, &["quarantine", "lift", "psa", "company"], b"")["lifted"], false);
    assert_eq!(succeeds(&lab, &["vault", "recover"], b""), serde_json::json!([]));
    swept(&lab);
}

#[test]
fn every_failure_is_one_document_on_standard_error() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    for arguments in [
        &["init"][..],
        &["call", "psa.search_tickets", "--args", "{"],
        &["call", "psa.nothing"],
        &["call", "nobody.x"],
        &["plugin", "install", "/nowhere"],
        &["plugin", "inspect", "/nowhere"],
        &["plugin", "key", "", "--out", "/nowhere/key"],
        &["plugin", "pack", "/nowhere", "--component", "/nowhere", "--key", "/nowhere", "--out", "/nowhere"],
        &["connection", "add", "psa", "--plugin", "psa"],
        &["connection", "add", "new", "--plugin", "none"],
        &["connection", "add", "new", "--plugin", "psa", "--setting", "nothing=x"],
        &["connection", "bind", "nobody", "a=op://a/b/c"],
        &["secret", "put", "op://MSP/New/empty"],
        &["secret", "put", "op://MSP/ConnectWise/company"],
        &["grant", "show", "nobody"],
        &["audit", "verify", "/nowhere"],
        &["audit", "export", "/nowhere/bundle"],
        &["quarantine", "lift", "psa"],
        &["vault", "recover", "--store", "7", "--to", "op://MSP/New/field"],
        &["vault", "recover", "--store", "7"],
        &["nonsense"],
        &["call"],
        &[],
    ] {
        fails(&lab, arguments);
    }
    let checked = fails(&lab, &["reference", "check", "op://a/b/c", "rubbish"]);
    let valid: Vec<_> = checked["error"]["details"].as_array().unwrap().iter().map(|one| &one["valid"]).collect();
    assert_eq!(valid, [true, false]);
    swept(&lab);
}
