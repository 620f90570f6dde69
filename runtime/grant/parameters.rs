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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_manifest::PathTemplate;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::{MAX_VALUE, ParameterError, Target, encode_pairs, render};

    fn fill(path: &str, query: &[&str], given: &[(&str, &str)]) -> Result<Target, ParameterError> {
        let path: PathTemplate = path.parse().unwrap();
        let query: Vec<String> = query.iter().map(ToString::to_string).collect();
        let given: Vec<(String, String)> =
            given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        render(&path, &query, &given)
    }

    #[test]
    fn the_query_has_the_manifests_order_and_only_what_was_given() {
        let target = fill("/a/{id}", &["page", "size", "$q"], &[("$q", "a=b&c"), ("id", "7"), ("page", "")]).unwrap();
        assert_eq!((target.path.as_str(), target.query.as_str()), ("/a/7", "page=&%24q=a%3Db%26c"));
        assert_eq!(target.query_pairs.len(), 2);
        assert_eq!(fill("/", &[], &[]).unwrap().path, "/");
        assert_eq!(fill("/redfish/v1/", &[], &[]).unwrap().path, "/redfish/v1/");
    }

    #[test]
    fn each_way_to_go_wrong_has_its_reason() {
        let named = |variant: fn(String) -> ParameterError, name: &str| variant(name.to_owned());
        let fails = |given: &[(&str, &str)]| fill("/a/{id}", &["page"], given).unwrap_err();
        assert_eq!(fails(&[]), named(ParameterError::Missing, "id"));
        assert_eq!(fails(&[("id", "1"), ("other", "2")]), named(ParameterError::Undeclared, "id, page"));
        assert_eq!(fails(&[("id", "1"), ("id", "1")]), named(ParameterError::Repeated, "id"));
        assert_eq!(fails(&[("id", "1"), ("page", "1"), ("page", "2")]), named(ParameterError::Repeated, "page"));
        for control in ["a\nb", "a\rb", "\0", "\u{7f}", "\u{85}"] {
            assert_eq!(fails(&[("id", "1"), ("page", control)]), named(ParameterError::Control, "page"));
        }
        let long = "x".repeat(MAX_VALUE + 1);
        assert_eq!(fails(&[("id", "1"), ("page", &long)]), named(ParameterError::TooLong, "page"));
        assert!(fill("/a/{id}", &[], &[("id", &long[..MAX_VALUE])]).is_ok());
    }

    #[test]
    fn a_path_value_cannot_leave_its_segment() {
        for value in ["", ".", "..", "../x", "a/b", "a\\b", "%2f", "%252e", "a;b=c", "a?b", "a#b", "..%00"] {
            let error = fill("/a/{id}", &[], &[("id", value)]).unwrap_err();
            assert_eq!(error, ParameterError::Escapes("id".to_owned()), "{value}");
        }
        // Dots that are part of a name are fine, and so are they in a query.
        assert_eq!(fill("/a/{id}", &[], &[("id", "...")]).unwrap().path, "/a/...");
        assert_eq!(fill("/a", &["q"], &[("q", "../?#;%")]).unwrap().query, "q=..%2F%3F%23%3B%25");
    }

    proptest! {
        #[test]
        fn a_rendered_path_has_the_templates_segments_and_gives_the_values_back(
            first in "\\PC{0,12}|[./%;?#a-z\\\\]{0,6}",
            second in "\\PC{0,12}",
        ) {
            let given = [("a", first.as_str()), ("b", second.as_str())];
            if let Ok(target) = fill("/x/{a}/y/{b}", &[], &given) {
                let segments: Vec<&str> = target.path.split('/').collect();
                prop_assert_eq!(segments.len(), 5);
                let decoded = |index: usize| percent_decode_str(segments.get(index).unwrap()).decode_utf8().unwrap();
                prop_assert_eq!(decoded(2), first.as_str());
                prop_assert_eq!(decoded(4), second.as_str());
                prop_assert!(target.path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte)));
            }
        }

        #[test]
        fn plain_values_are_always_accepted(value in "[a-zA-Z0-9@!+= \u{e0}-\u{ff}-]{1,20}") {
            let target = fill("/x/{a}", &[], &[("a", value.as_str())]);
            prop_assert!(target.is_ok());
        }

        #[test]
        fn pairs_come_back_from_their_encoding(pairs in proptest::collection::vec(("\\PC{0,8}", "\\PC{0,8}"), 0..4)) {
            let pairs: Vec<(String, String)> = pairs;
            let encoded = encode_pairs(&pairs);
            let decoded: Vec<(String, String)> = form_urlencoded::parse(encoded.as_bytes()).into_owned().collect();
            prop_assert_eq!(decoded, pairs);
        }
    }
}
