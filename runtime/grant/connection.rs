//! What an operator sets up: a plugin, its settings, its secret references, and what it may do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use claviger_manifest::{Effect, Malformed, Name, SecretReference};
use ipnet::IpNet;
use serde::Deserialize;

use crate::{People, Pin, Terms};

/// The largest connection file, in bytes: a dozen pages of PEM and settings, so that a wrong file is refused at once.
const MAX_FILE: usize = 256 * 1024;

/// An installed plugin with an operator's settings, references and grant. Read from `connections/<name>.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Connection {
    /// The plugin's name.
    pub plugin: Name,
    /// The client of the service provider that this connection is for.
    pub client: Option<String>,
    /// Values for the manifest's settings.
    #[serde(default)]
    pub settings: BTreeMap<Name, String>,
    /// References for the manifest's secrets.
    #[serde(default)]
    pub secrets: BTreeMap<Name, SecretReference>,
    /// The vault that receives the items of each write-back rule.
    #[serde(default)]
    pub write_back: BTreeMap<Name, String>,
    /// How endpoints are reached and trusted.
    #[serde(default)]
    pub endpoints: BTreeMap<Name, EndpointSettings>,
    /// What is allowed. Absent: nothing.
    #[serde(default)]
    pub grant: Grant,
}

/// How one endpoint is reached and trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EndpointSettings {
    /// PEM text of the certificate authority to trust instead of the public ones.
    pub ca: Option<String>,
    /// An address to dial instead of resolving the host: a tunnel or a laboratory. It is held against `networks` too.
    pub connect: Option<SocketAddr>,
    /// The certificates or keys that it may show; none: whatever the authorities vouch for.
    #[serde(default)]
    pub pins: Vec<Pin>,
}

/// What an operator allows a connection. The default allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grant {
    /// Who may use the connection.
    #[serde(default)]
    pub principals: BTreeSet<String>,
    /// Which operations.
    #[serde(default)]
    pub operations: BTreeSet<Name>,
    /// Which write-back rules.
    #[serde(default)]
    pub write_back: BTreeSet<Name>,
    /// Which secrets, of those that the manifest calls identifiers, are none: answers are not scanned for them.
    #[serde(default)]
    pub identifiers: BTreeSet<Name>,
    /// Which operations that only look ask a human each time, instead of once for a while.
    #[serde(default)]
    pub each_use: BTreeSet<Name>,
    /// How many distinct people must agree to an operation or write-back rule; one where this says nothing.
    #[serde(default)]
    pub people: BTreeMap<Name, People>,
    /// Which private address ranges it may reach, as CIDR.
    #[serde(default)]
    pub networks: Vec<IpNet>,
}

impl Grant {
    /// How a human must agree to an operation or write-back rule.
    pub fn terms(&self, effect: Effect, name: &Name) -> Terms {
        Terms::under(effect, name, &self.each_use, &self.people)
    }
}

/// Why a connection file is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The text is too long.
    #[error("the connection file is longer than {MAX_FILE} bytes")]
    TooLong,
    /// TOML, types or unknown keys; with line and column.
    #[error("the connection file is malformed at line {line}, column {column}: {message}")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser expected. Never the text itself, which may hold a pasted secret.
        message: String,
    },
}

impl Connection {
    /// Parses a connection file.
    ///
    /// # Errors
    /// [`ConnectionError`] when the text is too long, is not TOML, or has unknown or duplicate keys.
    pub fn parse(text: &str) -> Result<Self, ConnectionError> {
        if text.len() > MAX_FILE {
            return Err(ConnectionError::TooLong);
        }
        toml::from_str(text).map_err(|error| malformed(text, &error))
    }
}

fn malformed(text: &str, error: &toml::de::Error) -> ConnectionError {
    let Malformed { line, column, message } = Malformed::of(text, error);
    ConnectionError::Malformed { line, column, message }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Connection, ConnectionError};

    #[test]
    fn nothing_is_granted_by_default() {
        let connection = Connection::parse("plugin = \"psa\"").unwrap();
        assert!(connection.grant.principals.is_empty() && connection.grant.operations.is_empty());
        assert!(connection.grant.networks.is_empty() && connection.grant.write_back.is_empty());
    }

    #[test]
    fn unknown_and_duplicate_keys_name_their_place() {
        for (text, at) in [
            ("plugin = \"psa\"\n[grant]\noperation = []", 3),
            ("plugin = \"psa\"\nplugin = \"psa\"", 2),
            ("plugin = \"psa\"\n[secrets]\nkey = \"hunter2hunter2\"", 3),
            ("plugin = \"psa\"\n[grant]\nprincipals = \"hunter2, expected hunter2\"", 3),
            ("plugin = \"psa\"\nhunter2 = 1", 2),
            ("plugin = \"psa\"\nclient = hunter2", 2),
            ("plugin = \"psa\"\n[endpoints.api]\nconnect = \"hunter2\"", 3),
            ("plugin = \"psa\"\n[grant]\nnetworks = [\"hunter2\"]", 3),
        ] {
            let ConnectionError::Malformed { line, message, .. } = Connection::parse(text).unwrap_err() else {
                unreachable!("only malformed")
            };
            assert_eq!(line, at, "{text}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
