//! The one canonical form of a JSON value, RFC 8785 (JCS): written, and recognised.
//!
//! The log's numbers are integers below 2^53 (RFC 7493 §2.2), so that no two readers can round one differently, and almost
//! all of its names are ASCII. For those values `serde_json`'s own output with sorted members *is* the canonical form, at a
//! fraction of the cost; names beyond ASCII, whose order RFC 8785 defines over UTF-16, go through a general canonicaliser.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The largest integer that every JSON reader keeps whole: 2^53 - 1 (RFC 7493 §2.2).
pub(crate) const MAX_INTEGER: u64 = 9_007_199_254_740_991;

/// Why a text is not canonical, or a value has no canonical form here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    /// Not JSON, or nested deeper than serde_json reads (128 levels).
    #[error("it is not JSON, or nested too deeply, at line {line}, column {column}")]
    Json {
        /// Line, from 1; 0 where there is none.
        line: usize,
        /// Column, from 1; 0 where there is none.
        column: usize,
    },
    /// A number that the log's form does not have.
    #[error("it holds a number that is no integer below 2^53 (RFC 7493 section 2.2)")]
    Number,
    /// JSON, but not in its canonical form: order, white space, escapes or a member twice.
    #[error("it is JSON, but not in its canonical form (RFC 8785)")]
    Form,
}

impl From<serde_json::Error> for NotCanonical {
    fn from(error: serde_json::Error) -> Self {
        Self::Json { line: error.line(), column: error.column() }
    }
}

/// The canonical text of a value.
///
/// # Errors
/// [`NotCanonical`] for what the log's form does not have: numbers that are no integers below 2^53.
pub(crate) fn canonicalise(value: &impl Serialize) -> Result<String, NotCanonical> {
    write(serde_json::to_value(value)?)
}

fn write(mut value: Value) -> Result<String, NotCanonical> {
    if is_plain(&value)? {
        // Maps are sorted already, unless some crate in the build switches serde_json's `preserve_order` on.
        value.sort_all_objects();
        return Ok(serde_json::to_string(&value)?);
    }
    Ok(serde_json_canonicalizer::to_string(&value)?)
}

/// Whether every name is ASCII: then bytes and UTF-16 code units sort alike.
fn is_plain(value: &Value) -> Result<bool, NotCanonical> {
    match value {
        Value::Number(number) => {
            let whole = number.as_u64().is_some_and(|whole| whole <= MAX_INTEGER);
            if whole { Ok(true) } else { Err(NotCanonical::Number) }
        }
        Value::Array(items) => all_plain(items),
        Value::Object(members) => {
            let names = members.keys().all(|name| name.is_ascii());
            Ok(all_plain(members.values())? && names)
        }
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(true),
    }
}

/// Looks at every value, so that a number is found behind a name that is not ASCII too.
fn all_plain<'a>(values: impl IntoIterator<Item = &'a Value>) -> Result<bool, NotCanonical> {
    values.into_iter().try_fold(true, |plain, value| Ok(is_plain(value)? && plain))
}

/// Reads a canonical JSON object; gives its members as slices, in order. A text that is anything but the canonical form of
/// its value is refused: written anew, it must come out the same.
pub(crate) fn members(text: &str) -> Result<Vec<(&str, &str)>, NotCanonical> {
    let value: Value = serde_json::from_str(text)?;
    if write(value)? != text {
        return Err(NotCanonical::Form);
    }
    let Members(members) = serde_json::from_str(text)?;
    Ok(members)
}

/// The member of this name.
pub(crate) fn member<'a>(members: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    members.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
}

/// An integer.
pub(crate) fn integer(text: &str) -> Option<u64> {
    serde_json::from_str(text).ok().filter(|value| *value <= MAX_INTEGER)
}

/// A string, quotes included in `text`.
pub(crate) fn string(text: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<String>(text).ok().map(Cow::Owned)
}

/// The members of an object as they stand in the text. Names that need an escape are of no entry, so they are refused.
struct Members<'a>(Vec<(&'a str, &'a str)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::with_capacity(8);
        while let Some((name, value)) = entries.next_entry::<&str, &RawValue>()? {
            members.push((name, value.get()));
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
pub(crate) mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::{MAX_INTEGER, NotCanonical, canonicalise, integer, member, members, string};

    pub(crate) fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            (0..=MAX_INTEGER).prop_map(Value::from),
            any::<String>().prop_map(Value::String),
            "[\\x00-\\x24\\\\\u{e000}\u{10000}]{0,6}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            let name = prop_oneof![any::<String>(), "[\u{e000}\u{10000}\\x00-\\x24\\\\]{0,3}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::vec((name, inner), 0..5).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_the_canonicaliser_writes_is_accepted(value in values()) {
            let object = Value::Object(Map::from_iter([("value".to_owned(), value)]));
            let text = serde_json_canonicalizer::to_string(&object).unwrap();
            let found = members(&text).unwrap();
            let raw = member(&found, "value").unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(raw).unwrap(), object.get("value").unwrap().clone());
        }

        #[test]
        fn what_is_accepted_is_what_the_canonicaliser_writes(text in "\\{(\"[ab\\\\nu0]{0,3}\":(1|01|-1|1.0|1e3|\"[\\\\/b ]{0,2}\"|\\[1, ?2\\]|true),?){0,3}\\}") {
            if members(&text).is_ok() {
                prop_assert_eq!(serde_json_canonicalizer::pipe(&text).unwrap(), text);
            }
        }

        #[test]
        fn no_text_makes_it_fall_over(text in any::<String>()) {
            let _: Result<_, NotCanonical> = members(&text);
        }
    }

    proptest! {
        #[test]
        fn it_writes_what_a_general_canonicaliser_writes(value in values()) {
            prop_assert_eq!(canonicalise(&value).unwrap(), serde_json_canonicalizer::to_string(&value).unwrap());
        }

        #[test]
        fn the_order_in_which_members_come_does_not_matter(members: HashMap<String, u32>) {
            prop_assert_eq!(canonicalise(&members).unwrap(), serde_json_canonicalizer::to_string(&members).unwrap());
        }
    }

    #[test]
    fn what_the_log_has_no_form_for_is_refused() {
        for value in [json!(-1), json!(1.5), json!(1e300), json!(9_007_199_254_740_992_u64)] {
            assert_eq!(canonicalise(&value), Err(NotCanonical::Number), "{value}");
        }
    }

    #[test]
    fn other_forms_of_the_same_value_are_refused() {
        let canonical = r#"{"a":1,"b":"x/\n\u0001"}"#;
        assert!(members(canonical).is_ok());
        for other in [
            r#"{"b":"x/\n\u0001","a":1}"#,
            r#"{"a":1, "b":"x/\n\u0001"}"#,
            r#" {"a":1,"b":"x/\n\u0001"}"#,
            r#"{"a":1,"b":"x/\n\u0001"} "#,
            r#"{"a":01,"b":"x/\n\u0001"}"#,
            r#"{"a":1.0,"b":"x/\n\u0001"}"#,
            r#"{"a":1e0,"b":"x/\n\u0001"}"#,
            r#"{"a":1,"b":"x\/\n\u0001"}"#,
            r#"{"a":1,"b":"x/\u000a\u0001"}"#,
            r#"{"a":1,"b":"\u0078/\n\u0001"}"#,
            r#"{"a":1,"a":1,"b":"x/\n\u0001"}"#,
            "{\"a\":1,\"b\":\"x/\n\\u0001\"}",
            r#"{"a":9007199254740992,"b":"x"}"#,
            r#"{"a":-1}"#,
        ] {
            assert!(members(other).is_err(), "{other}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(members(&deep), Err(NotCanonical::Json { .. })));
    }

    #[test]
    fn scalars() {
        assert_eq!(integer("0"), Some(0));
        assert_eq!(integer("9007199254740991"), Some(MAX_INTEGER));
        for wrong in ["", "00", "01", "9007199254740992", "99999999999999999999", "1a"] {
            assert_eq!(integer(wrong), None, "{wrong}");
        }
        assert_eq!(string(r#""a\n""#).unwrap(), "a\n");
        assert_eq!(string(r#""a""#).unwrap(), "a");
        assert!(string("a").is_none());
    }
}
