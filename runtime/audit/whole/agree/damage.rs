//! Every way to damage a log. Some take a disk, some the log's own key, and none the approvers' keys.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
#![expect(clippy::ptr_arg, reason = "every lie has one type; some add entries")]

use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::{Chance, Way, Written};
use crate::canonical::canonicalise;
use crate::format::stamp;

/// Each with its name: lines and where they stand, and single receipts.
pub(super) const WAYS: &[(&str, Way)] = &[
    ("whole", |log, _| Some(log.clone())),
    ("older-checkpoint-elsewhere", |log, chance| Some(with_other(log, chance.below(log.covered + 1)))),
    ("line-after-the-checkpoint", unsigned),
    ("byte-flipped", flipped),
    ("entry-removed", |log, chance| disk(log, |lines, at| drop(lines.remove(at)), chance)),
    ("two-swapped", |log, chance| disk(log, |lines, at| swap(lines, at), chance)),
    ("entry-repeated", |log, chance| disk(log, |lines, at| lines.insert(at, lines[at].clone()), chance)),
    ("cut-at-a-line", |log, chance| disk(log, Vec::truncate, chance)),
    ("cut-within-a-line", cut),
    ("checkpoint-forged", forged),
    ("checkpoint-of-another-key", |log, _| Some(Written { checkpoint: Some(other_key(log)), ..log.clone() })),
    ("chained-anew-without-the-key", chained_anew),
    ("rolled-back", rolled_back),
    ("forked", forked),
    ("receipt-of-another-request", |log, chance| host(log, chance, swap_proofs)),
    ("fact-changed", |log, chance| host(log, chance, change_fact)),
    ("receipt-used-twice", |log, chance| host(log, chance, use_twice)),
    ("receipt-changed", |log, chance| host(log, chance, change_receipt)),
    ("lease-use-that-is-none", |log, chance| host(log, chance, wrong_use)),
    ("lease-after-its-end", |log, chance| host(log, chance, late)),
    ("outcome-of-no-intent", |log, chance| host(log, chance, wrong_outcome)),
    ("outcome-twice", |log, chance| host(log, chance, two_outcomes)),
    ("time-backwards", |log, chance| host(log, chance, backwards)),
    ("member-too-many", |log, chance| host(log, chance, extra_member)),
    ("other-spelling", other_spelling),
];

fn with_other(log: &Written, size: usize) -> Written {
    Written { others: vec![log.note(size)], ..log.clone() }
}

/// A well-formed entry that nothing signs: normal while a host runs, so no verifier may call it broken.
fn unsigned(log: &Written, _: &mut Chance) -> Option<Written> {
    let mut more = log.clone();
    more.torn.clear();
    let at = entry(log.lines.last()?)["at"].clone();
    let note = json!({ "action": "host-started", "subject": "host" });
    let value = json!({ "at": at, "index": log.lines.len(), "kind": "event", "note": note, "v": 1 });
    more.lines.push(canonicalise(&value).unwrap().into_bytes());
    Some(more)
}

/// Whoever has the disk changes lines and nothing else: leaf hashes and checkpoint stay what they were.
pub(super) fn disk(log: &Written, change: impl Fn(&mut Vec<Vec<u8>>, usize), chance: &mut Chance) -> Option<Written> {
    let at = chance.below(log.covered.checked_sub(1)?.max(1));
    let mut bad = Written { checkpoint: Some(log.note(log.covered)), hashes: Some(log.leaves()), ..log.clone() };
    change(&mut bad.lines, at);
    // The pieces of the log stay where they are on the disk, so the cut between them moves with the lines.
    bad.splits.retain(|split| *split <= bad.lines.len());
    Some(bad)
}

fn swap(lines: &mut [Vec<u8>], at: usize) {
    if at + 1 < lines.len() {
        lines.swap(at, at + 1);
    }
}

fn flipped(log: &Written, chance: &mut Chance) -> Option<Written> {
    let (byte, bit) = (chance.below(1 << 20), chance.below(8));
    disk(
        log,
        |lines, at| {
            let length = lines[at].len();
            lines[at][byte % length] ^= 1 << bit;
        },
        chance,
    )
}

fn cut(log: &Written, chance: &mut Chance) -> Option<Written> {
    let within = chance.below(1 << 20);
    let mut bad = disk(log, |_, _| {}, chance)?;
    let at = chance.below(log.covered);
    let line = &log.lines[at];
    bad.torn = line[..within % line.len()].to_vec();
    bad.lines.truncate(at);
    bad.splits.retain(|split| *split <= at);
    Some(bad)
}

fn forged(log: &Written, chance: &mut Chance) -> Option<Written> {
    let mut note = log.note(log.covered);
    let at = chance.below(note.len());
    note[at] ^= 1 << chance.below(8);
    Some(Written { checkpoint: Some(note), ..log.clone() })
}

fn other_key(log: &Written) -> Vec<u8> {
    Written { signer: [9; 32], ..log.clone() }.note(log.covered)
}

fn chained_anew(log: &Written, chance: &mut Chance) -> Option<Written> {
    let mut bad = disk(log, |_, _| {}, chance)?;
    let at = chance.below(log.covered);
    let value = edited(&entry(&bad.lines[at]))?;
    bad.lines[at] = canonicalise(&value).unwrap().into_bytes();
    bad.hashes = Some(bad.leaves());
    Some(bad)
}

/// A change of words that keeps the entry well formed.
fn edited(entry: &Value) -> Option<Value> {
    let mut value = entry.clone();
    let place = match entry["kind"].as_str()? {
        "event" => value.pointer_mut("/note/subject")?,
        "denied" | "refused" => value.pointer_mut("/refusal/text")?,
        "outcome" => value.pointer_mut("/outcome/verdict")?,
        _ => return None,
    };
    *place = json!("edited");
    Some(value)
}

/// Log, leaf hashes and checkpoint of an earlier day, and a checkpoint of today that was kept elsewhere.
fn rolled_back(log: &Written, chance: &mut Chance) -> Option<Written> {
    let size = chance.below(log.covered);
    let mut old = log.clone();
    old.others = vec![log.note(log.covered)];
    old.lines.truncate(size);
    old.covered = size;
    old.torn.clear();
    // Whoever rolls a log back takes the cosigned checkpoint of today away with the rest.
    old.cosigned = None;
    old.splits.retain(|split| *split <= size);
    Some(old)
}

fn forked(log: &Written, chance: &mut Chance) -> Option<Written> {
    let mut other = log.clone();
    let at = chance.below(log.covered);
    other.lines[at] = b"something else".to_vec();
    Some(Written { others: vec![other.note(log.covered)], ..log.clone() })
}

/// The host itself lies: it has the log's key, so leaf hashes and checkpoint fit whatever it wrote.
pub(super) fn host(
    log: &Written,
    chance: &mut Chance,
    lie: fn(&mut Vec<Value>, &mut Chance) -> Option<()>,
) -> Option<Written> {
    let mut entries: Vec<Value> = log.lines.iter().map(|line| entry(line)).collect();
    lie(&mut entries, chance)?;
    let mut bad = log.clone();
    bad.lines = entries.iter().map(|entry| canonicalise(entry).unwrap().into_bytes()).collect();
    bad.covered = bad.lines.len();
    bad.splits.retain(|split| *split <= bad.lines.len());
    // It has not let anybody else see the true history.
    bad.cosigned = None;
    Some(bad)
}

fn entry(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap()
}

/// The entries for which this is there, one of them by chance.
pub(super) fn one(entries: &[Value], pointer: &str, chance: &mut Chance) -> Option<usize> {
    let with: Vec<usize> = (0..entries.len()).filter(|at| entries[*at].pointer(pointer).is_some()).collect();
    (!with.is_empty()).then(|| with[chance.below(with.len())])
}

fn swap_proofs(entries: &mut Vec<Value>, chance: &mut Chance) -> Option<()> {
    let (one, two) = (one(entries, "/proof/receipts/0", chance)?, one(entries, "/proof/receipts/0", chance)?);
    let (first, second) = (entries[one]["proof"].clone(), entries[two]["proof"].clone());
    (one != two).then(|| {
        entries[one]["proof"] = second;
        entries[two]["proof"] = first;
    })
}

/// Places in a request, each of which a human signed for.
const FACTS: [&str; 9] = [
    "/request/action/path",
    "/request/action/method",
    "/request/action/origin",
    "/request/principal",
    "/request/session",
    "/request/client",
    "/request/plugin/manifest",
    "/request/plugin/version",
    "/request/effect",
];

fn change_fact(entries: &mut Vec<Value>, chance: &mut Chance) -> Option<()> {
    let at = one(entries, "/proof/receipts/0", chance)?;
    let place = entries[at].pointer_mut(FACTS[chance.below(FACTS.len())])?;
    *place = json!(format!("{}x", place.as_str()?));
    Some(())
}

fn change_receipt(entries: &mut Vec<Value>, chance: &mut Chance) -> Option<()> {
    let at = one(entries, "/proof/receipts/0", chance)?;
    let receipt = entries[at].pointer_mut("/proof/receipts/0")?.as_object_mut()?;
    let names: Vec<String> = receipt.keys().cloned().collect();
    let member = receipt.get_mut(&names[chance.below(names.len())])?;
    *member = match member.as_str() {
        None => json!(2),
        Some(text) if chance.yes() => json!(format!("{text}A")),
        Some(text) => {
            let cut = text.char_indices().last()?.0;
            json!(&text[..cut])
        }
    };
    Some(())
}

/// A copy of an intent with its receipt, with its own outcome, at the end.
fn use_twice(entries: &mut Vec<Value>, chance: &mut Chance) -> Option<()> {
    let at = one(entries, "/proof/receipts/0", chance)?;
    let mut again = entries[at].clone();
    again["index"] = json!(entries.len());
    again["at"] = entries.last()?["at"].clone();
    entries.push(again);
    Some(())
}

fn wrong_use(entries: &mut Vec<Value>, chance: &mut Chance) -> Option<()> {
    let at = one(entries, "/proof/lease", chance)?;
    let wrong = [json!(0), json!(1), json!(257), json!(4_294_967_296_u64), json!("2"), json!(null)];
    let place = if chance.below(4) == 0 { "/proof/lease/receipt" } else { "/proof/lease/use_number" };
    *entries[at].pointer_mut(place)? = wrong[chance.below(wrong.len())].clone();
    Some(())
}

/// Everything from a use of a lease on happens a while later.
fn late(entries: &mut Vec<Value>, chance: &mut Chance) -> Option<()> {
    let from = one(entries, "/proof/lease", chance)?;
    let seconds = [15 * 60 + 20, 15 * 60 + 61, 15 * 60 + 100, 9 * 3600][chance.below(4)];
    for entry in &mut entries[from..] {
        let at: Timestamp = entry["at"].as_str()?.parse().unwrap();
        entry["at"] = json!(stamp(at + i64::from(seconds).seconds()));
    }
    Some(())
}

fn wrong_outcome(entries: &mut Vec<Value>, chance: &mut Chance) -> Option<()> {
    let at = one(entries, "/intent", chance)?;
    let right = entries[at]["intent"].as_u64()?;
    let wrong = u64::try_from(chance.below(entries.len() + 2)).unwrap();
    entries[at]["intent"] = json!(wrong);
    (wrong != right).then_some(())
}

fn two_outcomes(entries: &mut Vec<Value>, chance: &mut Chance) -> Option<()> {
    let at = one(entries, "/intent", chance)?;
    let mut again = entries[at].clone();
    again["index"] = json!(entries.len());
    again["at"] = entries.last()?["at"].clone();
    entries.push(again);
    Some(())
}

fn backwards(entries: &mut Vec<Value>, chance: &mut Chance) -> Option<()> {
    let at = 1 + chance.below(entries.len().checked_sub(1)?.max(1));
    let earlier = ["1970-01-01T00:00:00.000Z", "2026-02-30T00:00:00.000Z", "2026-11-23T21:29:59.999Z"];
    entries.get_mut(at)?["at"] = json!(earlier[chance.below(3)]);
    Some(())
}

fn extra_member(entries: &mut Vec<Value>, chance: &mut Chance) -> Option<()> {
    let at = chance.below(entries.len());
    let name = ["aside", "\u{e9}", "v2", "intent"][chance.below(4)];
    let members = entries[at].as_object_mut()?;
    members.insert(name.to_owned(), json!(7)).is_none().then_some(())
}

/// The same values, spelled as no entry is: signed by a host that writes them so.
fn other_spelling(log: &Written, chance: &mut Chance) -> Option<Written> {
    let mut bad = log.clone();
    bad.covered = bad.lines.len();
    let at = chance.below(bad.lines.len());
    let text = String::from_utf8(bad.lines[at].clone()).unwrap();
    let spelled = match chance.below(6) {
        0 => text.replacen(":", ": ", 1),
        1 => text.replacen("\"index\":", "\"index\":0", 1),
        2 => text.replacen("\"kind\"", "\"\\u006bind\"", 1),
        3 => text.replacen("\"v\":1}", "\"v\":1.0}", 1),
        4 => text.replacen("{\"at\"", "{\"at\":\"\",\"at\"", 1),
        _ => text.replacen("\"v\":1}", "\"v\":1,\"\\ud800\":1}", 1),
    };
    bad.lines[at] = spelled.into_bytes();
    Some(bad)
}
