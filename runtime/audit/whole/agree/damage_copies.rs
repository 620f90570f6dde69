//! Damage to what lies beside the lines: segments, and the checkpoint that witnesses signed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use super::damage::disk;
use super::written::{cosigned, witness, witnesses};
use super::{Chance, Way, Written};
use crate::{WitnessKey, add_cosignatures};

/// Each with its name. A signature that is none says nothing, and the head under it stays one that the log's key signed: so
/// most of these leave the log whole, without the witness's word.
pub(super) const WAYS: &[(&str, Way)] = &[
    ("segment-missing", segment_missing),
    ("segments-swapped", segments_swapped),
    ("cosigned-another-history", another_history),
    ("cosigned-and-rolled-back", rolled_back),
    ("cosigned-text-changed", text_changed),
    ("cosignature-flipped", |log, chance| line(log, |text| flip(text, 12 + chance.below(64)))),
    ("cosignature-at-another-time", |log, chance| line(log, |text| flip(text, 4 + chance.below(8)))),
    ("cosignature-of-a-stranger", |log, _| stranger(log)),
    ("cosignature-of-another-type", |log, _| line(log, |typed| typed[..4].copy_from_slice(&[0; 4]))),
    ("cosignature-taken-away", |log, _| Some(Written { cosigned: Some(log.note(log.covered)), ..log.clone() })),
];

fn segment_missing(log: &Written, chance: &mut Chance) -> Option<Written> {
    let mut bad = disk(log, |_, _| {}, chance)?;
    let split = *bad.splits.first()?;
    // A segment in the middle, or the last: the first is always there.
    let number = 1 + chance.below(bad.splits.len());
    bad.missing = Some(number).filter(|number| bad.splits.get(*number - 1).is_some_and(|start| *start < log.covered));
    (bad.missing.is_some() && split < log.covered).then_some(bad)
}

/// The entries of two segments change places; their files keep their names.
fn segments_swapped(log: &Written, chance: &mut Chance) -> Option<Written> {
    let split = *log.splits.first().filter(|split| **split < log.covered)?;
    let mut bad = disk(log, |_, _| {}, chance)?;
    bad.lines.rotate_left(split);
    Some(bad)
}

/// A witness signed what the log's key signed, which is not what lies there.
fn another_history(log: &Written, chance: &mut Chance) -> Option<Written> {
    let mut other = log.clone();
    let at = chance.below(log.covered);
    other.lines[at] = b"something else".to_vec();
    Some(Written { cosigned: Some(other.cosigned_note(log.covered, chance)), ..log.clone() })
}

/// Today's cosigned checkpoint beside yesterday's log.
fn rolled_back(log: &Written, chance: &mut Chance) -> Option<Written> {
    let size = chance.below(log.covered);
    let mut old = log.clone();
    old.cosigned = Some(log.cosigned_note(log.covered, chance));
    old.lines.truncate(size);
    old.covered = size;
    old.torn.clear();
    old.splits.retain(|split| *split <= size);
    Some(old)
}

fn text_changed(log: &Written, chance: &mut Chance) -> Option<Written> {
    let note = log.cosigned_note(log.covered, chance);
    let text = String::from_utf8(note).unwrap();
    let changed = text.replacen(&format!("\n{}\n", log.covered), &format!("\n{}\n", log.covered + 1), 1);
    Some(Written { cosigned: Some(changed.into_bytes()), ..log.clone() })
}

/// One witness's line, with its bytes (key id, time, signature) changed.
fn line(log: &Written, change: impl FnOnce(&mut Vec<u8>)) -> Option<Written> {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let note = log.note(log.covered);
    let good = cosigned(&note, &witness(1), 5);
    let (name, bytes) = good.trim_end().rsplit_once(' ')?;
    let mut bytes = BASE64_STANDARD.decode(bytes).unwrap();
    change(&mut bytes);
    let bad = format!("{name} {}\n", BASE64_STANDARD.encode(bytes));
    Some(Written { cosigned: Some([note, bad.into_bytes()].concat()), ..log.clone() })
}

fn flip(bytes: &mut [u8], at: usize) {
    bytes[at] ^= 1;
}

/// Somebody who took a witness's name.
fn stranger(log: &Written) -> Option<Written> {
    let stranger = WitnessKey::from_seed("witness.example/w1", [0x41; 32]).unwrap();
    let note = log.note(log.covered);
    let line = cosigned(&note, &stranger, 5);
    assert!(add_cosignatures(&note, &line, &witnesses()).is_err(), "a stranger is no witness");
    Some(Written { cosigned: Some([note, line.into_bytes()].concat()), ..log.clone() })
}
