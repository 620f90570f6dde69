//! What an auditor asks the log: which entries, what happened in all, this one entry, what comes next.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::laboratory::{lab, swept};

fn indexes(entries: &Value) -> Vec<u64> {
    entries.as_array().unwrap().iter().map(|entry| entry["index"].as_u64().unwrap()).collect()
}

#[test]
fn the_log_is_narrowed_reported_on_and_one_entry_proved() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let before = super::count(&lab);
    lab.must(&["call", "psa.search_tickets"]).unwrap();
    assert_eq!(lab.run(&["call", "psa.search_tickets", "--as", "mallory"]).unwrap().code, 3);
    let shown = |filter: &[&str]| indexes(&lab.must(&[&["audit", "log", "--json"], filter].concat()).unwrap().json());
    assert_eq!(shown(&["--plugin", "psa", "--effect", "read"]), [before, before + 1]);
    assert_eq!(shown(&["--principal", "mallory"]), [before + 2]);
    assert_eq!(shown(&["--verdict", "answered", "--since", "1h"]), [before + 1]);
    assert!(shown(&["--until", "2020-01-01"]).is_empty());
    let wrong = lab.run(&["audit", "log", "--since", "yesterday"]).unwrap();
    assert!(wrong.code == 2 && wrong.stderr.contains("2026-11-23"), "{}", wrong.stderr);

    let report = lab.must(&["audit", "report", "--json"]).unwrap().json();
    assert_eq!(report["clients"]["Acme Manufacturing"]["psa"]["effects"]["read"], 1);
    assert_eq!(report["denied"]["mallory"], 1);
    let page = lab.beside("report.html");
    lab.must(&["audit", "report", "--html", page.to_str().unwrap()]).unwrap();
    assert!(fs::read_to_string(&page).unwrap().contains("<svg"));

    let proof = lab.beside("proof.json");
    let proof_file = proof.to_str().unwrap();
    lab.must(&["audit", "prove", &before.to_string(), proof_file]).unwrap();
    let key = lab.file("kept.pub", &fs::read(lab.state().join("audit.pub")).unwrap()).unwrap();
    let checked = |key: &[&str]| lab.run(&[&["audit", "verify", proof_file], key].concat()).unwrap();
    let good = checked(&["--key", key.to_str().unwrap()]);
    assert!(good.code == 0 && good.stdout.contains("is one of the"), "{}{}", good.stdout, good.stderr);
    assert_eq!(checked(&[]).code, 2, "a proof was checked against no key");
    let text = fs::read_to_string(&proof).unwrap().replacen("Acme Manufacturing", "Acme manufacturing", 1);
    fs::write(&proof, text).unwrap();
    assert_eq!(checked(&["--key", key.to_str().unwrap()]).code, 5, "a changed entry was proved");
    swept(&lab);
}

#[test]
fn a_witness_signs_what_grows_and_not_what_was_rolled_back() {
    let lab = lab();
    let path = |name: &str| lab.beside(name).to_str().unwrap().to_owned();
    let (key, public, seen) = (path("w1.key"), path("w1.pub"), path("w1.seen"));
    let log = lab.state().join("audit.pub").to_str().unwrap().to_owned();
    lab.must(&["audit", "witness", "key", "witness.example/w1", "--out", &key]).unwrap();
    let ask = |old: &str| lab.must(&["audit", "witness", "request", "--old", old]).unwrap().stdout;
    let witness =
        ["audit", "witness", "cosign", "--name", "witness.example/w1", "--key", &key, "--log", &log, "--seen", &seen];
    let cosigned = |request: &str| lab.run_with(&witness, request.as_bytes()).unwrap();
    let unsigned = lab.run(&["audit", "verify", "--witness", &public]).unwrap();
    assert_eq!(unsigned.code, 5, "no witness had signed yet");
    let first = cosigned(&ask("0"));
    assert_eq!(first.code, 0, "{}", first.stderr);
    let taken = lab.run_with(&["audit", "witness", "accept", "--witness", &public], first.stdout.as_bytes()).unwrap();
    assert!(
        taken.code == 0 && taken.stdout.contains("cosigned by witness.example/w1"),
        "{}{}",
        taken.stdout,
        taken.stderr
    );
    let verified = lab.must(&["audit", "verify", "--witness", &public, "--json"]).unwrap().json();
    assert_eq!(verified["cosignatures"][0]["witness"], "witness.example/w1");

    let before = super::count(&lab).to_string();
    let names = ["log.jsonl", "tree.hashes", "checkpoint"];
    let earlier = names.map(|name| fs::read(lab.state().join("audit").join(name)).unwrap());
    assert_eq!(lab.run_with(&["secret", "put", "op://MSP/a/b"], b"x").unwrap().code, 0);
    let conflict = cosigned(&ask("0"));
    assert!(conflict.code == 5 && conflict.stderr.contains(&format!("--old {before}")), "{}", conflict.stderr);
    assert_eq!(cosigned(&ask(&before)).code, 0);
    for (name, bytes) in names.iter().zip(&earlier) {
        fs::write(lab.state().join("audit").join(name), bytes).unwrap();
    }
    assert_eq!(cosigned(&ask(&before)).code, 5, "a log that was rolled back was signed");
}

#[test]
fn other_systems_get_the_log_in_their_own_form() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    lab.must(&["call", "psa.search_tickets"]).unwrap();
    let lines = |form: &str| {
        let out = lab.beside(form);
        lab.must(&["audit", "export", out.to_str().unwrap(), "--format", form]).unwrap();
        let text = fs::read_to_string(out).unwrap();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let events = lines("ocsf");
    let answered = events.iter().find(|event| event["metadata"]["event_code"] == "outcome").unwrap();
    assert_eq!(
        (&answered["class_uid"], &answered["activity_id"], &answered["status_id"]),
        (&6003.into(), &2.into(), &1.into())
    );
    assert_eq!(answered["actor"]["user"]["name"], "alex");
    assert_eq!(lines("otel").len(), events.len() + 1, "the second export is an entry itself");
    swept(&lab);
}

#[test]
fn a_log_that_is_followed_shows_what_is_written_next() {
    let lab = lab();
    let before = super::count(&lab);
    let mut command = lab.command();
    let command = command.args(["audit", "log", "--json", "--follow", "--last", "1"]).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["index"], before - 1);
    assert_eq!(lab.run_with(&["secret", "put", "op://MSP/a/b"], b"x").unwrap().code, 0);
    assert_eq!(next()["note"]["action"], "secret-put");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_state_directory_that_is_rolled_back_does_not_start() {
    let lab = lab();
    let audit = lab.state().join("audit");
    let second = lab.beside("elsewhere").join("checkpoint");
    let config = lab.state().join("claviger.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\n[audit]\nsecond-checkpoint = {second:?}\n")).unwrap();
    let put = |reference: &str| lab.run_with(&["secret", "put", reference], b"x").unwrap();
    let missing = put("op://MSP/a/b");
    assert!(missing.code == 5 && missing.stderr.contains("copy `checkpoint`"), "{}", missing.stderr);
    fs::create_dir(second.parent().unwrap()).unwrap();
    fs::copy(audit.join("checkpoint"), &second).unwrap();
    let earlier = ["log.jsonl", "tree.hashes", "checkpoint"].map(|name| (name, fs::read(audit.join(name)).unwrap()));
    assert_eq!(put("op://MSP/a/b").code, 0);
    assert_eq!(fs::read(&second).unwrap(), fs::read(audit.join("checkpoint")).unwrap());
    for (name, bytes) in &earlier {
        fs::write(audit.join(name), bytes).unwrap();
    }
    let refused = put("op://MSP/a/c");
    assert!(refused.code == 5 && refused.stderr.contains("rolled back"), "{}", refused.stderr);
    // Verifying takes the copy as it takes any other checkpoint that was kept.
    assert_eq!(lab.run(&["audit", "verify"]).unwrap().code, 0);
    let against = lab.run(&["audit", "verify", "--other", second.to_str().unwrap()]).unwrap();
    assert!(against.code == 5 && against.stderr.contains("rolled back"), "{}", against.stderr);
}
