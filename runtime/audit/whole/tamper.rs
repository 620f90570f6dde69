//! Every way to change a log, and the entry that verification names.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use claviger_approval::SimulatedAnswer;
use jiff::Timestamp;

use crate::fixtures::{House, at, caller, lines};
use crate::tree::{Tree, leaf};
use crate::{
    Broken, CHECKPOINT_FILE, CheckpointError, CheckpointKey, Event, HASHES_FILE, LOG_FILE, LeafHashes, OperatorAction,
    Why, verify_directory,
};

/// A closed log of two calls, a denial and an event: six entries.
async fn written() -> House {
    let house = House::new(SimulatedAnswer::Approve);
    let (log, _) = house.open();
    house.call(&log, 1).await;
    let denied = house.request("destroy", "1").unwrap_err();
    log.note(Event::denied(&caller(), &denied), at(2)).await.unwrap();
    house.call(&log, 3).await;
    log.note(Event::operator(OperatorAction::SecretPut, "op://MSP/Demo/key", None), at(4)).await.unwrap();
    log.shutdown().unwrap();
    assert_eq!(house.verify().unwrap().covered, 6);
    house
}

fn write(house: &House, lines: &[String]) {
    std::fs::write(house.audit().join(LOG_FILE), lines.iter().map(|line| format!("{line}\n")).collect::<String>())
        .unwrap();
}

fn first_bad(house: &House) -> (u64, Why) {
    let Broken { index, why } = house.verify().unwrap_err();
    (index, why)
}

fn to_u64(index: usize) -> u64 {
    u64::try_from(index).unwrap()
}

/// A change that leaves the entry well formed.
fn edit(line: &str) -> String {
    let edited = line.replacen(".000Z", ".001Z", 1);
    assert_ne!(edited, line);
    edited
}

#[tokio::test]
async fn edit_any() {
    let house = written().await;
    let good = lines(&house.audit());
    let changes: [fn(&str) -> String; 4] =
        [edit, |line| line[1..].to_owned(), |line| format!("{line} "), |_| String::new()];
    for index in 0..good.len() {
        for change in changes {
            let mut bad = good.clone();
            bad[index] = change(&good[index]);
            write(&house, &bad);
            assert_eq!(first_bad(&house), (to_u64(index), Why::Altered));
        }
    }
}

#[tokio::test]
async fn flip_any_byte() {
    let house = written().await;
    let good = std::fs::read(house.audit().join(LOG_FILE)).unwrap();
    let mut line = 0;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        // Every byte would take minutes; every 23rd meets each member of each entry over time, and all newlines are taken.
        if at % 23 == 0 || good[at] == b'\n' {
            std::fs::write(house.audit().join(LOG_FILE), &bad).unwrap();
            assert_eq!(first_bad(&house).0, line, "byte {at}");
        }
        line += u64::from(good[at] == b'\n');
    }
}

#[tokio::test]
async fn delete_any() {
    let house = written().await;
    let good = lines(&house.audit());
    for index in 0..good.len() {
        let mut bad = good.clone();
        bad.remove(index);
        write(&house, &bad);
        let last = index + 1 == good.len();
        let why = if last { Why::Truncated { signed: 6 } } else { Why::Misplaced { found: to_u64(index + 1) } };
        assert_eq!(first_bad(&house), (to_u64(index), why));
    }
}

#[tokio::test]
async fn insert_anywhere() {
    let house = written().await;
    let good = lines(&house.audit());
    for index in 0..good.len() {
        let mut bad = good.clone();
        bad.insert(index, good[(index + 3) % 6].clone());
        write(&house, &bad);
        assert_eq!(first_bad(&house), (to_u64(index), Why::Misplaced { found: to_u64((index + 3) % 6) }));
    }
    let mut bad = good.clone();
    bad.push(good[5].clone());
    write(&house, &bad);
    assert_eq!(first_bad(&house), (6, Why::Misplaced { found: 5 }));
}

#[tokio::test]
async fn reorder_any() {
    let house = written().await;
    let good = lines(&house.audit());
    for index in 0..good.len() - 1 {
        let mut bad = good.clone();
        bad.swap(index, index + 1);
        write(&house, &bad);
        assert_eq!(first_bad(&house), (to_u64(index), Why::Misplaced { found: to_u64(index + 1) }));
    }
}

#[tokio::test]
async fn truncate_at_any_byte() {
    let house = written().await;
    let good = std::fs::read(house.audit().join(LOG_FILE)).unwrap();
    for length in (0..good.len()).step_by(41).chain([good.len() - 1]) {
        std::fs::write(house.audit().join(LOG_FILE), &good[..length]).unwrap();
        let whole = to_u64(good[..length].iter().filter(|byte| **byte == b'\n').count());
        assert_eq!(first_bad(&house).0, whole, "{length} bytes");
    }
}

#[tokio::test]
async fn roll_back_or_fork() {
    let house = House::new(SimulatedAnswer::Approve);
    let read = |name| std::fs::read(house.audit().join(name)).unwrap();
    let (log, _) = house.open();
    house.call(&log, 1).await;
    log.shutdown().unwrap();
    let (old_log, old_hashes, old_checkpoint) = (read(LOG_FILE), read(HASHES_FILE), read(CHECKPOINT_FILE));
    let (log, _) = house.open();
    house.call(&log, 2).await;
    log.shutdown().unwrap();
    let kept_elsewhere = read(CHECKPOINT_FILE);
    let against = |note: &Vec<u8>| verify_directory(&house.audit(), &house.keys, std::slice::from_ref(note));
    assert_eq!(against(&old_checkpoint).unwrap().covered, 4, "an older checkpoint of the same history agrees");

    for (file, bytes) in [(LOG_FILE, &old_log), (HASHES_FILE, &old_hashes), (CHECKPOINT_FILE, &old_checkpoint)] {
        std::fs::write(house.audit().join(file), bytes).unwrap();
    }
    assert_eq!(house.verify().unwrap().covered, 2, "alone, a rolled-back log is a log");
    assert_eq!(against(&kept_elsewhere).unwrap_err(), Why::Truncated { signed: 4 }.at(2));

    let (log, _) = house.open();
    house.call(&log, 3).await;
    house.call(&log, 4).await;
    log.shutdown().unwrap();
    assert_eq!(house.verify().unwrap().covered, 6, "alone, a fork signed with the log's key is a log");
    assert_eq!(against(&kept_elsewhere).unwrap_err(), Why::Forked { size: 4 }.at(0));
}

#[tokio::test]
async fn a_disk_without_the_key() {
    let house = written().await;
    let mut bad = lines(&house.audit());
    bad[2] = edit(&bad[2]);
    write(&house, &bad);
    let (mut tree, mut hashes) = (Tree::default(), Vec::new());
    for line in &bad {
        let leaf = leaf(line.as_bytes());
        hashes.extend_from_slice(&leaf.0);
        tree.push(leaf);
    }
    std::fs::write(house.audit().join(HASHES_FILE), hashes).unwrap();
    assert_eq!(first_bad(&house), (0, Why::NotCovered { last: 5 }), "recomputed leaf hashes are not authentic");

    let forged = CheckpointKey::from_seed([9; 32]).sign(&tree).unwrap();
    std::fs::write(house.audit().join(CHECKPOINT_FILE), forged).unwrap();
    assert_eq!(first_bad(&house), (0, Why::Checkpoint(CheckpointError::Signature)));
    std::fs::remove_file(house.audit().join(CHECKPOINT_FILE)).unwrap();
    assert_eq!(first_bad(&house), (0, Why::Checkpoint(CheckpointError::Missing)));
}

#[tokio::test]
async fn without_leaf_hashes_the_rules_between_entries_still_find_the_place() {
    let house = written().await;
    let good = lines(&house.audit());
    std::fs::remove_file(house.audit().join(HASHES_FILE)).unwrap();
    assert_eq!(house.verify().unwrap().leaf_hashes, LeafHashes::Missing);
    let mut bad = good.clone();
    bad.remove(2);
    write(&house, &bad);
    assert_eq!(first_bad(&house), (2, Why::Misplaced { found: 3 }));
    bad = good.clone();
    bad[3] = bad[3].replacen("21:30:03", "21:30:00", 1);
    write(&house, &bad);
    assert_eq!(first_bad(&house), (3, Why::TimeBackwards));
    bad = good.clone();
    bad[5] = edit(&bad[5]);
    write(&house, &bad);
    assert_eq!(first_bad(&house), (0, Why::NotCovered { last: 5 }));
    bad = good;
    bad[4] = bad[4].replacen("\"intent\":3", "\"intent\":0", 1);
    write(&house, &bad);
    assert_eq!(first_bad(&house), (4, Why::NoOpenIntent { intent: 0 }));
}

#[tokio::test]
async fn entries_after_the_checkpoint_must_keep_the_rules_too() {
    let house = written().await;
    let good = lines(&house.audit());
    let event = good[5].replacen("\"index\":5", "\"index\":6", 1);
    let mut more = good.clone();
    more.push(event.clone());
    write(&house, &more);
    assert_eq!(house.verify().unwrap().uncovered, 1);
    for (bad, why) in [
        (event.replacen("\"index\":6", "\"index\":7", 1), Why::Misplaced { found: 7 }),
        (event.replacen("21:30:04", "21:30:03", 1), Why::TimeBackwards),
        (event.replacen("\"kind\":\"event\"", "\"kind\":\"denied\"", 1), Why::Members),
        (
            good[4].replacen("\"index\":4", "\"index\":6", 1).replacen("21:30:03", "21:30:04", 1),
            Why::NoOpenIntent { intent: 3 },
        ),
    ] {
        more[6] = bad;
        write(&house, &more);
        assert_eq!(first_bad(&house), (6, why));
    }
    more[6] = format!(" {event}");
    write(&house, &more);
    assert!(matches!(first_bad(&house), (6, Why::NotCanonical(_))));
    assert!(house.verify().unwrap_err().to_string().starts_with("entry 6: the line is not in canonical form"));
}

#[tokio::test]
async fn time_that_stands_still_is_no_tampering() {
    let house = House::new(SimulatedAnswer::Approve);
    let (log, _) = house.open();
    house.call(&log, 5).await;
    // A clock that runs ahead for a while leaves one entry in the future; what follows is approved by the right clock.
    log.note(Event::operator(OperatorAction::HostStarted, "host", None), at(100_000)).await.unwrap();
    house.call(&log, 6).await;
    house.call(&log, 7).await;
    log.note(Event::operator(OperatorAction::HostStopped, "host", None), Timestamp::UNIX_EPOCH).await.unwrap();
    log.shutdown().unwrap();
    assert_eq!(house.verify().unwrap().covered, 8);
}
