//! A witness signs one history of a log, and a verifier sees that it did.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use claviger_approval::SimulatedAnswer;

use crate::fixtures::{House, at, key};
use crate::{
    CHECKPOINT_FILE, COSIGNED_FILE, CheckpointError, LogError, WitnessError, WitnessKey, WitnessRequest,
    WitnessVerifier, add_cosignatures, cosignatures, export, verify_export,
};

fn witness() -> WitnessKey {
    WitnessKey::from_seed("witness.example/w1", [0x31; 32]).unwrap()
}

async fn grown(house: &House, calls: i64) {
    let (log, _) = house.open();
    for second in 0..calls {
        house.call(&log, second).await;
    }
    log.shutdown().unwrap();
}

fn request(house: &House, old: u64) -> WitnessRequest {
    let text = WitnessRequest::new(&house.audit(), old, &house.keys.log).unwrap().to_text();
    WitnessRequest::parse(&text).unwrap()
}

fn note(house: &House) -> Vec<u8> {
    std::fs::read(house.audit().join(CHECKPOINT_FILE)).unwrap()
}

#[tokio::test]
async fn a_growing_log_is_cosigned_and_the_log_s_own_key_still_opens_it() {
    let house = House::new(SimulatedAnswer::Approve);
    let known = [WitnessVerifier::parse(&witness().public().vkey()).unwrap()];
    let mut seen = None;
    for calls in [1, 2, 3, 0] {
        grown(&house, calls).await;
        let old = seen.as_ref().map_or(0, crate::Head::size);
        let (line, head) = witness().cosign(&request(&house, old), &house.keys.log, seen, at(5)).unwrap();
        let cosigned = add_cosignatures(&note(&house), &line, &known).unwrap();
        assert_eq!(house.keys.log.open(&cosigned).unwrap(), head);
        let found = cosignatures(&cosigned, &known);
        assert_eq!(
            found.iter().map(|one| (one.witness.as_str(), one.at)).collect::<Vec<_>>(),
            [("witness.example/w1", at(5))]
        );
        assert!(crate::verify_directory(&house.audit(), &house.keys, &[cosigned]).is_ok());
        seen = Some(head);
    }
    assert_eq!(seen.unwrap().size(), 12);
}

#[tokio::test]
async fn a_history_that_was_rewritten_is_not_signed() {
    let house = House::new(SimulatedAnswer::Approve);
    grown(&house, 2).await;
    let (_, seen) = witness().cosign(&request(&house, 0), &house.keys.log, None, at(5)).unwrap();
    // The same key, another history: longer, as long, shorter.
    let other = House::new(SimulatedAnswer::Approve);
    for (calls, old) in [(1, 0), (1, 4), (1, 4)] {
        grown(&other, calls).await;
        let Ok(asked) = WitnessRequest::new(&other.audit(), old, &other.keys.log) else { continue };
        let refused = witness().cosign(&asked, &house.keys.log, Some(seen), at(6)).unwrap_err();
        let expected = if old == 4 { WitnessError::Inconsistent } else { WitnessError::Conflict { size: 4 } };
        assert_eq!(refused, expected, "{calls} {old}");
    }
    grown(&house, 1).await;
    let mut request = request(&house, 4).to_text();
    assert!(witness().cosign(&WitnessRequest::parse(&request).unwrap(), &house.keys.log, Some(seen), at(7)).is_ok());
    // The line after the first is a hash of the proof; without it nothing is proved.
    let start = request.find('\n').unwrap();
    let end = request.split_at(start + 1).1.find('\n').unwrap() + start + 1;
    request.replace_range(start..end, "");
    let refused = witness().cosign(&WitnessRequest::parse(&request).unwrap(), &house.keys.log, Some(seen), at(7));
    assert_eq!(refused.unwrap_err(), WitnessError::Inconsistent);
}

#[tokio::test]
async fn only_known_keys_over_this_checkpoint_count() {
    let house = House::new(SimulatedAnswer::Approve);
    grown(&house, 1).await;
    let (line, _) = witness().cosign(&request(&house, 0), &house.keys.log, None, at(5)).unwrap();
    let known = [witness().public()];
    let stranger = [WitnessKey::from_seed("witness.example/w1", [0x32; 32]).unwrap().public()];
    let old = note(&house);
    assert_eq!(add_cosignatures(&old, &line, &stranger), Err(WitnessError::Unsigned));
    grown(&house, 1).await;
    assert_eq!(
        add_cosignatures(&note(&house), &line, &known),
        Err(WitnessError::Unsigned),
        "over an earlier checkpoint"
    );
    let cosigned = add_cosignatures(&old, &line, &known).unwrap();
    assert!(cosignatures(&cosigned, &stranger).is_empty());
    let other = crate::CheckpointKey::from_seed([9; 32]).public();
    let refused = witness().cosign(&request(&house, 0), &other, None, at(5)).unwrap_err();
    assert_eq!(refused, WitnessError::Checkpoint(CheckpointError::Signature));
}

#[tokio::test]
async fn a_witness_is_in_the_note_once_however_often_it_answers() {
    let house = House::new(SimulatedAnswer::Approve);
    grown(&house, 1).await;
    let other = WitnessKey::from_seed("witness.example/w2", [0x33; 32]).unwrap();
    let line = |key: &WitnessKey, second| key.cosign(&request(&house, 0), &house.keys.log, None, at(second)).unwrap().0;
    let (one, again, two) = (line(&witness(), 5), line(&witness(), 6), line(&other, 7));
    // The same key twice among those that are known is one witness.
    let known = [witness().public(), other.public(), witness().public()];
    let lines =
        |note: &[u8]| String::from_utf8_lossy(note).lines().filter(|line| line.contains("witness.example")).count();
    let cosigned = add_cosignatures(&note(&house), &format!("{one}{again}{one}"), &known).unwrap();
    assert_eq!(lines(&cosigned), 1);
    assert_eq!(add_cosignatures(&cosigned, &again, &known).unwrap(), cosigned, "it has signed already");
    let both = add_cosignatures(&cosigned, &format!("{one}{two}{two}"), &known).unwrap();
    assert_eq!((lines(&both), cosignatures(&both, &known[..2]).len()), (2, 2));
    assert_eq!(add_cosignatures(&both, "garbage", &known), Err(WitnessError::Unsigned));
    assert!(house.keys.log.open(&both).is_ok());
}

#[tokio::test]
async fn an_export_has_what_witnesses_signed_and_its_damage_is_found() {
    let house = House::new(SimulatedAnswer::Approve);
    grown(&house, 1).await;
    let (line, _) = witness().cosign(&request(&house, 0), &house.keys.log, None, at(5)).unwrap();
    let cosigned = add_cosignatures(&note(&house), &line, &[witness().public()]).unwrap();
    std::fs::write(house.audit().join(COSIGNED_FILE), &cosigned).unwrap();
    grown(&house, 1).await;
    let out = house.path("out");
    export(&house.audit(), &out, &house.keys).unwrap();
    assert_eq!(std::fs::read(out.join(COSIGNED_FILE)).unwrap(), cosigned);
    let verified = || verify_export(&out, &house.keys, std::slice::from_ref(&cosigned));
    assert_eq!(verified().unwrap().entries, 4);
    std::fs::write(out.join(COSIGNED_FILE), b"another").unwrap();
    assert!(matches!(verified(), Err(LogError::Digest { file }) if file == COSIGNED_FILE));
    std::fs::remove_file(out.join(COSIGNED_FILE)).unwrap();
    assert!(matches!(verified(), Err(LogError::Digest { .. })), "it was taken away");
    // What is no checkpoint of this log is not carried along.
    std::fs::write(house.audit().join(COSIGNED_FILE), b"rubbish").unwrap();
    export(&house.audit(), &house.path("other"), &house.keys).unwrap();
    assert!(!house.path("other").join(COSIGNED_FILE).exists());
}

#[test]
fn another_implementation_s_cosignature_is_understood() {
    // Key and line by Python's `cryptography`, from C2SP tlog-cosignature: seed 0x31 32 times, time 1795469405.
    let note = key().sign(&crate::tree::Tree::default()).unwrap();
    let known =
        [WitnessVerifier::parse("witness.example/w1+f5802c19+BEgHWll+choVbi4Hmd5cwMUyTcbn6vHN1GJQho7FMhXd").unwrap()];
    assert_eq!(known, [witness().public()]);
    let cosigned = add_cosignatures(&note, "— witness.example/w1 9YAsGQAAAABrBLBd8qX8FjDJMIp3bgU4PK+sgxKxPbK5ESLFCD6q7aSGp6TCOnIGoZHje2M2BRrLIbanA9eR5uc+GM2ToznOZeaMBQ==", &known).unwrap();
    assert_eq!(cosignatures(&cosigned, &known).len(), 1);
}

#[test]
fn what_is_no_request_or_key_is_refused() {
    for wrong in ["", "old 1\n", "old 01\n\nx", "old -1\n\nx", "old 1\nzz\n\nx", "new 1\n\nx"] {
        assert_eq!(WitnessRequest::parse(wrong), Err(WitnessError::Malformed), "{wrong:?}");
    }
    let good = witness().public().vkey();
    for wrong in ["", "a+b", &good.replace("w1", "w2"), &key().public().vkey()] {
        assert_eq!(WitnessVerifier::parse(wrong), Err(WitnessError::Key), "{wrong}");
    }
    assert!(WitnessKey::from_seed("a b", [1; 32]).is_err());
}
