//! `claviger secret`: values go in, and never come out.

use std::io::{IsTerminal as _, Read as _};

use claviger_audit::OperatorAction;
use claviger_manifest::SecretReference;
use claviger_vault::{Listed, Secret};
use serde_json::json;

use crate::error::Failure;
use crate::open;
use crate::output::{Output, table};
use crate::state::State;

/// The longest value, in bytes: a private key with its chain fits, a file given by mistake does not.
const MAX_VALUE: u64 = 64 * 1024;

/// Puts one value into the embedded vault.
pub(crate) fn put(
    state: &State,
    identity: Option<&std::path::Path>,
    reference: &SecretReference,
    replace: bool,
) -> Result<Output, Failure> {
    let vault = open::embedded(state, identity)?;
    let value = value(reference)?;
    let detail = if replace { "replace" } else { "new" };
    open::note(state, OperatorAction::SecretPut, &reference.to_string(), Some(detail))?;
    vault.put(reference, &value, replace).map_err(Failure::state)?;
    Output::new(format!("{reference} is stored"), &json!({ "reference": reference.to_string(), "replaced": replace }))
}

/// The value: a prompt that does not echo, or all of standard input less one line break at its end.
fn value(reference: &SecretReference) -> Result<Secret, Failure> {
    let unreadable = |error: std::io::Error| Failure::usage(format!("the value could not be read: {error}"));
    let mut bytes = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(format!("Value for {reference}: ")).map_err(unreadable)?.into_bytes()
    } else {
        let mut bytes = Vec::new();
        std::io::stdin().take(MAX_VALUE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        bytes
    };
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let secret = Secret::new(bytes);
    match length {
        0 => Err(Failure::usage("the value is empty; nothing was stored")),
        length if length > MAX_VALUE => {
            Err(Failure::usage(format!("the value is longer than {MAX_VALUE} bytes; nothing was stored")))
        }
        _ => Ok(secret),
    }
}

/// Lists what is in the embedded vault: names and versions.
pub(crate) fn list(state: &State, identity: Option<&std::path::Path>) -> Result<Output, Failure> {
    let vault = open::embedded(state, identity)?;
    let items = vault.list().map_err(Failure::state)?;
    let rows: Vec<Vec<String>> = items.iter().map(|item| vec![reference(item), item.version.to_string()]).collect();
    let json: Vec<_> =
        items.iter().map(|item| json!({ "reference": reference(item), "version": item.version })).collect();
    Output::new(table(&["REFERENCE", "VERSION"], &rows), &json)
}

fn reference(item: &Listed) -> String {
    let section = item.section.as_ref().map(|section| format!("{section}/")).unwrap_or_default();
    format!("op://{}/{}/{section}{}", item.vault, item.title, item.label)
}
