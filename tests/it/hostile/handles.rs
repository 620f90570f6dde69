//! E: handles. A number is not a handle, a handle is not a secret, and neither outlives a call. ASI03; AML.T0098.

use claviger_lab::Agent;
use serde_json::{Value, json};

use super::{Siege, get, run, say};
use crate::laboratory::swept;

fn open(name: &str, held: &str) -> Value {
    json!({ "do": "open", "name": name, "as": held })
}

fn send(operation: &str, credential: &str) -> Value {
    let parameters = if operation == "get" { json!([["case", "e"]]) } else { json!([]) };
    json!({ "do": "send", "operation": operation, "parameters": parameters, "credential": credential })
}

/// What the model is told of a script that the sandbox stopped.
#[track_caller]
fn stopped(agent: &mut Agent<'_>, connection: &str, steps: &Value) -> String {
    let result = agent.call(&format!("{connection}_run"), &json!({ "steps": steps })).unwrap();
    let told = result.pointer("/content/0/text").and_then(Value::as_str).unwrap().to_owned();
    assert!(result["isError"] == true && told.contains("the plugin stopped: "), "{result}");
    told
}

#[test]
fn a_forged_or_spent_handle_stops_the_plugin_and_sends_nothing() {
    let siege = Siege::new();
    siege.connect("second", &[]);
    siege.says(say::body("{}"));
    let mut agent = siege.agent();
    // E1: a number where nothing was opened.
    for handle in [0_u32, 1, 2, 7, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let forged = json!([{ "do": "forge", "handle": handle, "as": "f" }, send("get", "f")]);
        stopped(&mut agent, "script", &forged);
    }
    // E2, E3: the number of a handle that another plugin's call, and an earlier call of the same one, really had.
    let told = run(&mut agent, "second", &json!([open("key", "k"), { "do": "number", "name": "k" }]));
    let number = told[1].as_u64().unwrap();
    for connection in ["script", "second"] {
        stopped(&mut agent, connection, &json!([{ "do": "forge", "handle": number, "as": "f" }, send("get", "f")]));
    }
    // E4: used after it was dropped, and dropped twice.
    let double = json!({ "do": "double", "name": "k", "as": "again" });
    let drop_it = |name: &str| json!({ "do": "drop", "name": name });
    stopped(&mut agent, "script", &json!([open("key", "k"), double, drop_it("k"), send("get", "again")]));
    stopped(&mut agent, "script", &json!([open("key", "k"), double, drop_it("k"), drop_it("again")]));
    assert_eq!(siege.asked(), 0);
    // The host goes on.
    assert_eq!(run(&mut agent, "script", &get("good", "key"))[1]["status"], 200);
    drop(agent);
    swept(&siege.lab);
}

#[test]
fn a_handle_is_good_for_the_operations_that_declare_it() {
    let siege = Siege::new();
    siege.says(say::body("{}"));
    let mut agent = siege.agent();
    let mut wrong = Vec::new();
    for (id, steps, reason) in [
        ("E8.1", json!([open("key", "k"), send("elsewhere", "k")]), "Reason::InvalidRequest"),
        ("E8.2", json!([open("query", "k"), send("get", "k")]), "Reason::InvalidRequest"),
        ("E8.3", json!([open("key", "k"), send("open", "k")]), "Reason::InvalidRequest"),
        ("E8.4", json!([open("key", "k"), send("get", "nothing")]), "Reason::InvalidRequest"),
        ("E9.1", json!([open("key", "k"), send("list-nodes", "k")]), "Reason::Undeclared"),
        ("E9.2", json!([open("key", "k"), send("psa.search-tickets", "k")]), "Reason::Undeclared"),
        ("E9.3", json!([open("key", "k"), send("ungranted", "k")]), "Reason::Undeclared"),
    ] {
        let told = run(&mut agent, "script", &steps);
        if told[1]["refused"] != reason || told[1]["left"] != false {
            wrong.push(format!("{id}: {}", told[1]));
        }
    }
    // A tool may do what its entry lists, whatever the plugin may do otherwise.
    let steps = json!([open("key", "k"), { "do": "send", "operation": "post", "body": "{}", "credential": "k" }]);
    let result = agent.call("script_one", &json!({ "steps": steps })).unwrap();
    let told = result.pointer("/structuredContent/told/1/refused");
    assert_eq!(told, Some(&json!("Reason::Undeclared")), "E9.4: {result}");
    drop(agent);
    // Declared, listed, and granted to nobody.
    let ran = siege.lab.call("script.greedy", &json!({ "steps": [open("key", "k"), send("ungranted", "k")] })).unwrap();
    assert!(ran.stdout.contains("Reason::NotGranted") || ran.stderr.contains("not granted"), "E9.5: {ran:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(siege.asked(), 0);
    swept(&siege.lab);
}

#[test]
fn what_exists_elsewhere_and_what_exists_nowhere_are_told_alike() {
    let siege = Siege::new();
    siege.lab.put("op://MSP/Other/key", &siege.lab.canary("other").unwrap()).unwrap();
    let mut agent = siege.agent();
    // The last two are as long as each other: a name of another plugin, a reference that exists, references that do not.
    let names =
        ["token-secret", "op://MSP/Script/key", "op://MSP/Other/key", "op://MSP/Nobody/key", "", "KEY", "key\u{0}"];
    let answers = names.map(|name| run(&mut agent, "script", &json!([open(name, "k")])).remove(0));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "E12: {answers:#?}");
    assert_eq!((&answers[0]["refused"], &answers[0]["left"]), (&json!("Reason::Undeclared"), &json!(false)));
    drop(agent);
    swept(&siege.lab);
}

#[test]
fn what_is_captured_is_a_handle_and_its_echo_is_a_leak() {
    let siege = Siege::new();
    let minted = siege.lab.canary("minted").unwrap();
    let value = minted.value.clone();
    siege.upstream.then(move |request| match request.path.as_str() {
        "/tokens" => say::body(format!("{{\"token\":\"{value}\",\"id\":7}}")),
        _ => say::body(format!("{{\"tokens\":[\"{value}\"]}}")),
    });
    let mint = json!({ "do": "send", "operation": "mint", "body": "{}", "credential": "k" });
    let mut agent = siege.agent();
    // B30: from the moment it is captured, it is a secret like any other.
    let told = run(&mut agent, "script", &json!([open("key", "k"), mint, send("get", "k")]));
    assert_eq!((&told[1]["status"], &told[1]["captured"]), (&json!(200), &json!(1)), "{}", told[1]);
    assert!(!told[1].to_string().contains(&minted.value), "the captured value was shown");
    assert_eq!(told[2], super::echoes::leaked());
    drop(agent);
    swept(&siege.lab);
}
