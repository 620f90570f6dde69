//! `claviger secret`: values go in, and never come out.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use claviger_audit::OperatorAction;
use claviger_manifest::SecretReference;
use claviger_vault::{Embedded, Listed, Secret};
use serde_json::json;

use crate::book::Book;
use crate::error::Failure;
use crate::output::{self, Output};
use crate::state::{ProviderChoice, State};
use crate::{open, prompt};

/// The longest value, in bytes: a private key with its chain fits, a file given by mistake does not.
const MAX_VALUE: u64 = 64 * 1024;

/// Puts values into the embedded vault. All are read before the first is stored.
pub(crate) fn put(
    state: &State,
    identity: Option<&Path>,
    references: &[SecretReference],
    replace: bool,
) -> Result<Output, Failure> {
    may_go_there(state, references)?;
    let vault = open::embedded(state, identity)?;
    if !replace {
        must_be_free(&vault, references)?;
    }
    let values = values(references)?;
    let detail = if replace { "replace" } else { "new" };
    let mut stored = Vec::with_capacity(references.len());
    let mut book = Book::open_with(state, &vault)?;
    for (reference, value) in references.iter().zip(&values) {
        book.note_now(OperatorAction::SecretPut, &reference.to_string(), Some(detail))?;
        vault.put(reference, value, replace).map_err(Failure::state)?;
        stored.push(reference.to_string());
    }
    book.close()?;
    let said = stored.iter().map(|reference| format!("{reference} is stored")).collect::<Vec<_>>().join("\n");
    Output::new(said, &json!({ "references": stored, "replaced": replace }))
}

/// The vault answers for each place, and each is named once.
fn may_go_there(state: &State, references: &[SecretReference]) -> Result<(), Failure> {
    let config = state.config()?;
    let mut named = BTreeSet::new();
    for reference in references {
        let vault = reference.vault();
        if config.vaults.get(vault).is_some_and(|choice| choice.provider != ProviderChoice::Embedded) {
            return Err(Failure::usage(format!(
                "claviger.toml has another provider answer for the vault {vault:?}; put the value there"
            )));
        }
        if !named.insert(reference.to_string().to_ascii_lowercase()) {
            return Err(Failure::usage(format!("{reference} is named twice; nothing was stored")));
        }
    }
    Ok(())
}

/// Said before a value is asked for and before the log has an entry about it. The vault itself decides.
fn must_be_free(vault: &Embedded, places: &[SecretReference]) -> Result<(), Failure> {
    let taken = vault.list().map_err(Failure::state)?;
    let is_taken =
        |place: &&SecretReference| taken.iter().any(|item| reference(item).eq_ignore_ascii_case(&place.to_string()));
    match places.iter().find(is_taken) {
        Some(place) => Err(Failure::usage(format!("{place} has a value; `--replace` puts another one in its place"))),
        None => Ok(()),
    }
}

/// The values: prompts that do not echo, or standard input. One value may have lines; of several, each is one line.
fn values(references: &[SecretReference]) -> Result<Vec<Secret>, Failure> {
    if std::io::stdin().is_terminal() {
        let ask = |reference| prompt::hidden(&format!("Value for {reference}: ")).map_err(unreadable);
        return references.iter().map(|reference| checked(ask(reference)?.into_bytes())).collect();
    }
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let most = MAX_VALUE.saturating_mul(u64::try_from(references.len()).unwrap_or(u64::MAX));
    let mut bytes = Vec::with_capacity(usize::try_from(most.saturating_add(2)).unwrap_or_default());
    std::io::stdin().take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    if references.len() == 1 {
        return Ok(vec![checked(bytes)?]);
    }
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    if lines.len() != references.len() {
        return Err(Failure::usage(format!(
            "standard input has {} lines for {} references; nothing was stored",
            lines.len(),
            references.len()
        )));
    }
    lines.into_iter().map(|line| checked(line.strip_suffix(b"\r").unwrap_or(line).to_vec())).collect()
}

fn unreadable(error: std::io::Error) -> Failure {
    Failure::usage(format!("the value could not be read: {error}"))
}

/// A value that can be stored.
fn checked(bytes: Vec<u8>) -> Result<Secret, Failure> {
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
