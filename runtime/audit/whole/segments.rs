//! A log of several files is one log.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use claviger_approval::SimulatedAnswer;

use crate::fixtures::{Answer, House, at, key};
use crate::format::SEGMENT_FILE;
use crate::segments::{Segment, segments};
use crate::{
    HASHES_FILE, LOG_FILE, LeafHashes, Log, Options, Recovery, SegmentLimits, Why, entries, export, export_keys,
    verify_export,
};

/// A segment for each batch that brings it to three entries.
fn open(house: &House) -> (Log, Recovery) {
    let segments = SegmentLimits { entries: 3, ..SegmentLimits::default() };
    Log::open_with(&house.audit(), key(), Options { segments, ..Options::default() }).unwrap()
}

/// Six calls in several files. The first call is under way all the while, and its outcome is never written.
async fn written() -> House {
    let house = House::new(SimulatedAnswer::Approve);
    let (log, _) = open(&house);
    let under_way = log.open_intent(house.rename("0").await, at(0)).await.unwrap();
    for second in 1..6 {
        house.call(&log, second).await;
    }
    // As if the process had been killed: no destructor runs, so nobody writes `outcome-unknown`.
    std::mem::forget(under_way);
    log.shutdown().unwrap();
    assert_eq!(firsts(&house), [0, 3, 6, 9]);
    house
}

fn firsts(house: &House) -> Vec<u64> {
    segments(&house.audit()).unwrap().iter().map(|segment| segment.first).collect()
}

#[tokio::test]
async fn it_verifies_reads_and_exports_as_one() {
    let house = written().await;
    let summary = house.verify().unwrap();
    assert_eq!((summary.entries, summary.covered, summary.open_intents), (11, 11, 1));
    let read: Vec<u64> = entries(&house.audit()).unwrap().map(|entry| entry.unwrap().index).collect();
    assert_eq!(read, (0..11).collect::<Vec<_>>());
    let out = house.path("out");
    assert_eq!(export(&house.audit(), &out, &house.keys).unwrap().size(), 11);
    assert_eq!(std::fs::read_to_string(out.join(LOG_FILE)).unwrap().lines().count(), 11);
    assert_eq!(verify_export(&out, &export_keys(&out).unwrap(), &[]).unwrap().entries, 11);
}

#[tokio::test]
async fn the_last_segment_is_enough_to_go_on() {
    let house = written().await;
    // What is not read is not missed: an opening host believes the leaf hashes, and a verifier reads every line.
    let first = Segment::starting_at(&house.audit(), 0).path;
    let whole = std::fs::read_to_string(&first).unwrap();
    std::fs::write(&first, whole.replacen("robin@", "rabin@", 1)).unwrap();
    let (log, recovery) = open(&house);
    assert_eq!(recovery, Recovery { entries: 11, unknown: vec![0], ..Recovery::default() });
    log.shutdown().unwrap();
    assert_eq!(house.verify().unwrap_err(), Why::Altered.at(0));
    std::fs::write(&first, whole).unwrap();
    assert_eq!(house.verify().unwrap().open_intents, 0);
}

#[tokio::test]
async fn without_the_note_or_the_leaf_hashes_the_whole_log_is_read() {
    for (lost, leaf_hashes_rebuilt) in [(SEGMENT_FILE, false), (HASHES_FILE, true)] {
        let house = written().await;
        std::fs::remove_file(house.audit().join(lost)).unwrap();
        let (log, recovery) = open(&house);
        let expected = Recovery { entries: 11, unknown: vec![0], leaf_hashes_rebuilt, ..Recovery::default() };
        assert_eq!(recovery, expected, "without {lost}");
        house.call(&log, 10).await;
        log.shutdown().unwrap();
        let summary = house.verify().unwrap();
        assert_eq!((summary.entries, summary.leaf_hashes), (14, LeafHashes::Authentic));
    }
}

#[tokio::test]
async fn leaf_hashes_that_are_not_authentic_are_not_believed() {
    let house = written().await;
    let path = house.audit().join(HASHES_FILE);
    let mut hashes = std::fs::read(&path).unwrap();
    *hashes.first_mut().unwrap() ^= 1;
    std::fs::write(&path, hashes).unwrap();
    let (log, recovery) = open(&house);
    assert!(recovery.leaf_hashes_rebuilt);
    log.shutdown().unwrap();
    assert_eq!(house.verify().unwrap().leaf_hashes, LeafHashes::Authentic);
}

#[tokio::test]
async fn a_kill_while_a_segment_begins_leaves_a_log_that_goes_on() {
    let house = written().await;
    // The next file is there and empty, and nothing else knows of it yet.
    std::fs::write(Segment::starting_at(&house.audit(), 11).path, "").unwrap();
    let (log, recovery) = open(&house);
    assert_eq!((recovery.entries, recovery.unknown, recovery.torn), (11, vec![0], None));
    house.call(&log, 10).await;
    log.shutdown().unwrap();
    assert_eq!(firsts(&house), [0, 3, 6, 9, 11, 14]);
    assert_eq!(house.verify().unwrap().entries, 14);
}

#[tokio::test]
async fn a_tail_that_is_torn_is_set_aside_from_the_last_file_alone() {
    let house = written().await;
    let last = Segment::starting_at(&house.audit(), 9).path;
    let whole = std::fs::read(&last).unwrap();
    std::fs::write(&last, [whole.as_slice(), b"{\"at\":"].concat()).unwrap();
    let (log, recovery) = open(&house);
    assert_eq!(recovery.torn.map(|torn| (torn.index, torn.bytes)), Some((11, 6)));
    log.shutdown().unwrap();
    assert!(std::fs::read(&last).unwrap().starts_with(&whole));
    assert_eq!(house.verify().unwrap().entries, 13);
}

#[tokio::test]
async fn a_segment_that_is_gone_cut_or_emptied_is_found() {
    for (first, change, index) in [(3, None, 3), (6, Some(7), 6), (0, Some(0), 0)] {
        let house = written().await;
        let path = Segment::starting_at(&house.audit(), first).path;
        match change {
            None => std::fs::remove_file(path).unwrap(),
            Some(length) => std::fs::File::options().write(true).open(path).unwrap().set_len(length).unwrap(),
        }
        assert_eq!(house.verify().unwrap_err().index, index, "segment {first}");
    }
}

#[tokio::test]
async fn an_outcome_in_a_later_segment_closes_its_intent() {
    let house = House::new(SimulatedAnswer::Approve);
    let (log, _) = open(&house);
    let (_approved, intent) = log.open_intent(house.rename("0").await, at(0)).await.unwrap().begin();
    for second in 1..3 {
        house.call(&log, second).await;
    }
    log.close(intent.seal(Answer(200)), at(9)).await.unwrap();
    log.shutdown().unwrap();
    assert_eq!(open(&house).1.unknown, [0; 0]);
}
