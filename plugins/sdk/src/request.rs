//! One request of a declared operation.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Serialize;

use crate::bindings::claviger::plugin::{clock, http};
use crate::patience::{Patience, TRIES};
use crate::{Credential, Failure, Response, Secret};

/// RFC 6585 §4: too many requests. Nothing was done, so any request may be sent again.
const TOO_MANY_REQUESTS: u16 = 429;

/// A request in the making: an operation of the manifest, and what goes into its declared places.
#[derive(Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct Request<'a> {
    operation: &'a str,
    parameters: Vec<http::Parameter>,
    body: Option<Result<Vec<u8>, Failure>>,
    credential: Option<&'a Credential>,
    lent: Vec<(&'a str, &'a Secret)>,
    tries: u32,
}

impl<'a> Request<'a> {
    /// Starts a request of the operation with this name.
    pub fn operation(name: &'a str) -> Self {
        Self { operation: name, parameters: Vec::new(), body: None, credential: None, lent: Vec::new(), tries: TRIES }
    }

    /// Sets a path or query parameter. The host percent-encodes the value.
    pub fn parameter(mut self, name: &str, value: impl ToString) -> Self {
        self.parameters.push(http::Parameter { name: String::from(name), value: value.to_string() });
        self
    }

    /// Sets a query parameter when there is a value.
    pub fn optional(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.parameter(name, value),
            None => self,
        }
    }

    /// Sets the body. The host encodes it as JSON or as a form, as the operation says; a form is an object of strings.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        let text = serde_json::to_vec(body).map_err(|_| Failure::Other("the body could not be written as JSON".into()));
        self.body = Some(text);
        self
    }

    /// Lends the credential that authenticates the request.
    pub fn credential(mut self, credential: &'a Credential) -> Self {
        self.credential = Some(credential);
        self
    }

    /// Lends a secret to a site that the operation declares.
    pub fn lend(mut self, site: &'a str, secret: &'a Secret) -> Self {
        self.lent.push((site, secret));
        self
    }

    /// Sends it once, also when the upstream asks to come back later. For operations that a human approves each time:
    /// the second question should not come out of the blue.
    pub fn once(mut self) -> Self {
        self.tries = 1;
        self
    }

    /// Sends it. When the upstream throttles (429), waits as long as it asks, within bounds, and sends again.
    ///
    /// # Errors
    /// [`Failure::Refused`] when the host refuses, [`Failure::RateLimited`] when the upstream asks for more patience than
    /// one call has. Every other status is an answer: see [`Response::accepted`].
    pub fn send(mut self) -> Result<Response, Failure> {
        let body = self.body.take().transpose()?;
        let mut patience = Patience::new(self.tries);
        loop {
            let response = self.attempt(body.as_deref())?;
            if response.status() != TOO_MANY_REQUESTS {
                return Ok(response);
            }
            clock::wait(patience.milliseconds(response.header("retry-after").as_deref())?);
        }
    }

    fn attempt(&self, body: Option<&[u8]>) -> Result<Response, Failure> {
        let lend: Vec<http::Lent<'_>> = self
            .lent
            .iter()
            .map(|(site, secret)| http::Lent { site: String::from(*site), value: secret.handle() })
            .collect();
        let credential = self.credential.map(Credential::handle);
        let sent = http::send(self.operation, &self.parameters, body, credential, &lend);
        Ok(Response::new(self.operation, sent?))
    }
}
