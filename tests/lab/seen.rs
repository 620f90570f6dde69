//! What an upstream saw, decoded.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use claviger_sim::SeenRequest;

/// User and password of a request with Basic authentication (RFC 7617), as `user:password`.
#[must_use]
pub fn basic(request: &SeenRequest) -> Option<String> {
    let encoded = request.header("authorization")?.strip_prefix("Basic ")?;
    String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()
}

/// The decoded pairs of a query or a form, in their order.
#[must_use]
pub fn pairs(encoded: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded.as_bytes()).into_owned().collect()
}
