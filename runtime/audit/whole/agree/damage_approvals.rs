//! A host with the log's own key lies about what several people, one gesture for several requests, match codes, write-backs
//! and leases said.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
#![expect(clippy::ptr_arg, reason = "every lie has one type; some add entries")]

use serde_json::{Value, json};

use super::damage::{host, one};
use super::{Chance, Way};
use crate::canonical::canonicalise;

/// Each with its name.
pub(super) const WAYS: &[(&str, Way)] = &[
    ("person-taken-out", |log, chance| host(log, chance, person_taken_out)),
    ("person-doubled", |log, chance| host(log, chance, person_doubled)),
    ("person-renamed", |log, chance| host(log, chance, person_renamed)),
    ("person-of-another-request", |log, chance| host(log, chance, person_of_another)),
    ("people-in-another-order", |log, chance| host(log, chance, people_turned_round)),
    ("fewer-people-needed", |log, chance| host(log, chance, fewer_needed)),
    ("code-digits-changed", |log, chance| host(log, chance, code_changed)),
    ("code-taken-away", |log, chance| host(log, chance, code_taken_away)),
    ("code-added", |log, chance| host(log, chance, code_added)),
    ("batch-member-swapped", |log, chance| host(log, chance, batch_swapped)),
    ("batch-member-dropped", |log, chance| host(log, chance, batch_dropped)),
    ("batch-member-added", |log, chance| host(log, chance, batch_added)),
    ("batch-taken-away", |log, chance| host(log, chance, batch_taken_away)),
    ("batch-around-one-request", |log, chance| host(log, chance, batch_around_one)),
    ("batch-spelled-otherwise", |log, chance| host(log, chance, batch_respelled)),
    ("stored-elsewhere", |log, chance| host(log, chance, stored_elsewhere)),
    ("stored-under-a-lease", |log, chance| host(log, chance, stored_under_a_lease)),
    ("lease-widened", |log, chance| host(log, chance, lease_widened)),
    ("lease-of-another-receipt", |log, chance| host(log, chance, lease_of_another)),
    ("lease-never-given", |log, chance| host(log, chance, lease_never_given)),
];

type Lied = Option<()>;

/// The receipts of an entry that two people agreed to.
fn quorum<'a>(entries: &'a mut Vec<Value>, chance: &mut Chance) -> Option<&'a mut Vec<Value>> {
    let at = one(entries, "/proof/receipts/1", chance)?;
    entries[at].pointer_mut("/proof/receipts")?.as_array_mut()
}

fn person_taken_out(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    let out = chance.below(2);
    quorum(entries, chance)?.remove(out);
    Some(())
}

fn person_doubled(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    let kept = chance.below(2);
    let receipts = quorum(entries, chance)?;
    receipts[1 - kept] = receipts[kept].clone();
    Some(())
}

fn person_renamed(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    let receipts = quorum(entries, chance)?;
    receipts[1]["approver"] = receipts[0]["approver"].clone();
    Some(())
}

/// The second person said yes, but to something else.
fn person_of_another(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    let from = one(entries, "/proof/receipts/0", chance)?;
    let other = entries[from].pointer("/proof/receipts/0")?.clone();
    let receipts = quorum(entries, chance)?;
    if receipts.contains(&other) {
        return None;
    }
    receipts[1] = other;
    Some(())
}

/// Who agreed first says nothing about whether both did.
fn people_turned_round(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    quorum(entries, chance)?.reverse();
    Some(())
}

/// Changes what a receipt's question says.
fn question(receipt: &mut Value, change: impl FnOnce(&mut Value)) -> Lied {
    let mut question: Value = serde_json::from_str(receipt["request"].as_str()?).unwrap();
    change(&mut question);
    receipt["request"] = json!(canonicalise(&question).unwrap());
    Some(())
}

fn fewer_needed(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    let receipts = quorum(entries, chance)?;
    receipts.pop();
    question(&mut receipts[0], |question| question["need"] = json!(1))
}

/// A receipt whose question has this text in it, or has it not.
fn receipt<'a>(entries: &'a mut [Value], text: &str, has: bool, chance: &mut Chance) -> Option<&'a mut Value> {
    let is_one = |entry: &Value| {
        let question = entry.pointer("/proof/receipts/0/request").and_then(Value::as_str);
        question.is_some_and(|question| question.contains(text) == has)
    };
    let found: Vec<usize> = (0..entries.len()).filter(|at| is_one(&entries[*at])).collect();
    let at = *found.get(chance.below(found.len().max(1)))?;
    entries[at].pointer_mut("/proof/receipts/0")
}

const CODE: &str = "{\"code\":";

fn code_changed(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    question(receipt(entries, CODE, true, chance)?, |question| {
        let digits: u8 = question["code"].as_str().unwrap().parse().unwrap();
        question["code"] = json!(format!("{:02}", (digits + 1) % 100));
    })
}

fn code_taken_away(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    question(receipt(entries, CODE, true, chance)?, |question| {
        question.as_object_mut().unwrap().remove("code");
    })
}

fn code_added(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    question(receipt(entries, CODE, false, chance)?, |question| question["code"] = json!("42"))
}

/// Changes which questions a batch holds.
fn batch(entries: &mut [Value], chance: &mut Chance, change: impl FnOnce(&mut Vec<Value>)) -> Lied {
    let at = one(entries, "/proof/receipts/0/batch", chance)?;
    let text = entries[at].pointer_mut("/proof/receipts/0/batch")?;
    let mut batch: Value = serde_json::from_str(text.as_str()?).unwrap();
    change(batch["asks"].as_array_mut()?);
    *text = json!(canonicalise(&batch).unwrap());
    Some(())
}

fn batch_swapped(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    let (own, order) = (chance.below(2), chance.yes());
    batch(entries, chance, |asks| match order {
        true => asks.reverse(),
        false => asks[own] = json!("5b".repeat(32)),
    })
}

fn batch_dropped(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    let out = chance.below(2);
    batch(entries, chance, |asks| drop(asks.remove(out)))
}

/// One more, one twice, or more than a page shows.
fn batch_added(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    let how = chance.below(3);
    batch(entries, chance, |asks| match how {
        0 => asks.push(json!("5b".repeat(32))),
        1 => asks.push(asks[0].clone()),
        _ => asks.extend((0..31).map(|number| json!(format!("{number:064x}")))),
    })
}

fn batch_taken_away(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    let at = one(entries, "/proof/receipts/0/batch", chance)?;
    entries[at].pointer_mut("/proof/receipts/0")?.as_object_mut()?.remove("batch").map(drop)
}

/// A receipt for one request says that it was one of several.
fn batch_around_one(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    let text = format!("{{\"asks\":[\"{}\",\"{}\"],\"v\":1}}", "5b".repeat(32), "5c".repeat(32));
    let receipt = receipt(entries, crate::fixtures::TOGETHER, false, chance)?;
    receipt.as_object_mut()?.insert("batch".to_owned(), json!(text)).is_none().then_some(())
}

fn batch_respelled(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    let at = one(entries, "/proof/receipts/0/batch", chance)?;
    let text = entries[at].pointer_mut("/proof/receipts/0/batch")?;
    let other = match chance.below(3) {
        0 => text.as_str()?.replacen(',', ", ", 1),
        1 => text.as_str()?.replacen("\"v\":1", "\"v\":1.0", 1),
        _ => format!("{} ", text.as_str()?),
    };
    *text = json!(other);
    Some(())
}

fn stored_elsewhere(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    let at = one(entries, "/request/action/vault", chance)?;
    let place = ["/request/action/vault", "/request/action/title", "/request/action/write_back"][chance.below(3)];
    let place = entries[at].pointer_mut(place)?;
    *place = json!(format!("{}x", place.as_str()?));
    Some(())
}

/// Only a look may rest on a lease.
fn stored_under_a_lease(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    let lease = one(entries, "/proof/lease", chance)?;
    let (lease, at) = (entries[lease]["proof"].clone(), one(entries, "/request/action/vault", chance)?);
    entries[at]["proof"] = lease;
    Some(())
}

/// The scope of a lease says more than its person signed.
fn lease_widened(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    let place = ["uses", "seconds", "limit"][chance.below(3)];
    question(receipt(entries, "\"kind\":\"lease\"", true, chance)?, |question| {
        let value = question["scope"][place].as_u64().unwrap();
        question["scope"][place] = json!(value * 2);
    })
}

/// A use that names a receipt of somebody who gave no lease.
fn lease_of_another(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    let at = one(entries, "/proof/lease", chance)?;
    let once = receipt(entries, "\"scope\":{\"kind\":\"once\"}", true, chance)?.clone();
    let once: claviger_approval::Receipt = serde_json::from_value(once).unwrap();
    entries[at]["proof"]["lease"]["receipt"] = json!(once.digest());
    Some(())
}

/// The request that a lease was given for never happened, says the host; its uses did.
fn lease_never_given(entries: &mut Vec<Value>, chance: &mut Chance) -> Lied {
    one(entries, "/proof/lease", chance)?;
    let given = "/proof/receipts/0/request";
    let gives = |entry: &&mut Value| {
        entry.pointer(given).and_then(Value::as_str).is_some_and(|text| text.contains("\"kind\":\"lease\""))
    };
    let entry = entries.iter_mut().find(gives)?;
    let note = json!({ "action": "host-started", "subject": "host" });
    *entry = json!({ "at": entry["at"], "index": entry["index"], "kind": "event", "note": note, "v": 1 });
    Some(())
}
