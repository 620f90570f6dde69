//! Commands that fail half-way leave the old state or the new one, and nothing is done that the log does not have.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use claviger_lab::Lab;

use super::variant::{install, pack, packed};
use crate::laboratory::{lab, swept};

/// Every file with its contents, the log's own aside.
fn snapshot(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("audit") && !path.ends_with("compiled") {
            files.extend(snapshot(&path));
        } else if path.is_file() {
            files.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    files
}

#[test]
fn an_init_that_fails_leaves_nothing_and_can_be_run_again() {
    let lab = lab();
    let state = lab.beside("another");
    let claviger = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_claviger"));
        command.arg("--state").arg(&state).args(arguments).output().unwrap()
    };
    let failed = claviger(&["init", "--principal", "alex", "--age-recipient", "age1rubbish"]);
    assert_eq!(failed.status.code(), Some(6));
    assert!(!state.exists(), "half a state directory was left");
    fs::create_dir(&state).unwrap();
    fs::write(state.join("mine"), "x").unwrap();
    assert_eq!(claviger(&["init", "--principal", "alex", "--throwaway"]).status.code(), Some(2));
    assert_eq!(fs::read(state.join("mine")).unwrap(), b"x");
    fs::remove_file(state.join("mine")).unwrap();
    assert_eq!(claviger(&["init", "--principal", "alex", "--throwaway"]).status.code(), Some(0));
    let before = snapshot(&state);
    assert_eq!(claviger(&["init", "--principal", "eve", "--throwaway"]).status.code(), Some(2));
    assert_eq!(snapshot(&state), before);
}

#[test]
fn nothing_is_done_that_cannot_be_recorded() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let canary = lab.canary("unrecorded").unwrap();
    let package = lab.package("pax8");
    let held = fs::File::open(lab.state().join("audit/lock")).unwrap();
    held.lock().unwrap();
    let before = snapshot(&lab.state());
    for arguments in [
        &["secret", "put", "op://MSP/New/field"][..],
        &["secret", "put", "op://MSP/ConnectWise/company", "--replace"],
        &["plugin", "install", package.to_str().unwrap()],
        &["connection", "add", "second", "--plugin", "psa"],
        &["connection", "bind", "psa", "company=op://MSP/Other/company"],
        &["audit", "export", lab.beside("bundle").to_str().unwrap()],
        &["call", "psa.search_tickets"],
    ] {
        let ran = lab.run_with(arguments, canary.value.as_bytes()).unwrap();
        assert_eq!(ran.code, 5, "{arguments:?}: {}", ran.stderr);
    }
    assert_eq!(snapshot(&lab.state()), before, "something was done that is not in the log");
    assert!(!lab.beside("bundle").exists());
    drop(held);
    lab.must(&["audit", "verify"]).unwrap();
    swept(&lab);
}

#[test]
fn an_interrupted_installation_does_not_spoil_the_next() {
    let lab = lab();
    let plugins = lab.state().join("plugins");
    for left in [".psa.new/schemas", ".psa.old/schemas"] {
        fs::create_dir_all(plugins.join(left)).unwrap();
        fs::write(plugins.join(left).join("stale.json"), "{}").unwrap();
    }
    lab.install("psa").unwrap();
    install(&lab, &packed(&lab, "psa", |manifest| manifest.replacen("requests = 32", "requests = 31", 1)));
    let listed = lab.must(&["plugin", "list", "--json"]).unwrap().json();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["version"]), (1, &"0.1.1".into()));
    assert!(!plugins.join(".psa.new").exists());
}

#[test]
fn a_publisher_is_not_trusted_by_an_installation_that_failed() {
    let lab = lab();
    let key = lab.package("publisher.pub");
    let broken = packed(&lab, "psa", |manifest| manifest.replacen("requests = 32", "requests = 31", 1));
    fs::write(broken.join("schemas/get_ticket.input.json"), "{}").unwrap();
    let ran = lab.run(&["plugin", "install", broken.to_str().unwrap(), "--trust", key.to_str().unwrap()]).unwrap();
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    assert_eq!(fs::read_dir(lab.state().join("trust")).unwrap().count(), 0);
    // What was packed there before does not become part of what is packed now.
    fs::write(broken.join("schemas/stale.json"), "{}").unwrap();
    let again = packed(&lab, "psa", |manifest| manifest.replacen("requests = 32", "requests = 30", 1));
    assert!(again == broken && !broken.join("schemas/stale.json").exists());
    install(&lab, &again);
}

#[test]
fn a_private_key_is_never_overwritten_not_even_by_its_public_one() {
    let lab = lab();
    let key =
        |name: &str| lab.run(&["plugin", "key", "somebody", "--out", lab.beside(name).to_str().unwrap()]).unwrap();
    let same = key("somebody.pub");
    assert!(same.code == 2 && same.stderr.contains("ending `.pub`"), "{}", same.stderr);
    assert!(!lab.beside("somebody.pub").exists());
    assert_eq!(key("somebody.key").code, 0);
    let kept = [lab.beside("somebody.key"), lab.beside("somebody.pub")].map(|path| fs::read(path).unwrap());
    for name in ["somebody.key", "somebody.other"] {
        assert!(key(name).stderr.contains("never overwritten"));
    }
    assert_eq!([lab.beside("somebody.key"), lab.beside("somebody.pub")].map(|path| fs::read(path).unwrap()), kept);
}

fn refused(lab: &Lab, code: i32, package: &Path, says: &str) {
    let ran = lab.run(&["plugin", "install", package.to_str().unwrap()]).unwrap();
    assert_eq!(ran.code, code, "{}", ran.stderr);
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
}

#[test]
fn an_update_that_could_do_more_or_comes_from_another_waits_for_a_human() {
    let lab = lab();
    lab.install("psa").unwrap();
    let before = snapshot(&lab.state().join("plugins"));
    let wider = packed(&lab, "psa", |manifest| {
        manifest.replacen(
            "path = \"/v4_6_release/apis/3.0/service/tickets\"",
            "path = \"/v4_6_release/apis/3.0/system/members\"",
            1,
        )
    });
    refused(&lab, 3, &wider, "~ operation search-tickets");
    let key = lab.beside("other.key");
    lab.must(&["plugin", "key", "other", "--out", key.to_str().unwrap()]).unwrap();
    let source = lab.beside("psa-source");
    let manifest = fs::read_to_string(lab.package("psa").join("manifest.toml")).unwrap();
    let manifest = manifest.replacen("publisher = \"claviger\"", "publisher = \"other\"", 1);
    fs::write(source.join("manifest.toml"), manifest.replacen("0.1.0", "0.1.1", 1)).unwrap();
    let others = lab.beside("others");
    pack(&lab, &source, &lab.package("psa").join("component.wasm"), &key, &others);
    refused(&lab, 6, &others, "publisher");
    let public = key.with_extension("pub");
    let trusted = ["plugin", "install", others.to_str().unwrap(), "--trust", public.to_str().unwrap()];
    let ran = lab.run(&trusted).unwrap();
    assert_eq!(ran.code, 3, "a publisher took over another's plugin: {}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("~ publisher"), "{}", ran.stderr);
    assert_eq!(snapshot(&lab.state().join("plugins")), before);
    let newer = packed(&lab, "psa", |manifest| manifest.replacen("requests = 32", "requests = 31", 1));
    install(&lab, &newer);
    refused(&lab, 6, &lab.package("psa"), "only a higher version");
}
