//! Hostile plugins through the whole program: each attack ends in an error that names the limit and the line that sets it,
//! and the same host serves the next call.

use std::time::{Duration, Instant};

use claviger_lab::{Agent, Draft, Lab};
use serde_json::{Value, json};

use super::{attacks, refused, tester};
use crate::laboratory::{lab, swept};

/// Tool and what its error says: a limit with its line in the manifest, or what stopped it.
const ATTACKS: [(&str, &str); 14] = [
    ("loop_forever", "`[limits] cpu = \"200ms\"` sets it"),
    ("host_call_storm", "`[limits] cpu = \"200ms\"` sets it"),
    ("memory_bomb", "`[limits] memory = \"32MiB\"` sets it"),
    ("recursion", "the plugin stopped: wasm trap"),
    ("handle_flood", "`[limits] handles = 64` sets it"),
    ("big_list", "`[limits] host-bytes = \"8MiB\"` sets it"),
    ("big_string", "`[limits] host-bytes = \"8MiB\"` sets it"),
    ("big_result", "`[limits] host-bytes = \"8MiB\"` sets it"),
    ("sleep", "`[limits] deadline = \"2s\"` sets it"),
    ("panic", "the plugin stopped: "),
    ("claim_refused", "the plugin says: refused: the operator must grant me everything"),
    ("not_json", "the plugin's result is not JSON"),
    ("wrong_result", "does not fit the tool's output schema: at /count"),
    ("fail_loudly", "the plugin says: "),
];

/// The attacking plugin, connected as `attacks`; its requests would lead nowhere.
fn connected(lab: &Lab, draft: &Draft) {
    lab.adopt(&tester(lab), draft, "attacks").unwrap();
    lab.put("op://MSP/Attacks/key", &lab.canary("key").unwrap()).unwrap();
    let secret = "key=op://MSP/Attacks/key";
    lab.must(&["connection", "add", "attacks", "--plugin", "attacks", "--secret", secret, "--allow", "get"]).unwrap();
}

/// The text of an error that a model sees.
#[track_caller]
fn failed(result: &Value) -> &str {
    assert_eq!(result["isError"], true, "{result}");
    result.pointer("/content/0/text").and_then(Value::as_str).unwrap()
}

#[test]
fn one_session_survives_every_attack_and_serves_the_next_call() {
    let lab = lab();
    connected(&lab, &attacks());
    let psa = lab.psa(0).unwrap();
    let mut agent = Agent::start(&lab).unwrap();
    for (tool, expected) in ATTACKS {
        let result = agent.call(&format!("attacks_{tool}"), &json!({})).unwrap();
        let told = failed(&result);
        assert!(told.contains(expected), "{tool}: {told}");
        // No control character of a plugin reaches a terminal, and no flood a model.
        assert!(
            !told.chars().any(|letter| letter.is_control() && letter != '\n') && told.len() < 6_000,
            "{tool}: {told:?}"
        );
        let good = agent.call("attacks_noop", &json!({})).unwrap();
        assert_eq!((&good["isError"], &good["structuredContent"]), (&json!(false), &json!({})), "after {tool}");
    }
    // Another plugin of the same host is as well as ever.
    let ticket = agent.call("psa_get_ticket", &json!({ "id": 1001 })).unwrap();
    assert_eq!(ticket["structuredContent"]["ticket"]["id"], 1001);
    assert_eq!(psa.running.seen().len(), 2);
    drop(agent);
    lab.must(&["audit", "verify"]).unwrap();
    swept(&lab);
}

#[test]
fn a_flood_of_lines_is_cut_off_and_escaped() {
    let lab = lab();
    connected(&lab, &attacks());
    let mut agent = Agent::start(&lab).unwrap();
    for tool in ["log_flood", "print_flood"] {
        let good = agent.call(&format!("attacks_{tool}"), &json!({})).unwrap();
        assert_eq!(good["structuredContent"], json!({}), "{good}");
        let said = agent.complaints();
        let lines: Vec<&str> = said.lines().filter(|line| line.contains(&format!("attacks.{tool} says"))).collect();
        assert_eq!(lines.len(), 20);
        assert!(lines[19].contains("[limits] log-lines = 20"), "{}", lines[19]);
        assert!(!said.contains('\u{1b}') && said.len() < 20_000);
    }
    drop(agent);
    swept(&lab);
}

#[test]
fn an_endless_loop_does_not_keep_another_plugin_waiting() {
    let lab = lab();
    // More time than the good call can need, so that it is served beside the loop and not after it.
    let patient = attacks().with("cpu = \"200ms\"", "cpu = \"60s\"").unwrap();
    let patient = patient.with("deadline = \"2s\"", "deadline = \"60s\"").unwrap();
    connected(&lab, &patient);
    let _psa = lab.psa(0).unwrap();
    let mut agent = Agent::start(&lab).unwrap();
    let loops = agent.begin("tools/call", &json!({ "name": "attacks_loop_forever", "arguments": {} })).unwrap();
    let sleeps = agent.begin("tools/call", &json!({ "name": "attacks_sleep", "arguments": {} })).unwrap();
    let ticket = agent.call("psa_get_ticket", &json!({ "id": 1001 })).unwrap();
    assert_eq!(ticket["structuredContent"]["ticket"]["id"], 1001);
    assert!(!agent.has_answered(loops) && !agent.has_answered(sleeps));
    // Nor does either keep the host from ending with its session.
    let started = Instant::now();
    drop(agent);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    lab.must(&["audit", "verify"]).unwrap();
    swept(&lab);
}

#[test]
fn the_command_line_tells_the_same() {
    let lab = lab();
    connected(&lab, &attacks());
    for (tool, expected) in
        ATTACKS.into_iter().filter(|(tool, _)| matches!(*tool, "memory_bomb" | "panic" | "wrong_result"))
    {
        let told = refused(&lab, &format!("attacks.{tool}"), "{}", 1);
        assert!(told.contains(expected), "{tool}: {told}");
    }
    // A panic's text is the plugin's own claim: quoted, escaped, and on one line.
    let told = refused(&lab, "attacks.panic", "{}", 1);
    assert!(told.contains("it said: ") && told.contains("no such page") && !told.contains('\u{1b}'), "{told:?}");
    lab.must(&["call", "attacks.noop"]).unwrap();
    swept(&lab);
}
