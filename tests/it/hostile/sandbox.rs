//! D: what a component does below any language, through the whole program. ASI05, ASI10; AML.T0104.
//!
//! Most of the group is in `runtime/host/attacks.rs` and `tests/it/bad_input/guests.rs`; here is what those do not have.

use std::path::Path;

use claviger_lab::{Agent, Draft, Lab, hostile_guest};
use serde_json::json;

use crate::laboratory::{lab, swept};

fn vector(name: &str, component: &str) -> Draft {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    Draft::new(&directory, hostile_guest(component).unwrap()).unwrap()
}

/// A laboratory with one plugin of the least manifest for each component, each connected under its own name.
fn with(components: &[&str]) -> Lab {
    let lab = lab();
    let publisher = lab.publisher("tester", "tester").unwrap();
    lab.put("op://MSP/Tiny/key", &lab.canary("key").unwrap()).unwrap();
    for component in components {
        let name = format!("name = \"{component}\"");
        lab.adopt(&publisher, &vector("tiny", component).with("name = \"tiny\"", &name).unwrap(), component).unwrap();
        let secret = "key=op://MSP/Tiny/key";
        lab.must(&["connection", "add", component, "--plugin", component, "--secret", secret, "--allow", "get"])
            .unwrap();
    }
    lab
}

/// Every component ends as a plugin that stopped, with one of these words, and the host serves the next call.
#[track_caller]
fn each_stops(components: &[(&str, &str)]) {
    let names: Vec<&str> = components.iter().map(|(name, _)| *name).chain(["canary"]).collect();
    let lab = with(&names);
    for (component, words) in components {
        let ran = lab.call(&format!("{component}.look"), &json!({})).unwrap();
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{component}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("the plugin stopped: ") && ran.stderr.contains(words),
            "{component}: {}",
            ran.stderr
        );
        assert!(ran.stderr.len() < 2_000 && ran.stderr.is_ascii(), "{component}: {}", ran.stderr);
        lab.result("canary.look", &json!({})).unwrap();
    }
    swept(&lab);
}

#[test]
fn a_text_that_is_none_stops_the_plugin() {
    // D8.1 to D8.5
    each_stops(&[
        ("text-not-utf8", ""),
        ("text-outside", ""),
        ("text-huge", ""),
        ("result-outside", ""),
        ("realloc-outside", ""),
    ]);
}

#[test]
fn a_call_back_during_a_host_call_stops_the_plugin() {
    // D12
    each_stops(&[("reentrant", "cannot leave component instance")]);
}

/// What a plugin may cost the host beside its own limit: the code of the plugin and what the host keeps of a call.
const BESIDE: u64 = 32 << 20;

#[test]
fn a_plugin_that_takes_memory_costs_no_more_than_its_limit() {
    // D3
    let lab = lab();
    lab.adopt(&lab.publisher("tester", "tester").unwrap(), &vector("attacks", "attacks"), "attacks").unwrap();
    lab.put("op://MSP/Attacks/key", &lab.canary("key").unwrap()).unwrap();
    let secret = "key=op://MSP/Attacks/key";
    lab.must(&["connection", "add", "attacks", "--plugin", "attacks", "--secret", secret, "--allow", "get"]).unwrap();
    let mut agent = Agent::start(&lab).unwrap();
    agent.call("attacks_noop", &json!({})).unwrap();
    let before = agent.peak_memory().unwrap();
    for _ in 0..5 {
        let result = agent.call("attacks_memory_bomb", &json!({})).unwrap();
        assert!(result.to_string().contains("`[limits] memory = \\\"32MiB\\\"` sets it"), "{result}");
    }
    let grown = agent.peak_memory().unwrap() - before;
    assert!(grown < (32 << 20) + BESIDE, "the host grew by {grown} bytes");
    drop(agent);
    swept(&lab);
}
