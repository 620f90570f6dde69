//! What the vault room is told to do, once a human has agreed and the log has it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use claviger_manifest::{BodyPattern, Credential, Name, Origin, PathTemplate, Reply, SecretReference};
use ipnet::IpNet;

use crate::{ParameterError, Pin, SlotHandle, parameters};

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
    /// Places that are removed from the answer before it is scanned.
    pub strip: Vec<BodyPattern>,
    /// Response headers that are removed before it is scanned, lower case.
    pub strip_headers: Vec<String>,
    /// What of the answer reaches the guest.
    pub reply: Reply,
    /// Response headers that the guest may read, lower case.
    pub response_headers: Vec<String>,
    /// The longest answer, in bytes.
    pub response_limit: u64,
    /// Whether this is a probe: canaries go out, and what comes back is where they are in the answer.
    pub probe: bool,
}

/// Where a request goes and whom to trust there.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The certificates or keys that it may show; none: whatever the authorities vouch for.
    pub pins: Vec<Pin>,
}

impl EndpointPlan {
    /// An endpoint that an operator names for what the host itself sends. No plugin's request goes there: those have the
    /// endpoints of their manifests.
    pub fn of_operator(origin: Origin, ca: Option<String>, networks: Vec<IpNet>) -> Self {
        Self { origin, ca, connect: None, networks, pins: Vec::new() }
    }
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
    /// The version in which each referenced value was approved, where it was known.
    pub versions: BTreeMap<Name, String>,
    /// Where tokens are minted, for schemes that mint one.
    pub token_endpoint: Option<TokenEndpointPlan>,
    /// The request that opens a session, for schemes that have one.
    pub login: Option<Box<Outbound>>,
    /// The request that ends it.
    pub logout: Option<Box<LogoutPlan>>,
}

/// Where a secret comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A provider resolves this reference.
    Reference(SecretReference),
    /// A provider resolves this reference, and an operator said that what it holds is a name and no secret.
    Identifier(SecretReference),
    /// A value captured or generated in this tool call.
    Slot(Name),
    /// A setting of the connection: in the open, and no secret.
    Setting(String),
    /// A random value that is made for a probe and forgotten with it.
    Canary,
}

impl Source {
    /// The reference that a provider resolves, if one does.
    pub fn reference(&self) -> Option<&SecretReference> {
        match self {
            Self::Reference(reference) | Self::Identifier(reference) => Some(reference),
            Self::Slot(_) | Self::Setting(_) | Self::Canary => None,
        }
    }
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

/// The request that ends a session. Its path may name values of the session, which the vault alone has.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogoutPlan {
    /// Where.
    pub endpoint: EndpointPlan,
    /// The HTTP method.
    pub method: &'static str,
    /// Constant headers of the manifest.
    pub headers: Vec<(String, String)>,
    pub(crate) path: PathTemplate,
}

impl LogoutPlan {
    /// The path with every parameter filled and percent-encoded, held against the same rules as a guest's parameters.
    ///
    /// # Errors
    /// [`ParameterError`] when a value is missing or could leave its segment.
    pub fn path(&self, parameters: &[(String, String)]) -> Result<String, ParameterError> {
        parameters::render(&self.path, &[], parameters).map(|target| target.path)
    }
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
