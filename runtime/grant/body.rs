//! Request bodies: parsed once, only declared fields, sent as the host writes them.

use std::collections::BTreeMap;

use claviger_manifest::{BodyType, Operation, is_shown_as_it_is};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::BodyFacts;
use crate::parameters::encode_pairs;
use crate::strict_json::{self, StrictJsonError};

/// The longest place of a field that an approver is shown, in characters: a few lines of a terminal.
const MAX_POINTER: usize = 256;

/// Why a body does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON that means one thing.
    #[error(transparent)]
    Json(#[from] StrictJsonError),
    /// The operation takes none.
    #[error("it takes no body; the manifest's `body` lists nothing")]
    NotTaken,
    /// A field outside the allow-list.
    #[error("the body sets a field that the manifest's `body` does not list; it lists: {0}")]
    Field(String),
    /// A field whose name an approver would not see as it is.
    #[error(
        "the body sets a field whose name holds control or invisible characters, or is too long to be read; an approver could not see what it is"
    )]
    Hidden,
    /// Too long.
    #[error("the body is longer than the manifest's [limits] request allows ({0} bytes)")]
    TooLong(u64),
    /// A form takes an object of strings.
    #[error("a form body must be a JSON object whose values are strings")]
    NotAForm,
}

/// Parses the guest's body and holds every leaf against the operation's allow-list.
pub(crate) fn check(operation: &Operation, text: Option<&[u8]>, limit: u64) -> Result<Option<Value>, BodyError> {
    let Some(text) = text else { return Ok(None) };
    if operation.body.is_empty() && operation.lend.is_empty() {
        return Err(BodyError::NotTaken);
    }
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > limit {
        return Err(BodyError::TooLong(limit));
    }
    let value = strict_json::parse(text)?;
    for pointer in leaves(&value).keys() {
        let empty_container = pointer.is_empty() && (value.is_object() || value.is_array());
        if !empty_container && !operation.body.iter().any(|allowed| allowed.matches(pointer)) {
            let listed: Vec<String> = operation.body.iter().map(ToString::to_string).collect();
            return Err(BodyError::Field(listed.join(", ")));
        }
        // Only a `*` lets such a name through; values are shown with everything spelled out, and at any length.
        if !pointer.is_empty() && !is_shown_as_it_is(pointer, MAX_POINTER) {
            return Err(BodyError::Hidden);
        }
    }
    if operation.body_type == BodyType::Form {
        form_pairs(&value)?;
    }
    Ok(Some(value))
}

/// The facts of a body for the approver: every leaf, and the digest of what will be sent.
pub(crate) fn facts(body: &Value, body_type: BodyType) -> Result<BodyFacts, BodyError> {
    let encoded = match body_type {
        BodyType::Json => body.to_string(),
        BodyType::Form => encode_pairs(&form_pairs(body)?),
    };
    Ok(BodyFacts {
        encoding: match body_type {
            BodyType::Json => "json",
            BodyType::Form => "form",
        },
        sha256: hex::encode(Sha256::digest(encoded.as_bytes())),
        fields: leaves(body),
    })
}

/// The pairs of a form body.
pub(crate) fn form_pairs(body: &Value) -> Result<Vec<(String, String)>, BodyError> {
    let object = body.as_object().ok_or(BodyError::NotAForm)?;
    object
        .iter()
        .map(|(name, value)| Ok((name.clone(), value.as_str().ok_or(BodyError::NotAForm)?.to_owned())))
        .collect()
}

/// JSON pointer (RFC 6901) of every leaf, with the leaf's JSON text. Empty containers are leaves: they are sent too.
fn leaves(value: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(value, String::new(), &mut found);
    found
}

fn collect(value: &Value, pointer: String, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, inner) in map {
                let token = key.replace('~', "~0").replace('/', "~1");
                collect(inner, format!("{pointer}/{token}"), found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, inner) in items.iter().enumerate() {
                collect(inner, format!("{pointer}/{index}"), found);
            }
        }
        leaf => {
            found.insert(pointer, leaf.to_string());
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_manifest::{BodyType, Operation};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{BodyError, check, facts, leaves};
    use crate::testkit::package;

    fn operation(name: &str) -> Operation {
        package().manifest().operations.get(&name.parse().unwrap()).unwrap().clone()
    }

    fn json_body(text: &str) -> Result<Option<Value>, BodyError> {
        check(&operation("set-password"), Some(text.as_bytes()), 1024)
    }

    #[test]
    fn only_listed_leaves_pass() {
        for text in ["{}", "[]", "{\"userid\":1}", "{\"groups\":[{\"name\":\"a\"},{\"name\":\"b\"}]}", "{\"note\":[]}"]
        {
            assert!(json_body(text).is_ok(), "{text}");
        }
        let others = [
            "{\"user\":1}",
            "{\"userid\":{\"deep\":1}}",
            "{\"userid\":[1]}",
            "{\"groups\":[]}",
            "{\"groups\":{}}",
            "{\"groups\":[{}]}",
            "{\"groups\":[{\"name\":\"a\",\"id\":1}]}",
            "{\"groups\":[[{\"name\":\"a\"}]]}",
            "{\"password\":\"mine\"}",
            "{\"userid\":1,\"Userid\":2}",
            "{\"a/userid\":1}",
            "1",
            "\"text\"",
            "null",
        ];
        for text in others {
            assert!(matches!(json_body(text), Err(BodyError::Field(_))), "{text}");
        }
    }

    #[test]
    fn each_other_way_to_go_wrong_has_its_reason() {
        assert_eq!(check(&operation("get-vm"), Some(b"{}"), 1024), Err(BodyError::NotTaken));
        assert_eq!(check(&operation("get-vm"), None, 1024), Ok(None));
        assert!(matches!(json_body("{\"userid\":1,\"userid\":2}"), Err(BodyError::Json(_))));
        assert!(matches!(json_body("{\"userid\":1,\"user\\u0069d\":2}"), Err(BodyError::Json(_))));
        assert!(matches!(json_body("{\"userid\":1} "), Ok(Some(_))));
        assert!(matches!(json_body("{\"userid\":1}x"), Err(BodyError::Json(_))));
        let text = format!("{{\"userid\":\"{}\"}}", "x".repeat(1024));
        assert_eq!(json_body(&text), Err(BodyError::TooLong(1024)));
        let exact = format!("{{\"userid\":\"{}\"}}", "x".repeat(1024 - 13));
        assert_eq!(exact.len(), 1024);
        assert!(json_body(&exact).is_ok());
    }

    #[test]
    fn a_field_that_hides_from_an_approver_is_refused() {
        let mut operation = operation("set-password");
        operation.body = vec!["/custom/*".parse().unwrap()];
        let name = |name: &str| check(&operation, Some(json!({"custom": {name: 1}}).to_string().as_bytes()), 4096);
        for visible in ["kunde", "Kostenstelle 7", "größe", ""] {
            assert!(name(visible).is_ok(), "{visible}");
        }
        let long = "x".repeat(256);
        for hidden in ["a\u{202e}b", "a\u{200b}b", "a\nb", "\u{1b}[2K", "a\u{e0041}", long.as_str()] {
            assert_eq!(name(hidden), Err(BodyError::Hidden), "{hidden:?}");
        }
    }

    #[test]
    fn a_form_is_an_object_of_strings() {
        let form = |text: &str| check(&operation("make-token"), Some(text.as_bytes()), 1024);
        assert!(form("{\"comment\":\"a\"}").is_ok());
        for text in ["{\"comment\":1}", "{\"comment\":null}", "{\"comment\":[]}", "[]"] {
            assert_eq!(form(text), Err(BodyError::NotAForm), "{text}");
        }
        assert!(matches!(form("{\"other\":\"a\"}"), Err(BodyError::Field(_))));
    }

    #[test]
    fn keys_are_escaped_in_pointers() {
        let found = leaves(&json!({"a/b": {"~": 1}, "": 2, "e": {}, "f": []}));
        let found: Vec<(&str, &str)> = found.iter().map(|(at, leaf)| (at.as_str(), leaf.as_str())).collect();
        assert_eq!(found, [("/", "2"), ("/a~1b/~0", "1"), ("/e", "{}"), ("/f", "[]")]);
    }

    /// Listed keys more often than not, so that some bodies pass.
    fn key() -> impl Strategy<Value = String> {
        let keys = ["userid", "groups", "name", "note", "userid", "note", "user", "a/b", "~", "*", ""];
        proptest::sample::select(keys.map(str::to_owned).to_vec())
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(key(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_leaf_is_shown_at_its_place(body in any_json()) {
            for (pointer, leaf) in facts(&body, BodyType::Json).unwrap().fields {
                prop_assert_eq!(body.pointer(&pointer).unwrap().to_string(), leaf);
            }
        }

        #[test]
        fn what_passes_sets_listed_leaves_only(body in any_json()) {
            let operation = operation("set-password");
            if let Ok(Some(value)) = check(&operation, Some(body.to_string().as_bytes()), 1 << 20) {
                prop_assert_eq!(&value, &body);
                let listed = |at: &String| operation.body.iter().any(|pattern| pattern.matches(at));
                prop_assert!(leaves(&value).keys().all(|at| at.is_empty() || listed(at)));
            }
        }
    }
}
