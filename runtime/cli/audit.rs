//! `claviger audit`. Reading needs no lock: it works while a host writes.

use std::collections::VecDeque;
use std::path::Path;

use claviger_audit::{CheckpointVerifier, Entry, Keys, LogError, OperatorAction, Summary};
use serde_json::{Value, json};

use crate::approver;
use crate::entry;
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
    let rows: Vec<Vec<String>> = newest.iter().map(entry::row).collect();
    let json: Vec<&Value> = newest.iter().map(|entry| &entry.value).collect();
    Output::new(table(&entry::HEADER, &rows), &json)
}

/// Verifies the log, or an export of it.
pub(crate) fn verify(state: &State, bundle: Option<&Path>, key: Option<&Path>) -> Result<Output, Failure> {
    let given = key.map(verifier).transpose()?;
    let summary = match bundle {
        None => {
            state.config()?;
            let mut keys = own_keys(state)?;
            keys.log = given.unwrap_or(keys.log);
            claviger_audit::verify_directory(&state.audit(), &keys, &[]).map_err(|broken| at(&broken))?
        }
        Some(bundle) if !bundle.join(claviger_audit::KEYS_FILE).exists() => {
            let bundle = bundle.display();
            return Err(Failure::usage(format!("{bundle} is no exported bundle; `claviger audit export` makes one")));
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
    // What a key signed before it was revoked was approved.
    Ok(Keys { log: verifier(&state.audit_public_key())?, approvers: approver::ever(state)? })
}

/// Writes a bundle that verifies with public keys alone.
pub(crate) fn export(state: &State, out: &Path) -> Result<Output, Failure> {
    state.config()?;
    if out.exists() {
        return Err(Failure::usage(format!("{} exists; name a new directory", out.display())));
    }
    open::note(state, OperatorAction::LogExported, &out.display().to_string(), None)?;
    let head = claviger_audit::export(&state.audit(), out, &own_keys(state)?).map_err(broken)?;
    let out_shown = out.display();
    let text = format!("{out_shown} holds {} entries; check it with: claviger audit verify {out_shown}", head.size());
    Output::new(text, &json!({ "bundle": out, "entries": head.size(), "root": head.root() }))
}

fn broken(error: LogError) -> Failure {
    match error {
        LogError::Broken(broken) => at(&broken),
        other => Failure::new(Code::Audit, other),
    }
}

/// The first bad entry, with its index for scripts.
fn at(broken: &claviger_audit::Broken) -> Failure {
    Failure::new(Code::Audit, broken).with(json!({ "entry": broken.index }))
}
