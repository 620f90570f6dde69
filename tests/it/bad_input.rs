//! What a hostile author, operator, upstream or agent may try, and the typed error that each gets. The host goes on serving.

mod answers;
mod components;
mod destinations;
mod echoes;
mod guests;
mod manifests;
mod packages;
mod requests;

use std::path::Path;

use claviger_lab::{Draft, Lab, Publisher, hostile_guest};
use claviger_sim::{Hostile, HostileConfig, Recorded, Recorder, Running, TestCa};

/// A manifest of `tests/vectors` with a component.
fn vector(name: &str, component: Vec<u8>) -> Draft {
    Draft::new(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name), component).unwrap()
}

/// The least plugin that there is, not packed yet.
fn tiny() -> Draft {
    vector("tiny", hostile_guest("canary").unwrap())
}

/// The plugin that attacks its host.
fn attacks() -> Draft {
    vector("attacks", hostile_guest("attacks").unwrap())
}

/// The hypervisor plugin's component, sent to a hostile upstream.
fn probe(lab: &Lab) -> Draft {
    vector("probe", std::fs::read(lab.package("hypervisor").join("component.wasm")).unwrap())
}

/// The publisher of the vectors.
fn tester(lab: &Lab) -> Publisher {
    lab.publisher("tester", "tester").unwrap()
}

/// An upstream that attacks whoever calls it, and the place where its redirects lead.
pub(crate) struct Lair {
    running: Running,
    elsewhere: Recorded,
}

fn lair(ca: &TestCa) -> Lair {
    let elsewhere = Recorder::start().unwrap();
    let config = hostility(&elsewhere);
    Lair { running: Hostile::start(ca, config).unwrap(), elsewhere }
}

fn hostility(elsewhere: &Recorded) -> HostileConfig {
    HostileConfig { echoed: "authorization".to_owned(), elsewhere: elsewhere.running.addr, names: Vec::new() }
}

/// Installs the probe, and connects it, as `probe`, to a hostile upstream.
pub(crate) fn besieged(lab: &Lab) -> Lair {
    let lair = lair(&lab.ca);
    lab.adopt(&tester(lab), &probe(lab), "probe").unwrap();
    lab.put("op://MSP/Probe/key", &lab.canary("key").unwrap()).unwrap();
    lab.connect("probe", "probe", "api", lair.running.addr, &["--secret", "key=op://MSP/Probe/key"]).unwrap();
    lair
}

/// What the program says when a call fails with this exit code; nothing on standard output.
#[track_caller]
pub(crate) fn refused(lab: &Lab, tool: &str, arguments: &str, code: i32) -> String {
    fails(lab, &["call", tool, "--args", arguments], code)
}

/// What the program says when it ends with this exit code.
#[track_caller]
fn fails(lab: &Lab, arguments: &[&str], code: i32) -> String {
    let ran = lab.run(arguments).unwrap();
    assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{arguments:?}: {}", ran.stderr);
    ran.stderr
}

/// Arguments that make the probe ask the upstream to write something back.
pub(crate) fn echo(source: &str, form: &str) -> String {
    serde_json::json!({ "userid": source, "old_token": form, "new_token": "unused" }).to_string()
}
