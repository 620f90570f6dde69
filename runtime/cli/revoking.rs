//! `claviger grant revoke` and `claviger connection remove`: what is allowed no more.

use std::fs;
use std::path::Path;

use claviger_audit::OperatorAction;
use claviger_grant::Connection;
use claviger_manifest::Name;
use serde_json::json;
use toml_edit::{Array, DocumentMut, Item};

use crate::book::Book;
use crate::connection;
use crate::error::Failure;
use crate::output::Output;
use crate::state::{self, State};

/// Takes something from a grant; every other line of the file stays as it is.
pub(crate) fn revoke(
    state: &State,
    identity: Option<&Path>,
    name: &Name,
    actions: &[Name],
    principals: &[String],
) -> Result<Output, Failure> {
    state.config()?;
    must_be_granted(name, &connection::read(state, name)?, actions, principals)?;
    let path = state.connection(name);
    let text = without(&state::read(&path)?, actions, principals)
        .map_err(|error| Failure::state(format!("{}: {error}", path.display())))?;
    // What is left has to be a connection still.
    Connection::parse(&text).map_err(Failure::usage)?;
    let taken: Vec<&str> = actions.iter().map(Name::as_str).chain(principals.iter().map(String::as_str)).collect();
    let mut book = Book::open(state, identity)?;
    book.note_now(OperatorAction::ConnectionChanged, name.as_str(), Some(&format!("revoked: {}", taken.join(", "))))?;
    state::write(&path, text.as_bytes())?;
    book.close()?;
    Output::new(format!("{name} may no more: {}", taken.join(", ")), &json!({ "connection": name, "revoked": taken }))
}

/// Removes a connection with everything that it was allowed.
pub(crate) fn remove(state: &State, identity: Option<&Path>, name: &Name) -> Result<Output, Failure> {
    state.config()?;
    let path = state.connection(name);
    if !path.exists() {
        return Err(Failure::usage(format!("no connection {name}; `claviger connection list` shows them")));
    }
    let mut book = Book::open(state, identity)?;
    book.note_now(OperatorAction::ConnectionRemoved, name.as_str(), None)?;
    fs::remove_file(&path).map_err(|error| Failure::file(&path, &error))?;
    state::sync(&state.connections())?;
    book.close()?;
    Output::new(format!("connection {name} is removed"), &json!({ "connection": name, "removed": true }))
}

/// A word that takes nothing away is a typing error, and somebody would believe that it did.
fn must_be_granted(
    name: &Name,
    connection: &Connection,
    actions: &[Name],
    principals: &[String],
) -> Result<(), Failure> {
    let grant = &connection.grant;
    let action =
        actions.iter().find(|action| !grant.operations.contains(*action) && !grant.write_back.contains(*action));
    let principal = principals.iter().find(|principal| !grant.principals.contains(*principal));
    match action.map(Name::as_str).or(principal.map(String::as_str)) {
        Some(word) => Err(Failure::usage(format!(
            "connection {name} is not granted {word:?}; `claviger grant show {name}` lists what it is, and nothing was changed"
        ))),
        None => Ok(()),
    }
}

fn without(text: &str, actions: &[Name], principals: &[String]) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let grant = document.get_mut("grant").and_then(Item::as_table_like_mut).ok_or("[grant] is not a table")?;
    for (key, array) in grant.iter_mut().filter_map(|(key, item)| Some((key.get().to_owned(), item.as_array_mut()?))) {
        let is_taken = |word: &str| match key.as_str() {
            "operations" | "write-back" | "each-use" => actions.iter().any(|action| action.as_str() == word),
            "principals" => principals.iter().any(|principal| principal == word),
            _ => false,
        };
        keep(array, |word| !is_taken(word));
    }
    Ok(document.to_string())
}

fn keep(array: &mut Array, keeps: impl Fn(&str) -> bool) {
    array.retain(|value| value.as_str().is_none_or(&keeps));
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_grant::Connection;

    use super::{must_be_granted, without};

    const TEXT: &str = "plugin = \"psa\"\n[grant] # reviewed in May\nprincipals = [\"alex\", \"ben\"]\noperations = [\"close\", \"look\"]\nwrite-back = [\"keep\"]\neach-use = [\"look\"]\n";

    #[test]
    fn what_is_named_goes_and_the_rest_stays() {
        let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<_>>();
        let text = without(TEXT, &names(&["look", "keep"]), &["ben".to_owned()]).unwrap();
        assert!(text.contains("# reviewed in May"));
        let left = Connection::parse(&text).unwrap().grant;
        assert_eq!(left.operations.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["close"]);
        assert!(left.write_back.is_empty() && left.each_use.is_empty());
        assert_eq!(left.principals.iter().collect::<Vec<_>>(), ["alex"]);
    }

    #[test]
    fn what_is_not_granted_is_a_typing_error() {
        let (name, connection) = ("acme".parse().unwrap(), Connection::parse(TEXT).unwrap());
        let refused = |action: &str, principals: &[String]| {
            must_be_granted(&name, &connection, &[action.parse().unwrap()], principals).is_err()
        };
        assert!(refused("lok", &[]) && refused("look", &["carl".to_owned()]) && !refused("look", &["ben".to_owned()]));
        assert!(!refused("keep", &[]));
    }
}
