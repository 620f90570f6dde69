//! `claviger vault recover`.

use std::path::Path;

use claviger_audit::OperatorAction;
use claviger_manifest::SecretReference;
use serde_json::json;

use crate::book::Book;
use crate::error::Failure;
use crate::open;
use crate::output::{self, Output};
use crate::state::State;

/// Lists what is kept sealed, or stores one value of it.
pub(crate) fn run(
    state: &State,
    identity: Option<&Path>,
    store: Option<(u64, &SecretReference)>,
) -> Result<Output, Failure> {
    let config = state.config()?;
    let embedded = open::embedded(state, identity)?;
    let journal = open::journal(state, &embedded)?;
    let Some((number, place)) = store else { return list(&journal) };
    let providers = open::providers(&config, embedded.shared())?;
    let mut book = Book::open_with(state, &embedded)?;
    book.note_now(OperatorAction::SecretRecovered, &place.to_string(), Some(&number.to_string()))?;
    let stored = crate::block_on(claviger_vault::recover(number, place, &providers, &journal))?;
    let stored = stored.map_err(Failure::state)?;
    book.close()?;
    Output::new(format!("{stored} is stored"), &json!({ "reference": stored.to_string() }))
}

fn list(journal: &claviger_vault::Journal) -> Result<Output, Failure> {
    let pending = journal.pending().map_err(Failure::state)?;
    // A value that takes the place of an older one is in use already; a new one is not.
    let kind = |is_successor| if is_successor { "successor" } else { "new" };
    let rows: Vec<Vec<String>> = pending
        .iter()
        .map(|entry| {
            let kind = kind(entry.is_successor).to_owned();
            vec![entry.number.to_string(), entry.connection.to_string(), entry.slot.to_string(), kind]
        })
        .collect();
    let json: Vec<_> = pending
        .iter()
        .map(|entry| {
            json!({ "number": entry.number, "connection": entry.connection, "slot": entry.slot,
                "kind": kind(entry.is_successor) })
        })
        .collect();
    let head = ["NUMBER", "CONNECTION", "SLOT", "KIND"];
    Output::new(output::list(&head, &rows, "every value that was made is stored"), &json)
}
