//! Credentials: how secrets authenticate a request.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::{
    AwsSigv4, ClientAuthentication, Encoding, FieldValue, Hmac, HmacAlgorithm, Lifetime, Logout, Message, Name, Oauth,
    OauthGrant, Session, SessionValue, Template, Timestamp, TokenEndpoint,
};

/// `[credentials.<name>]`: a scheme, and further headers that go with it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Credential {
    /// How it authenticates.
    pub scheme: Scheme,
    /// Headers by name, with secrets in their values.
    pub headers: BTreeMap<String, Template>,
    /// A certificate that the connection presents (RFC 8446 §4.4.2), with any scheme.
    pub client_certificate: Option<ClientCertificate>,
}

/// A client's certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClientCertificate {
    /// The secret or setting that holds the certificate chain, PEM text.
    pub certificate: Name,
    /// The secret that holds the private key, PEM text.
    pub key: Name,
}

/// How a credential authenticates.
#[derive(Clone, Debug, PartialEq)]
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
    /// Fields of the body: JSON pointer to value. They must not exist yet. `body`
    Body {
        /// The fields.
        fields: BTreeMap<String, FieldValue>,
    },
    /// By the certificate of the connection alone. `client-certificate`
    ClientCertificate,
    /// A token that the host mints: `oauth2-client-credentials`, `oauth2-refresh-token`
    Oauth2(Box<Oauth>),
    /// A session that the host opens. `session`
    Session(Box<Session>),
    /// AWS Signature Version 4. `aws-sigv4`
    AwsSigv4(Box<AwsSigv4>),
    /// A keyed hash over the request. `hmac`
    Hmac(Box<Hmac>),
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
    client_certificate: Option<ClientCertificate>,
    token: Option<Name>,
    username: Option<Template>,
    password: Option<Template>,
    parameter: Option<String>,
    value: Option<Template>,
    fields: Option<BTreeMap<String, FieldValue>>,
    token_endpoint: Option<TokenEndpoint>,
    client_id: Option<Name>,
    client_secret: Option<Name>,
    refresh_token: Option<Name>,
    audience: Option<String>,
    scope: Option<String>,
    client_authentication: Option<ClientAuthentication>,
    login: Option<Name>,
    login_status: Option<Vec<u16>>,
    values: Option<BTreeMap<Name, SessionValue>>,
    lifetime: Option<Lifetime>,
    cookies: Option<BTreeMap<String, Template>>,
    write_headers: Option<BTreeMap<String, Template>>,
    logout: Option<Logout>,
    access_key_id: Option<Name>,
    secret_access_key: Option<Name>,
    session_token: Option<Name>,
    region: Option<FieldValue>,
    service: Option<String>,
    algorithm: Option<HmacAlgorithm>,
    key: Option<Name>,
    key_encoding: Option<Encoding>,
    message: Option<Message>,
    signature: Option<Encoding>,
    timestamp: Option<Timestamp>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Header,
    Bearer,
    Basic,
    Query,
    Body,
    ClientCertificate,
    Oauth2ClientCredentials,
    Oauth2RefreshToken,
    Session,
    AwsSigv4,
    Hmac,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Bearer => "bearer",
            Self::Basic => "basic",
            Self::Query => "query",
            Self::Body => "body",
            Self::ClientCertificate => "client-certificate",
            Self::Oauth2ClientCredentials => "oauth2-client-credentials",
            Self::Oauth2RefreshToken => "oauth2-refresh-token",
            Self::Session => "session",
            Self::AwsSigv4 => "aws-sigv4",
            Self::Hmac => "hmac",
        }
    }

    /// The keys that the scheme takes beside `scheme`, `headers` and `client-certificate`.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Header | Self::ClientCertificate => &[],
            Self::Bearer => &["token"],
            Self::Basic => &["username", "password"],
            Self::Query => &["parameter", "value"],
            Self::Body => &["fields"],
            Self::Oauth2ClientCredentials => {
                &["token-endpoint", "client-id", "client-secret", "audience", "scope", "client-authentication"]
            }
            Self::Oauth2RefreshToken => &[
                "token-endpoint",
                "client-id",
                "client-secret",
                "refresh-token",
                "audience",
                "scope",
                "client-authentication",
            ],
            Self::Session => &["login", "login-status", "values", "lifetime", "cookies", "write-headers", "logout"],
            Self::AwsSigv4 => &["access-key-id", "secret-access-key", "session-token", "region", "service"],
            Self::Hmac => &["algorithm", "key", "key-encoding", "message", "signature", "timestamp"],
        }
    }
}

impl Scheme {
    /// Whether the host itself replaces the value of this secret, as it does with a refresh token.
    pub fn rotates(&self, name: &Name) -> bool {
        matches!(self, Self::Oauth2(oauth) if oauth.rotates(name))
    }

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
            Self::Body { .. } => Kind::Body,
            Self::ClientCertificate => Kind::ClientCertificate,
            Self::Oauth2(oauth) => match oauth.grant {
                OauthGrant::ClientCredentials => Kind::Oauth2ClientCredentials,
                OauthGrant::RefreshToken(_) => Kind::Oauth2RefreshToken,
            },
            Self::Session(_) => Kind::Session,
            Self::AwsSigv4(_) => Kind::AwsSigv4,
            Self::Hmac(_) => Kind::Hmac,
        }
    }

    /// Whether the scheme itself sets `Authorization`.
    pub(crate) fn sets_authorization(&self) -> bool {
        matches!(self, Self::Bearer { .. } | Self::Basic { .. } | Self::Oauth2(_) | Self::AwsSigv4(_))
    }

    fn names(&self) -> Vec<&Name> {
        match self {
            Self::Header | Self::ClientCertificate => Vec::new(),
            Self::Bearer { token } => vec![token],
            Self::Basic { username, password } => username.names().chain(password.names()).collect(),
            Self::Query { value, .. } => value.names().collect(),
            Self::Body { fields } => fields.values().flat_map(FieldValue::names).collect(),
            Self::Oauth2(oauth) => oauth.names(),
            Self::Session(session) => session.templates().flat_map(Template::names).collect(),
            Self::AwsSigv4(aws) => aws.names(),
            Self::Hmac(hmac) => vec![&hmac.key],
        }
    }
}

impl Credential {
    /// Every secret, slot or setting that it needs. What the host itself makes for it (a session's values, a signature)
    /// is not among them.
    pub fn sources(&self) -> BTreeSet<&Name> {
        let certificate = self.client_certificate.iter().flat_map(|pair| [&pair.certificate, &pair.key]);
        let headers = self.headers.values().flat_map(Template::names);
        let all = self.scheme.names().into_iter().chain(headers).chain(certificate);
        all.filter(|name| !self.makes(name)).collect()
    }

    /// Whether the host makes the value of this name for a request.
    pub fn makes(&self, name: &Name) -> bool {
        match &self.scheme {
            Scheme::Session(session) => session.values.contains_key(name),
            Scheme::Hmac(_) => Hmac::MADE.contains(&name.as_str()),
            _ => false,
        }
    }
}

impl TryFrom<Raw> for Credential {
    type Error = CredentialError;

    fn try_from(mut raw: Raw) -> Result<Self, CredentialError> {
        refuse_foreign(&raw)?;
        let headers = std::mem::take(&mut raw.headers);
        let client_certificate = raw.client_certificate.take();
        let missing = |key| CredentialError::Missing { scheme: raw.scheme.as_str(), key };
        match raw.scheme {
            Kind::Header | Kind::Hmac if headers.is_empty() => return Err(missing("headers")),
            Kind::ClientCertificate if client_certificate.is_none() => return Err(missing("client-certificate")),
            _ => {}
        }
        Ok(Self { scheme: scheme(raw)?, headers, client_certificate })
    }
}

fn scheme(raw: Raw) -> Result<Scheme, CredentialError> {
    let kind = raw.scheme;
    let missing = |key| CredentialError::Missing { scheme: kind.as_str(), key };
    Ok(match kind {
        Kind::Header => Scheme::Header,
        Kind::ClientCertificate => Scheme::ClientCertificate,
        Kind::Bearer => Scheme::Bearer { token: raw.token.ok_or_else(|| missing("token"))? },
        Kind::Basic => Scheme::Basic {
            username: raw.username.ok_or_else(|| missing("username"))?,
            password: raw.password.ok_or_else(|| missing("password"))?,
        },
        Kind::Query => Scheme::Query {
            parameter: raw.parameter.ok_or_else(|| missing("parameter"))?,
            value: raw.value.ok_or_else(|| missing("value"))?,
        },
        Kind::Body => Scheme::Body { fields: raw.fields.ok_or_else(|| missing("fields"))? },
        Kind::Oauth2ClientCredentials | Kind::Oauth2RefreshToken => Scheme::Oauth2(Box::new(oauth(raw)?)),
        Kind::Session => Scheme::Session(Box::new(Session {
            login: raw.login.ok_or_else(|| missing("login"))?,
            login_status: raw.login_status.unwrap_or_default(),
            values: raw.values.ok_or_else(|| missing("values"))?,
            lifetime: raw.lifetime,
            cookies: raw.cookies.unwrap_or_default(),
            write_headers: raw.write_headers.unwrap_or_default(),
            logout: raw.logout,
        })),
        Kind::AwsSigv4 => Scheme::AwsSigv4(Box::new(AwsSigv4 {
            access_key_id: raw.access_key_id.ok_or_else(|| missing("access-key-id"))?,
            secret_access_key: raw.secret_access_key.ok_or_else(|| missing("secret-access-key"))?,
            session_token: raw.session_token,
            region: raw.region.ok_or_else(|| missing("region"))?,
            service: raw.service.ok_or_else(|| missing("service"))?,
        })),
        Kind::Hmac => Scheme::Hmac(Box::new(Hmac {
            algorithm: raw.algorithm.unwrap_or_default(),
            key: raw.key.ok_or_else(|| missing("key"))?,
            key_encoding: raw.key_encoding.unwrap_or(Encoding::Text),
            message: raw.message.ok_or_else(|| missing("message"))?,
            signature: raw.signature.unwrap_or_default(),
            timestamp: raw.timestamp.unwrap_or_default(),
        })),
    })
}

fn oauth(raw: Raw) -> Result<Oauth, CredentialError> {
    let missing = |key| CredentialError::Missing { scheme: raw.scheme.as_str(), key };
    // A client that authenticates by nothing but its name is for refresh tokens of public clients alone.
    let grant = match raw.scheme {
        Kind::Oauth2RefreshToken => {
            OauthGrant::RefreshToken(raw.refresh_token.ok_or_else(|| missing("refresh-token"))?)
        }
        _ if raw.client_secret.is_none() => return Err(missing("client-secret")),
        _ => OauthGrant::ClientCredentials,
    };
    Ok(Oauth {
        grant,
        token_endpoint: raw.token_endpoint.ok_or_else(|| missing("token-endpoint"))?,
        client_id: raw.client_id.ok_or_else(|| missing("client-id"))?,
        client_secret: raw.client_secret,
        audience: raw.audience,
        scope: raw.scope,
        client_authentication: raw.client_authentication.unwrap_or_default(),
    })
}

/// A key of another scheme is a mistake that would otherwise go unseen.
fn refuse_foreign(raw: &Raw) -> Result<(), CredentialError> {
    let present = [
        ("token", raw.token.is_some()),
        ("username", raw.username.is_some()),
        ("password", raw.password.is_some()),
        ("parameter", raw.parameter.is_some()),
        ("value", raw.value.is_some()),
        ("fields", raw.fields.is_some()),
        ("token-endpoint", raw.token_endpoint.is_some()),
        ("client-id", raw.client_id.is_some()),
        ("client-secret", raw.client_secret.is_some()),
        ("refresh-token", raw.refresh_token.is_some()),
        ("audience", raw.audience.is_some()),
        ("scope", raw.scope.is_some()),
        ("client-authentication", raw.client_authentication.is_some()),
        ("login", raw.login.is_some()),
        ("login-status", raw.login_status.is_some()),
        ("values", raw.values.is_some()),
        ("lifetime", raw.lifetime.is_some()),
        ("cookies", raw.cookies.is_some()),
        ("write-headers", raw.write_headers.is_some()),
        ("logout", raw.logout.is_some()),
        ("access-key-id", raw.access_key_id.is_some()),
        ("secret-access-key", raw.secret_access_key.is_some()),
        ("session-token", raw.session_token.is_some()),
        ("region", raw.region.is_some()),
        ("service", raw.service.is_some()),
        ("algorithm", raw.algorithm.is_some()),
        ("key", raw.key.is_some()),
        ("key-encoding", raw.key_encoding.is_some()),
        ("message", raw.message.is_some()),
        ("signature", raw.signature.is_some()),
        ("timestamp", raw.timestamp.is_some()),
    ];
    let foreign = present.iter().find(|(key, given)| *given && !raw.scheme.keys().contains(key));
    match foreign {
        Some((key, _)) => Err(CredentialError::Foreign { scheme: raw.scheme.as_str(), key }),
        None => Ok(()),
    }
}
