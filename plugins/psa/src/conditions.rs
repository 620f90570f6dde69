//! The `conditions` query language, such that an argument can only ever be a value in it.
//!
//! Strings stand in double quotes; the vendor's guide documents no way to write a double quote inside one, and servers
//! that were asked differ. So none ever gets in: a text to search for is cut at quotes, backslashes and control
//! characters, and every piece must be contained; an exact name that has one is refused. Whatever escape a server may
//! know, there is nothing in the string for it to act on.

use claviger_plugin_sdk::Failure;
use claviger_plugin_sdk::prelude::*;

/// The most pieces a search text may fall into. Each repeats the field's name, and the whole expression has to stay well
/// below the 4,000 bytes that a parameter may have.
const MAX_PIECES: usize = 8;

/// An expression of the query language. Only the functions of this file make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition(String);

/// `field = true` or `field = false`.
pub(crate) fn flag(field: &str, value: bool) -> Condition {
    Condition(format!("{field} = {value}"))
}

/// `field = 7`.
pub(crate) fn number(field: &str, value: u64) -> Condition {
    Condition(format!("{field} = {value}"))
}

/// `field = "value"`, for names that have to match as they are.
pub(crate) fn exact(field: &str, value: &str) -> Result<Condition, Failure> {
    let value = value.trim();
    if value.is_empty() || value.contains(breaks_string) {
        return Err(Failure::InvalidArguments(format!(
            "{field}: an exact name may not be empty and may not hold double quotes, backslashes or control characters"
        )));
    }
    Ok(Condition(format!("{field} = \"{value}\"")))
}

/// `field contains "text"`. A text with quotes becomes several pieces that all have to be contained.
pub(crate) fn contains(field: &str, text: &str) -> Result<Condition, Failure> {
    let pieces: Vec<&str> = text.split(breaks_string).map(str::trim).filter(|piece| !piece.is_empty()).collect();
    if pieces.is_empty() || pieces.len() > MAX_PIECES {
        return Err(Failure::InvalidArguments(format!(
            "{field}: the text to search for needs at least one character other than quotes and backslashes, and at most {} of those",
            MAX_PIECES - 1
        )));
    }
    let contained: Vec<String> = pieces.iter().map(|piece| format!("{field} contains \"{piece}\"")).collect();
    Ok(joined(&contained, " and "))
}

/// A company, a member or another party by its identifier or a part of its name.
pub(crate) fn party(field: &str, text: &str) -> Result<Condition, Failure> {
    let by_name = contains(&format!("{field}/name"), text)?;
    Ok(match exact(&format!("{field}/identifier"), text) {
        Ok(by_identifier) => any(&[by_identifier, by_name]),
        Err(_) => by_name,
    })
}

/// At least one of them.
pub(crate) fn any(alternatives: &[Condition]) -> Condition {
    joined(&texts(alternatives), " or ")
}

/// All of them, as the value of the `conditions` parameter; `None` when there are none.
pub(crate) fn all(conditions: &[Condition]) -> Option<String> {
    (!conditions.is_empty()).then(|| texts(conditions).join(" and "))
}

fn texts(conditions: &[Condition]) -> Vec<String> {
    conditions.iter().map(|condition| condition.0.clone()).collect()
}

fn joined(texts: &[String], word: &str) -> Condition {
    match texts {
        [one] => Condition(one.clone()),
        several => Condition(format!("({})", several.join(word))),
    }
}

/// Characters that some reader of the expression could take for the end of the string or for an escape.
fn breaks_string(character: char) -> bool {
    matches!(character, '"' | '\\') || character.is_control()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_plugin_sdk::Failure;

    use super::{MAX_PIECES, all, any, contains, exact, flag, number, party};

    #[test]
    fn conditions_read_as_the_vendor_writes_them() {
        let conditions = [
            flag("closedFlag", false),
            exact("status/name", " In Progress ").unwrap(),
            party("company", "Acme").unwrap(),
            contains("summary", "printer's 50%").unwrap(),
            number("project/id", 7),
        ];
        assert_eq!(
            all(&conditions).unwrap(),
            "closedFlag = false and status/name = \"In Progress\" and (company/identifier = \"Acme\" or company/name \
             contains \"Acme\") and summary contains \"printer's 50%\" and project/id = 7"
        );
        assert_eq!(all(&[]), None);
    }

    #[test]
    fn no_argument_leaves_its_string() {
        for text in [
            "x\" or closedFlag = true or summary = \"",
            "x\\\" or closedFlag = true or summary = \\\"",
            "x\\",
            "\" or 1 = 1",
            "a\"\"b",
            "a\n\" or 1 = 1",
            "a\u{0}\"b",
        ] {
            for condition in [contains("summary", text).unwrap(), party("owner", text).unwrap()] {
                assert_strings_whole(&all(&[condition]).unwrap());
            }
            assert!(matches!(exact("status/name", text), Err(Failure::InvalidArguments(_))), "{text}");
        }
    }

    /// Outside of strings there are only our own words, and inside no escape.
    fn assert_strings_whole(expression: &str) {
        assert!(!expression.contains('\\') && !expression.chars().any(char::is_control), "{expression}");
        assert_eq!(expression.matches('"').count() % 2, 0, "{expression}");
        for outside in expression.split('"').step_by(2) {
            for word in outside.split([' ', '(', ')']).filter(|word| !word.is_empty()) {
                let ours = ["summary", "owner/name", "owner/identifier", "contains", "=", "and", "or"];
                assert!(ours.contains(&word), "{word} in {expression}");
            }
        }
    }

    #[test]
    fn a_text_with_quotes_is_found_by_its_pieces() {
        let condition = contains("summary", "the \"blue\" printer").unwrap();
        assert_eq!(
            all(&[condition]).unwrap(),
            "(summary contains \"the\" and summary contains \"blue\" and summary contains \"printer\")"
        );
        let either = any(&[party("owner", "jdoe").unwrap(), contains("resources", "jdoe").unwrap()]);
        assert!(all(&[either]).unwrap().starts_with("((owner/identifier = \"jdoe\" or "));
    }

    #[test]
    fn texts_without_content_or_with_too_many_pieces_are_refused() {
        let many = "a\"".repeat(MAX_PIECES + 1);
        for text in ["", "  ", "\"\"", "\\", many.as_str()] {
            assert!(matches!(contains("summary", text), Err(Failure::InvalidArguments(_))), "{text}");
        }
        assert!(exact("status/name", "").is_err());
    }
}
