//! Texts with secrets in them: `PVEAPIToken={{token-id}}={{token-secret}}`.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::Name;

/// The longest template, in bytes: a header line that common servers still take has 8 KiB, values included.
const MAX: usize = 1024;

/// A text with the names of secrets or slots in double braces, at least one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template(Vec<TemplatePart>);

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    /// Text as it is: visible ASCII and spaces.
    Literal(String),
    /// The value of this secret or slot.
    Reference(Name),
}

/// Why a text is not a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// No reference.
    #[error("a template names at least one secret or slot in double braces, as in `Token {{{{key}}}}`")]
    NoReference,
    /// Braces that do not enclose a name.
    #[error(
        "braces in a template enclose the name of a secret or slot, in pairs of two and without spaces, as in `{{{{key}}}}`"
    )]
    Braces,
    /// A character that cannot stand in a header.
    #[error("a template holds visible ASCII characters and spaces only")]
    Character,
    /// Too long.
    #[error("a template is at most {MAX} bytes long")]
    TooLong,
}

impl Template {
    /// The pieces in their order. Two literals never follow one another.
    pub fn parts(&self) -> &[TemplatePart] {
        &self.0
    }

    /// The secrets and slots it names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().filter_map(|part| match part {
            TemplatePart::Reference(name) => Some(name),
            TemplatePart::Literal(_) => None,
        })
    }

    pub(crate) fn literals_contain(&self, character: char) -> bool {
        self.0.iter().any(|part| matches!(part, TemplatePart::Literal(text) if text.contains(character)))
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        if text.len() > MAX {
            return Err(TemplateError::TooLong);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            literal(before, &mut parts)?;
            let (name, behind) = after.split_once("}}").ok_or(TemplateError::Braces)?;
            parts.push(TemplatePart::Reference(name.parse().map_err(|_| TemplateError::Braces)?));
            rest = behind;
        }
        literal(rest, &mut parts)?;
        if parts.iter().any(|part| matches!(part, TemplatePart::Reference(_))) {
            Ok(Self(parts))
        } else {
            Err(TemplateError::NoReference)
        }
    }
}

fn literal(text: &str, parts: &mut Vec<TemplatePart>) -> Result<(), TemplateError> {
    if text.contains(['{', '}']) {
        return Err(TemplateError::Braces);
    }
    if !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(TemplateError::Character);
    }
    if !text.is_empty() {
        parts.push(TemplatePart::Literal(text.to_owned()));
    }
    Ok(())
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(text: String) -> Result<Self, TemplateError> {
        text.parse()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            TemplatePart::Literal(text) => formatter.write_str(text),
            TemplatePart::Reference(name) => write!(formatter, "{{{{{name}}}}}"),
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::{Template, TemplateError, TemplatePart};

    #[test]
    fn literals_and_references_alternate_as_written() {
        let template: Template = "PVEAPIToken={{id}}={{secret}}".parse().unwrap();
        let names: Vec<&str> = template.names().map(|name| name.as_str()).collect();
        assert_eq!(names, ["id", "secret"]);
        assert_eq!(template.parts().len(), 4);
        assert_eq!(template.parts().first(), Some(&TemplatePart::Literal("PVEAPIToken=".to_owned())));
        assert!(template.literals_contain('=') && !template.literals_contain(':'));
    }

    #[test]
    fn each_way_to_go_wrong_has_its_reason() {
        use TemplateError::{Braces, Character, NoReference, TooLong};
        let long = format!("{{{{a}}}}{}", "x".repeat(1024));
        let cases = [
            ("", NoReference),
            ("Bearer token", NoReference),
            ("{{a", Braces),
            ("a}}", Braces),
            ("{a}", Braces),
            ("{{ a }}", Braces),
            ("{{A}}", Braces),
            ("{{}}", Braces),
            ("{{{a}}}", Braces),
            ("{{op://v/i/f}}", Braces),
            ("{{a}}\r\nX-Other: 1", Character),
            ("caf\u{e9} {{a}}", Character),
            (long.as_str(), TooLong),
        ];
        for (text, reason) in cases {
            assert_eq!(text.parse::<Template>().unwrap_err(), reason, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_comes_back(text in "([ -z|~]{0,6}\\{\\{[a-z][a-z0-9-]{0,5}\\}\\}){1,4}[ -z|~]{0,6}") {
            let template: Template = text.parse().unwrap();
            prop_assert_eq!(template.to_string(), text);
        }

        #[test]
        fn any_text_is_read_one_way_or_refused(text in "[a{} -]{0,16}|\\PC{0,24}") {
            if let Ok(template) = text.parse::<Template>() {
                prop_assert_eq!(template.to_string(), text);
                prop_assert!(template.names().next().is_some());
            }
        }
    }
}
