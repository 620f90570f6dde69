//! Proxmox VE: what does `pveproxy` check, and how does it answer?
//!
//! An API token in `Authorization`, which a ticket cookie overrides; `{"data": …}` around every answer; the reason of an
//! error in the status line as well; every failed authentication delayed; no body on GET and DELETE, no chunks at all.

mod auth;
mod cluster;
mod parameters;
mod tokens;

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, SERVER, TRANSFER_ENCODING};
use http::{Method, StatusCode};
use hyper::ext::ReasonPhrase;
use serde_json::{Value, json};

use crate::asked::Asked;
use crate::reply::{Reply, empty, json as answer, with};
use crate::vendor::{Api, Vendor};
use crate::{Running, TestCa};
use auth::Session;
use tokens::Tokens;

/// Where the JSON formatter lies.
const BASE: [&str; 2] = ["api2", "json"];

/// One API token that exists from the start.
#[derive(Debug, Clone)]
pub struct ApiToken {
    /// The user with the realm: `claviger@pve`.
    pub user: String,
    /// The token's own name.
    pub id: String,
    /// Its value, a UUID.
    pub secret: String,
    /// Privilege separation: without rights of its own such a token sees empty lists.
    pub privsep: bool,
    /// Rights of its own; they matter when `privsep` is set.
    pub acl: bool,
}

/// What the simulator expects of its callers.
#[derive(Debug, Clone)]
pub struct ProxmoxConfig {
    /// The tokens that exist. Their users exist and may do everything.
    pub tokens: Vec<ApiToken>,
    /// How long an answer to a failed authentication takes. The vendor's 3 s are long for a test.
    pub auth_delay: Duration,
    /// DNS names of the certificate, beside 127.0.0.1 and localhost.
    pub names: Vec<String>,
}

impl Default for ProxmoxConfig {
    fn default() -> Self {
        Self { tokens: Vec::new(), auth_delay: Duration::from_millis(100), names: Vec::new() }
    }
}

/// A Proxmox VE cluster of three nodes.
#[derive(Debug)]
pub struct Proxmox {
    auth_delay: Duration,
    tokens: Mutex<Tokens>,
}

/// Why a request of an authenticated caller fails.
#[derive(Debug)]
enum Failure {
    /// 400 with a reason for every parameter.
    Parameters(Vec<(String, String)>),
    /// 403 with the path and the privilege that is missing.
    Permission(String),
    /// 500 with a reason.
    Failed(String),
    /// 501.
    NotImplemented(String),
}

impl Proxmox {
    /// Starts it.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(ca: &TestCa, config: ProxmoxConfig) -> io::Result<Running> {
        let tls = ca.server(&config.names)?;
        let site = Self { auth_delay: config.auth_delay, tokens: Mutex::new(Tokens::new(config.tokens)) };
        Running::start(Api(site), Some(tls))
    }

    fn authenticate(&self, asked: &Asked) -> Result<Session, String> {
        auth::authenticate(asked, &self.tokens.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn route(&self, asked: &Asked, session: &Session) -> Result<Value, Failure> {
        let route = asked.route();
        let rest = route.get(BASE.len()..).unwrap_or_default();
        let unknown = || Failure::NotImplemented(format!("Method '{} {}' not implemented", asked.method, asked.path));
        let given = parameters::read(asked)?;
        match (&asked.method, rest) {
            (&Method::GET, ["access", "users", user, "token"]) => {
                given.none()?;
                self.tokens().list(session, user)
            }
            (&Method::GET, ["access", "users", user, "token", id]) => {
                given.none()?;
                self.tokens().show(session, user, id)
            }
            (&Method::POST, ["access", "users", user, "token", id]) => self.tokens().mint(session, user, id, &given),
            (&Method::DELETE, ["access", "users", user, "token", id]) => {
                given.none()?;
                self.tokens().revoke(session, user, id)
            }
            (&Method::GET, rest) => cluster::route(rest, session, &given).unwrap_or_else(|| Err(unknown())),
            _ => Err(unknown()),
        }
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vendor for Proxmox {
    async fn answer(&self, asked: Asked) -> Reply {
        if asked.headers.contains_key(TRANSFER_ENCODING) {
            return said(StatusCode::NOT_IMPLEMENTED, "chunked transfer encoding not supported");
        }
        if asked.segments.first().map(String::as_str) != Some("api2") {
            return said(StatusCode::NOT_IMPLEMENTED, &format!("no such file '{}'", asked.path));
        }
        if !asked.route().starts_with(&BASE) {
            return said(StatusCode::NOT_IMPLEMENTED, "no such uri");
        }
        let session = match self.authenticate(&asked) {
            Ok(session) => session,
            Err(reason) => {
                tokio::time::sleep(self.auth_delay).await;
                return said(StatusCode::UNAUTHORIZED, &reason);
            }
        };
        let has_length = asked.headers.get(CONTENT_LENGTH).is_some_and(|value| value != "0");
        if has_length && !matches!(asked.method, Method::PUT | Method::POST) {
            return said(StatusCode::NOT_IMPLEMENTED, &format!("Unexpected content for method '{}'", asked.method));
        }
        if has_length && !parameters::takes(asked.header("content-type")) {
            return said(StatusCode::VARIANT_ALSO_NEGOTIATES, "upload 'Content-Type' not implemented");
        }
        match self.route(&asked, &session) {
            Ok(data) => dressed(answer(StatusCode::OK, &json!({"data": data}))),
            Err(failure) => failure.reply(),
        }
    }
}

impl Failure {
    fn reply(self) -> Reply {
        let (status, message, errors) = match self {
            Self::Parameters(errors) => {
                (StatusCode::BAD_REQUEST, "Parameter verification failed.".to_owned(), Some(errors))
            }
            Self::Permission(what) => (StatusCode::FORBIDDEN, format!("Permission check failed ({what})"), None),
            Self::Failed(why) => (StatusCode::INTERNAL_SERVER_ERROR, why, None),
            Self::NotImplemented(why) => (StatusCode::NOT_IMPLEMENTED, why, None),
        };
        let mut body = json!({"data": null, "message": format!("{message}\n")});
        if let (Some(errors), Some(body)) = (errors, body.as_object_mut()) {
            let errors = errors.into_iter().map(|(name, why)| (name, Value::String(why))).collect();
            body.insert("errors".to_owned(), Value::Object(errors));
        }
        phrased(dressed(answer(status, &body)), &message)
    }
}

/// An answer without a body whose reason stands in the status line alone.
fn said(status: StatusCode, reason: &str) -> Reply {
    phrased(with(empty(status), SERVER, "pve-api-daemon/3.0"), reason)
}

fn dressed(reply: Reply) -> Reply {
    let reply = with(reply, CONTENT_TYPE, "application/json;charset=UTF-8");
    with(with(reply, CACHE_CONTROL, "max-age=0"), SERVER, "pve-api-daemon/3.0")
}

/// The vendor puts its own words where other servers say `Bad Request`.
fn phrased(mut reply: Reply, reason: &str) -> Reply {
    if let Ok(phrase) = ReasonPhrase::try_from(Bytes::copy_from_slice(reason.as_bytes())) {
        reply.extensions_mut().insert(phrase);
    }
    reply
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
#[path = "proxmox/tests.rs"]
mod tests;
