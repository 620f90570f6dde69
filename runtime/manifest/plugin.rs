//! The head of a manifest, and its small tables.

use serde::Deserialize;

use crate::{Digest, Name, OriginTemplate, SecretReference};

/// `[plugin]`: whose code this is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Plugin {
    /// The plugin's name.
    pub name: Name,
    /// Its version.
    pub version: semver::Version,
    /// The name of the key that signs it.
    pub publisher: String,
    /// SHA-256 of the component.
    pub component: Digest,
    /// What it is for, in the author's words.
    pub description: Option<String>,
}

/// `[settings.<name>]`: something that an operator fills in, such as a host.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Setting {
    /// What to fill in.
    pub description: String,
    /// What holds when the operator fills in nothing.
    pub default: Option<String>,
}

/// `[secrets.<name>]`: a secret that a credential needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Secret {
    /// Where it is unless a connection says otherwise.
    pub reference: Option<SecretReference>,
    /// What it is.
    pub description: Option<String>,
    /// Whether it is a name and no secret: a user, a company. An operator who agrees says so in the grant; then it may be
    /// short, and answers that hold it pass.
    #[serde(default)]
    pub identifier: bool,
}

/// `[endpoints.<name>]`: a place that operations go to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Endpoint {
    /// Scheme, host and port.
    pub origin: OriginTemplate,
}
