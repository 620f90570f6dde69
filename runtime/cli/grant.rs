//! `claviger grant`.

use claviger_grant::Connection;
use claviger_manifest::{Manifest, Name, Operation};
use serde_json::{Value, json};

use crate::error::Failure;
use crate::output::{Output, table};
use crate::state::State;
use crate::{connection, plugin};

/// Every connection and declared operation, granted or not.
pub(crate) fn list(state: &State) -> Result<Output, Failure> {
    state.config()?;
    let mut rows = Vec::new();
    let mut json = Vec::new();
    for name in connection::names(state)? {
        let connection = connection::read(state, &name)?;
        let package = plugin::installed(state, &connection.plugin)?;
        for (operation_name, operation) in &package.manifest().operations {
            let granted = connection.grant.operations.contains(operation_name);
            rows.push(vec![
                name.to_string(),
                operation_name.to_string(),
                operation.effect.as_str().to_owned(),
                if granted { "granted" } else { "-" }.to_owned(),
            ]);
            json.push(json!({ "connection": name, "operation": operation_name, "effect": operation.effect, "granted": granted }));
        }
    }
    Output::new(table(&["CONNECTION", "OPERATION", "EFFECT", "GRANT"], &rows), &json)
}

/// What one connection may do: which secret, against which host, for what, in whose name.
pub(crate) fn show(state: &State, name: &Name) -> Result<Output, Failure> {
    let connection = connection::read(state, name)?;
    let package = plugin::installed(state, &connection.plugin)?;
    let manifest = package.manifest();
    let mut rows = Vec::new();
    let mut operations = Vec::new();
    let granted = connection.grant.operations.iter().filter_map(|name| Some((name, manifest.operations.get(name)?)));
    for (operation_name, operation) in granted {
        let origin = origin(&connection, manifest, operation);
        let secrets = secrets(&connection, manifest, operation);
        rows.push(vec![
            operation_name.to_string(),
            operation.effect.as_str().to_owned(),
            format!("{} {origin}{}", operation.method.as_str(), operation.path),
            secrets.join(" "),
        ]);
        operations.push(json!({ "operation": operation_name, "effect": operation.effect, "method": operation.method.as_str(),
            "origin": origin, "path": operation.path.to_string(), "secrets": secrets }));
    }
    let json = summary(name, &connection, &operations);
    let principals: Vec<&str> = connection.grant.principals.iter().map(String::as_str).collect();
    let text = format!(
        "{name}: plugin {}, for {}\nprincipals {}\n\n{}",
        connection.plugin,
        connection.client.as_deref().unwrap_or("no client"),
        principals.join(" "),
        table(&["OPERATION", "EFFECT", "REQUEST", "SECRETS"], &rows)
    );
    Output::new(text, &json)
}

fn summary(name: &Name, connection: &Connection, operations: &[Value]) -> Value {
    let networks: Vec<String> = connection.grant.networks.iter().map(ToString::to_string).collect();
    json!({ "connection": name, "plugin": connection.plugin, "client": connection.client,
        "principals": connection.grant.principals, "networks": networks, "operations": operations,
        "write-back": connection.grant.write_back })
}

fn origin(connection: &Connection, manifest: &Manifest, operation: &Operation) -> String {
    let mut settings: std::collections::BTreeMap<Name, String> =
        manifest.settings.iter().filter_map(|(key, setting)| Some((key.clone(), setting.default.clone()?))).collect();
    settings.extend(connection.settings.iter().map(|(key, value)| (key.clone(), value.clone())));
    let endpoint = manifest.endpoints.get(&operation.endpoint);
    match endpoint.map(|endpoint| endpoint.origin.render(&settings)) {
        Some(Ok(origin)) => origin.to_string(),
        _ => "(settings are missing)".to_owned(),
    }
}

fn secrets(connection: &Connection, manifest: &Manifest, operation: &Operation) -> Vec<String> {
    let credentials = operation.credentials.iter().filter_map(|name| manifest.credentials.get(name));
    let mut shown: Vec<String> = credentials
        .flat_map(|credential| credential.sources())
        .map(|name| {
            let bound = connection.secrets.get(name);
            let default = manifest.secrets.get(name).and_then(|secret| secret.reference.as_ref());
            bound.or(default).map_or_else(|| format!("{name} (unbound)"), ToString::to_string)
        })
        .collect();
    shown.sort();
    shown.dedup();
    shown
}
