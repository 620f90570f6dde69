//! The log, as the console shows it: its newest entries, whether it is what was signed, and the proof of each entry.

use std::time::SystemTime;

use claviger_audit::{CheckpointVerifier, Entry, Kind, LogError, Proof};
use claviger_pipeline::Outside;
use claviger_server::{Asked, Cell, Part};
use jiff::Timestamp;
use serde_json::Value;

use crate::audit::{self, broken};
use crate::audit_filter::{LogFilter, Sieve};
use crate::error::Failure;
use crate::state::State;
use crate::witness_standing::Standing;
use crate::{connection, entry, witness_standing};

/// The newest entries that a page is made from: a busy week. `claviger audit log` reads all of them.
pub(crate) const LOOKED_AT: u64 = 20_000;

/// The most rows of a page.
const ROWS: usize = 100;

/// The longest log that is verified whole for each look at the page, in entries: well under a second of work.
const VERIFIED: u64 = 20_000;

/// The newest entries, oldest first; outcomes among them may belong to intents that are older.
pub(crate) fn newest(state: &State) -> Result<Vec<Entry>, Failure> {
    let from = size(state)?.saturating_sub(LOOKED_AT);
    let directory = state.audit();
    let entries = claviger_audit::entries_from(&directory, from).map_err(broken)?;
    entries.map(|entry| entry.map_err(|why| broken(LogError::Broken(why)))).collect()
}

/// How many entries the checkpoint covers.
fn size(state: &State) -> Result<u64, Failure> {
    let note = std::fs::read(state.audit().join(claviger_audit::CHECKPOINT_FILE)).unwrap_or_default();
    Ok(audit::log_key(state)?.open(&note).map_or(0, |head| head.size()))
}

/// The newest entries that pass the filters of the address, with the state of the whole.
pub(crate) fn log(state: &State, asked: &Asked) -> Result<Vec<Part>, Failure> {
    let chosen = |name: &str| asked.get(name).filter(|text| !text.is_empty()).cloned();
    let filter = LogFilter {
        effect: chosen("effect"),
        verdict: chosen("verdict"),
        client: chosen("client"),
        plugin: chosen("plugin"),
        ..LogFilter::default()
    };
    let mut sieve = Sieve::new(&filter, (Outside::system().now)()).map_err(Failure::usage)?;
    let mut shown: Vec<Entry> = newest(state)?.into_iter().filter(|entry| sieve.passes(entry)).collect();
    let more = shown.len().saturating_sub(ROWS);
    shown.drain(..more);
    let mut parts = vec![standing(state)?];
    parts.extend(choices(state, asked)?);
    parts.push(Part::Table {
        title: "Newest first".to_owned(),
        head: ["entry", "time", "kind", "what"].map(str::to_owned).to_vec(),
        rows: shown.iter().rev().map(row).collect(),
        none: "No entry passes these filters.".to_owned(),
    });
    if more > 0 {
        parts.push(Part::Note(format!("{more} older ones pass too; `claviger audit log` shows them.")));
    }
    Ok(parts)
}

pub(crate) fn row(one: &Entry) -> Vec<Cell> {
    let (index, told) = (one.index.to_string(), entry::said(one));
    let is_bad = matches!(one.kind, Kind::Denied | Kind::Refused | Kind::OutcomeUnknown)
        || one.value.pointer("/outcome/verdict").and_then(Value::as_str) == Some("leak");
    vec![
        Cell::Link { to: format!("/log/{index}"), text: index },
        Cell::Text(one.at.strftime("%F %TZ").to_string()),
        if is_bad { Cell::Bad(one.kind.as_str().to_owned()) } else { Cell::Text(one.kind.as_str().to_owned()) },
        Cell::Text(told),
    ]
}

/// Whether the log is what was signed.
fn standing(state: &State) -> Result<Part, Failure> {
    let directory = state.audit();
    let signed = written_at(&directory.join(claviger_audit::CHECKPOINT_FILE)).unwrap_or_else(|| "never".to_owned());
    let witness = written_at(&state.cosigned()).map_or_else(
        || "none; `claviger audit witness` asks one".to_owned(),
        |at| format!("a checkpoint came back cosigned at {at}"),
    );
    let mut rows = Vec::new();
    if size(state)? <= VERIFIED {
        match claviger_audit::verify_directory(&directory, &audit::own_keys(state)?, &[]) {
            Ok(summary) => {
                rows.push(("state", Cell::Good("it is what was signed, and every approval in it verifies".to_owned())));
                rows.push(("entries", Cell::Number(summary.entries)));
                rows.push(("signed", Cell::Number(summary.covered)));
                rows.push(("no outcome yet", Cell::Number(summary.open_intents)));
                rows.push(("root", Cell::Code(summary.root)));
            }
            Err(why) => rows.push(("state", Cell::Bad(why.to_string()))),
        }
    } else {
        rows.push(("state", Cell::Text("too long to verify for each look; run `claviger audit verify`".to_owned())));
        rows.push(("signed", Cell::Number(size(state)?)));
    }
    rows.push(("checkpoint", Cell::Text(format!("signed at {signed}"))));
    rows.push(("witness", Cell::Text(witness)));
    rows.extend(witnesses(state)?);
    let rows = rows.into_iter().map(|(label, cell)| (label.to_owned(), cell)).collect();
    Ok(Part::Facts { title: "The whole log".to_owned(), rows })
}

/// Where each witness stands that the host asks by itself.
fn witnesses(state: &State) -> Result<Vec<(&'static str, Cell)>, Failure> {
    let mut said = witness_standing::read(state);
    let told = |standing: Standing| match (standing.trouble, standing.signed.zip(standing.at)) {
        (Some(trouble), _) => Cell::Bad(format!("since {}: {}", trouble.since, trouble.why)),
        (None, Some((entries, at))) => Cell::Good(format!("signed {entries} entries at {at}")),
        (None, None) => Cell::Text("was not asked yet".to_owned()),
    };
    let config = state.config()?;
    let each = config.witnesses().iter().map(|named| {
        let told = told(said.remove(&named.url).unwrap_or_default());
        [("asked by itself", Cell::Code(named.url.clone())), ("it", told)]
    });
    Ok(each.flatten().collect())
}

fn written_at(path: &std::path::Path) -> Option<String> {
    let modified: SystemTime = std::fs::metadata(path).ok()?.modified().ok()?;
    Timestamp::try_from(modified).ok().map(|at| at.strftime("%F %TZ").to_string())
}

/// The filters as links: what is known can be chosen, and nothing needs to be typed.
fn choices(state: &State, asked: &Asked) -> Result<Vec<Part>, Failure> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let (mut clients, mut plugins) = (Vec::new(), Vec::new());
    for name in connection::names(state)? {
        // A broken one is told of under Connections.
        if let Ok(connection) = connection::read(state, &name) {
            clients.extend(connection.client);
            plugins.push(connection.plugin.to_string());
        }
    }
    let groups = [
        ("effect", words(&["read", "write", "destroy", "mint"])),
        ("verdict", words(&["answered", "stored", "leak", "failed", "unknown", "denied", "refused"])),
        ("client", clients),
        ("plugin", plugins),
    ];
    Ok(groups.into_iter().map(|(name, values)| group(name, values, asked)).collect())
}

fn group(name: &str, mut values: Vec<String>, asked: &Asked) -> Part {
    values.sort();
    values.dedup();
    let present = asked.get(name).filter(|text| !text.is_empty());
    let link = |value: Option<&String>| {
        let mut pairs = asked.clone();
        pairs.remove(name);
        pairs.extend(value.map(|value| (name.to_owned(), value.clone())));
        let query = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        format!("/log?{}", query.collect::<Vec<_>>().join("&"))
    };
    let all = ("any".to_owned(), link(None), present.is_none());
    let each = values.iter().map(|value| (value.clone(), link(Some(value)), present == Some(value)));
    Part::Choices { title: name.to_owned(), options: std::iter::once(all).chain(each).collect() }
}

/// Percent-encodes all but what RFC 3986 §2.3 leaves unreserved.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// One entry: its bytes, the receipts in it, and the proof that it is in the log, which was checked just now.
pub(crate) fn entry(state: &State, index: u64) -> Result<Vec<Part>, Failure> {
    let directory = state.audit();
    let found = claviger_audit::entries_from(&directory, index).map_err(broken)?.next();
    let found = found.transpose().map_err(|why| broken(LogError::Broken(why)))?;
    let found = found.filter(|found| found.index == index);
    let found = found.ok_or_else(|| Failure::usage(format!("there is no entry {index} yet")))?;
    let frame = row(&found).into_iter().zip(["entry", "time", "kind", "what"]);
    let rows = frame.map(|(cell, label)| (label.to_owned(), cell)).collect();
    let mut parts = vec![Part::Facts { title: "What it says".to_owned(), rows }];
    let proof = claviger_audit::prove(&directory, index, &audit::log_key(state)?);
    parts.extend(receipts(&found.value));
    match proof {
        Ok(proof) => parts.extend(proven(&proof, &audit::log_key(state)?)?),
        Err(LogError::NotCovered { .. }) => {
            parts.push(Part::Note("No checkpoint covers it yet; the next one does, within moments.".to_owned()));
        }
        Err(other) => return Err(broken(other)),
    }
    Ok(parts)
}

/// What an entry's proof says, and its texts as they are verified.
fn proven(proof: &Proof, key: &CheckpointVerifier) -> Result<Vec<Part>, Failure> {
    let head = proof.check(key).map_err(|why| broken(LogError::Broken(why)))?;
    let told = format!("it is one of the {} entries that the checkpoint signs", head.size());
    let command = format!("claviger audit prove {} proof.json", proof.index);
    let check = "claviger audit verify proof.json --key audit.pub".to_owned();
    let rows = [
        ("checked now", Cell::Good(told)),
        ("root", Cell::Code(head.root())),
        ("as a file", Cell::Code(command)),
        ("to check it", Cell::Code(check)),
    ];
    let text = serde_json::to_string_pretty(proof).map_err(Failure::state)?;
    Ok(vec![
        Part::Facts {
            title: "Proof".to_owned(),
            rows: rows.into_iter().map(|(label, cell)| (label.to_owned(), cell)).collect(),
        },
        Part::Copy { title: "Canonical bytes".to_owned(), text: proof.entry.clone() },
        Part::Copy { title: "Inclusion proof".to_owned(), text },
    ])
}

/// Who signed, with what, for what.
fn receipts(entry: &Value) -> Vec<Part> {
    let all = entry.pointer("/proof/receipts").and_then(Value::as_array).into_iter().flatten();
    let fact = |receipt: &Value, label: &str, member: &str| {
        let text = receipt.get(member).and_then(Value::as_str)?;
        Some((label.to_owned(), Cell::Text(text.to_owned())))
    };
    let members = [
        ("approver", "approver"),
        ("kind", "kind"),
        ("key", "credential_id"),
        ("signed for", "request"),
        ("together with", "batch"),
        ("signature", "signature"),
    ];
    all.map(|receipt| Part::Facts {
        title: "Receipt".to_owned(),
        rows: members.iter().filter_map(|(label, member)| fact(receipt, label, member)).collect(),
    })
    .collect()
}
