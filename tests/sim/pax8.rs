//! Pax8: what does the partner API check, and how does it answer?
//!
//! A bearer token from `/v1/token`, pages that start at 0, `{content, page}` around every list,
//! `{type, message, instance, status, details}` for every error but those of the token endpoint.

mod catalogue;
mod issuer;
mod list;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::asked::Asked;
use crate::reply::{Reply, json as answer};
use crate::vendor::{Api, Throttle, Vendor};
use crate::{Running, TestCa};
use catalogue::Catalogue;
use issuer::Own;
pub use issuer::{Issuer, Minted};

/// The audience of the partner API.
const AUDIENCE: &str = "https://api.pax8.com";
/// The other audiences that the token endpoint knows; their tokens are good for other surfaces only.
const OTHER_AUDIENCES: [&str; 3] = ["api://p8p.client", "api://provisioning", "api://usage"];

/// Who makes the tokens.
#[derive(Clone)]
pub enum Minting {
    /// The simulator itself.
    Own {
        /// How long a token lives. The vendor's live a day.
        lifetime: Duration,
    },
    /// Another server, which is asked for each token and about each token.
    By(Arc<dyn Issuer>),
}

/// What the simulator expects of its callers.
#[derive(Clone)]
pub struct Pax8Config {
    /// The client's identifier; another issuer has clients of its own.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// Who makes the tokens.
    pub minting: Minting,
    /// How many requests to the API (not for tokens) are answered 429, without `Retry-After`, before one is served.
    pub throttle: u32,
    /// DNS names of the certificate, beside 127.0.0.1 and localhost.
    pub names: Vec<String>,
}

/// A Pax8 server.
pub struct Pax8 {
    issuer: Arc<dyn Issuer>,
    throttle: Throttle,
    catalogue: Catalogue,
}

impl std::fmt::Debug for Pax8 {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Pax8").field("throttle", &self.throttle).finish_non_exhaustive()
    }
}

impl Pax8 {
    /// Starts it.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(ca: &TestCa, config: Pax8Config) -> io::Result<Running> {
        let tls = ca.server(&config.names)?;
        let issuer: Arc<dyn Issuer> = match config.minting {
            Minting::Own { lifetime } => Arc::new(Own::new(config.client_id, config.client_secret, lifetime)),
            Minting::By(issuer) => issuer,
        };
        let throttle = Throttle::first(config.throttle);
        Running::start(Api(Self { issuer, throttle, catalogue: Catalogue::seeded() }), Some(tls))
    }

    async fn token(&self, asked: &Asked) -> Result<Reply, Reply> {
        if asked.method != Method::POST {
            return Err(refusal(asked, StatusCode::METHOD_NOT_ALLOWED, "Only POST mints a token."));
        }
        if !asked.header("content-type").is_some_and(|text| text.starts_with("application/json")) {
            return Err(refusal(asked, StatusCode::UNSUPPORTED_MEDIA_TYPE, "A token request is JSON."));
        }
        let body: Value = serde_json::from_slice(&asked.body)
            .map_err(|_| refusal(asked, StatusCode::BAD_REQUEST, "The token request cannot be read."))?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let audience = text("audience");
        let known = audience == AUDIENCE || OTHER_AUDIENCES.contains(&audience);
        if text("grant_type") != "client_credentials" || !known {
            return Err(denied());
        }
        let minted = self.issuer.mint(text("client_id"), text("client_secret")).await.ok_or_else(denied)?;
        // A token for another surface is minted, but this API never learns of it.
        let access_token = if audience == AUDIENCE { minted.token } else { format!("other.{}", minted.token) };
        let told =
            json!({"access_token": access_token, "expires_in": minted.lifetime.as_secs(), "token_type": "Bearer"});
        Ok(answer(StatusCode::OK, &told))
    }

    async fn serve(&self, asked: &Asked) -> Result<Reply, Reply> {
        if self.throttle.refuses() {
            return Err(refusal(asked, StatusCode::TOO_MANY_REQUESTS, "Too many requests"));
        }
        let header = asked.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = header.and_then(|text| text.strip_prefix("Bearer ")).unwrap_or_default();
        if bearer.is_empty() || !self.issuer.accepts(bearer).await {
            return Err(refusal(asked, StatusCode::UNAUTHORIZED, "Unauthorized"));
        }
        self.route(asked)
    }

    fn route(&self, asked: &Asked) -> Result<Reply, Reply> {
        let route = asked.route();
        if !matches!(route.first(), Some(&"v1")) {
            return Err(refusal(asked, StatusCode::NOT_FOUND, "Not Found"));
        }
        if asked.method != Method::GET {
            return Err(refusal(asked, StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"));
        }
        let catalogue = &self.catalogue;
        match route.get(1..).unwrap_or_default() {
            ["companies"] => list::list(asked, &catalogue.companies, &list::COMPANIES),
            ["companies", id] => one(asked, id, &catalogue.companies),
            ["subscriptions"] => list::list(asked, &catalogue.subscriptions, &list::SUBSCRIPTIONS),
            ["subscriptions", id] => one(asked, id, &catalogue.subscriptions),
            ["products"] => list::list(asked, &catalogue.products, &list::PRODUCTS),
            ["products", id] => one(asked, id, &catalogue.products),
            _ => Err(refusal(asked, StatusCode::NOT_FOUND, "Not Found")),
        }
    }
}

impl Vendor for Pax8 {
    async fn answer(&self, asked: Asked) -> Reply {
        let answered = if asked.path == "/v1/token" { self.token(&asked).await } else { self.serve(&asked).await };
        answered.unwrap_or_else(|refused| refused)
    }
}

/// The token endpoint's own error.
fn denied() -> Reply {
    answer(StatusCode::UNAUTHORIZED, &json!({"error": "access_denied", "error_description": "Unauthorized"}))
}

/// The envelope of every other error.
fn refusal(asked: &Asked, status: StatusCode, message: &str) -> Reply {
    let kind = status.canonical_reason().unwrap_or("Error");
    let told =
        json!({"type": kind, "message": message, "instance": asked.path, "status": status.as_u16(), "details": []});
    answer(status, &told)
}

fn one(asked: &Asked, id: &str, all: &[Value]) -> Result<Reply, Reply> {
    let found = all.iter().find(|value| value.get("id").and_then(Value::as_str) == Some(id));
    let missing = || refusal(asked, StatusCode::NOT_FOUND, "The resource was not found");
    found.map(|value| answer(StatusCode::OK, value)).ok_or_else(missing)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
#[path = "pax8/tests.rs"]
mod tests;
