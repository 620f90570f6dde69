//! Write-back rules: how captured and generated values become one new item.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::Name;
use crate::reference;

/// The longest title template, in bytes; with a connection's name and a time it stays below what stores take.
const MAX: usize = 128;

const CONNECTION: &str = "{connection}";
const STAMP: &str = "{stamp}";

/// `[write-back.<name>]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WriteBack {
    /// What it stores, in the author's words; an approver reads it.
    pub description: Option<String>,
    /// The title of the new item.
    pub title: TitleTemplate,
    /// Its fields, in order.
    pub fields: Vec<WriteBackField>,
}

/// One field of a new item.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WriteBackField {
    /// The field's label.
    pub field: String,
    /// The slot whose value it gets.
    pub slot: Name,
}

/// A title with the connection's name and the time in it: `{connection} api token {stamp}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TitleTemplate(String);

/// Why a text is not a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TitleError {
    /// Without the time two items would have one title, and write-back never overwrites.
    #[error("a title holds {{stamp}} once, so that each item gets a title of its own")]
    NoStamp,
    /// Something that no reference could name.
    #[error(
        "a title holds ASCII letters, digits, `-`, `_`, `.`, spaces between words, {{connection}} and {{stamp}} only, so that a reference can name the item"
    )]
    Character,
    /// Too long.
    #[error("a title is at most {MAX} bytes long")]
    TooLong,
}

impl TitleTemplate {
    /// The title for this connection and time.
    pub fn render(&self, connection: &str, stamp: &str) -> String {
        self.0.replace(CONNECTION, connection).replace(STAMP, stamp)
    }
}

impl FromStr for TitleTemplate {
    type Err = TitleError;

    fn from_str(text: &str) -> Result<Self, TitleError> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for TitleTemplate {
    type Error = TitleError;

    fn try_from(text: String) -> Result<Self, TitleError> {
        if text.len() > MAX {
            return Err(TitleError::TooLong);
        }
        if text.matches(STAMP).count() != 1 {
            return Err(TitleError::NoStamp);
        }
        let template = Self(text);
        reference::segment(&template.render("c", "0")).map_err(|_| TitleError::Character)?;
        Ok(template)
    }
}

impl fmt::Display for TitleTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{TitleError, TitleTemplate};

    #[test]
    fn a_title_is_new_each_time_and_nameable() {
        let title: TitleTemplate = "{connection} api token {stamp}".parse().unwrap();
        let rendered = title.render("pve-acme", "2026-11-23 213000");
        assert_eq!(rendered, "pve-acme api token 2026-11-23 213000");
        assert!(format!("op://MSP/{rendered}/token").parse::<crate::SecretReference>().is_ok());
    }

    #[test]
    fn each_way_to_go_wrong_has_its_reason() {
        let long = format!("{{stamp}}{}", "x".repeat(128));
        let cases = [
            ("token", TitleError::NoStamp),
            ("{stamp} {stamp}", TitleError::NoStamp),
            ("{connection}/{stamp}", TitleError::Character),
            ("{client} {stamp}", TitleError::Character),
            (" {stamp}", TitleError::Character),
            (long.as_str(), TitleError::TooLong),
        ];
        for (text, reason) in cases {
            assert_eq!(text.parse::<TitleTemplate>().unwrap_err(), reason, "{text}");
        }
    }
}
