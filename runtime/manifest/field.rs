//! Values that a credential sets in a body: a text with secrets in it, or a constant.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::{Name, Template};

/// A value that a credential sets.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// A text that names secrets, slots or settings.
    Template(Template),
    /// A constant: what a log-in asks for besides who and with what.
    Constant(serde_json::Value),
}

impl FieldValue {
    /// The secrets, slots and settings that it names.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        let template = match self {
            Self::Template(template) => Some(template),
            Self::Constant(_) => None,
        };
        template.into_iter().flat_map(Template::names)
    }

    /// Whether it can stand where only text can: in a form, a query, a header.
    pub(crate) fn is_text(&self) -> bool {
        !matches!(self, Self::Constant(value) if !value.is_string())
    }
}

impl<'de> Deserialize<'de> for FieldValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        match value.as_str() {
            // Braces in a constant would be a template that nobody fills.
            Some(text) if text.contains(['{', '}']) => text.parse().map(Self::Template).map_err(D::Error::custom),
            _ => Ok(Self::Constant(value)),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use serde_json::json;

    use super::FieldValue;

    fn parse(text: &str) -> Result<FieldValue, toml::de::Error> {
        #[derive(serde::Deserialize)]
        struct Holder {
            field: FieldValue,
        }
        toml::from_str::<Holder>(&format!("field = {text}")).map(|holder| holder.field)
    }

    #[test]
    fn braces_make_a_template_and_nothing_else_does() {
        let names = |text| parse(text).unwrap().names().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names("\"{{user}}@{{realm}}\""), ["user", "realm"]);
        assert!(names("\"password\"").is_empty());
        for text in ["\"{user}\"", "\"{{user}\"", "\"}\""] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn constants_are_any_json() {
        assert_eq!(parse("[\"password\"]").unwrap(), FieldValue::Constant(json!(["password"])));
        assert_eq!(parse("true").unwrap(), FieldValue::Constant(json!(true)));
        assert!(parse("\"text\"").unwrap().is_text() && parse("\"{{a}}\"").unwrap().is_text());
        assert!(!parse("1").unwrap().is_text());
    }
}
