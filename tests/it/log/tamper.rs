//! Whatever is done to the lines, verification says that something was, and where it begins.

use std::fs;
use std::path::Path;

use claviger_lab::Lab;
use serde_json::Value;

use crate::laboratory::lab;

/// Lines of the log, whole.
type Lines = Vec<String>;
/// A name, what is done, and the first entry that is wrong then.
type Case = (&'static str, fn(&mut Lines), u64);

/// The entry that is tampered with.
const AT: usize = 4;

/// More than one way to change history. There are ten entries.
const CASES: [Case; 8] = [
    ("one word edited", |lines| lines[AT] = lines[AT].replacen("alex", "eve!", 1), 4),
    ("an entry removed", |lines| drop(lines.remove(AT)), 4),
    ("two entries swapped", |lines| lines.swap(AT, AT + 1), 4),
    ("an entry inserted", |lines| lines.insert(AT, lines[AT].clone()), 5),
    ("the last entry cut off", |lines| drop(lines.pop()), 9),
    ("the last line torn", |lines| lines.last_mut().unwrap().truncate(20), 9),
    ("rubbish appended", |lines| lines.push("rubbish".to_owned()), 10),
    ("the last entry appended again", |lines| lines.push(lines.last().unwrap().clone()), 10),
];

/// A log of ten entries, exported.
fn bundle(lab: &Lab) -> std::path::PathBuf {
    for number in 0.. {
        if super::count(lab) >= 9 {
            break;
        }
        let put = lab.run_with(&["secret", "put", &format!("op://MSP/alex {number}/field")], b"x").unwrap();
        assert_eq!(put.code, 0, "{}", put.stderr);
    }
    let bundle = lab.beside("bundle");
    lab.must(&["audit", "export", bundle.to_str().unwrap()]).unwrap();
    bundle
}

fn verified(lab: &Lab, bundle: &Path) -> (i32, Value, String) {
    let ran = lab.run(&["audit", "verify", bundle.to_str().unwrap(), "--json"]).unwrap();
    let document: Value = serde_json::from_str(if ran.code == 0 { &ran.stdout } else { &ran.stderr }).unwrap();
    (ran.code, document, ran.stderr)
}

#[test]
fn every_change_is_noticed_and_placed() {
    let lab = lab();
    let bundle = bundle(&lab);
    let log = bundle.join("log.jsonl");
    let whole = fs::read_to_string(&log).unwrap();
    assert_eq!(verified(&lab, &bundle).1["entries"], 10);
    for (name, change, first_bad) in CASES {
        let mut lines: Lines = whole.lines().map(str::to_owned).collect();
        change(&mut lines);
        let end = if name == "the last line torn" { "" } else { "\n" };
        fs::write(&log, lines.join("\n") + end).unwrap();
        let (code, document, said) = verified(&lab, &bundle);
        assert_eq!(code, 5, "{name}: {said}");
        assert_eq!(document.pointer("/error/details/entry").and_then(Value::as_u64), Some(first_bad), "{name}: {said}");
    }
    fs::write(&log, whole).unwrap();
    assert_eq!(verified(&lab, &bundle).0, 0);
}

#[test]
fn a_forged_entry_after_the_signed_ones_is_not_part_of_an_export() {
    let lab = lab();
    let bundle = bundle(&lab);
    let log = bundle.join("log.jsonl");
    let whole = fs::read_to_string(&log).unwrap();
    let last = whole.lines().last().unwrap();
    let forged = last.replacen("\"index\":9", "\"index\":10", 1);
    assert_ne!(forged, last);
    fs::write(&log, format!("{whole}{forged}\n")).unwrap();
    let (code, document, said) = verified(&lab, &bundle);
    assert_eq!(code, 5, "an entry that nobody signed passed: {said}");
    assert_eq!(document.pointer("/error/details/entry"), Some(&10.into()), "{said}");
}

#[test]
fn a_log_that_was_rolled_back_with_its_checkpoint_is_not_this_key_s_later_one() {
    let lab = lab();
    let audit = lab.state().join("audit");
    let earlier = ["log.jsonl", "tree.hashes", "checkpoint"].map(|name| (name, fs::read(audit.join(name)).unwrap()));
    assert_eq!(lab.run_with(&["secret", "put", "op://MSP/a/b"], b"x").unwrap().code, 0);
    // The lines alone: the checkpoint says that more was there.
    fs::write(audit.join("log.jsonl"), &earlier[0].1).unwrap();
    let ran = lab.run(&["audit", "verify"]).unwrap();
    assert_eq!(ran.code, 5);
    assert!(ran.stderr.contains("the tail was cut off or the log rolled back"), "{}", ran.stderr);
    assert_eq!(lab.run_with(&["secret", "put", "op://MSP/a/c"], b"x").unwrap().code, 5, "a cut log was written on");
}
