//! `claviger grant`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use claviger_grant::{Connection, People, Pin, Terms};
use claviger_manifest::{Credential, Manifest, Name, Operation, Reply, Scheme, Session, VerifiedPackage};
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

/// A connection, its plugin's package, and what [`show`] says of them as JSON.
pub(crate) fn beside(state: &State, name: &Name) -> Result<(Connection, Arc<VerifiedPackage>, Value), Failure> {
    let connection = connection::read(state, name)?;
    let package = plugin::installed(state, &connection.plugin)?;
    let document = Granted::of(&connection, package.manifest()).document(name);
    Ok((connection, package, document))
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
        let mut text = format!("connection   {name}\nplugin       {}\nclient       {client}\n", self.connection.plugin);
        for (label, values) in self.lists() {
            text.push_str(&format!(
                "{label:<13}{}\n",
                if values.is_empty() { "none".to_owned() } else { values.join(" ") }
            ));
        }
        text.push_str(&format!("\n{}\n", table(&["ENDPOINT", "HOST", "REACHED"], &self.endpoint_rows())));
        text.push_str(&format!("{}\n", table(&["CREDENTIAL", "SCHEME", "SECRET", "REFERENCE"], &self.secret_rows())));
        let own = self.own_rows();
        if !own.is_empty() {
            text.push_str(&format!("{}\n", table(&["CREDENTIAL", "THE HOST BY ITSELF", "REQUEST"], &own)));
        }
        text.push_str(&table(
            &["OPERATION", "EFFECT", "ASKED", "CREDENTIAL", "ANSWER", "REQUEST"],
            &self.operation_rows(),
        ));
        text
    }

    fn lists(&self) -> [(&'static str, Vec<String>); 5] {
        let grant = &self.connection.grant;
        let write_back = grant.write_back.iter().map(|rule| {
            let vault = self.connection.write_back.get(rule).map_or("(no vault)", String::as_str);
            format!("{rule} into vault {vault}")
        });
        [
            ("principals", grant.principals.iter().cloned().collect()),
            ("networks", grant.networks.iter().map(ToString::to_string).collect()),
            ("write-back", write_back.collect()),
            ("identifiers", grant.identifiers.iter().map(ToString::to_string).collect()),
            ("pins", self.pins().map(|(endpoint, pin)| format!("{endpoint}={pin}")).collect()),
        ]
    }

    fn pins(&self) -> impl Iterator<Item = (&Name, &Pin)> {
        let endpoints = self.connection.endpoints.iter();
        endpoints.flat_map(|(endpoint, settings)| settings.pins.iter().map(move |pin| (endpoint, pin)))
    }

    /// The credentials of granted operations, and those that their sessions log in with.
    fn credentials(&self) -> BTreeMap<&'a Name, &'a Credential> {
        let named = self.operations.iter().flat_map(|(_, operation)| &operation.credentials);
        let mut found: BTreeMap<_, _> =
            named.filter_map(|name| self.manifest.credentials.get_key_value(name)).collect();
        let logins: Vec<_> = found.values().filter_map(|credential| session(credential)).collect();
        let logins = logins.into_iter().filter_map(|session| self.manifest.operations.get(&session.login));
        let used = logins.flat_map(|operation| &operation.credentials);
        found.extend(used.filter_map(|name| self.manifest.credentials.get_key_value(name)));
        found
    }

    /// What the host sends by itself for a credential: its name, for what, and the endpoint and the request.
    fn own(&self) -> Vec<(&'a Name, &'static str, &'a Name, String)> {
        let mut own = Vec::new();
        for (name, credential) in self.credentials() {
            if let Scheme::Oauth2(oauth) = &credential.scheme {
                let token = &oauth.token_endpoint;
                own.push((name, "token", &token.endpoint, format!("POST {} {}", token.endpoint, token.path)));
            }
            let Some(session) = session(credential) else { continue };
            let logout = session.logout.as_ref().map(|logout| ("logout", &logout.operation));
            for (what, operation) in [("login", &session.login)].into_iter().chain(logout) {
                let Some(operation) = self.manifest.operations.get(operation) else { continue };
                own.push((name, what, &operation.endpoint, request(operation)));
            }
        }
        own
    }

    fn own_rows(&self) -> Vec<Vec<String>> {
        let own = self.own().into_iter();
        own.map(|(name, what, _, request)| vec![name.to_string(), what.to_owned(), request]).collect()
    }

    fn endpoint_rows(&self) -> Vec<Vec<String>> {
        let used = self.operations.iter().map(|(_, operation)| &operation.endpoint);
        let used: BTreeSet<&Name> = used.chain(self.own().into_iter().map(|(_, _, endpoint, _)| endpoint)).collect();
        let row = |name: &Name| vec![name.to_string(), self.origin(name), self.reached(name)];
        used.into_iter().map(row).collect()
    }

    /// What is special about the way to an endpoint.
    fn reached(&self, endpoint: &Name) -> String {
        let settings = self.connection.endpoints.get(endpoint).cloned().unwrap_or_default();
        let by = settings.connect.map_or_else(|| "by its name".to_owned(), |address| format!("at {address}"));
        let chain = if settings.ca.is_some() { "its own CA only" } else { "public CAs" };
        let key = settings.pins.iter().any(|pin| matches!(pin, Pin::Spki(_)));
        let certificate = settings.pins.iter().any(|pin| matches!(pin, Pin::Certificate(_)));
        let trust = match (key, certificate) {
            (false, false) => chain.to_owned(),
            (true, false) => format!("{chain} and a pinned key"),
            (false, true) => "a pinned certificate only".to_owned(),
            (true, true) => format!("a pinned certificate, or {chain} and a pinned key"),
        };
        format!("{by}, trusting {trust}")
    }

    fn secret_rows(&self) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for (name, credential) in self.credentials() {
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
            let credentials: Vec<&str> = operation.credentials.iter().map(Name::as_str).collect();
            let (effect, answer) = (operation.effect.as_str().to_owned(), answer(&operation.reply).to_owned());
            let asked = asked(self.connection.grant.terms(operation.effect, name));
            vec![name.to_string(), effect, asked, credentials.join(" "), answer, request(operation)]
        };
        self.operations.iter().map(row).collect()
    }

    fn document(&self, name: &Name) -> Value {
        let operations: Vec<Value> =
            self.operations.iter().map(|(name, operation)| self.operation(name, operation)).collect();
        let networks: Vec<String> = self.connection.grant.networks.iter().map(ToString::to_string).collect();
        json!({ "connection": name, "plugin": self.connection.plugin, "client": self.connection.client,
            "principals": self.connection.grant.principals, "networks": networks, "operations": operations,
            "identifiers": self.connection.grant.identifiers,
            "pins": self.pins().map(|(endpoint, pin)| format!("{endpoint}={pin}")).collect::<Vec<_>>(),
            "by-itself": self.own().into_iter().map(|(credential, what, endpoint, request)| json!({
                "credential": credential, "for": what, "origin": self.origin(endpoint), "request": request
            })).collect::<Vec<_>>(),
            "write-back": self.connection.grant.write_back })
    }

    /// Everything about one operation in one place; a program does not mind repetition.
    fn operation(&self, name: &Name, operation: &Operation) -> Value {
        let credentials = operation.credentials.iter().filter_map(|name| self.manifest.credentials.get(name));
        let secrets: BTreeSet<String> =
            credentials.flat_map(|credential| credential.sources()).map(|source| self.reference(source)).collect();
        json!({ "operation": name, "effect": operation.effect, "method": operation.method.as_str(),
            "origin": self.origin(&operation.endpoint), "path": operation.path.to_string(), "secrets": secrets,
            "answer": answer(&operation.reply),
            "asked": asked(self.connection.grant.terms(operation.effect, name)) })
    }

    fn origin(&self, endpoint: &Name) -> String {
        let declared = self.manifest.settings.iter();
        let mut settings: BTreeMap<Name, String> =
            declared.filter_map(|(key, setting)| Some((key.clone(), setting.default.clone()?))).collect();
        settings.extend(self.connection.settings.iter().map(|(key, value)| (key.clone(), value.clone())));
        let rendered = self.manifest.endpoints.get(endpoint).map(|endpoint| endpoint.origin.render(&settings));
        rendered.and_then(Result::ok).map_or_else(|| "(a setting is missing)".to_owned(), |origin| origin.to_string())
    }

    /// Where a value comes from: a setting, the connection's binding or the manifest's default, or a slot.
    fn reference(&self, source: &Name) -> String {
        if let Some(declared) = self.manifest.settings.get(source) {
            let set = self.connection.settings.get(source).or(declared.default.as_ref());
            return set.map_or_else(|| format!("{source} (unset)"), |text| format!("setting {text:?}"));
        }
        let Some(declared) = self.manifest.secrets.get(source) else { return format!("(captured slot {source})") };
        let bound = self.connection.secrets.get(source).or(declared.reference.as_ref());
        let bound = bound.map_or_else(|| format!("{source} (unbound)"), ToString::to_string);
        let identifier = declared.identifier && self.connection.grant.identifiers.contains(source);
        if identifier { format!("identifier {bound}") } else { bound }
    }
}

fn session(credential: &Credential) -> Option<&Session> {
    match &credential.scheme {
        Scheme::Session(session) => Some(session),
        _ => None,
    }
}

fn request(operation: &Operation) -> String {
    format!("{} {} {}", operation.method.as_str(), operation.endpoint, operation.path)
}

/// How a human is asked, in a few words.
pub(crate) fn asked(terms: Terms) -> String {
    let often = if terms.lease { "once a while" } else { "each time" };
    let people = if terms.people == People::ONE { String::new() } else { format!(", {} people", terms.people.get()) };
    format!("{often}{people}{}", if terms.match_code { ", code" } else { "" })
}

/// What of an answer reaches the plugin, in a word.
pub(crate) fn answer(reply: &Reply) -> &'static str {
    match reply {
        Reply::Full => "full",
        Reply::Projection(_) => "projection",
        Reply::Status => "status",
    }
}
