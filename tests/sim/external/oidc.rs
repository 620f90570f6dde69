//! `oidc-provider`: client credentials, introspection, short-lived tokens.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use rustls::ClientConfig;
use serde_json::{Value, json};

use super::installation::{Installation, launcher};
use super::process::{self, Process};
use crate::{Issuer, Minted, TestCa};

/// A client of the server. It proves itself in `Authorization`, each part form-encoded (RFC 6749, section 2.3.1), or in the
/// body; the server takes either and refuses both at once.
#[derive(Debug, Clone)]
pub struct OidcClient {
    /// Its identifier.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

/// What the server is started with.
#[derive(Debug, Clone)]
pub struct OidcConfig {
    /// Its clients. All may use the client-credentials grant, and no other unless they are `delegated`.
    pub clients: Vec<OidcClient>,
    /// How long an access token lives, in whole seconds.
    pub lifetime: Duration,
    /// The resource that tokens are minted for; without one they are opaque and for no resource.
    pub audience: Option<String>,
    /// Whether tokens with an audience are JWTs; opaque otherwise.
    pub jwt: bool,
    /// Whether each client also has a refresh token, as if a person had consented. Using one rotates it, and using it again
    /// revokes everything that came of it.
    pub delegated: bool,
}

/// What the server writes about refresh tokens.
const EVENTS: &str = "events";

/// A running `oidc-provider`. Dropping it ends it.
#[derive(Debug)]
pub struct Oidc {
    process: Process,
    tls: Arc<ClientConfig>,
    introspector: OidcClient,
}

impl Oidc {
    /// Where it mints tokens.
    pub const TOKEN_PATH: &'static str = "/token";
    /// Where it tells about tokens.
    pub const INTROSPECTION_PATH: &'static str = "/token/introspection";

    /// Starts it over TLS and waits until it listens.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub fn start(ca: &TestCa, config: OidcConfig) -> io::Result<Self> {
        let installation = Installation::find();
        let prepared = process::prepare(ca)?;
        let introspector = introspector()?;
        let clients: Vec<Value> = config.clients.iter().chain([&introspector]).map(OidcClient::told).collect();
        let told = json!({
            "modules": installation.modules()?, "certificate": prepared.certificate, "key": prepared.key,
            "clients": clients, "lifetime": config.lifetime.as_secs(), "audience": config.audience,
            "format": if config.jwt { "jwt" } else { "opaque" },
            "delegated": if config.delegated { config.clients.len() } else { 0 },
            "events": prepared.directory.path().join(EVENTS),
        });
        let mut command = Command::new("node");
        command.arg(launcher("oidc.mjs")).env_remove("NODE_OPTIONS");
        let process = Process::start(command, &told, prepared.directory)?;
        Ok(Self { process, tls: ca.client()?, introspector })
    }

    /// The first client's refresh token, if it was asked for.
    #[must_use]
    pub fn refresh_token(&self) -> Option<&str> {
        self.process.told.pointer("/refresh/0")?.as_str()
    }

    /// Every refresh token that was issued so far, the oldest first, and how many families were revoked.
    ///
    /// # Errors
    /// When the server's own record cannot be read.
    pub fn issued(&self) -> io::Result<(Vec<String>, usize)> {
        let events = std::fs::read_to_string(self.process.file(EVENTS))?;
        let events: Vec<Value> = events.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let text = |event: &Value| event.get("issued").and_then(Value::as_str).map(str::to_owned);
        let issued: Vec<String> = events.iter().filter_map(text).collect();
        let revoked = events.iter().filter(|event| event.get("revoked").is_some()).count();
        Ok((issued, revoked))
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.process.addr
    }

    /// Scheme, address and port; also the issuer's name.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("https://{}", self.process.addr)
    }

    /// This server as the issuer of another upstream's tokens. It has to outlive that upstream.
    #[must_use]
    pub fn issuer(&self) -> Arc<OidcIssuer> {
        Arc::new(OidcIssuer {
            addr: self.process.addr,
            tls: Arc::clone(&self.tls),
            introspector: self.introspector.clone(),
        })
    }
}

impl OidcClient {
    fn told(&self) -> Value {
        json!({"id": self.id, "secret": self.secret})
    }
}

/// A client of our own that asks about tokens.
fn introspector() -> io::Result<OidcClient> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let secret = hex::encode(bytes);
    Ok(OidcClient { id: "introspector".to_owned(), secret })
}

/// Asks a running [`Oidc`] for tokens and about tokens, over its own endpoints.
#[derive(Debug)]
pub struct OidcIssuer {
    addr: SocketAddr,
    tls: Arc<ClientConfig>,
    introspector: OidcClient,
}

impl OidcIssuer {
    async fn ask(&self, path: &str, pairs: &[(&str, &str)], basic: Option<&OidcClient>) -> Option<Value> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        if let Some(client) = basic {
            let pair = BASE64_STANDARD.encode(format!("{}:{}", client.id, client.secret));
            request = request.header("authorization", format!("Basic {pair}"));
        }
        let request = request.body(Full::new(Bytes::from(body))).ok()?;
        let answer = crate::client::send(self.addr, Some(&self.tls), request).await.ok()?;
        if answer.status() != StatusCode::OK {
            return None;
        }
        serde_json::from_slice(answer.body()).ok()
    }
}

impl Issuer for OidcIssuer {
    fn mint<'a>(&'a self, id: &'a str, secret: &'a str) -> Pin<Box<dyn Future<Output = Option<Minted>> + Send + 'a>> {
        Box::pin(async move {
            let pairs = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
            let answer = self.ask(Oidc::TOKEN_PATH, &pairs, None).await?;
            let token = answer.get("access_token")?.as_str()?.to_owned();
            Some(Minted { token, lifetime: Duration::from_secs(answer.get("expires_in")?.as_u64()?) })
        })
    }

    fn accepts<'a>(&'a self, token: &'a str) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(async move {
            let answer = self.ask(Oidc::INTROSPECTION_PATH, &[("token", token)], Some(&self.introspector)).await;
            answer.is_some_and(|answer| answer.get("active") == Some(&Value::Bool(true)))
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]
#[path = "oidc_tests.rs"]
mod tests;
