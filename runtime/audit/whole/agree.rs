//! Two verifiers, one verdict: this room's, and the one in Python that follows `docs/audit-format.md` and shares no code with it, on
//! thousands of logs, whole and damaged.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod damage;
mod story;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use claviger_approval::SimulatedAnswer;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::fixtures::{House, key};
use crate::tree::{Tree, leaf};
use crate::{CHECKPOINT_FILE, CheckpointKey, HASHES_FILE, KEYS_FILE, Keys, LOG_FILE, verify_directory};

/// Logs that are told as stories; each is damaged in every way that [`damage::WAYS`] has.
const STORIES: u64 = 120;

/// A log in a test's hands: its lines, and how it is laid out on disk.
#[derive(Clone)]
struct Written {
    lines: Vec<Vec<u8>>,
    /// How many entries the checkpoint covers.
    covered: usize,
    signer: [u8; 32],
    /// Bytes after the last newline.
    torn: Vec<u8>,
    /// Whether the file of leaf hashes is there.
    hashed: bool,
    /// Where a later segment begins.
    split: Option<usize>,
    /// Replaces what would be written, where a damage needs that.
    checkpoint: Option<Vec<u8>>,
    hashes: Option<Vec<u8>>,
    others: Vec<Vec<u8>>,
}

impl Written {
    fn tree(&self, size: usize) -> Tree {
        let mut tree = Tree::default();
        self.lines[..size].iter().for_each(|line| tree.push(leaf(line)));
        tree
    }

    /// The checkpoint of the first `size` entries, as the log's owner signs it.
    fn note(&self, size: usize) -> Vec<u8> {
        CheckpointKey::from_seed(self.signer).sign(&self.tree(size)).unwrap()
    }

    fn leaves(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| leaf(line).0).collect()
    }

    fn write(&self, directory: &Path) {
        std::fs::create_dir(directory).unwrap();
        let (first, second) = self.lines.split_at(self.split.unwrap_or(self.lines.len()));
        let text =
            |lines: &[Vec<u8>]| lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect::<Vec<_>>();
        let (mut first, mut second) = (text(first), text(second));
        if self.split.is_some() { &mut second } else { &mut first }.extend_from_slice(&self.torn);
        std::fs::write(directory.join(LOG_FILE), first).unwrap();
        if let Some(split) = self.split {
            std::fs::write(directory.join(format!("log-{split:016}.jsonl")), second).unwrap();
        }
        let note = self.checkpoint.clone().unwrap_or_else(|| self.note(self.covered));
        std::fs::write(directory.join(CHECKPOINT_FILE), note).unwrap();
        if self.hashed {
            std::fs::write(directory.join(HASHES_FILE), self.hashes.clone().unwrap_or_else(|| self.leaves())).unwrap();
        }
        for (number, other) in self.others.iter().enumerate() {
            std::fs::write(directory.join(format!("other-{number}")), other).unwrap();
        }
    }
}

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

    fn yes(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// One verdict, in the form in which both are compared.
#[derive(Debug, PartialEq)]
enum Verdict {
    Whole { entries: u64, covered: u64, torn: bool, open: u64 },
    Broken { index: u64 },
}

fn ours(directory: &Path, keys: &Keys, others: &[Vec<u8>]) -> (Verdict, String) {
    match verify_directory(directory, keys, others) {
        Ok(seen) => {
            let (entries, covered, torn, open) = (seen.entries, seen.covered, seen.torn, seen.open_intents);
            (Verdict::Whole { entries, covered, torn, open }, String::new())
        }
        Err(broken) => (Verdict::Broken { index: broken.index }, broken.to_string()),
    }
}

fn theirs(answer: &Value) -> Verdict {
    let number = |name: &str| answer[name].as_u64().unwrap();
    if answer["ok"].as_bool().unwrap() {
        let torn = answer["torn"].as_bool().unwrap();
        Verdict::Whole { entries: number("entries"), covered: number("covered"), torn, open: number("open") }
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
        let house = House::new(SimulatedAnswer::ApproveWithLease);
        let mut chance = Chance::new(number);
        let whole = story::tell(&house, &mut chance).await;
        for (name, way) in damage::WAYS {
            let Some(damaged) = way(&whole, &mut chance) else { continue };
            let directory = place.path().join(format!("{number}-{name}"));
            damaged.write(&directory);
            expected.push((*name, ours(&directory, &house.keys, &damaged.others)));
            let others: Vec<_> = (0..damaged.others.len()).map(|n| directory.join(format!("other-{n}"))).collect();
            cases.push(json!({ "directory": directory, "keys": keys_file, "others": others }));
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
    assert!(answers.len() >= 2_000, "only {} logs were compared", answers.len());
    // A damage that breaks no log would show nothing, and neither would a whole log that is broken.
    for (name, (broken, whole)) in tally {
        let harmless = damage::HARMLESS.contains(&name);
        assert!(if harmless { broken == 0 && whole > 0 } else { broken > 0 }, "{name}: {broken} broken, {whole} whole");
    }
}
