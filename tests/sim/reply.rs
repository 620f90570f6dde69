//! Answers.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;

/// An answer with its whole body; boxed, because most functions here answer one way or the other.
pub(crate) type Reply = Box<Response<Full<Bytes>>>;

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Box::new(Response::new(Full::new(Bytes::new())));
    *reply.status_mut() = status;
    reply
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, value: &Value) -> Reply {
    let mut reply = Box::new(Response::new(Full::new(Bytes::from(value.to_string()))));
    *reply.status_mut() = status;
    reply.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// Adds a header; a value that no header can hold is left out.
pub(crate) fn with(mut reply: Reply, name: HeaderName, value: &str) -> Reply {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
    reply
}
