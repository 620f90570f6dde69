//! Everything that the host knows about one request, in the shape that is approved, shown and logged.

use std::collections::BTreeMap;

use claviger_manifest::{Digest, Effect, Name, ToolName};
use serde::Serialize;

/// The facts of one request. Serialised canonically they are what a human signs, so every field that decides what is sent
/// is here. Secrets appear as references only.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// Whose code asks.
    pub plugin: PluginFacts,
    /// The connection the tool was called on.
    pub connection: Name,
    /// The client of the service provider that the connection is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Who asks.
    pub principal: String,
    /// The session the call belongs to.
    pub session: String,
    /// The tool that runs.
    pub tool: ToolName,
    /// What it does to the world.
    pub effect: Effect,
    /// The manifest's own words for it. A plugin author wrote them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The request itself.
    pub action: ActionFacts,
}

/// Whose code asks: name and version for people, digests for machines.
#[derive(Clone, Debug, Serialize)]
pub struct PluginFacts {
    /// The plugin's name.
    pub name: Name,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component that runs.
    pub component: Digest,
    /// SHA-256 of the manifest that declares it.
    pub manifest: Digest,
}

/// What is to be done.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "nearly every action is a send, and there is one per request")]
pub enum ActionFacts {
    /// A request to an upstream.
    Send(SendFacts),
    /// A new item in a store.
    Store(StoreFacts),
}

/// A request to an upstream, as it will be sent.
#[derive(Clone, Debug, Serialize)]
pub struct SendFacts {
    /// The operation's name.
    pub operation: Name,
    /// The HTTP method.
    pub method: String,
    /// Scheme, host and port.
    pub origin: String,
    /// The encoded path, without the query.
    pub path: String,
    /// Query parameters, unencoded, in the order they are sent.
    pub query: Vec<(String, String)>,
    /// Constant headers that the manifest sets.
    pub headers: BTreeMap<String, String>,
    /// The body, if the request has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<BodyFacts>,
    /// How the request authenticates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialFacts>,
    /// Slot values placed in the body: JSON pointer to slot.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lent: BTreeMap<String, Name>,
    /// What is taken out of the answer and kept: slot to place.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub captures: BTreeMap<Name, String>,
    /// The address that is dialled instead of resolving the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<String>,
    /// SHA-256 of the private certificate authority's PEM text that is trusted instead of the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<String>,
    /// The certificates or keys that the endpoint may show.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<String>,
}

/// A request body: every leaf by its place, and the digest of the bytes without the lent values.
#[derive(Clone, Debug, Serialize)]
pub struct BodyFacts {
    /// `json` or `form`.
    pub encoding: &'static str,
    /// SHA-256 of the encoded bytes before lent values are placed.
    pub sha256: String,
    /// JSON pointer (RFC 6901) to the leaf's JSON text.
    pub fields: BTreeMap<String, String>,
}

/// How a request authenticates.
#[derive(Clone, Debug, Serialize)]
pub struct CredentialFacts {
    /// The credential's name in the manifest.
    pub name: Name,
    /// The scheme's name in the manifest.
    pub scheme: &'static str,
    /// Where each value comes from: a reference, `identifier <reference>`, `slot <name>` for a value of this call, or
    /// `setting` and its text.
    pub secrets: BTreeMap<Name, String>,
    /// The version of each referenced value, where its provider tells one before the value is read. A value in another
    /// version is not sent under this approval.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<Name, String>,
    /// Where a token is minted first, for schemes that mint one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    /// The request that opens a session first: method, origin and path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The request that ends the session later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logout: Option<String>,
}

/// A new item in a store.
#[derive(Clone, Debug, Serialize)]
pub struct StoreFacts {
    /// The write-back rule's name.
    pub write_back: Name,
    /// The vault that receives the item.
    pub vault: String,
    /// The item's title. An item of this name must not exist.
    pub title: String,
    /// Field labels to slots.
    pub fields: BTreeMap<String, Name>,
}

impl Facts {
    /// The operation's or write-back rule's name.
    pub fn action_name(&self) -> &Name {
        match &self.action {
            ActionFacts::Send(send) => &send.operation,
            ActionFacts::Store(store) => &store.write_back,
        }
    }
}
