//! Arguments and results against the JSON Schemas of the signed package.

use std::sync::OnceLock;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use crate::text::tame;

/// How many mismatches one error lists: enough to mend the arguments in one go.
const MAX_LISTED: usize = 8;
/// The longest text of one mismatch, in bytes.
const MAX_TEXT: usize = 300;

/// A value does not fit a schema. It names places and rules, never the values found there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Mismatches(pub Vec<Mismatch>);

/// One place where a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at {}: {rule}", if pointer.is_empty() { "the top" } else { pointer })]
pub struct Mismatch {
    /// JSON pointer (RFC 6901) of the place; empty at the top.
    pub pointer: String,
    /// What the schema wants there.
    pub rule: String,
}

/// A schema, JSON Schema 2020-12. It is compiled when it is first needed: patterns take memory and time, and most tools of
/// an idle host are never called.
pub(crate) struct Schema {
    document: Value,
    validator: OnceLock<Validator>,
}

impl Schema {
    /// Reads a schema.
    pub(crate) fn read(text: &[u8]) -> Result<Self, String> {
        let document = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        Ok(Self { document, validator: OnceLock::new() })
    }

    /// Compiles it, to see that it can be. References to other documents are errors: what is checked must be in the signed
    /// package.
    pub(crate) fn compile(&self) -> Result<Validator, String> {
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            // Patterns run in linear time: a schema must not be a way to stop the host either.
            .with_pattern_options(PatternOptions::regex())
            .build(&self.document)
            .map_err(|error| tame(&error.to_string(), MAX_TEXT))
    }

    /// The document, for clients that show it to a model.
    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// Holds a value against it. Under a schema that cannot be compiled nothing fits.
    pub(crate) fn check(&self, value: &Value) -> Result<(), Mismatches> {
        let validator = self.validator().map_err(unusable)?;
        if validator.is_valid(value) {
            return Ok(());
        }
        let listed = validator.iter_errors(value).take(MAX_LISTED).map(|error| Mismatch {
            pointer: tame(error.instance_path().as_str(), MAX_TEXT),
            rule: tame(&error.masked().to_string(), MAX_TEXT),
        });
        Err(Mismatches(listed.collect()))
    }

    fn validator(&self) -> Result<&Validator, String> {
        match self.validator.get() {
            Some(validator) => Ok(validator),
            None => self.compile().map(|validator| self.validator.get_or_init(|| validator)),
        }
    }
}

fn unusable(why: String) -> Mismatches {
    Mismatches(vec![Mismatch { pointer: String::new(), rule: format!("a schema that can be compiled: {why}") }])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use serde_json::json;

    use super::Schema;

    #[test]
    fn mismatches_name_place_and_rule_but_no_value() {
        let text = br#"{"type":"object","properties":{"page":{"type":"integer","minimum":1},"name":{"type":"string","maxLength":4}},
            "required":["page"],"additionalProperties":false}"#;
        let schema = Schema::read(text).unwrap();
        assert!(schema.check(&json!({"page": 2, "name": "acme"})).is_ok());
        let canary = "qV7rZt2LxWm93KdPf";
        let error = schema.check(&json!({"page": canary, "name": canary})).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("/page") && text.contains("/name") && text.contains("integer"), "{text}");
        assert!(!text.contains(canary), "{text}");
        assert!(schema.check(&json!({"page": 1, "extra": 1})).is_err());
        assert!(schema.check(&json!({})).unwrap_err().to_string().starts_with("at the top"));
    }

    #[test]
    fn a_schema_that_reaches_outside_or_is_none_is_refused() {
        for text in [
            r#"{"$ref":"https://example.com/schema.json"}"#,
            r#"{"$ref":"file:///etc/passwd"}"#,
            r#"{"type":"objekt"}"#,
            r#"{"type":"string","pattern":"(a)\\1"}"#,
            "{",
        ] {
            let compiled = Schema::read(text.as_bytes()).and_then(|schema| schema.compile());
            assert!(compiled.is_err(), "{text}");
        }
    }
}
