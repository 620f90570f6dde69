//! `claviger grant`.

use std::collections::{BTreeMap, BTreeSet};

use claviger_grant::Connection;
use claviger_manifest::{Manifest, Name, Operation};
use serde_json::{Value, json};

use crate::error::Failure;
use crate::output::{self, Output, table};
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
            let effect = operation.effect;
            let mark = if granted { "granted" } else { "-" };
            rows.push([name.as_str(), operation_name.as_str(), effect.as_str(), mark].map(str::to_owned).to_vec());
            json.push(json!({ "connection": name, "operation": operation_name, "effect": effect, "granted": granted }));
        }
    }
    Output::new(
        output::list(&["CONNECTION", "OPERATION", "EFFECT", "GRANT"], &rows, "no connections, so nothing is granted"),
        &json,
    )
}

/// What one connection may do: which secret, against which host, for what, in whose name.
pub(crate) fn show(state: &State, name: &Name) -> Result<Output, Failure> {
    state.config()?;
    let connection = connection::read(state, name)?;
    let package = plugin::installed(state, &connection.plugin)?;
    let granted = Granted::of(&connection, package.manifest());
    Output::new(granted.text(name), &granted.document(name))
}

/// One connection beside its plugin's manifest.
struct Granted<'a> {
    connection: &'a Connection,
    manifest: &'a Manifest,
    operations: Vec<(&'a Name, &'a Operation)>,
}

impl<'a> Granted<'a> {
    fn of(connection: &'a Connection, manifest: &'a Manifest) -> Self {
        let granted = connection.grant.operations.iter();
        let operations = granted.filter_map(|name| Some((name, manifest.operations.get(name)?))).collect();
        Self { connection, manifest, operations }
    }

    /// Hosts and secrets once, then what is done with them: a row for each operation that fits a screen.
    fn text(&self, name: &Name) -> String {
        let client = self.connection.client.as_deref().unwrap_or("none");
        let mut text = format!("connection  {name}\nplugin      {}\nclient      {client}\n", self.connection.plugin);
        for (label, values) in self.lists() {
            text.push_str(&format!(
                "{label:<12}{}\n",
                if values.is_empty() { "none".to_owned() } else { values.join(" ") }
            ));
        }
        text.push_str(&format!("\n{}\n", table(&["ENDPOINT", "HOST", "REACHED"], &self.endpoint_rows())));
        text.push_str(&format!("{}\n", table(&["CREDENTIAL", "SCHEME", "SECRET", "REFERENCE"], &self.secret_rows())));
        text.push_str(&table(&["OPERATION", "EFFECT", "CREDENTIAL", "REQUEST"], &self.operation_rows()));
        text
    }

    fn lists(&self) -> [(&'static str, Vec<String>); 3] {
        let grant = &self.connection.grant;
        let write_back = grant.write_back.iter().map(|rule| {
            let vault = self.connection.write_back.get(rule).map_or("(no vault)", String::as_str);
            format!("{rule} into vault {vault}")
        });
        [
            ("principals", grant.principals.iter().cloned().collect()),
            ("networks", grant.networks.iter().map(ToString::to_string).collect()),
            ("write-back", write_back.collect()),
        ]
    }

    fn endpoint_rows(&self) -> Vec<Vec<String>> {
        let used: BTreeSet<&Name> = self.operations.iter().map(|(_, operation)| &operation.endpoint).collect();
        let row = |name: &Name| vec![name.to_string(), self.origin(name), self.reached(name)];
        used.into_iter().map(row).collect()
    }

    /// What is special about the way to an endpoint.
    fn reached(&self, endpoint: &Name) -> String {
        let settings = self.connection.endpoints.get(endpoint);
        let address = settings.and_then(|settings| settings.connect);
        let by = address.map_or_else(|| "by its name".to_owned(), |address| format!("at {address}"));
        let trust = settings.and_then(|settings| settings.ca.as_ref()).map_or("public CAs", |_| "its own CA only");
        format!("{by}, trusting {trust}")
    }

    fn secret_rows(&self) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for name in self.operations.iter().flat_map(|(_, operation)| &operation.credentials).collect::<BTreeSet<_>>() {
            let Some(credential) = self.manifest.credentials.get(name) else { continue };
            let mut head = [name.to_string(), credential.scheme.as_str().to_owned()];
            for source in credential.sources() {
                let [name, scheme] = std::mem::take(&mut head);
                rows.push(vec![name, scheme, source.to_string(), self.reference(source)]);
            }
        }
        rows
    }

    fn operation_rows(&self) -> Vec<Vec<String>> {
        let row = |(name, operation): &(&Name, &Operation)| {
            let request = format!("{} {} {}", operation.method.as_str(), operation.endpoint, operation.path);
            let credentials: Vec<&str> = operation.credentials.iter().map(Name::as_str).collect();
            vec![name.to_string(), operation.effect.as_str().to_owned(), credentials.join(" "), request]
        };
        self.operations.iter().map(row).collect()
    }

    fn document(&self, name: &Name) -> Value {
        let operations: Vec<Value> =
            self.operations.iter().map(|(name, operation)| self.operation(name, operation)).collect();
        let networks: Vec<String> = self.connection.grant.networks.iter().map(ToString::to_string).collect();
        json!({ "connection": name, "plugin": self.connection.plugin, "client": self.connection.client,
            "principals": self.connection.grant.principals, "networks": networks, "operations": operations,
            "write-back": self.connection.grant.write_back })
    }

    /// Everything about one operation in one place; a program does not mind repetition.
    fn operation(&self, name: &Name, operation: &Operation) -> Value {
        let credentials = operation.credentials.iter().filter_map(|name| self.manifest.credentials.get(name));
        let secrets: BTreeSet<String> =
            credentials.flat_map(|credential| credential.sources()).map(|source| self.reference(source)).collect();
        json!({ "operation": name, "effect": operation.effect, "method": operation.method.as_str(),
            "origin": self.origin(&operation.endpoint), "path": operation.path.to_string(), "secrets": secrets })
    }

    fn origin(&self, endpoint: &Name) -> String {
        let declared = self.manifest.settings.iter();
        let mut settings: BTreeMap<Name, String> =
            declared.filter_map(|(key, setting)| Some((key.clone(), setting.default.clone()?))).collect();
        settings.extend(self.connection.settings.iter().map(|(key, value)| (key.clone(), value.clone())));
        let rendered = self.manifest.endpoints.get(endpoint).map(|endpoint| endpoint.origin.render(&settings));
        rendered.and_then(Result::ok).map_or_else(|| "(a setting is missing)".to_owned(), |origin| origin.to_string())
    }

    /// Where a secret comes from: the connection's binding, or the manifest's default. A slot has no reference.
    fn reference(&self, source: &Name) -> String {
        let bound = self.connection.secrets.get(source);
        let Some(declared) = self.manifest.secrets.get(source) else { return format!("(captured slot {source})") };
        bound.or(declared.reference.as_ref()).map_or_else(|| format!("{source} (unbound)"), ToString::to_string)
    }
}
