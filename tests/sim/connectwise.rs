//! ConnectWise PSA: what does its REST API check, and how does it answer?
//!
//! Basic authentication composed of three secrets, a `clientId` header, a vendor media type, `conditions`, pages with
//! `Link`, `{code, message, errors}` for every error.

mod conditions;
mod data;
mod list;

use std::io;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::header::{ACCEPT, RETRY_AFTER};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::asked::Asked;
use crate::reply::{Reply, json as answer, with};
use crate::vendor::{Api, Throttle, Vendor};
use crate::{Identity, Running, TestCa};
use data::Data;

/// Where the API lies on every ConnectWise host.
const BASE: [&str; 3] = ["v4_6_release", "apis", "3.0"];
/// The media type that pins a version of the API.
const MEDIA_TYPE: &str = "application/vnd.connectwise.com+json";

/// What the simulator expects of its callers.
#[derive(Debug, Clone)]
pub struct ConnectwiseConfig {
    /// The company identifier, the part before the `+`.
    pub company: String,
    /// The API member's public key.
    pub public_key: String,
    /// The API member's private key.
    pub private_key: String,
    /// The integration's client identifier, a GUID.
    pub client_id: String,
    /// How many requests are answered 429 with `Retry-After: 1` before the first is served.
    pub throttle: u32,
    /// DNS names of the certificate, beside 127.0.0.1 and localhost.
    pub names: Vec<String>,
}

/// A ConnectWise PSA server.
#[derive(Debug)]
pub struct Connectwise {
    config: ConnectwiseConfig,
    throttle: Throttle,
    data: Data,
}

impl Connectwise {
    /// Starts it.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(ca: &TestCa, config: ConnectwiseConfig) -> io::Result<Running> {
        let tls = ca.server(&config.names)?;
        let throttle = Throttle::first(config.throttle);
        Running::start(Api(Self { config, throttle, data: Data::seeded() }), Some(tls))
    }

    /// Starts it behind a gateway with this certificate that asks for a client's certificate of the same authority.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start_for_clients(ca: &TestCa, identity: &Identity, config: ConnectwiseConfig) -> io::Result<Running> {
        let tls = ca.server_for_clients(identity)?;
        let throttle = Throttle::first(config.throttle);
        Running::start(Api(Self { config, throttle, data: Data::seeded() }), Some(tls))
    }

    /// The checks in the vendor's order: the gateway's clientId, then the keys, then the version asked for.
    fn check(&self, asked: &Asked) -> Result<(), Reply> {
        if asked.header("clientid") != Some(self.config.client_id.as_str()) {
            return Err(refusal(
                StatusCode::UNAUTHORIZED,
                "Unauthorized",
                "The clientId header is missing or invalid.",
            ));
        }
        let ConnectwiseConfig { company, public_key, private_key, .. } = &self.config;
        let basic = BASE64_STANDARD.encode(format!("{company}+{public_key}:{private_key}"));
        let given = asked.header("authorization").and_then(|value| value.strip_prefix("Basic "));
        if given != Some(basic.as_str()) {
            return Err(refusal(StatusCode::UNAUTHORIZED, "ConnectWiseApi", "UserNotAuthenticated"));
        }
        if !asked.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(pins_version) {
            let told = format!("Accept must be {MEDIA_TYPE}; version=YYYY.N");
            return Err(refusal(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", &told));
        }
        Ok(())
    }

    fn route(&self, asked: &Asked) -> Result<Reply, Reply> {
        let route = asked.route();
        let rest = route.strip_prefix(BASE.as_slice()).ok_or_else(|| no_route(asked))?;
        match rest {
            ["service", "tickets"] => list::list(asked, &self.data.tickets, data::TICKET_FIELDS),
            ["service", "tickets", id] => one("Ticket", id, &self.data.tickets),
            ["service", "tickets", id, "notes"] => {
                one("Ticket", id, &self.data.tickets)?;
                list::list(asked, &data::of_parent(&self.data.notes, "ticketId", id), data::NOTE_FIELDS)
            }
            ["project", "projects"] => list::list(asked, &self.data.projects, data::PROJECT_FIELDS),
            ["project", "projects", id] => one("Project", id, &self.data.projects),
            ["project", "tickets"] => list::list(asked, &self.data.project_tickets, data::TICKET_FIELDS),
            ["project", "tickets", id] => one("Ticket", id, &self.data.project_tickets),
            _ => Err(no_route(asked)),
        }
    }
}

impl Vendor for Connectwise {
    async fn answer(&self, asked: Asked) -> Reply {
        if self.throttle.refuses() {
            let reply = refusal(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", "Too many requests, retry later.");
            return with(reply, RETRY_AFTER, "1");
        }
        if let Err(refused) = self.check(&asked) {
            return refused;
        }
        if asked.method != Method::GET {
            let told = format!("The requested resource does not support http method '{}'.", asked.method);
            return refusal(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", &told);
        }
        self.route(&asked).unwrap_or_else(|refused| refused)
    }
}

/// The vendor serves its newest version to a caller who pins none; here such a caller is refused, because it breaks at
/// the vendor's next release.
fn pins_version(accept: &str) -> bool {
    let Some((media, parameter)) = accept.split_once(';') else { return false };
    let Some((year, release)) = parameter.trim().strip_prefix("version=").and_then(|text| text.split_once('.')) else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    media.trim() == MEDIA_TYPE && year.len() == 4 && digits(year) && digits(release)
}

/// The envelope of every error.
fn refusal(status: StatusCode, code: &str, message: &str) -> Reply {
    answer(status, &json!({"code": code, "message": message, "errors": null}))
}

/// A request that the vendor does not understand.
fn bad(code: &str, message: &str) -> Reply {
    refusal(StatusCode::BAD_REQUEST, code, message)
}

fn no_route(asked: &Asked) -> Reply {
    let told = format!("No HTTP resource was found that matches the request URI '{}'.", asked.path);
    refusal(StatusCode::NOT_FOUND, "NotFound", &told)
}

fn one(what: &str, id: &str, all: &[Value]) -> Result<Reply, Reply> {
    let number: u64 = id.parse().map_err(|_| bad("InvalidArgument", &format!("'{id}' is no identifier.")))?;
    let found = all.iter().find(|value| value.get("id").and_then(Value::as_u64) == Some(number));
    let missing = || refusal(StatusCode::NOT_FOUND, "NotFound", &format!("{what} {number} not found"));
    found.map(|value| answer(StatusCode::OK, value)).ok_or_else(missing)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
#[path = "connectwise/tests.rs"]
mod tests;
