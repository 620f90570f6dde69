//! Credentials: how secrets authenticate a request.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::{BodyType, Name, Template};

/// `[credentials.<name>]`: a scheme, and further headers that go with it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Credential {
    /// How it authenticates.
    pub scheme: Scheme,
    /// Headers by name, with secrets in their values.
    pub headers: BTreeMap<String, Template>,
}

/// How a credential authenticates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// By its headers alone. `header`
    Header,
    /// `Authorization: Bearer <token>` (RFC 6750 §2.1). `bearer`
    Bearer {
        /// The secret or slot that is the token.
        token: Name,
    },
    /// `Authorization: Basic <user:password>` (RFC 7617). `basic`
    Basic {
        /// The user part.
        username: Template,
        /// The password part.
        password: Template,
    },
    /// A query parameter. `query`
    Query {
        /// The parameter's name.
        parameter: String,
        /// Its value.
        value: Template,
    },
    /// A token that the host mints with client credentials (RFC 6749 §4.4). `oauth2-client-credentials`
    Oauth2ClientCredentials(OauthClientCredentials),
}

/// A token that the host mints with client credentials (RFC 6749 §4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthClientCredentials {
    /// Where tokens are minted.
    pub token_endpoint: TokenEndpoint,
    /// The secret that holds the client identifier.
    pub client_id: Name,
    /// The secret that holds the client secret.
    pub client_secret: Name,
    /// The audience to ask for.
    pub audience: Option<String>,
    /// The scope to ask for, space-separated (RFC 6749 §3.3).
    pub scope: Option<String>,
    /// How the client authenticates.
    pub client_authentication: ClientAuthentication,
}

/// Where tokens are minted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TokenEndpoint {
    /// The endpoint's name.
    pub endpoint: Name,
    /// The path there, without parameters.
    pub path: String,
    /// How the request is encoded. RFC 6749 §4.4.2 has a form; some vendors take JSON.
    #[serde(default = "form")]
    pub body: BodyType,
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

/// Why a credential is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// A key that the scheme needs.
    #[error("scheme {scheme} needs the key `{key}`")]
    Missing {
        /// The scheme.
        scheme: &'static str,
        /// The key.
        key: &'static str,
    },
    /// A key that belongs to another scheme.
    #[error("scheme {scheme} does not take the key `{key}`")]
    Foreign {
        /// The scheme.
        scheme: &'static str,
        /// The key.
        key: &'static str,
    },
}

/// The table as it is written: every key of every scheme.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    scheme: Kind,
    #[serde(default)]
    headers: BTreeMap<String, Template>,
    token: Option<Name>,
    username: Option<Template>,
    password: Option<Template>,
    parameter: Option<String>,
    value: Option<Template>,
    token_endpoint: Option<TokenEndpoint>,
    client_id: Option<Name>,
    client_secret: Option<Name>,
    audience: Option<String>,
    scope: Option<String>,
    client_authentication: Option<ClientAuthentication>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Header,
    Bearer,
    Basic,
    Query,
    Oauth2ClientCredentials,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Bearer => "bearer",
            Self::Basic => "basic",
            Self::Query => "query",
            Self::Oauth2ClientCredentials => "oauth2-client-credentials",
        }
    }

    /// The keys that the scheme takes beside `scheme` and `headers`.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Header => &[],
            Self::Bearer => &["token"],
            Self::Basic => &["username", "password"],
            Self::Query => &["parameter", "value"],
            Self::Oauth2ClientCredentials => {
                &["token-endpoint", "client-id", "client-secret", "audience", "scope", "client-authentication"]
            }
        }
    }
}

impl Scheme {
    /// The scheme's name in a manifest.
    pub fn as_str(&self) -> &'static str {
        self.kind().as_str()
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Header => Kind::Header,
            Self::Bearer { .. } => Kind::Bearer,
            Self::Basic { .. } => Kind::Basic,
            Self::Query { .. } => Kind::Query,
            Self::Oauth2ClientCredentials(_) => Kind::Oauth2ClientCredentials,
        }
    }

    /// Whether the scheme itself sets `Authorization`.
    pub(crate) fn sets_authorization(&self) -> bool {
        matches!(self, Self::Bearer { .. } | Self::Basic { .. } | Self::Oauth2ClientCredentials(_))
    }

    fn names(&self) -> Vec<&Name> {
        match self {
            Self::Header => Vec::new(),
            Self::Bearer { token } => vec![token],
            Self::Basic { username, password } => username.names().chain(password.names()).collect(),
            Self::Query { value, .. } => value.names().collect(),
            Self::Oauth2ClientCredentials(oauth) => vec![&oauth.client_id, &oauth.client_secret],
        }
    }
}

impl Credential {
    /// Every secret or slot that it needs.
    pub fn sources(&self) -> BTreeSet<&Name> {
        self.scheme.names().into_iter().chain(self.headers.values().flat_map(Template::names)).collect()
    }
}

impl TryFrom<Raw> for Credential {
    type Error = CredentialError;

    fn try_from(raw: Raw) -> Result<Self, CredentialError> {
        refuse_foreign(&raw)?;
        let kind = raw.scheme;
        let missing = |key| CredentialError::Missing { scheme: kind.as_str(), key };
        let scheme = match kind {
            Kind::Header if raw.headers.is_empty() => return Err(missing("headers")),
            Kind::Header => Scheme::Header,
            Kind::Bearer => Scheme::Bearer { token: raw.token.ok_or_else(|| missing("token"))? },
            Kind::Basic => Scheme::Basic {
                username: raw.username.ok_or_else(|| missing("username"))?,
                password: raw.password.ok_or_else(|| missing("password"))?,
            },
            Kind::Query => Scheme::Query {
                parameter: raw.parameter.ok_or_else(|| missing("parameter"))?,
                value: raw.value.ok_or_else(|| missing("value"))?,
            },
            Kind::Oauth2ClientCredentials => Scheme::Oauth2ClientCredentials(OauthClientCredentials {
                token_endpoint: raw.token_endpoint.ok_or_else(|| missing("token-endpoint"))?,
                client_id: raw.client_id.ok_or_else(|| missing("client-id"))?,
                client_secret: raw.client_secret.ok_or_else(|| missing("client-secret"))?,
                audience: raw.audience,
                scope: raw.scope,
                client_authentication: raw.client_authentication.unwrap_or_default(),
            }),
        };
        Ok(Self { scheme, headers: raw.headers })
    }
}

/// A key of another scheme is a mistake that would otherwise go unseen.
fn refuse_foreign(raw: &Raw) -> Result<(), CredentialError> {
    let present = [
        ("token", raw.token.is_some()),
        ("username", raw.username.is_some()),
        ("password", raw.password.is_some()),
        ("parameter", raw.parameter.is_some()),
        ("value", raw.value.is_some()),
        ("token-endpoint", raw.token_endpoint.is_some()),
        ("client-id", raw.client_id.is_some()),
        ("client-secret", raw.client_secret.is_some()),
        ("audience", raw.audience.is_some()),
        ("scope", raw.scope.is_some()),
        ("client-authentication", raw.client_authentication.is_some()),
    ];
    let foreign = present.iter().find(|(key, given)| *given && !raw.scheme.keys().contains(key));
    match foreign {
        Some((key, _)) => Err(CredentialError::Foreign { scheme: raw.scheme.as_str(), key }),
        None => Ok(()),
    }
}
