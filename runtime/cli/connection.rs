//! `claviger connection`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use claviger_audit::OperatorAction;
use claviger_grant::Connection;
use claviger_manifest::{Effect, Manifest, Name, SecretReference};
use serde_json::json;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, value};

use crate::arguments::AddConnection;
use crate::book::Book;
use crate::error::{Code, Failure};
use crate::output::{self, Output};
use crate::plugin;
use crate::state::{self, State};

/// The word for every declared operation that only reads.
const ALL_READS: &str = "all-reads";

/// Adds a connection. It is held against the plugin's manifest before it is written.
pub(crate) fn add(state: &State, identity: Option<&Path>, arguments: &AddConnection) -> Result<Output, Failure> {
    let config = state.config()?;
    let path = state.connection(&arguments.name);
    if path.exists() {
        return Err(Failure::usage(format!("{} exists; edit it, or remove it first", path.display())));
    }
    let package = plugin::installed(state, &arguments.plugin)?;
    let text = document(arguments, package.manifest(), &config.principal)?.to_string();
    let connection = Connection::parse(&text).map_err(Failure::usage)?;
    let granted = connection.grant.operations.len();
    let mut policy = claviger_grant::Policy::default();
    policy.add(arguments.name.clone(), connection, package).map_err(Failure::usage)?;
    state::private_directory(&state.connections())?;
    let mut book = Book::open(state, identity)?;
    book.note_now(OperatorAction::ConnectionAdded, arguments.name.as_str(), Some(&text))?;
    state::write(&path, text.as_bytes())?;
    book.counts_later("a new connection");
    book.close()?;
    let said =
        format!("connection {} is added with {granted} granted operations; see {}", arguments.name, path.display());
    Output::new(said, &json!({ "connection": arguments.name, "file": path, "operations": granted }))
}

fn document(arguments: &AddConnection, manifest: &Manifest, principal: &str) -> Result<DocumentMut, Failure> {
    let mut document = DocumentMut::new();
    document.insert("plugin", value(arguments.plugin.as_str()));
    if let Some(client) = &arguments.client {
        document.insert("client", value(client));
    }
    pairs(&mut document, "settings", arguments.settings.iter().map(|(name, text)| (name, text.clone())));
    let bound = arguments.secrets.iter().chain(&arguments.identifiers);
    pairs(&mut document, "secrets", bound.map(|(name, to)| (name, to.to_string())));
    pairs(&mut document, "write-back", arguments.write_back.iter().map(|(name, vault)| (name, vault.clone())));
    if let Some(endpoints) = endpoints(arguments)? {
        document.insert("endpoints", Item::Table(endpoints));
    }
    document.insert("grant", Item::Table(grant(arguments, manifest, principal)));
    Ok(document)
}

fn pairs<'a>(document: &mut DocumentMut, name: &str, pairs: impl Iterator<Item = (&'a Name, String)>) {
    let mut table = Table::new();
    for (key, text) in pairs {
        table.insert(key.as_str(), value(text));
    }
    if !table.is_empty() {
        document.insert(name, Item::Table(table));
    }
}

fn endpoints(arguments: &AddConnection) -> Result<Option<Table>, Failure> {
    let mut endpoints = Table::new();
    endpoints.set_implicit(true);
    for (name, file) in &arguments.authorities {
        set(&mut endpoints, name, "ca", value(state::read(file)?));
    }
    for (name, address) in &arguments.connect {
        set(&mut endpoints, name, "connect", value(address.to_string()));
    }
    for name in arguments.pins.iter().map(|(name, _)| name).collect::<BTreeSet<_>>() {
        let pins = arguments.pins.iter().filter(|(endpoint, _)| endpoint == name);
        set(&mut endpoints, name, "pins", value(Array::from_iter(pins.map(|(_, pin)| pin.to_string()))));
    }
    Ok(if endpoints.is_empty() { None } else { Some(endpoints) })
}

/// Sets one key of one endpoint's table.
fn set(endpoints: &mut Table, name: &Name, key: &str, item: Item) {
    let endpoint = endpoints.entry(name.as_str()).or_insert_with(|| Item::Table(Table::new()));
    if let Some(table) = endpoint.as_table_like_mut() {
        table.insert(key, item);
    }
}

fn grant(arguments: &AddConnection, manifest: &Manifest, principal: &str) -> Table {
    let mut operations: Vec<&Name> = Vec::new();
    for asked in &arguments.operations {
        if asked.as_str() == ALL_READS {
            let reads = manifest.operations.iter().filter(|(_, operation)| operation.effect == Effect::Read);
            operations.extend(reads.map(|(name, _)| name));
        } else {
            operations.push(asked);
        }
    }
    operations.sort();
    operations.dedup();
    let default = [principal.to_owned()];
    let principals = if arguments.principals.is_empty() { &default[..] } else { &arguments.principals };
    let mut grant = Table::new();
    grant.insert("principals", value(Array::from_iter(principals)));
    grant.insert("operations", value(Array::from_iter(operations.into_iter().map(Name::as_str))));
    if !arguments.allow_write_back.is_empty() {
        grant.insert("write-back", value(Array::from_iter(arguments.allow_write_back.iter().map(Name::as_str))));
    }
    if !arguments.identifiers.is_empty() {
        let names = arguments.identifiers.iter().map(|(name, _)| name.as_str());
        grant.insert("identifiers", value(Array::from_iter(names)));
    }
    if !arguments.each_use.is_empty() {
        grant.insert("each-use", value(Array::from_iter(arguments.each_use.iter().map(Name::as_str))));
    }
    if !arguments.people.is_empty() {
        let people = arguments.people.iter().map(|(name, number)| (name.as_str(), i64::from(*number)));
        grant.insert("people", value(InlineTable::from_iter(people)));
    }
    if !arguments.networks.is_empty() {
        grant.insert("networks", value(Array::from_iter(&arguments.networks)));
    }
    grant
}

/// Binds secrets to other references; every other line of the file stays as it is.
pub(crate) fn bind(
    state: &State,
    identity: Option<&Path>,
    name: &Name,
    secrets: &[(Name, SecretReference)],
) -> Result<Output, Failure> {
    state.config()?;
    let connection = read(state, name)?;
    let package = plugin::installed(state, &connection.plugin)?;
    let path = state.connection(name);
    let text = rebound(&state::read(&path)?, secrets)
        .map_err(|error| Failure::state(format!("{}: {error}", path.display())))?;
    let mut policy = claviger_grant::Policy::default();
    let changed = Connection::parse(&text).map_err(Failure::usage)?;
    policy.add(name.clone(), changed, package).map_err(Failure::usage)?;
    let bound: Vec<String> = secrets.iter().map(|(secret, reference)| format!("{secret} = {reference}")).collect();
    let mut book = Book::open(state, identity)?;
    book.note_now(OperatorAction::ConnectionChanged, name.as_str(), Some(&bound.join(", ")))?;
    state::write(&path, text.as_bytes())?;
    book.close()?;
    Output::new(format!("{name}: {}", bound.join(", ")), &json!({ "connection": name, "bound": bound }))
}

fn rebound(text: &str, secrets: &[(Name, SecretReference)]) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let table = document.entry("secrets").or_insert_with(|| Item::Table(Table::new()));
    let table = table.as_table_like_mut().ok_or("[secrets] is not a table")?;
    for (secret, reference) in secrets {
        let new = value(reference.to_string());
        match table.get_mut(secret.as_str()) {
            Some(old) => replace(old, new),
            None => drop(table.insert(secret.as_str(), new)),
        }
    }
    Ok(document.to_string())
}

/// Replaces a value and keeps the comment behind it; the one before it belongs to the key.
fn replace(old: &mut Item, mut new: Item) {
    if let (Some(old), Some(new)) = (old.as_value(), new.as_value_mut()) {
        *new.decor_mut() = old.decor().clone();
    }
    *old = new;
}

/// One connection file.
pub(crate) fn read(state: &State, name: &Name) -> Result<Connection, Failure> {
    let path = state.connection(name);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Failure::new(
                Code::Denied,
                format!("no connection {name}; `claviger connection list` shows them"),
            ));
        }
        Err(error) => return Err(Failure::file(&path, &error)),
    };
    Connection::parse(&text).map_err(|error| Failure::state(format!("{}: {error}", path.display())))
}

/// The names of all connections.
pub(crate) fn names(state: &State) -> Result<Vec<Name>, Failure> {
    let names = state::names(&state.connections(), ".toml")?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Lists connections.
pub(crate) fn list(state: &State) -> Result<Output, Failure> {
    state.config()?;
    let mut rows = Vec::new();
    let mut json = Vec::new();
    for name in names(state)? {
        let connection = read(state, &name)?;
        let client = connection.client.clone().unwrap_or_default();
        let operations: Vec<&str> = connection.grant.operations.iter().map(Name::as_str).collect();
        rows.push(vec![name.to_string(), connection.plugin.to_string(), client, operations.join(" ")]);
        json.push(json!({ "name": name, "plugin": connection.plugin, "client": connection.client,
            "principals": connection.grant.principals, "operations": operations }));
    }
    Output::new(
        output::list(
            &["CONNECTION", "PLUGIN", "CLIENT", "GRANTED"],
            &rows,
            "no connections; `claviger connection add` makes one",
        ),
        &json,
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::rebound;

    #[test]
    fn binding_changes_one_line_and_keeps_comments() {
        let file = "plugin = \"psa\" # ours\n\n[secrets]\n# rotated in May\nkey = \"op://a/b/c\" # Acme's\nother = \"op://a/b/d\"\n";
        let to = [("key".parse().unwrap(), "op://a/new/c".parse().unwrap())];
        assert_eq!(rebound(file, &to).unwrap(), file.replace("op://a/b/c", "op://a/new/c"));
        let without = rebound("plugin = \"psa\"\n", &to).unwrap();
        assert!(without.contains("[secrets]\nkey = \"op://a/new/c\""), "{without}");
        assert!(rebound("secrets = 1\n", &to).is_err());
    }
}
