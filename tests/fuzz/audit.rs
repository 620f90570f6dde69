//! What lies on a disk that others could write to, and what an auditor is sent.

use std::io::Cursor;

use claviger_approval::Enrolled;
use claviger_audit::{
    CHECKPOINT_FILE, CheckpointKey, CheckpointVerifier, DIGESTS_FILE, HASHES_FILE, KEYS_FILE, Keys, LOG_FILE, LogFiles,
    Text, WitnessKey, WitnessRequest, WitnessVerifier, add_cosignatures, cosignatures, export_keys, verify,
    verify_export,
};

use crate::parts;

/// The seed of the key that the corpus is signed with.
const SEED: [u8; 32] = [0x5a; 32];

fn keys() -> Keys {
    Keys { log: CheckpointKey::from_seed(SEED).public(), approvers: Enrolled::default() }
}

/// Entries, a checkpoint, leaf hashes and an older checkpoint.
pub(crate) fn log(bytes: &[u8]) {
    let [log, checkpoint, hashes, other] = parts(bytes);
    let others: Vec<Vec<u8>> = if other.is_empty() { Vec::new() } else { vec![other.to_vec()] };
    let hashes = (!hashes.is_empty()).then(|| Cursor::new(hashes));
    let Ok(summary) = verify(LogFiles { log, hashes, checkpoint, others: &others }, &keys()) else { return };
    assert_eq!(summary.covered + summary.uncovered, summary.entries);
    // With what the checkpoint covers nothing can be done and it still verifies: one byte less is a line less.
    let lines = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    assert!(u64::try_from(lines).unwrap() >= summary.entries, "more entries than lines");
}

/// A signed checkpoint, and a log's public key.
pub(crate) fn checkpoint(bytes: &[u8]) {
    let key = CheckpointKey::from_seed(SEED).public();
    if let Ok(head) = key.open(bytes) {
        assert_eq!(head.root(), key.open(bytes).expect("as before").root());
    }
    let line = crate::text(bytes);
    if let Ok(key) = CheckpointVerifier::parse(line) {
        assert_eq!(CheckpointVerifier::parse(&key.vkey()), Ok(key.clone()));
        assert_eq!(key.vkey(), line.trim_end(), "one spelling of a key");
    }
}

/// What a witness is asked, what it answers about a checkpoint, and a witness's public key.
pub(crate) fn witness(bytes: &[u8]) {
    let [request, answer, note, vkey] = parts(bytes);
    let witness = WitnessKey::from_seed("witness.example", SEED).unwrap();
    if let Ok(request) = WitnessRequest::parse(crate::text(request)) {
        assert_eq!(WitnessRequest::parse(&request.to_text()), Ok(request.clone()));
        let log = CheckpointKey::from_seed(SEED).public();
        if let Ok((line, head)) = witness.cosign(&request, &log, None, "2026-11-23T21:30:00Z".parse().unwrap()) {
            assert_eq!(log.open(request.checkpoint().as_bytes()), Ok(head), "what is signed is what the log signed");
            let known = [witness.public()];
            let signed = add_cosignatures(request.checkpoint().as_bytes(), &line, &known).unwrap();
            assert_eq!(cosignatures(&signed, &known).len(), 1);
        }
    }
    let known = [witness.public()];
    if let Ok(signed) = add_cosignatures(note, crate::text(answer), &known) {
        assert_eq!(cosignatures(&signed, &known).len(), 1, "what was taken is there");
    }
    let line = crate::text(vkey);
    if let Ok(key) = WitnessVerifier::parse(line) {
        assert_eq!(WitnessVerifier::parse(&key.vkey()), Ok(key.clone()));
        assert_eq!(key.vkey(), line.trim_end(), "one spelling of a key");
    }
}

/// Text of others in the log: bounded, and nothing in it moves a terminal.
pub(crate) fn text(bytes: &[u8]) {
    let kept = Text::new(&String::from_utf8_lossy(bytes));
    assert!(!kept.as_str().chars().any(char::is_control));
    assert!(kept.as_str().len() < claviger_audit::MAX_TEXT + 64);
}

/// The files of an export.
pub(crate) fn export(bytes: &[u8]) {
    let [log, checkpoint, hashes, own_keys, digests] = parts(bytes);
    let directory = tempfile::tempdir().unwrap();
    let files = [
        (LOG_FILE, log),
        (CHECKPOINT_FILE, checkpoint),
        (HASHES_FILE, hashes),
        (KEYS_FILE, own_keys),
        (DIGESTS_FILE, digests),
    ];
    for (name, content) in files {
        std::fs::write(directory.path().join(name), content).unwrap();
    }
    drop(export_keys(directory.path()));
    drop(verify_export(directory.path(), &keys(), &[]));
}
