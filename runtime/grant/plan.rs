//! What the vault room is told to do, once a human has agreed and the log has it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use claviger_manifest::{Credential, Name, Origin, SecretReference};
use ipnet::IpNet;

use crate::SlotHandle;

/// The work of one granted request. Made by [`Policy::check`](crate::Policy::check) only.
#[derive(Debug)]
pub enum Plan {
    /// Send a request.
    Send(Box<Outbound>),
    /// Store an item.
    Store(StorePlan),
}

/// A request that is complete but for its secrets.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outbound {
    /// The connection it belongs to: session caches and quarantines are kept per connection.
    pub connection: Name,
    /// Where it goes.
    pub endpoint: EndpointPlan,
    /// The HTTP method.
    pub method: &'static str,
    /// The encoded path.
    pub path: String,
    /// The encoded query, without `?`; empty when there is none.
    pub query: String,
    /// Constant headers of the manifest.
    pub headers: Vec<(String, String)>,
    /// The body before lent values are placed.
    pub body: Option<serde_json::Value>,
    /// How the body is encoded.
    pub body_type: claviger_manifest::BodyType,
    /// What authenticates it.
    pub credential: Option<CredentialPlan>,
    /// Slot values to place: JSON pointer and value.
    pub lent: Vec<(String, SlotHandle)>,
    /// Capture rules: slot and where its value is in the answer.
    pub captures: Vec<(Name, claviger_manifest::CaptureSource)>,
    /// JSON pointers removed from the answer before it is scanned.
    pub strip: Vec<String>,
    /// Response headers that the guest may read, lower case.
    pub response_headers: Vec<String>,
    /// The longest answer, in bytes.
    pub response_limit: u64,
}

/// Where a request goes and whom to trust there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EndpointPlan {
    /// Scheme, host and port.
    pub origin: Origin,
    /// A private certificate authority, PEM text; the public ones otherwise.
    pub ca: Option<String>,
    /// An address to dial instead of resolving the host.
    pub connect: Option<SocketAddr>,
    /// Private ranges that the operator allows.
    pub networks: Vec<IpNet>,
}

/// A credential with the place of each secret it needs.
#[derive(Debug)]
#[non_exhaustive]
pub struct CredentialPlan {
    /// Its name in the manifest.
    pub name: Name,
    /// The manifest's declaration of scheme and placement.
    pub declaration: Credential,
    /// Where each secret comes from.
    pub sources: BTreeMap<Name, Source>,
    /// Where tokens are minted, for schemes that mint one.
    pub token_endpoint: Option<TokenEndpointPlan>,
}

/// Where a secret comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A provider resolves this reference.
    Reference(SecretReference),
    /// A value captured or generated in this tool call.
    Slot(Name),
}

/// The endpoint and path that mint a token.
#[derive(Debug)]
#[non_exhaustive]
pub struct TokenEndpointPlan {
    /// Where.
    pub endpoint: EndpointPlan,
    /// The path.
    pub path: String,
}

/// A new item for a provider.
#[derive(Debug)]
#[non_exhaustive]
pub struct StorePlan {
    /// The connection it belongs to.
    pub connection: Name,
    /// The vault that receives it.
    pub vault: String,
    /// Its title, new by rule.
    pub title: String,
    /// Field labels and the values they get, in order.
    pub fields: Vec<(String, SlotHandle)>,
}
