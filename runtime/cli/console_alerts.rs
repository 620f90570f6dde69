//! What somebody should look at, and how often people were asked.

use std::collections::BTreeMap;

use claviger_approval::DENIALS_TO_LOCK;
use claviger_audit::{Entry, Kind};
use claviger_server::{Cell, Part};
use claviger_vault::Quarantine;
use serde_json::Value;

use crate::audit_report::Report;
use crate::console_log::{LOOKED_AT, newest, row};
use crate::error::Failure;
use crate::state::State;
use crate::witness_standing;

/// The most rows of one kind.
const ROWS: usize = 50;

/// Leaks, quarantines with the command that lifts one, witnesses that do not sign, floods and sessions that people ended.
pub(crate) fn alerts(state: &State) -> Result<Vec<Part>, Failure> {
    let entries = newest(state)?;
    let said = |entry: &Entry, pointer: &str| entry.value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let is_leak = |entry: &&Entry| said(entry, "/outcome/verdict").as_deref() == Some("leak");
    let is_flood = |entry: &&Entry| {
        entry.kind == Kind::Refused && said(entry, "/refusal/code").as_deref() == Some("too-many-questions")
    };
    let is_alarm = |entry: &&Entry| said(entry, "/note/action").as_deref() == Some("witness-disagreed");
    Ok(vec![
        quarantines(state)?,
        silent(state)?,
        log_table("Alarms: a witness knows another history of this log", entries.iter().filter(is_alarm)),
        log_table("Leaks: answers that held a secret and were dropped", entries.iter().filter(is_leak)),
        locked(&entries),
        log_table("Floods: more questions than people are asked", entries.iter().filter(is_flood)),
    ])
}

fn quarantines(state: &State) -> Result<Part, Failure> {
    let listed = Quarantine::open(&state.quarantine()).map_err(Failure::state)?.list();
    let rows = listed.into_iter().map(|(connection, secret)| {
        let lift = Cell::Code(format!("claviger quarantine lift {connection} {secret}"));
        vec![Cell::Text(connection.to_string()), Cell::Bad(secret.to_string()), lift]
    });
    Ok(Part::Table {
        title: "Quarantined secrets".to_owned(),
        head: ["connection", "secret", "to allow it again"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        none: "Nothing is quarantined.".to_owned(),
    })
}

/// Witnesses of the configuration that did not sign when they were asked last.
fn silent(state: &State) -> Result<Part, Failure> {
    let mut said = witness_standing::read(state);
    let config = state.config()?;
    let rows = config.witnesses().iter().filter_map(|named| {
        let trouble = said.remove(&named.url)?.trouble?;
        let why = if trouble.disagrees { Cell::Bad(trouble.why) } else { Cell::Text(trouble.why) };
        Some(vec![Cell::Code(named.url.clone()), Cell::Text(trouble.since), why])
    });
    Ok(Part::Table {
        title: "Witnesses that do not sign".to_owned(),
        head: ["witness", "since", "why"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        none: "Every witness that was asked has signed.".to_owned(),
    })
}

fn log_table<'a>(title: &str, entries: impl DoubleEndedIterator<Item = &'a Entry>) -> Part {
    Part::Table {
        title: title.to_owned(),
        head: ["entry", "time", "kind", "what"].map(str::to_owned).to_vec(),
        rows: entries.rev().take(ROWS).map(row).collect(),
        none: "None.".to_owned(),
    }
}

/// Sessions of which people denied so many requests that they may ask no more.
fn locked(entries: &[Entry]) -> Part {
    let mut denials: BTreeMap<String, (u32, &Entry)> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.kind == Kind::Refused) {
        let text = |pointer: &str| entry.value.pointer(pointer).and_then(Value::as_str);
        if let (Some("denied"), Some(session)) = (text("/refusal/code"), text("/refusal/session")) {
            let count = denials.get(session).map_or(0, |(count, _)| *count);
            denials.insert(session.to_owned(), (count + 1, entry));
        }
    }
    let ended = denials.into_iter().filter(|(_, (count, _))| *count >= DENIALS_TO_LOCK);
    let rows = ended.map(|(session, (count, last))| {
        let at = last.at.strftime("%F %TZ").to_string();
        let who = last.value.pointer("/refusal/principal").and_then(Value::as_str).unwrap_or("?").to_owned();
        vec![Cell::Quoted(session), Cell::Quoted(who), Cell::Number(u64::from(count)), Cell::Text(at)]
    });
    Part::Table {
        title: "Locked sessions".to_owned(),
        head: ["session", "who", "denials", "the last at"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        none: "No session is locked.".to_owned(),
    }
}

/// Gestures by day and by session, and how many a lease would have spared.
pub(crate) fn prompts(state: &State) -> Result<Vec<Part>, Failure> {
    let mut report = Report::default();
    newest(state)?.iter().for_each(|entry| report.add(entry));
    let days = report.days.iter().rev().map(|(day, count)| vec![Cell::Text(day.clone()), Cell::Number(*count)]);
    let tasks = report.sessions.iter().map(|(session, prompts)| {
        vec![
            Cell::Quoted(session.clone()),
            Cell::Number(prompts.asked),
            Cell::Number(prompts.leased),
            Cell::Number(prompts.spared_by_a_lease),
        ]
    });
    let spared: u64 = report.sessions.values().map(|prompts| prompts.spared_by_a_lease).sum();
    Ok(vec![
        Part::Note(format!(
            "People who are asked too often say yes without reading. {spared} of these gestures were for reads that a lease would have covered."
        )),
        Part::Table {
            title: "Prompts by day".to_owned(),
            head: ["day", "gestures"].map(str::to_owned).to_vec(),
            rows: days.collect(),
            none: "Nobody was asked yet.".to_owned(),
        },
        Part::Table {
            title: "Prompts by task".to_owned(),
            head: ["session", "asked", "under a lease", "a lease would have covered"].map(str::to_owned).to_vec(),
            rows: tasks.collect(),
            none: "Nobody was asked yet.".to_owned(),
        },
        Part::Note(format!("Of the newest {LOOKED_AT} entries; `claviger audit report` takes all of them.")),
    ])
}
