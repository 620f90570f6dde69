//! Connections and grants, as the console shows them.

use std::collections::BTreeSet;

use claviger_grant::Connection;
use claviger_manifest::{Effect, VerifiedPackage};
use claviger_server::{Cell, Part};
use serde_json::Value;

use crate::error::Failure;
use crate::state::State;
use crate::{connection, grant};

/// Every connection: whose code it is, where it goes, which references it uses, what each operation may do.
pub(crate) fn connections(state: &State) -> Result<Vec<Part>, Failure> {
    let mut parts = Vec::new();
    for name in connection::names(state)? {
        // One that is broken hides none of the others.
        match grant::beside(state, &name) {
            Ok((connection, package, document)) => {
                parts.push(facts(name.as_str(), &connection, &package));
                parts.push(operations(name.as_str(), &document));
            }
            Err(failure) => parts.push(broken(name.as_str(), &failure)),
        }
    }
    if parts.is_empty() {
        parts.push(Part::Note("There are no connections; `claviger connection add` makes one.".to_owned()));
    }
    Ok(parts)
}

fn broken(name: &str, failure: &Failure) -> Part {
    Part::Facts {
        title: format!("Connection {name}"),
        rows: vec![("left out".to_owned(), Cell::Bad(failure.message.clone()))],
    }
}

fn facts(name: &str, connection: &Connection, package: &VerifiedPackage) -> Part {
    let manifest = package.manifest();
    let plugin = &manifest.plugin;
    let pairs = |pairs: Vec<String>| Cell::Several(pairs.into_iter().map(Cell::Text).collect());
    let endpoints = manifest.endpoints.iter().map(|(name, endpoint)| {
        let dialled = connection.endpoints.get(name).and_then(|settings| settings.connect);
        let dialled = dialled.map(|address| format!(", dialled at {address}")).unwrap_or_default();
        format!("{name}: {}{dialled}", endpoint.origin)
    });
    let secrets = manifest.secrets.iter().map(|(name, declared)| {
        let bound = connection.secrets.get(name).or(declared.reference.as_ref());
        format!("{name}: {}", bound.map_or_else(|| "(unbound)".to_owned(), ToString::to_string))
    });
    let settings = manifest.settings.iter().map(|(name, declared)| {
        let set = connection.settings.get(name).or(declared.default.as_ref());
        format!("{name}: {}", set.map_or_else(|| "(unset)".to_owned(), |text| format!("{text:?}")))
    });
    let mut rows = vec![
        ("plugin", Cell::Text(format!("{} {} of {}", plugin.name, plugin.version, plugin.publisher))),
        ("manifest", Cell::Code(package.manifest_digest().to_string())),
        ("component", Cell::Code(plugin.component.to_string())),
        ("client", connection.client.clone().map_or_else(|| Cell::Text("none".to_owned()), Cell::Quoted)),
        ("endpoints", pairs(endpoints.collect())),
        ("references", pairs(secrets.collect())),
    ];
    if !manifest.settings.is_empty() {
        rows.push(("settings", pairs(settings.collect())));
    }
    Part::Facts {
        title: format!("Connection {name}"),
        rows: rows.into_iter().map(|(label, cell)| (label.to_owned(), cell)).collect(),
    }
}

fn operations(name: &str, document: &Value) -> Part {
    let text =
        |operation: &Value, member: &str| operation.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let all = document.get("operations").and_then(Value::as_array).into_iter().flatten();
    let rows = all.map(|operation| {
        let secrets = operation.get("secrets").and_then(Value::as_array).into_iter().flatten();
        let secrets = secrets.filter_map(Value::as_str).map(|secret| Cell::Text(secret.to_owned())).collect();
        let request = ["method", "origin", "path"].map(|member| text(operation, member));
        let [method, origin, path] = request;
        vec![
            Cell::Text(text(operation, "operation")),
            effect(&text(operation, "effect")),
            Cell::Text(text(operation, "asked")),
            Cell::Text(format!("{method} {origin}{path}")),
            Cell::Several(secrets),
            Cell::Text(text(operation, "answer")),
        ]
    });
    Part::Table {
        title: format!("What {name} may do"),
        head: ["operation", "effect", "asked", "request", "secrets", "answer"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        none: "Nothing is granted.".to_owned(),
    }
}

fn effect(word: &str) -> Cell {
    let known = [Effect::Read, Effect::Write, Effect::Destroy, Effect::Mint];
    let found = known.into_iter().find(|effect| effect.as_str() == word);
    found.map_or_else(|| Cell::Text(word.to_owned()), Cell::Effect)
}

/// Who may do what, on which connection: declared operations are rows, granted or not, and people are columns.
pub(crate) fn grants(state: &State) -> Result<Vec<Part>, Failure> {
    let names = connection::names(state)?;
    let (mut read, mut parts) = (Vec::new(), Vec::new());
    for name in &names {
        match grant::beside(state, name) {
            Ok((connection, package, _)) => read.push((name, connection, package)),
            Err(failure) => parts.push(broken(name.as_str(), &failure)),
        }
    }
    let principals: BTreeSet<&String> =
        read.iter().flat_map(|(_, connection, _)| &connection.grant.principals).collect();
    let mut rows = Vec::new();
    for (name, connection, package) in &read {
        for (operation, declared) in &package.manifest().operations {
            let granted = connection.grant.operations.contains(operation);
            let mut row = vec![
                Cell::Text(name.to_string()),
                Cell::Text(operation.to_string()),
                Cell::Effect(declared.effect),
                Cell::Text(grant::asked(connection.grant.terms(declared.effect, operation))),
            ];
            row.extend(principals.iter().map(|principal| {
                let may = granted && connection.grant.principals.contains(*principal);
                if may { Cell::Good("may".to_owned()) } else { Cell::Text("–".to_owned()) }
            }));
            rows.push(row);
        }
    }
    let head = ["connection", "operation", "effect", "asked"].map(str::to_owned).into_iter();
    parts.push(Part::Table {
        title: "Who may do what".to_owned(),
        head: head.chain(principals.iter().map(|principal| (*principal).clone())).collect(),
        rows,
        none: "There are no connections, so nothing is granted.".to_owned(),
    });
    Ok(parts)
}
