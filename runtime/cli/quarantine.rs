//! `claviger quarantine`.

use std::path::Path;

use claviger_audit::OperatorAction;
use claviger_manifest::Name;
use claviger_vault::Quarantine;
use serde_json::json;

use crate::book::Book;
use crate::error::Failure;
use crate::output::{self, Output};
use crate::state::State;

/// Lists what is quarantined.
pub(crate) fn list(state: &State) -> Result<Output, Failure> {
    state.config()?;
    let listed = Quarantine::open(&state.quarantine()).map_err(Failure::state)?.list();
    let rows: Vec<Vec<String>> =
        listed.iter().map(|(connection, secret)| vec![connection.to_string(), secret.to_string()]).collect();
    let json: Vec<_> =
        listed.iter().map(|(connection, secret)| json!({ "connection": connection, "secret": secret })).collect();
    Output::new(output::list(&["CONNECTION", "SECRET"], &rows, "nothing is quarantined"), &json)
}

/// Allows a secret again.
pub(crate) fn lift(
    state: &State,
    identity: Option<&Path>,
    connection: &Name,
    secret: &Name,
) -> Result<Output, Failure> {
    state.config()?;
    let quarantine = Quarantine::open(&state.quarantine()).map_err(Failure::state)?;
    if !quarantine.is_quarantined(connection, secret) {
        return Output::new(format!("{connection} {secret}: was not quarantined"), &json!({ "lifted": false }));
    }
    let mut book = Book::open(state, identity)?;
    book.note_now(OperatorAction::QuarantineLifted, &format!("{connection} {secret}"), None)?;
    let lifted = quarantine.lift(connection, secret).map_err(Failure::state)?;
    book.close()?;
    Output::new(format!("{connection} {secret}: lifted"), &json!({ "lifted": lifted }))
}
