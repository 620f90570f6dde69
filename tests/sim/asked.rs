//! A request, taken apart once.

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use percent_encoding::percent_decode_str;

use crate::SeenRequest;

/// A request with its path and query decoded.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// The path, still encoded.
    pub(crate) path: String,
    /// The segments of the path, decoded one by one: an encoded slash stays inside its segment.
    pub(crate) segments: Vec<String>,
    /// Decoded name and value pairs of the query, in their order.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    raw_query: Option<String>,
}

impl Asked {
    pub(crate) fn new(request: Request<()>, body: Bytes) -> Self {
        let (parts, ()) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let decode = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        let raw_query = parts.uri.query().map(str::to_owned);
        let pairs = form_urlencoded::parse(raw_query.as_deref().unwrap_or_default().as_bytes()).into_owned();
        Self {
            method: parts.method,
            segments: path.split('/').skip(1).map(decode).collect(),
            query: pairs.collect(),
            path,
            headers: parts.headers,
            body,
            raw_query,
        }
    }

    /// The segments as patterns are matched against.
    pub(crate) fn route(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// The only value of a query parameter; `Err` when it is given more than once.
    pub(crate) fn only(&self, name: &str) -> Result<Option<&str>, Repeated> {
        let mut values = self.query.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() { Err(Repeated(name.to_owned())) } else { Ok(first) }
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn seen(&self) -> SeenRequest {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        SeenRequest {
            method: self.method.to_string(),
            path: self.path.clone(),
            query: self.raw_query.clone(),
            headers: self.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
            body: self.body.to_vec(),
        }
    }
}

/// A query parameter that may stand once stood twice.
#[derive(Debug)]
pub(crate) struct Repeated(pub(crate) String);
