//! An answer of an upstream.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::DeserializeOwned;

use crate::bindings::claviger::plugin::http;
use crate::{Failure, Secret};

/// How much of a body is taken at a time, in bytes: one page of the guest's memory, so that a long body grows the buffer
/// and not the host's copies.
const CHUNK: u32 = 64 * 1024;

/// Reads JSON that may be something else, such as the error page of a proxy.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// An answer, already scanned, its outcome already in the audit log.
#[derive(Debug)]
pub struct Response {
    operation: String,
    inner: http::Response,
}

impl Response {
    pub(crate) fn new(operation: &str, inner: http::Response) -> Self {
        Self { operation: String::from(operation), inner }
    }

    /// The HTTP status code.
    pub fn status(&self) -> u16 {
        self.inner.status()
    }

    /// A response header that the operation lets through; names are case-insensitive.
    pub fn header(&self, name: &str) -> Option<String> {
        self.inner.header(name)
    }

    /// Reads the rest of the body.
    pub fn bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let chunk = self.inner.read(CHUNK);
            if chunk.is_empty() {
                return body;
            }
            body.extend_from_slice(&chunk);
        }
    }

    /// Lets a success (2xx) through and has anything else explained in the vendor's own terms.
    ///
    /// # Errors
    /// What `explain` makes of status and body.
    pub fn accepted(self, explain: impl FnOnce(u16, &[u8]) -> Failure) -> Result<Self, Failure> {
        let status = self.status();
        if (200..300).contains(&status) { Ok(self) } else { Err(explain(status, &self.bytes())) }
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`Failure::Upstream`] when it is not what `T` expects. The text gives a position, never the answer's content.
    pub fn json<T: DeserializeOwned>(self) -> Result<T, Failure> {
        serde_json::from_slice(&self.bytes()).map_err(|error| {
            let (operation, line, column) = (&self.operation, error.line(), error.column());
            Failure::Upstream(format!(
                "the answer to {operation} has another shape than its vendor documents, at line {line}, column {column}"
            ))
        })
    }

    /// Takes the secrets that capture rules took out of this answer, in the order of the rules; empty the second time.
    pub fn captured(&self) -> Vec<Secret> {
        self.inner.captured().into_iter().map(Secret::new).collect()
    }
}
