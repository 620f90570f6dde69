//! The second copy of the checkpoint: what it notices, and what it refuses.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::PathBuf;

use claviger_approval::SimulatedAnswer;

use crate::fixtures::{House, SEED, at, key};
use crate::{
    CHECKPOINT_FILE, CheckpointError, CheckpointKey, HASHES_FILE, LOG_FILE, Log, LogError, Options, Unrecorded, Why,
};

const FILES: [&str; 3] = [LOG_FILE, HASHES_FILE, CHECKPOINT_FILE];

fn place(house: &House) -> PathBuf {
    house.path("elsewhere").join("checkpoint")
}

fn open_with_key(house: &House, key: CheckpointKey) -> Result<Log, LogError> {
    let second = Some(place(house));
    Log::open_with(&house.audit(), key, Options { second, ..Options::default() }).map(|(log, _)| log)
}

fn open(house: &House) -> Result<Log, LogError> {
    open_with_key(house, key())
}

fn read(house: &House, name: &str) -> Vec<u8> {
    std::fs::read(house.audit().join(name)).unwrap()
}

/// A log of one call, with copies of its files, and then of two more.
async fn written() -> (House, [Vec<u8>; 3]) {
    let house = House::new(SimulatedAnswer::Approve);
    let log = open(&house).unwrap();
    house.call(&log, 1).await;
    log.shutdown().unwrap();
    let earlier = FILES.map(|name| read(&house, name));
    let log = open(&house).unwrap();
    house.call(&log, 2).await;
    house.call(&log, 3).await;
    log.shutdown().unwrap();
    (house, earlier)
}

fn put(house: &House, files: &[Vec<u8>; 3]) {
    for (name, bytes) in FILES.iter().zip(files) {
        std::fs::write(house.audit().join(name), bytes).unwrap();
    }
}

#[tokio::test]
async fn it_follows_the_log() {
    let (house, _) = written().await;
    assert_eq!(std::fs::read(place(&house)).unwrap(), read(&house, CHECKPOINT_FILE));
    // A kill between the two copies leaves the second behind; opening brings it up.
    let (log, _) = Log::open(&house.audit(), key()).unwrap();
    house.call(&log, 4).await;
    log.shutdown().unwrap();
    assert_ne!(std::fs::read(place(&house)).unwrap(), read(&house, CHECKPOINT_FILE));
    open(&house).unwrap().shutdown().unwrap();
    assert_eq!(std::fs::read(place(&house)).unwrap(), read(&house, CHECKPOINT_FILE));
}

#[tokio::test]
async fn a_log_that_was_rolled_back_does_not_open() {
    let (house, earlier) = written().await;
    let now = FILES.map(|name| read(&house, name));
    put(&house, &earlier);
    let refused = open(&house).err().unwrap();
    assert!(matches!(refused, LogError::RolledBack { signed: 6, found: 2 }), "{refused}");
    assert!(refused.to_string().contains("restore the log from a copy"), "{refused}");
    put(&house, &now);
    open(&house).unwrap();
    // To the beginning, or away altogether.
    std::fs::remove_dir_all(house.audit()).unwrap();
    assert!(matches!(open(&house), Err(LogError::RolledBack { signed: 6, found: 0 })));
}

#[tokio::test]
async fn a_log_that_went_another_way_does_not_open() {
    let (house, earlier) = written().await;
    put(&house, &earlier);
    // Whoever has the log's key can go on from the earlier state, and further than the true log.
    let (log, _) = Log::open(&house.audit(), key()).unwrap();
    for second in 5..9 {
        house.call(&log, second).await;
    }
    log.shutdown().unwrap();
    let refused = open(&house).err().unwrap();
    assert!(matches!(&refused, LogError::Broken(broken) if broken.why == Why::Forked { size: 6 }), "{refused}");
}

#[tokio::test]
async fn a_copy_that_is_gone_or_of_another_key_is_refused() {
    let (house, _) = written().await;
    let note = std::fs::read(place(&house)).unwrap();
    std::fs::remove_file(place(&house)).unwrap();
    assert!(matches!(open(&house), Err(LogError::SecondMissing)));
    std::fs::write(place(&house), &note).unwrap();
    let mut other = SEED;
    other[0] ^= 1;
    let forged = CheckpointKey::from_seed(other).sign(&crate::tree::Tree::default()).unwrap();
    std::fs::write(place(&house), forged).unwrap();
    assert!(matches!(open(&house), Err(LogError::Second(CheckpointError::Signature))));
    std::fs::write(place(&house), note).unwrap();
    open(&house).unwrap();
}

#[tokio::test]
async fn of_two_hosts_that_go_on_from_one_state_one_stops() {
    let (house, _) = written().await;
    let copy = house.path("copy");
    std::fs::create_dir(&copy).unwrap();
    for name in FILES {
        std::fs::copy(house.audit().join(name), copy.join(name)).unwrap();
    }
    let one = open(&house).unwrap();
    let second = Some(place(&house));
    let (two, _) = Log::open_with(&copy, key(), Options { second, ..Options::default() }).unwrap();
    house.call(&two, 4).await;
    two.shutdown().unwrap();
    // The entry itself is durable before the checkpoint is tried, and nothing after it is taken.
    drop(one.open_intent(house.rename("5").await, at(5)).await);
    assert_eq!(one.shutdown(), Err(Unrecorded::Moved));
}

#[tokio::test]
async fn a_place_that_cannot_be_written_stops_the_log() {
    let (house, _) = written().await;
    let log = open(&house).unwrap();
    std::fs::remove_file(place(&house)).unwrap();
    std::fs::create_dir(place(&house)).unwrap();
    drop(log.open_intent(house.rename("5").await, at(5)).await);
    assert!(matches!(log.shutdown(), Err(Unrecorded::Failed(_))));
}
