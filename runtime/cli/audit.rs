//! `claviger audit`. Reading needs no lock: it works while a host writes.

use std::collections::VecDeque;
use std::path::Path;

use claviger_audit::{CheckpointVerifier, Entry, Keys, LogError, OperatorAction, Summary, Text};
use serde_json::{Value, json};

use crate::error::{Code, Failure};
use crate::open;
use crate::output::{Output, table};
use crate::state::{self, State};

/// Shows the newest entries.
pub(crate) fn log(state: &State, last: usize) -> Result<Output, Failure> {
    state.config()?;
    let mut newest: VecDeque<Entry> = VecDeque::new();
    for entry in claviger_audit::entries(&state.audit()).map_err(broken)? {
        newest.push_back(entry.map_err(|error| Failure::new(Code::Audit, error))?);
        if newest.len() > last {
            newest.pop_front();
        }
    }
    let rows: Vec<Vec<String>> = newest.iter().map(row).collect();
    let json: Vec<&Value> = newest.iter().map(|entry| &entry.value).collect();
    Output::new(table(&["ENTRY", "TIME", "KIND", "WHAT"], &rows), &json)
}

fn row(entry: &Entry) -> Vec<String> {
    vec![entry.index.to_string(), entry.at.to_string(), entry.kind.as_str().to_owned(), told(&entry.value)]
}

/// One line about an entry. Texts may come from a plugin or a model, so they are escaped and bounded once more.
fn told(entry: &Value) -> String {
    let text = |pointer: &str| {
        entry.pointer(pointer).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let words = [
        "/facts/principal", "/facts/connection", "/facts/tool", "/facts/effect", "/facts/action/method",
        "/facts/action/origin", "/facts/action/path", "/facts/action/vault", "/facts/action/title", "/intent",
        "/outcome/verdict", "/outcome/status", "/outcome/code", "/refusal/principal", "/refusal/connection",
        "/refusal/tool", "/refusal/code", "/note/action", "/note/subject",
    ];
    let said: Vec<String> = words.iter().filter_map(|pointer| text(pointer)).collect();
    Text::new(&said.join(" ")).to_string()
}

/// Verifies the log, or an export of it.
pub(crate) fn verify(state: &State, bundle: Option<&Path>, key: Option<&Path>) -> Result<Output, Failure> {
    let given = key.map(verifier).transpose()?;
    let summary = match bundle {
        None => {
            let mut keys = own_keys(state)?;
            keys.log = given.unwrap_or(keys.log);
            claviger_audit::verify_directory(&state.audit(), &keys, &[]).map_err(|error| Failure::new(Code::Audit, error))?
        }
        Some(bundle) => {
            let mut keys = claviger_audit::export_keys(bundle).map_err(broken)?;
            keys.log = given.unwrap_or(keys.log);
            claviger_audit::verify_export(bundle, &keys, &[]).map_err(broken)?
        }
    };
    let unkeyed = key.is_none().then_some("\nthe key came with the log; compare it with one that did not, with --key");
    Output::new(format!("{}{}", told_of(&summary), unkeyed.unwrap_or_default()), &summary)
}

fn told_of(summary: &Summary) -> String {
    format!(
        "the log is what was signed: {} entries, {} of them under the checkpoint, {} intents without outcome\nroot {}",
        summary.entries, summary.covered, summary.open_intents, summary.root
    )
}

fn verifier(path: &Path) -> Result<CheckpointVerifier, Failure> {
    CheckpointVerifier::parse(state::read(path)?.trim())
        .map_err(|error| Failure::state(format!("{}: {error}", path.display())))
}

fn own_keys(state: &State) -> Result<Keys, Failure> {
    Ok(Keys { log: verifier(&state.audit_public_key())?, approvers: open::enrolled(state)? })
}

/// Writes a bundle that verifies with public keys alone.
pub(crate) fn export(state: &State, out: &Path) -> Result<Output, Failure> {
    state.config()?;
    open::note(state, OperatorAction::LogExported, &out.display().to_string(), None)?;
    let head = claviger_audit::export(&state.audit(), out, &own_keys(state)?).map_err(broken)?;
    let text = format!("{} holds {} entries; check it with: claviger audit verify {}", out.display(), head.size(), out.display());
    Output::new(text, &json!({ "bundle": out, "entries": head.size(), "root": head.root() }))
}

fn broken(error: LogError) -> Failure {
    Failure::new(Code::Audit, error)
}
