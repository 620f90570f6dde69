//! Components that want more than the door offers, and compiled code that this host did not make.

use std::fs;
use std::path::PathBuf;

use claviger_lab::{Draft, Lab, Publisher, hostile_guest};

use super::{fails, tester, tiny, vector};
use crate::laboratory::{lab, swept};

/// Bytes of a compiled file before the code: what the host adds.
const FRAME: usize = 8 + 32 + 16;

/// What installing says of a component that it must refuse.
#[track_caller]
fn unloadable(lab: &Lab, publisher: &Publisher, draft: &Draft) -> String {
    let package = lab.pack(publisher, draft, "bad").unwrap();
    let before = lab.must(&["plugin", "list", "--json"]).unwrap().stdout;
    let ran = lab.try_install(&package, Some(publisher)).unwrap();
    assert_eq!((ran.code, ran.stdout.as_str()), (6, ""), "{}", ran.stderr);
    assert_eq!(lab.must(&["plugin", "list", "--json"]).unwrap().stdout, before, "something was installed");
    ran.stderr
}

/// The compiled files of the state directory.
fn compiled(lab: &Lab) -> Vec<PathBuf> {
    let entries = fs::read_dir(lab.state().join("compiled")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Calls the least plugin.
fn look(lab: &Lab) {
    assert_eq!(lab.result("tiny.look", &serde_json::json!({})).unwrap(), "clean");
}

/// The least plugin, installed and connected as `tiny`.
fn settled(lab: &Lab) -> Publisher {
    let publisher = tester(lab);
    lab.adopt(&publisher, &tiny(), "tiny").unwrap();
    lab.must(&["connection", "add", "tiny", "--plugin", "tiny"]).unwrap();
    publisher
}

#[test]
fn an_import_that_the_door_does_not_offer_is_refused_by_name() {
    let lab = lab();
    let publisher = tester(&lab);
    for (guest, import, advice) in [
        ("imports_files", "wasi:filesystem/", "a plugin has no files"),
        ("imports_sockets", "wasi:sockets/", "a plugin sends requests by operation"),
        ("imports_clocks", "wasi:clocks/monotonic-clock", "use claviger:plugin/clock"),
        ("imports-http", "wasi:http/outgoing-handler@0.2.6", "a plugin sends requests by operation"),
    ] {
        let told = unloadable(&lab, &publisher, &vector("tiny", hostile_guest(guest).unwrap()));
        assert!(told.contains("plugin tiny: the component imports "), "{told}");
        assert!(told.contains(import) && told.contains(advice), "{guest}: {told}");
    }
    // A name of the same length that nobody has heard of.
    let known = b"wasi:http/outgoing-handler@0.2.6";
    let mut stranger = hostile_guest("imports-http").unwrap();
    let at = stranger.windows(known.len()).position(|window| window == known).unwrap();
    stranger[at..at + 9].copy_from_slice(b"acme:door");
    let told = unloadable(&lab, &publisher, &vector("tiny", stranger));
    assert!(
        told.contains("the component imports acme:door/outgoing-handler@0.2.6, which this host does not offer"),
        "{told}"
    );
    swept(&lab);
}

#[test]
fn what_is_no_plugin_is_refused_with_what_it_lacks() {
    let lab = lab();
    let publisher = tester(&lab);
    for (component, expected) in [
        (hostile_guest("no-call").unwrap(), "does not export `call`"),
        (hostile_guest("wrong-call").unwrap(), "does not fit wit/plugin.wit"),
        (b"\0asm\x01\0\0\0".to_vec(), "not a WebAssembly component"),
        (b"#!/bin/sh\n".to_vec(), "not a WebAssembly component"),
        (b"\0asm\x0d\0\x01\0garbage".to_vec(), "could not be compiled"),
    ] {
        let told = unloadable(&lab, &publisher, &vector("tiny", component));
        assert!(told.contains(expected), "{expected}: {told}");
    }
    swept(&lab);
}

#[test]
fn compiled_code_from_an_author_is_refused() {
    let lab = lab();
    // Compiled by this very host, so that nothing but the rule refuses it.
    let publisher = settled(&lab);
    let file = fs::read(&compiled(&lab)[0]).unwrap();
    let draft = vector("tiny", file[FRAME..].to_vec()).with("name = \"tiny\"", "name = \"native\"").unwrap();
    let told = unloadable(&lab, &publisher, &draft);
    assert!(told.contains("this is compiled code, not a component"), "{told}");
    look(&lab);
    swept(&lab);
}

#[test]
fn compiled_code_that_was_changed_is_compiled_again_and_never_run() {
    let lab = lab();
    settled(&lab);
    let files = compiled(&lab);
    let good = fs::read(&files[0]).unwrap();
    assert_eq!(files.len(), 1);
    // In the code, in the tag, cut short, and nothing at all.
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x55;
        bytes
    };
    for bad in [flipped(good.len() - 1), flipped(FRAME + 64), flipped(10), good[..good.len() / 2].to_vec(), Vec::new()]
    {
        fs::write(&files[0], &bad).unwrap();
        look(&lab);
        assert_ne!(fs::read(&files[0]).unwrap(), bad, "the changed file was kept");
    }
    swept(&lab);
}

#[test]
fn compiled_code_of_another_host_is_not_run() {
    let (lab, other) = (lab(), lab());
    settled(&lab);
    settled(&other);
    let (ours, theirs) = (compiled(&lab)[0].clone(), compiled(&other)[0].clone());
    assert_eq!(ours.file_name(), theirs.file_name(), "the same plugin has the same name everywhere");
    let foreign = fs::read(theirs).unwrap();
    fs::write(&ours, &foreign).unwrap();
    look(&lab);
    assert_ne!(fs::read(&ours).unwrap(), foreign);
    swept(&lab);
}

#[test]
fn an_installed_plugin_is_verified_again_before_it_runs() {
    let lab = lab();
    settled(&lab);
    look(&lab);
    let manifest = lab.state().join("plugins/tiny/manifest.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("/things", "/admins")).unwrap();
    let told = fails(&lab, &["call", "tiny.look"], 6);
    assert!(told.contains("plugin tiny: the manifest was changed after it was signed"), "{told}");
    fs::write(&manifest, text).unwrap();
    look(&lab);
    swept(&lab);
}
