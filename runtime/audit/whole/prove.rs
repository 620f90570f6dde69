//! One entry, proved without the others.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use claviger_approval::SimulatedAnswer;

use crate::fixtures::{House, key, lines};
use crate::{CheckpointKey, Log, LogError, Options, Proof, SegmentLimits, Why, prove};

async fn written(calls: i64) -> House {
    let house = House::new(SimulatedAnswer::Approve);
    let segments = SegmentLimits { entries: 4, ..SegmentLimits::default() };
    let (log, _) = Log::open_with(&house.audit(), key(), Options { segments, ..Options::default() }).unwrap();
    for second in 0..calls {
        house.call(&log, second).await;
    }
    log.shutdown().unwrap();
    house
}

#[tokio::test]
async fn every_entry_of_every_size_has_a_proof_that_stands_alone() {
    for calls in [1, 2, 5, 8] {
        let house = written(calls).await;
        let size = u64::try_from(calls).unwrap() * 2;
        for index in 0..size {
            let text = serde_json::to_string(&prove(&house.audit(), index, &house.keys.log).unwrap()).unwrap();
            let proof: Proof = serde_json::from_str(&text).unwrap();
            assert_eq!(proof.check(&house.keys.log).unwrap().size(), size);
            assert!(proof.entry.contains(&format!("\"index\":{index},")));
        }
        let beyond = prove(&house.audit(), size, &house.keys.log).unwrap_err();
        assert!(matches!(beyond, LogError::NotCovered { .. }), "{beyond}");
    }
}

#[tokio::test]
async fn a_proof_of_something_else_is_none() {
    let house = written(4).await;
    let good = prove(&house.audit(), 3, &house.keys.log).unwrap();
    let changes: [fn(&mut Proof); 6] = [
        |proof| proof.entry = proof.entry.replacen(".000Z", ".001Z", 1),
        |proof| proof.index = 2,
        |proof| proof.index = u64::MAX,
        |proof| drop(proof.path.pop()),
        |proof| proof.path.reverse(),
        |proof| proof.v = 2,
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut bad = good.clone();
        change(&mut bad);
        assert_eq!(bad.check(&house.keys.log).unwrap_err(), Why::Inclusion.at(bad.index), "change {number}");
    }
    let other = CheckpointKey::from_seed([9; 32]).public();
    assert!(matches!(good.check(&other).unwrap_err().why, Why::Checkpoint(_)));
}

#[tokio::test]
async fn leaf_hashes_that_were_changed_prove_nothing() {
    let house = written(4).await;
    let path = house.audit().join(crate::HASHES_FILE);
    let mut hashes = std::fs::read(&path).unwrap();
    *hashes.first_mut().unwrap() ^= 1;
    std::fs::write(&path, hashes).unwrap();
    assert!(matches!(prove(&house.audit(), 3, &house.keys.log), Err(LogError::Broken(_))));
    assert_eq!(lines(&house.audit()).len(), 4, "the first segment has its own entries");
}
