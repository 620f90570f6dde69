//! Path templates: `/v1/subscriptions/{id}`. A parameter fills a whole segment, so no value can make a second one.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::Name;

/// The longest template, in bytes: request targets over 8,000 bytes are refused by common servers (RFC 9110 §4.1).
const MAX: usize = 2_000;

/// A path with named parameters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PathTemplate(Vec<PathSegment>);

/// One segment of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathSegment {
    /// Text as it is sent. Empty only as the last one, after a trailing slash.
    Literal(String),
    /// The value of this parameter.
    Parameter(Name),
}

/// Why a text is not a path template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathTemplateError {
    /// No slash at the start.
    #[error("a path starts with `/`")]
    Start,
    /// An empty segment in the middle.
    #[error("a path has no empty segment but behind a trailing slash")]
    EmptySegment,
    /// A dot segment (RFC 3986 §3.3).
    #[error("a path has no segment `.` or `..`")]
    DotSegment,
    /// A character that has a meaning elsewhere, or is not allowed in a path.
    #[error(
        "a path segment holds ASCII letters, digits and -._~!$&'()*+,=:@ only; percent-encoding is the host's work"
    )]
    Character,
    /// Braces that do not enclose a whole segment.
    #[error("a parameter is a name in braces and fills its whole segment, as in `/items/{{id}}`")]
    Parameter,
    /// One parameter twice.
    #[error("a path names each parameter once")]
    Repeated,
    /// Too long.
    #[error("a path is at most {MAX} bytes long")]
    TooLong,
}

impl PathTemplate {
    /// The segments in their order; none for `/`.
    pub fn segments(&self) -> &[PathSegment] {
        &self.0
    }

    /// The parameters in their order.
    pub fn parameters(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().filter_map(|segment| match segment {
            PathSegment::Parameter(name) => Some(name),
            PathSegment::Literal(_) => None,
        })
    }
}

impl FromStr for PathTemplate {
    type Err = PathTemplateError;

    fn from_str(text: &str) -> Result<Self, PathTemplateError> {
        if text.len() > MAX {
            return Err(PathTemplateError::TooLong);
        }
        let rest = text.strip_prefix('/').ok_or(PathTemplateError::Start)?;
        if rest.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let last = rest.matches('/').count();
        let segments: Result<Vec<_>, _> =
            rest.split('/').enumerate().map(|(index, part)| segment(part, index == last)).collect();
        let template = Self(segments?);
        let repeated = template
            .parameters()
            .enumerate()
            .any(|(index, name)| template.parameters().skip(index + 1).any(|other| other == name));
        if repeated { Err(PathTemplateError::Repeated) } else { Ok(template) }
    }
}

fn segment(part: &str, last: bool) -> Result<PathSegment, PathTemplateError> {
    if part.contains(['{', '}']) {
        let name = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let name = name.and_then(|name| name.parse().ok()).ok_or(PathTemplateError::Parameter)?;
        return Ok(PathSegment::Parameter(name));
    }
    match part {
        "" if !last => Err(PathTemplateError::EmptySegment),
        "." | ".." => Err(PathTemplateError::DotSegment),
        part if !part.bytes().all(in_segment) => Err(PathTemplateError::Character),
        part => Ok(PathSegment::Literal(part.to_owned())),
    }
}

/// `pchar` of RFC 3986 §3.3 without percent-encoding, which some upstreams decode twice, and without `;`, which some
/// read as the start of matrix parameters.
fn in_segment(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte)
}

impl TryFrom<String> for PathTemplate {
    type Error = PathTemplateError;

    fn try_from(text: String) -> Result<Self, PathTemplateError> {
        text.parse()
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("/");
        }
        self.0.iter().try_for_each(|segment| match segment {
            PathSegment::Literal(text) => write!(formatter, "/{text}"),
            PathSegment::Parameter(name) => write!(formatter, "/{{{name}}}"),
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::{PathSegment, PathTemplate, PathTemplateError};

    #[test]
    fn segments_are_literals_or_parameters() {
        let path: PathTemplate = "/v4_6_release/apis/3.0/tickets/{id}/".parse().unwrap();
        assert_eq!(path.segments().len(), 6);
        assert_eq!(path.segments().get(5), Some(&PathSegment::Literal(String::new())));
        assert_eq!(path.parameters().map(|name| name.as_str()).collect::<Vec<_>>(), ["id"]);
        assert!("/".parse::<PathTemplate>().unwrap().segments().is_empty());
    }

    #[test]
    fn each_way_to_go_wrong_has_its_reason() {
        use PathTemplateError::{Character, DotSegment, EmptySegment, Parameter, Repeated, Start, TooLong};
        let long = format!("/{}", "x".repeat(2000));
        let cases = [
            ("", Start),
            ("v1", Start),
            ("https://example.com/", Start),
            ("//v1", EmptySegment),
            ("/v1//x", EmptySegment),
            ("/v1/./x", DotSegment),
            ("/v1/..", DotSegment),
            ("/a%2fb", Character),
            ("/a;b", Character),
            ("/a?b", Character),
            ("/a#b", Character),
            ("/a b", Character),
            ("/a\\b", Character),
            ("/caf\u{e9}", Character),
            ("/a-{id}", Parameter),
            ("/{id}.json", Parameter),
            ("/{Id}", Parameter),
            ("/{a}{b}", Parameter),
            ("/{id", Parameter),
            ("/{id}/{id}", Repeated),
            (long.as_str(), TooLong),
        ];
        for (text, reason) in cases {
            assert_eq!(text.parse::<PathTemplate>().unwrap_err(), reason, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_comes_back(text in "(/([a-zA-Z0-9._~!$&'()*+,=:@-]{0,5}|\\{[a-z]{1,3}\\})){0,6}|\\PC{0,24}") {
            if let Ok(path) = text.parse::<PathTemplate>() {
                prop_assert_eq!(path.to_string(), text.clone());
                let slashes = text.matches('/').count();
                prop_assert!(path.segments().len() == slashes || (text == "/" && path.segments().is_empty()));
            }
        }
    }
}
