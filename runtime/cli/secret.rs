//! `claviger secret`: values go in, and never come out.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use claviger_audit::OperatorAction;
use claviger_manifest::SecretReference;
use claviger_vault::{Embedded, Listed, Secret};
use serde_json::json;

use crate::error::Failure;
use crate::output::{self, Output};
use crate::state::{ProviderChoice, State};
use crate::{open, prompt};

/// The longest value, in bytes: a private key with its chain fits, a file given by mistake does not.
const MAX_VALUE: u64 = 64 * 1024;

/// Puts one value into the embedded vault.
pub(crate) fn put(
    state: &State,
    identity: Option<&Path>,
    reference: &SecretReference,
    replace: bool,
) -> Result<Output, Failure> {
    let config = state.config()?;
    let elsewhere =
        |vault: &&str| config.vaults.get(*vault).is_some_and(|choice| choice.provider != ProviderChoice::Embedded);
    if let Some(vault) = Some(reference.vault()).filter(elsewhere) {
        return Err(Failure::usage(format!(
            "claviger.toml has another provider answer for the vault {vault:?}; put the value there"
        )));
    }
    let vault = open::embedded(state, identity)?;
    if !replace {
        must_be_free(&vault, reference)?;
    }
    let value = value(reference)?;
    let detail = if replace { "replace" } else { "new" };
    open::note(state, OperatorAction::SecretPut, &reference.to_string(), Some(detail))?;
    vault.put(reference, &value, replace).map_err(Failure::state)?;
    Output::new(format!("{reference} is stored"), &json!({ "reference": reference.to_string(), "replaced": replace }))
}

/// Said before a value is asked for and before the log has an entry about it. The vault itself decides.
fn must_be_free(vault: &Embedded, place: &SecretReference) -> Result<(), Failure> {
    let is_there = |item: &Listed| reference(item).eq_ignore_ascii_case(&place.to_string());
    if vault.list().map_err(Failure::state)?.iter().any(is_there) {
        return Err(Failure::usage(format!("{place} has a value; `--replace` puts another one in its place")));
    }
    Ok(())
}

/// The value: a prompt that does not echo, or all of standard input less one line break at its end.
fn value(reference: &SecretReference) -> Result<Secret, Failure> {
    let unreadable = |error: std::io::Error| Failure::usage(format!("the value could not be read: {error}"));
    let mut bytes = if std::io::stdin().is_terminal() {
        prompt::hidden(&format!("Value for {reference}: ")).map_err(unreadable)?.into_bytes()
    } else {
        // Room for all of it at once: a buffer that grows leaves copies behind.
        let mut bytes = Vec::with_capacity(usize::try_from(MAX_VALUE + 2).unwrap_or_default());
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
pub(crate) fn list(state: &State, identity: Option<&Path>) -> Result<Output, Failure> {
    let vault = open::embedded(state, identity)?;
    let items = vault.list().map_err(Failure::state)?;
    let rows: Vec<Vec<String>> = items.iter().map(|item| vec![reference(item), item.version.to_string()]).collect();
    let json: Vec<_> =
        items.iter().map(|item| json!({ "reference": reference(item), "version": item.version })).collect();
    Output::new(
        output::list(
            &["REFERENCE", "VERSION"],
            &rows,
            "the vault is empty; `claviger secret put` puts a value into it",
        ),
        &json,
    )
}

fn reference(item: &Listed) -> String {
    let section = item.section.as_ref().map(|section| format!("{section}/")).unwrap_or_default();
    format!("op://{}/{}/{section}{}", item.vault, item.title, item.label)
}
