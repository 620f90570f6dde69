//! Operations: one thing that a plugin may ask of an upstream. The unit of capability.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{BodyPattern, Effect, FieldType, Name, PathTemplate, Reply};

/// `[operations.<name>]`
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Operation {
    /// What it does, in the author's words; an approver reads it.
    pub description: Option<String>,
    /// The endpoint it goes to.
    pub endpoint: Name,
    /// The credentials it takes, one of them each time; none for operations without authentication.
    pub credentials: Vec<Name>,
    /// The HTTP method.
    pub method: Method,
    /// The path.
    pub path: PathTemplate,
    /// The query parameters that a plugin may give, in the order they are sent.
    pub query: Vec<String>,
    /// Headers with constant values.
    pub headers: BTreeMap<String, String>,
    /// The leaves of the body that a plugin may set.
    pub body: Vec<BodyPattern>,
    /// How the body is encoded.
    pub body_type: BodyType,
    /// Sites for secret values in the body: site name to JSON pointer (RFC 6901).
    pub lend: BTreeMap<Name, String>,
    /// What it does to the world.
    pub effect: Effect,
    /// What the host takes out of the answer: slot to place.
    pub capture: BTreeMap<Name, CaptureSource>,
    /// Places that are removed from the answer before it is scanned: where the upstream is known to echo.
    pub strip: Vec<BodyPattern>,
    /// Response headers that are removed before the answer is scanned, for the same reason.
    pub strip_headers: Vec<String>,
    /// What of the answer reaches the plugin.
    pub reply: Reply,
    /// The response headers that a plugin may read.
    pub response_headers: Vec<String>,
}

/// How a body is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyType {
    /// `application/json`
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
}

/// Where a captured value is in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptureSource {
    /// At this JSON pointer (RFC 6901) of the body.
    Pointer(String),
    /// In this header.
    Header(String),
}

/// An HTTP method (RFC 9110 §9, RFC 5789).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the methods are named as the RFCs name them")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// Why an operation is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// `credential` and `credentials`.
    #[error("an operation has either `credential` or `credentials`, not both")]
    BothCredentials,
    /// An empty list.
    #[error("`credentials` lists at least one; an operation without authentication leaves it out")]
    NoCredentials,
    /// `response = "status"` and a projection.
    #[error("an operation has either `response` or `projection`, not both")]
    BothReplies,
    /// A projection without a field.
    #[error("a projection lists at least one field; for none, say `response = \"status\"`")]
    NoFields,
    /// A list of words without a word.
    #[error("a list of words holds at least one word")]
    NoWords,
    /// A place in a projection.
    #[error("in `projection`: {0}")]
    Field(crate::BodyPatternError),
}

/// The table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    description: Option<String>,
    endpoint: Name,
    credential: Option<Name>,
    credentials: Option<Vec<Name>>,
    method: Method,
    path: PathTemplate,
    #[serde(default)]
    query: Vec<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Vec<BodyPattern>,
    #[serde(default)]
    body_type: BodyType,
    #[serde(default)]
    lend: BTreeMap<Name, String>,
    effect: Effect,
    #[serde(default)]
    capture: BTreeMap<Name, CaptureSource>,
    #[serde(default)]
    strip: Vec<BodyPattern>,
    #[serde(default)]
    strip_headers: Vec<String>,
    response: Option<Whole>,
    projection: Option<BTreeMap<String, FieldType>>,
    #[serde(default)]
    response_headers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Whole {
    Full,
    Status,
}

/// Patterns are read one by one, so that the error names the one that is wrong.
fn reply(whole: Option<Whole>, projection: Option<BTreeMap<String, FieldType>>) -> Result<Reply, OperationError> {
    match (whole, projection) {
        (Some(_), Some(_)) => Err(OperationError::BothReplies),
        (None | Some(Whole::Full), None) => Ok(Reply::Full),
        (Some(Whole::Status), None) => Ok(Reply::Status),
        (None, Some(fields)) if fields.is_empty() => Err(OperationError::NoFields),
        (None, Some(fields)) => {
            let field = |(place, kind): (String, FieldType)| Ok((place.parse().map_err(OperationError::Field)?, kind));
            fields.into_iter().map(field).collect::<Result<_, _>>().map(Reply::Projection)
        }
    }
}

impl Method {
    /// The method as it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl TryFrom<Raw> for Operation {
    type Error = OperationError;

    fn try_from(raw: Raw) -> Result<Self, OperationError> {
        let credentials = match (raw.credential, raw.credentials) {
            (Some(_), Some(_)) => return Err(OperationError::BothCredentials),
            (None, Some(list)) if list.is_empty() => return Err(OperationError::NoCredentials),
            (None, Some(list)) => list,
            (one, None) => one.into_iter().collect(),
        };
        Ok(Self {
            description: raw.description,
            endpoint: raw.endpoint,
            credentials,
            method: raw.method,
            path: raw.path,
            query: raw.query,
            headers: raw.headers,
            body: raw.body,
            body_type: raw.body_type,
            lend: raw.lend,
            effect: raw.effect,
            capture: raw.capture,
            strip: raw.strip,
            strip_headers: raw.strip_headers,
            reply: reply(raw.response, raw.projection)?,
            response_headers: raw.response_headers,
        })
    }
}
