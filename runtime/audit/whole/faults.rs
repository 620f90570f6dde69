//! A kill at every system call that changes a file, every way a disk refuses, and what a power cut may leave of a write.
//!
//! Between two such calls the files are what they were, so a kill at any other call leaves nothing that is not tried here.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::path::Path;
use std::process::{Command, Output};

use claviger_approval::SimulatedAnswer;

use super::crash::{DIRECTORY, directory, say, small};
use crate::fixtures::{Answer, House, at, key};
use crate::{CHECKPOINT_FILE, HASHES_FILE, LOG_FILE, Log};

/// The calls that change files, and the one that says something to whoever waits.
const CHANGING: [&str; 8] = ["openat", "write", "fdatasync", "fsync", "rename", "mkdir", "ftruncate", "exit_group"];

/// More than any of these calls is made in one run; a run that none of them ends stops the search.
const MOST: u32 = 200;

#[tokio::test]
#[ignore = "the body of a process that the tests below kill"]
async fn writes_four_calls() {
    let house = House::new(SimulatedAnswer::Approve);
    let (log, _) = Log::open_with(&directory(), key(), small(&directory())).unwrap();
    for second in 0..4 {
        let Ok(recorded) = log.open_intent(house.rename("1").await, at(second)).await else { break };
        say("intent");
        let (_plan, intent) = recorded.begin();
        let Ok(_answer) = log.close(intent.seal(Answer(200)), at(second)).await else { break };
        say("outcome");
    }
    say(if log.shutdown().is_ok() { "finished" } else { "refused" });
}

/// Runs the body under strace with one fault.
fn run(house: &House, fault: &str, only: &[&str]) -> Output {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "signal=none", "-e", fault]);
    for name in only {
        command.arg("-P").arg(house.audit().join(name));
    }
    command.arg(std::env::current_exe().unwrap());
    command.args(["--exact", "whole::faults::writes_four_calls", "--ignored", "--nocapture"]);
    command.env(DIRECTORY, house.audit()).output().expect("strace is missing; `cargo xtask setup` installs it")
}

fn said(output: &Output, word: &str) -> u64 {
    let text = String::from_utf8_lossy(&output.stdout);
    u64::try_from(text.lines().filter(|line| *line == word).count()).unwrap()
}

/// What was told is in the log, and the log opens and goes on.
fn holds(house: &House, output: &Output, fault: &str) {
    let (intents, outcomes) = (said(output, "intent"), said(output, "outcome"));
    if house.audit().join(CHECKPOINT_FILE).exists() {
        let before = house.verify().unwrap_or_else(|broken| panic!("{fault}: {broken}"));
        assert!(before.kinds.intents >= intents, "{fault}: acted without a record");
        assert!(before.kinds.outcomes >= outcomes, "{fault}: answered before the outcome");
    } else {
        assert_eq!((intents, outcomes), (0, 0), "{fault}: acted without a log");
    }
    let second = small(&house.audit());
    let (log, _) = Log::open_with(&house.audit(), key(), second).unwrap_or_else(|error| panic!("{fault}: {error}"));
    log.shutdown().unwrap();
    let after = house.verify().unwrap();
    assert_eq!((after.open_intents, after.uncovered, after.torn), (0, 0, false), "{fault}");
}

#[test]
fn a_kill_at_every_system_call_loses_nothing_that_was_told() {
    let (mut kills, mut told) = (0, 0);
    for call in CHANGING {
        for number in 1..MOST {
            let house = House::new(SimulatedAnswer::Approve);
            let fault = format!("inject={call}:signal=KILL:when={number}");
            let output = run(&house, &fault, &[]);
            holds(&house, &output, &fault);
            told += said(&output, "intent");
            if output.status.success() {
                assert_eq!(
                    (said(&output, "finished"), said(&output, "outcome")),
                    (1, 4),
                    "{fault}: not killed, not done"
                );
                break;
            }
            assert!(number + 1 < MOST, "{fault}: the run never ends by itself; does strace run here?");
            kills += 1;
        }
    }
    say(&format!("{kills} kills, {told} intents told before them"));
    assert!(kills > 60 && told > 60, "only {kills} kills, and {told} intents told before them");
}

#[test]
fn a_disk_that_refuses_denies_before_anything_is_done() {
    let files = [LOG_FILE, HASHES_FILE, "checkpoint.next", "log-0000000000000005.jsonl"];
    let house = House::new(SimulatedAnswer::Approve);
    assert_eq!(said(&run(&house, "inject=mount:error=EIO", &files), "outcome"), 4, "without a fault it goes through");
    for error in ["ENOSPC", "EROFS", "EIO"] {
        for (call, first) in
            [("write", 1), ("write", 4), ("fdatasync", 1), ("fdatasync", 4), ("rename", 2), ("openat", 4)]
        {
            let house = House::new(SimulatedAnswer::Approve);
            let fault = format!("inject={call}:error={error}:when={first}+");
            let output = run(&house, &fault, &files);
            assert_eq!(said(&output, "finished"), 0, "{fault} went unnoticed");
            holds(&house, &output, &fault);
        }
    }
}

/// The unit in which disks keep or lose a write.
const SECTOR: usize = 512;

/// After a power cut, what was written and not synced is there in any part: sectors are missing or zero, in any order,
/// and the file may have grown or not. What was synced is there.
#[tokio::test]
async fn torn_and_reordered_sectors_take_only_what_nobody_was_told() {
    let house = House::new(SimulatedAnswer::Approve);
    let (log, _) = house.open();
    for second in 0..6 {
        house.call(&log, second).await;
    }
    log.shutdown().unwrap();
    let read = |name: &str| std::fs::read(house.audit().join(name)).unwrap();
    let (whole, leaves, note) = (read(LOG_FILE), read(HASHES_FILE), read(CHECKPOINT_FILE));
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').map(|at| at + 1).collect();
    for round in 0_usize..300 {
        let mut chance = super::agree::Chance::new(u64::try_from(round).unwrap());
        // So many entries were synced when the power went, and so many covered by the checkpoint.
        let synced = 1 + chance.below(ends.len() - 1);
        let covered = chance.below(synced + 1);
        let torn = tear(&whole, ends[synced - 1], &mut chance);
        let lost = tear(&leaves, covered * 32, &mut chance);
        let place = house.path(&format!("cut-{round}"));
        std::fs::create_dir(&place).unwrap();
        let checkpoint = if covered == ends.len() { note.clone() } else { sign(&whole, &ends, covered) };
        for (name, bytes) in [(LOG_FILE, &torn), (HASHES_FILE, &lost), (CHECKPOINT_FILE, &checkpoint)] {
            std::fs::write(place.join(name), bytes).unwrap();
        }
        opens_with(&house, &place, synced, &whole[..ends[synced - 1]]);
    }
}

fn opens_with(house: &House, place: &Path, synced: usize, kept: &[u8]) {
    let (log, recovery) = Log::open(place, key()).unwrap();
    assert!(recovery.entries >= u64::try_from(synced).unwrap(), "{recovery:?} but {synced} were synced");
    log.shutdown().unwrap();
    assert!(std::fs::read(place.join(LOG_FILE)).unwrap().starts_with(kept));
    let summary = crate::verify_directory(place, &house.keys, &[]).unwrap();
    assert_eq!((summary.open_intents, summary.uncovered, summary.torn), (0, 0, false));
}

/// Sectors from `durable` on are there, zero, or beyond the end of the file.
fn tear(bytes: &[u8], durable: usize, chance: &mut super::agree::Chance) -> Vec<u8> {
    let length = durable + chance.below(bytes.len() - durable + 1);
    let mut left = bytes[..length].to_vec();
    let mut at = durable;
    while at < length {
        let end = ((at / SECTOR + 1) * SECTOR).min(length);
        if chance.below(3) == 0 {
            left[at..end].fill(0);
        }
        at = end;
    }
    left
}

fn sign(whole: &[u8], ends: &[usize], covered: usize) -> Vec<u8> {
    let mut tree = crate::tree::Tree::default();
    let end = covered.checked_sub(1).map_or(0, |last| ends[last]);
    let lines = whole[..end].split_inclusive(|byte| *byte == b'\n');
    lines.for_each(|line| tree.push(crate::tree::leaf(&line[..line.len() - 1])));
    key().sign(&tree).unwrap()
}
