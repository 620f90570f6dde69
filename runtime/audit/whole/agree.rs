//! Two verifiers, one verdict: this room's, and the one in Python that follows `docs/audit-format.md` and shares no code with it, on
//! thousands of logs, whole and damaged.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod damage;
mod damage_approvals;
mod damage_copies;
mod story;
mod written;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use claviger_approval::SimulatedAnswer;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use self::written::{COSIGNED, Written};
use crate::fixtures::{House, key};
use crate::{KEYS_FILE, Keys, cosignatures, verify_directory};

/// Logs that are told as stories; each is damaged in every way that [`damage::WAYS`] has.
const STORIES: u64 = 60;

/// Chance that is the same in every run.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed << 32)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 += 1;
        let digest = Sha256::digest(self.0.to_be_bytes());
        let drawn = digest.iter().take(8).fold(0, |drawn: u64, byte| drawn << 8 | u64::from(*byte));
        usize::try_from(drawn % u64::try_from(end).unwrap()).unwrap()
    }

    pub(super) fn yes(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// A way to damage a log. It gives nothing where a log has nothing to damage in that way.
type Way = fn(&Written, &mut Chance) -> Option<Written>;

/// What leaves a log whole.
const HARMLESS: &[&str] = &[
    "whole",
    "older-checkpoint-elsewhere",
    "line-after-the-checkpoint",
    "people-in-another-order",
    "cosignature-flipped",
    "cosignature-at-another-time",
    "cosignature-of-a-stranger",
    "cosignature-of-another-type",
    "cosignature-taken-away",
];

/// One verdict, in the form in which both are compared.
#[derive(Debug, PartialEq)]
enum Verdict {
    Whole(Seen),
    Broken { index: u64 },
}

#[derive(Debug, PartialEq)]
struct Seen {
    entries: u64,
    covered: u64,
    torn: bool,
    open: u64,
    /// Receipts, and uses of leases after the first.
    receipts: u64,
    leased: u64,
    /// Who cosigned the kept checkpoint, and when.
    cosigned: Vec<(String, i64)>,
}

fn ours(written: &Written, directory: &Path, keys: &Keys) -> (Verdict, String) {
    let cosigned = written.cosigned.as_deref().unwrap_or_default();
    match verify_directory(directory, keys, &written.heads()) {
        Ok(seen) => {
            let by = cosignatures(cosigned, &written::witnesses());
            let cosigned = by.into_iter().map(|one| (one.witness, one.at.as_second())).collect();
            let (entries, covered, torn, open) = (seen.entries, seen.covered, seen.torn, seen.open_intents);
            let (receipts, leased) = (seen.approvals.simulated, seen.approvals.leased);
            (Verdict::Whole(Seen { entries, covered, torn, open, receipts, leased, cosigned }), String::new())
        }
        Err(broken) => (Verdict::Broken { index: broken.index }, broken.to_string()),
    }
}

fn theirs(answer: &Value) -> Verdict {
    let number = |name: &str| answer[name].as_u64().unwrap();
    if answer["ok"].as_bool().unwrap() {
        let by = answer["cosigned"].as_array().map(Vec::as_slice).unwrap_or_default();
        let one = |one: &Value| (one["witness"].as_str().unwrap().to_owned(), one["at"].as_i64().unwrap());
        Verdict::Whole(Seen {
            entries: number("entries"),
            covered: number("covered"),
            torn: answer["torn"].as_bool().unwrap(),
            open: number("open"),
            receipts: answer["simulated"].as_u64().unwrap_or_default(),
            leased: answer["leased"].as_u64().unwrap_or_default(),
            cosigned: by.iter().map(one).collect(),
        })
    } else {
        Verdict::Broken { index: number("index") }
    }
}

/// The interpreter that `cargo xtask setup` installs, with the one package that the verifier needs.
fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let servers = std::env::var_os("CLAVIGER_SERVERS").map_or_else(|| root.join("target/servers"), PathBuf::from);
    let python = servers.join("venv/bin/python");
    assert!(python.exists(), "{} is missing; `cargo xtask setup` installs it", python.display());
    python
}

/// Asks the verifier in Python about every directory: one process for all of them.
fn ask(cases: &[Value]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/verifier/verify.py");
    let mut child = Command::new(python());
    let child = child.arg("-B").arg(script).arg("--batch").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "the verifier in Python failed; its own text is above");
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn both_verifiers_say_the_same_of_thousands_of_logs() {
    let place = tempfile::tempdir().unwrap();
    let keys_file = place.path().join(KEYS_FILE);
    let mut keys = None;
    let (mut cases, mut expected) = (Vec::new(), Vec::new());
    for number in 0..STORIES {
        let house = House::of_everything();
        let mut chance = Chance::new(number);
        let whole = story::tell(&house, &mut chance).await;
        for (name, way) in ways() {
            let Some(damaged) = way(&whole, &mut chance) else { continue };
            let directory = place.path().join(format!("{number}-{name}"));
            damaged.write(&directory);
            expected.push((*name, ours(&damaged, &directory, &house.keys)));
            let others: Vec<_> = (0..damaged.others.len()).map(|n| directory.join(format!("other-{n}"))).collect();
            let cosigned = damaged.cosigned.is_some().then(|| directory.join(COSIGNED));
            let witnesses: Vec<_> = written::witnesses().iter().map(crate::WitnessVerifier::vkey).collect();
            let case = json!({ "directory": directory, "keys": keys_file, "others": others, "cosigned": cosigned, "witnesses": witnesses });
            cases.push(case);
        }
        keys = Some(house.keys.clone());
    }
    let keys = keys.unwrap();
    let file = json!({ "log": key().public().vkey(), "approvers": keys.approvers });
    std::fs::write(&keys_file, file.to_string()).unwrap();
    compare(&cases, &expected);
}

#[tokio::test]
async fn both_verifiers_say_the_same_of_proofs() {
    let house = House::new(SimulatedAnswer::Approve);
    let (log, _) = house.open();
    for second in 0..7 {
        house.call(&log, second).await;
    }
    log.shutdown().unwrap();
    let keys_file = house.path(KEYS_FILE);
    std::fs::write(&keys_file, json!({ "log": house.keys.log.vkey(), "approvers": {} }).to_string()).unwrap();
    let mut proofs = Vec::new();
    for index in 0..14 {
        let good = crate::prove(&house.audit(), index, &house.keys.log).unwrap();
        let mut shorter = good.clone();
        shorter.path.pop();
        let mut longer = good.clone();
        longer.path.push(longer.path[0].clone());
        let other = crate::Proof { index: (index + 1) % 14, ..good.clone() };
        let edited = crate::Proof { entry: good.entry.replacen("Z\"", "Z \"", 1), ..good.clone() };
        proofs.extend([good, shorter, longer, other, edited]);
    }
    let cases: Vec<Value> = proofs.iter().map(|proof| json!({ "proof": proof, "keys": keys_file })).collect();
    let answers = ask(&cases);
    assert_eq!(answers.len(), proofs.len());
    for (proof, answer) in proofs.iter().zip(answers) {
        assert_eq!(answer["ok"].as_bool().unwrap(), proof.check(&house.keys.log).is_ok(), "{proof:?}: {answer}");
    }
}

/// Every way to damage a log: lines and places, approvals, copies of the head.
fn ways() -> impl Iterator<Item = &'static (&'static str, Way)> {
    damage::WAYS.iter().chain(damage_approvals::WAYS).chain(damage_copies::WAYS)
}

fn compare(cases: &[Value], expected: &[(&str, (Verdict, String))]) {
    let answers = ask(cases);
    assert_eq!(answers.len(), expected.len());
    let mut disagree = Vec::new();
    let mut tally = std::collections::BTreeMap::<_, (u32, u32)>::new();
    for (answer, (name, (ours, said))) in answers.iter().zip(expected) {
        if theirs(answer) != *ours {
            disagree.push(format!("{ours:?} ({said}) but {answer}"));
        }
        let counts = tally.entry(*name).or_default();
        if matches!(ours, Verdict::Broken { .. }) { counts.0 += 1 } else { counts.1 += 1 }
    }
    assert!(disagree.is_empty(), "{} of {} disagree:\n{}", disagree.len(), answers.len(), disagree.join("\n"));
    assert!(answers.len() >= 2_000 && ways().all(|(name, _)| tally.contains_key(name)), "{tally:?}");
    // A damage that breaks no log would show nothing, and neither would a whole log that is broken.
    for (name, (broken, whole)) in tally {
        let harmless = HARMLESS.contains(&name);
        assert!(if harmless { broken == 0 && whole > 0 } else { broken > 0 }, "{name}: {broken} broken, {whole} whole");
    }
}
