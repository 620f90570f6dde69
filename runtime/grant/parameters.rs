//! Path and query parameters: declared, once, encoded so that they cannot become anything else.

use claviger_manifest::{Name, PathSegment, PathTemplate};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986 §2.3 is encoded, so a value cannot end its segment or its query pair.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The longest parameter value, in bytes: request targets over 8,000 bytes are refused by common servers
/// (RFC 9110 §4.1), and a condition string of a ticket search stays well below half of that.
const MAX_VALUE: usize = 4_000;

/// Characters that some upstream decodes into structure even when they are percent-encoded: path separators, the
/// percent sign itself (double decoding), matrix parameters, query and fragment.
const STRUCTURAL: &[char] = &['/', '\\', '%', ';', '?', '#'];

/// Why a parameter does not fit. Values are not repeated: a model may have pasted a secret into one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// A path parameter was not given.
    #[error("path parameter {0} is missing")]
    Missing(String),
    /// The operation has no such parameter.
    #[error("a parameter was given that the operation does not declare; it declares: {0}")]
    Undeclared(String),
    /// Given twice.
    #[error("parameter {0} was given twice")]
    Repeated(String),
    /// The value could leave its path segment.
    #[error("path parameter {0} would leave its path segment: it is empty, `.` or `..`, or holds one of / \\ % ; ? #")]
    Escapes(String),
    /// The value has control characters.
    #[error("parameter {0} holds a control character")]
    Control(String),
    /// The value is too long.
    #[error("parameter {0} is longer than {MAX_VALUE} bytes")]
    TooLong(String),
}

/// Path and query as they will be sent, and the query as a person reads it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) query_pairs: Vec<(String, String)>,
}

/// Fills the template. Every given parameter must be declared, every path parameter given.
pub(crate) fn render(
    path: &PathTemplate,
    query: &[String],
    given: &[(String, String)],
) -> Result<Target, ParameterError> {
    check_all(path, query, given)?;
    let query_pairs: Vec<(String, String)> =
        query.iter().filter_map(|name| value_of(given, name).map(|value| (name.clone(), value.to_owned()))).collect();
    Ok(Target { path: render_path(path, given)?, query: encode_pairs(&query_pairs), query_pairs })
}

/// `a=b&c=d` with every name and value encoded; also the form encoding of bodies.
pub(crate) fn encode_pairs(pairs: &[(String, String)]) -> String {
    let encoded: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    encoded.join("&")
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn value_of<'a>(given: &'a [(String, String)], name: &str) -> Option<&'a str> {
    given.iter().find(|(given_name, _)| given_name == name).map(|(_, value)| value.as_str())
}

fn check_all(path: &PathTemplate, query: &[String], given: &[(String, String)]) -> Result<(), ParameterError> {
    let declared: Vec<&str> = path.parameters().map(Name::as_str).chain(query.iter().map(String::as_str)).collect();
    for (index, (name, value)) in given.iter().enumerate() {
        if !declared.contains(&name.as_str()) {
            return Err(ParameterError::Undeclared(declared.join(", ")));
        }
        if given.iter().skip(index + 1).any(|(other, _)| other == name) {
            return Err(ParameterError::Repeated(name.clone()));
        }
        if value.len() > MAX_VALUE {
            return Err(ParameterError::TooLong(name.clone()));
        }
        if value.chars().any(char::is_control) {
            return Err(ParameterError::Control(name.clone()));
        }
    }
    Ok(())
}

fn render_path(path: &PathTemplate, given: &[(String, String)]) -> Result<String, ParameterError> {
    let mut rendered = String::new();
    for segment in path.segments() {
        rendered.push('/');
        match segment {
            PathSegment::Literal(text) => rendered.push_str(text),
            PathSegment::Parameter(name) => rendered.push_str(&encode(path_value(name.as_str(), given)?)),
        }
    }
    if rendered.is_empty() { Ok("/".to_owned()) } else { Ok(rendered) }
}

fn path_value<'a>(name: &str, given: &'a [(String, String)]) -> Result<&'a str, ParameterError> {
    let value = value_of(given, name).ok_or_else(|| ParameterError::Missing(name.to_owned()))?;
    let escapes = value.is_empty() || value == "." || value == ".." || value.contains(STRUCTURAL);
    if escapes { Err(ParameterError::Escapes(name.to_owned())) } else { Ok(value) }
}
