//! OAuth 2.0 credentials (RFC 6749): tokens that the host mints and keeps.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{BodyType, FieldValue, Name};

/// A token that the host mints.
#[derive(Clone, Debug, PartialEq)]
pub struct Oauth {
    /// What is exchanged for the token.
    pub grant: OauthGrant,
    /// Where tokens are minted.
    pub token_endpoint: TokenEndpoint,
    /// The secret or setting that holds the client identifier.
    pub client_id: Name,
    /// The secret that holds the client secret; public clients have none (RFC 6749 §2.1).
    pub client_secret: Option<Name>,
    /// The audience to ask for.
    pub audience: Option<String>,
    /// The scope to ask for, space-separated (RFC 6749 §3.3).
    pub scope: Option<String>,
    /// How the client authenticates.
    pub client_authentication: ClientAuthentication,
}

/// What is exchanged for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OauthGrant {
    /// The client's own credentials (RFC 6749 §4.4).
    ClientCredentials,
    /// A refresh token (RFC 6749 §6). When the answer holds a new one, it replaces the old one in its place.
    RefreshToken(Name),
}

impl Oauth {
    /// Whether the host itself replaces the value of this secret.
    pub(crate) fn rotates(&self, name: &Name) -> bool {
        matches!(&self.grant, OauthGrant::RefreshToken(token) if token == name)
    }
}

/// Where tokens are minted.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TokenEndpoint {
    /// The endpoint's name.
    pub endpoint: Name,
    /// The path there, without parameters.
    pub path: String,
    /// How the request is encoded. RFC 6749 §4.4.2 has a form; some vendors take JSON.
    #[serde(default = "form")]
    pub body: BodyType,
    /// Further fields of the body, such as a tenant: name to text.
    #[serde(default)]
    pub parameters: BTreeMap<String, FieldValue>,
    /// Query parameters, such as a tenant: name to text.
    #[serde(default)]
    pub query: BTreeMap<String, FieldValue>,
}

fn form() -> BodyType {
    BodyType::Form
}

/// How the client of a token endpoint authenticates (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAuthentication {
    /// Identifier and secret in the body.
    #[default]
    Body,
    /// Identifier and secret as HTTP Basic.
    Basic,
}

impl Oauth {
    /// Every secret or setting that it needs.
    pub(crate) fn names(&self) -> Vec<&Name> {
        let mut names = vec![&self.client_id];
        names.extend(&self.client_secret);
        if let OauthGrant::RefreshToken(token) = &self.grant {
            names.push(token);
        }
        let endpoint = &self.token_endpoint;
        names.extend(endpoint.parameters.values().chain(endpoint.query.values()).flat_map(FieldValue::names));
        names
    }
}
