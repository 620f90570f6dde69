//! New credentials, stored unseen: a rotation from end to end, and what is left when it breaks off at any step.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use claviger_lab::{Canary, Draft, Lab, OnePassword, Upstream};
use serde_json::{Value, json};

use crate::laboratory::{lab, swept};

/// What a rotation of the cluster's token asks.
fn rotation() -> Value {
    json!({ "userid": "claviger@pve", "old_token": "agent", "new_token": "agent-2" })
}

/// Method, path and token name of every request that the cluster saw.
fn seen(pve: &Upstream) -> Vec<(String, String, String)> {
    let token = |header: &str| header.split(['!', '=']).nth(2).unwrap_or_default().to_owned();
    let requests = pve.running.seen().into_iter();
    let path = |path: &str| path.trim_start_matches("/api2/json/").to_owned();
    requests
        .map(|request| {
            let authorization = request.header("authorization").unwrap();
            (request.method.clone(), path(&request.path), token(authorization))
        })
        .collect()
}

/// The minted value, which the cluster saw when it was first used, as one of the laboratory's secrets.
fn minted(lab: &Lab, pve: &Upstream) -> Option<String> {
    let requests = pve.running.seen();
    let new =
        requests.iter().filter_map(|request| request.header("authorization")).find(|text| text.contains("agent-2"));
    let value = new?.rsplit('=').next()?.to_owned();
    lab.know(Canary::given("the minted token", &value).unwrap());
    Some(value)
}

/// The references in the vault that are not there from the start.
fn stored(lab: &Lab) -> Vec<String> {
    let listed = lab.must(&["secret", "list", "--json"]).unwrap().json();
    let references = listed.as_array().unwrap().iter().filter_map(|item| item["reference"].as_str());
    references.filter(|reference| reference.contains("api token")).map(str::to_owned).collect()
}

/// The values that the journal keeps: number and slot.
fn pending(lab: &Lab) -> Vec<(u64, String)> {
    let listed = lab.must(&["vault", "recover", "--json"]).unwrap().json();
    let entry = |entry: &Value| (entry["number"].as_u64().unwrap(), entry["slot"].as_str().unwrap().to_owned());
    listed.as_array().unwrap().iter().map(entry).collect()
}

/// Stores what the journal keeps, each value in an item of its own, and binds the connection to them.
fn recover(lab: &Lab, connection: &str, vault: &str) {
    // Never over an item that exists, and a value that was not stored stays where it is.
    let before = pending(lab);
    let taken = ["vault", "recover", "--store", &before[0].0.to_string(), "--to", "op://MSP/Proxmox/token-secret"];
    let refused = lab.run(&taken).unwrap();
    assert!(refused.code == 6 && refused.stderr.contains("exists already"), "{}", refused.stderr);
    assert_eq!(pending(lab), before);
    let mut bindings = Vec::new();
    for (number, slot) in pending(lab) {
        let secret = slot.trim_start_matches("new-");
        let reference = format!("op://{vault}/recovered {secret}/value");
        lab.must(&["vault", "recover", "--store", &number.to_string(), "--to", &reference]).unwrap();
        bindings.push(format!("{secret}={reference}"));
    }
    assert_eq!(pending(lab), []);
    let mut arguments = vec!["connection", "bind", connection];
    arguments.extend(bindings.iter().map(String::as_str));
    lab.must(&arguments).unwrap();
}

/// What was intended, by operation or write-back rule, with its effect and the verdict that closed it.
fn intents(lab: &Lab) -> Vec<(String, String, String)> {
    let entries = lab.entries().unwrap();
    let closing = |index: &Value| entries.iter().find(|entry| entry["intent"] == *index);
    let verdict = |entry: &Value| match entry["kind"].as_str() {
        Some("outcome") => entry["outcome"]["verdict"].as_str().unwrap().to_owned(),
        kind => kind.unwrap().to_owned(),
    };
    let row = |entry: &Value| {
        let request = &entry["request"];
        let action = request.pointer("/action/operation").or_else(|| request.pointer("/action/write_back")).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(action), text(&request["effect"]), closing(&entry["index"]).map(verdict).unwrap_or_default())
    };
    entries.iter().filter(|entry| entry["kind"] == "intent").map(row).collect()
}

fn intent(action: &str, effect: &str, verdict: &str) -> (String, String, String) {
    (action.to_owned(), effect.to_owned(), verdict.to_owned())
}

const TOKENS: &str = "access/users/claviger@pve/token";

#[test]
fn a_rotation_mints_stores_verifies_and_revokes() {
    let lab = lab();
    let pve = lab.hypervisor().unwrap();
    assert!(stored(&lab).is_empty());
    let rotated = lab.result("pve.rotate_api_token", &rotation()).unwrap();
    minted(&lab, &pve).unwrap();

    let request = |method: &str, path: String, token: &str| (method.to_owned(), path, token.to_owned());
    let expected = [
        request("GET", format!("{TOKENS}/agent"), "agent"),
        request("POST", format!("{TOKENS}/agent-2"), "agent"),
        request("GET", "version".to_owned(), "agent-2"),
        request("DELETE", format!("{TOKENS}/agent"), "agent-2"),
    ];
    assert_eq!(
        seen(&pve)
            .into_iter()
            .map(|(method, path, token)| (method, path.replace("%40", "@"), token))
            .collect::<Vec<_>>(),
        expected
    );
    assert_eq!(
        intents(&lab),
        [
            intent("get-token", "read", "answered"),
            intent("mint-token", "mint", "answered"),
            intent("api-token", "write", "stored"),
            intent("get-version", "read", "answered"),
            intent("revoke-token", "destroy", "answered"),
        ]
    );

    // References and nothing else: two, in one new item, which the vault lists.
    let references: Vec<&str> = rotated["references"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(
        references.len() == 2 && references.iter().all(|text| text.starts_with("op://MSP/pve api token ")),
        "{rotated}"
    );
    assert!(references[0].ends_with("/token-id") && references[1].ends_with("/token-secret"), "{rotated}");
    assert_eq!(rotated["old_token"], "revoked");
    let mut sorted = references.clone();
    sorted.sort_unstable();
    assert_eq!(stored(&lab), sorted);
    assert_eq!(pending(&lab), []);

    // The connection still has the old token, which is not one any more; bound to the new item, it works.
    let old = lab.call("pve.list_nodes", &json!({})).unwrap();
    assert!(old.code == 1 && old.stderr.contains("refuses the token (401)"), "{}", old.stderr);
    let bind = [format!("token-id={}", references[0]), format!("token-secret={}", references[1])];
    lab.must(&["connection", "bind", "pve", &bind[0], &bind[1]]).unwrap();
    assert_eq!(lab.result("pve.list_nodes", &json!({})).unwrap()["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(seen(&pve).last().unwrap().2, "agent-2");
    lab.must(&["audit", "verify"]).unwrap();
    swept(&lab);
}

#[test]
fn each_step_of_a_rotation_that_changes_something_is_asked_for_on_its_own() {
    let lab = lab();
    let _pve = lab.hypervisor().unwrap();
    lab.result("pve.rotate_api_token", &rotation()).unwrap();
    let entries = lab.entries().unwrap();
    let changes = |entry: &&Value| entry["kind"] == "intent" && entry["request"]["effect"] != "read";
    let changing: Vec<&Value> = entries.iter().filter(changes).collect();
    assert_eq!(changing.len(), 3);
    for entry in changing {
        // A receipt for exactly this request, never a lease.
        assert!(entry["proof"]["receipts"][0].is_object() && entry["proof"]["lease"].is_null(), "{}", entry["proof"]);
    }
    swept(&lab);
}

/// The hypervisor plugin under a manifest that looks for the new secret where it is not.
fn looks_elsewhere(lab: &Lab) {
    let publisher = lab.publisher("tester", "tester").unwrap();
    let draft = Draft::of(&lab.package("hypervisor")).unwrap();
    let draft = draft.with("name = \"hypervisor\"", "name = \"blind\"").unwrap();
    let draft = draft.with("publisher = \"claviger\"", "publisher = \"tester\"").unwrap();
    let draft = draft.with("pointer = \"/data/value\"", "pointer = \"/data/nothing\"").unwrap();
    lab.adopt(&publisher, &draft, "blind").unwrap();
}

#[test]
fn an_answer_without_the_new_secret_is_dropped_and_what_was_found_is_kept() {
    let lab = lab();
    let pve = lab.proxmox(false).unwrap();
    looks_elsewhere(&lab);
    lab.connect_hypervisor("pve", "blind", &pve, "MSP").unwrap();
    let ran = lab.call("pve.rotate_api_token", &rotation()).unwrap();
    let told = "no usable value for slot new-token-secret; if the upstream made a credential, it must be removed there";
    assert!(ran.code == 1 && ran.stderr.contains(told), "{}", ran.stderr);
    // What could be captured is not lost; nothing was stored, nothing revoked, and the old token goes on working.
    assert_eq!(pending(&lab).into_iter().map(|(_, slot)| slot).collect::<Vec<_>>(), ["new-token-id"]);
    assert!(stored(&lab).is_empty());
    assert_eq!(seen(&pve).last().unwrap().0, "POST");
    assert_eq!(intents(&lab).last().unwrap(), &intent("mint-token", "mint", "failed"));
    lab.result("pve.list_nodes", &json!({})).unwrap();
    // The secret itself stood in the dropped answer, in a form that nobody here knows: a UUID.
    let entries = serde_json::to_string(&lab.entries().unwrap()).unwrap();
    let uuid = |text: &str| text.split(|letter: char| !letter.is_ascii_hexdigit() && letter != '-').any(is_uuid);
    assert!(!uuid(&entries) && !uuid(&ran.stderr) && !uuid(&ran.stdout));
    swept(&lab);
}

fn is_uuid(word: &str) -> bool {
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
}

#[test]
fn a_vault_that_cannot_be_written_loses_nothing_and_leaves_the_old_token() {
    let lab = lab();
    let pve = lab.hypervisor().unwrap();
    // The vault grows past what its process may write to one file; its journal and the audit log do not.
    for number in 0..3 {
        let large = "x".repeat(60_000);
        let put = lab.run_with(&["secret", "put", &format!("op://MSP/Large {number}/value")], large.as_bytes());
        assert_eq!(put.unwrap().code, 0);
    }
    let output = limited(&lab, &["call", "pve.rotate_api_token", "--args", &rotation().to_string()]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("the vault's file could not be read or written: file too large"), "{told}");
    assert!(told.contains("the values are kept sealed, `claviger vault recover` lists them"), "{told}");
    lab.heard(&output.stdout);
    lab.heard(&output.stderr);
    assert!(stored(&lab).is_empty());
    assert_eq!(intents(&lab).last().unwrap(), &intent("api-token", "write", "failed"));
    nothing_is_lost(&lab, &pve, "MSP");
}

/// Runs the program where no file may become larger than 64 KiB. A write past that is an error, as on a full disk, and not
/// a signal.
fn limited(lab: &Lab, arguments: &[&str]) -> Output {
    let program = lab.command();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\""]);
    shell.arg(program.get_program()).args(program.get_args()).args(arguments);
    shell.stdin(Stdio::null()).output().unwrap()
}

/// Minted but not stored: the old token works, the journal has the new one, and it works once it is stored.
fn nothing_is_lost(lab: &Lab, pve: &Upstream, vault: &str) {
    assert_eq!(seen(pve).last().map(|(method, ..)| method.as_str()), Some("POST"), "the old token was revoked");
    lab.result("pve.list_nodes", &json!({})).unwrap();
    assert_eq!(seen(pve).last().unwrap().2, "agent");
    let mut slots: Vec<String> = pending(lab).into_iter().map(|(_, slot)| slot).collect();
    slots.sort();
    assert_eq!(slots, ["new-token-id", "new-token-secret"]);
    recover(lab, "pve", vault);
    lab.result("pve.list_nodes", &json!({})).unwrap();
    assert_eq!(seen(pve).last().unwrap().2, "agent-2");
    minted(lab, pve).unwrap();
    lab.must(&["audit", "verify"]).unwrap();
    swept(lab);
}

#[test]
fn a_kill_between_minting_and_storing_loses_nothing() {
    let lab = lab();
    let pve = lab.proxmox(false).unwrap();
    lab.install("hypervisor").unwrap();
    lab.connect_hypervisor("pve", "hypervisor", &pve, "Team").unwrap();
    let account = OnePassword::configure(&lab, "Team", "slow").unwrap();
    let (name, home) = account.environment();
    let mut call = lab.command();
    call.args(["call", "pve.rotate_api_token", "--args", &rotation().to_string()]).env(name, home);
    let mut child = call.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();

    // 1Password is asked for the new item and does not answer. Then the machine fails.
    let started = Instant::now();
    let asking = loop {
        let runs = account.runs().unwrap();
        if let Some(run) = runs.last() {
            break run["process"].as_u64().unwrap();
        }
        assert!(started.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none(), "op was not asked");
        std::thread::sleep(Duration::from_millis(20));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    // It outlived its parent: nobody waits for its answer.
    let _gone = Command::new("sh").args(["-c", &format!("kill -9 {asking}")]).status().unwrap();

    assert_eq!(seen(&pve).last().unwrap().0, "POST");
    assert_eq!(intents(&lab).last().unwrap(), &intent("api-token", "write", ""), "the store has no outcome yet");
    lab.result("pve.list_nodes", &json!({})).unwrap();
    let unknown = intents(&lab);
    assert!(unknown.contains(&intent("api-token", "write", "outcome-unknown")), "{unknown:?}");
    recovered_after_the_kill(&lab, &pve);
}

fn recovered_after_the_kill(lab: &Lab, pve: &Upstream) {
    recover(lab, "pve", "MSP");
    lab.result("pve.list_nodes", &json!({})).unwrap();
    assert_eq!(seen(pve).last().unwrap().2, "agent-2");
    minted(lab, pve).unwrap();
    lab.must(&["audit", "verify"]).unwrap();
    swept(lab);
}
