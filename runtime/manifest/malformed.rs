//! Where a TOML text is wrong, and why, without repeating what stands there.

use std::fmt;

/// A TOML text that does not have the expected form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong. Never the text itself, which may hold a pasted secret.
    pub message: String,
}

/// How serde's own messages start and what becomes of them. They quote what they found; what they expected follows.
const QUOTING: [(&str, &str); 5] = [
    ("unknown field", "unknown key"),
    ("unknown variant", "unknown word"),
    ("invalid type", "wrong type"),
    ("invalid value", "wrong value"),
    ("invalid length", "wrong length"),
];

impl Malformed {
    /// The place and the reason of a parser's error in this text.
    pub fn of(text: &str, error: &toml::de::Error) -> Self {
        let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
        Self { line, column, message: without_quotes(error.message()) }
    }
}

fn without_quotes(message: &str) -> String {
    let Some((_, kind)) = QUOTING.iter().find(|(start, _)| message.starts_with(start)) else {
        return message.to_owned();
    };
    // The last one: the quoted text may hold the word too, what was expected never does.
    match message.rsplit_once(", expected ") {
        Some(_) if message.ends_with(", there are no fields") || message.ends_with(", there are no variants") => {
            (*kind).to_owned()
        }
        Some((_, expected)) => format!("{kind}, expected {expected}"),
        None => (*kind).to_owned(),
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::{Malformed, without_quotes};

    #[test]
    fn what_was_found_is_not_repeated() {
        let cases = [
            ("unknown field `k, expected k`, expected one of `a`, `b`", "unknown key, expected one of `a`, `b`"),
            ("unknown field `k`, there are no fields", "unknown key"),
            ("unknown field `k, expected k`, there are no fields", "unknown key"),
            ("unknown variant `k`, expected `a`", "unknown word, expected `a`"),
            ("invalid type: string \"k\", expected u32", "wrong type, expected u32"),
            ("invalid value: integer `-1`, expected u32", "wrong value, expected u32"),
            ("missing field `name`", "missing field `name`"),
        ];
        for (message, clean) in cases {
            assert_eq!(without_quotes(message), clean);
        }
    }

    #[test]
    fn a_parsers_error_says_where_and_not_what() {
        const PASTED: &str = "Vq7ZrX2kT9nLwB4p";
        for text in [format!("a = 1\nb = \"{PASTED}\""), format!("a = 1\nb = {PASTED}"), format!("a = 1\n{PASTED} = 2")]
        {
            let error = toml::from_str::<std::collections::BTreeMap<String, u8>>(&text).err();
            let said = error.map(|error| Malformed::of(&text, &error).to_string()).unwrap_or_default();
            assert!(!said.contains(PASTED), "{said}");
            assert!(said.is_empty() || said.starts_with("line 2, column "), "{said}");
        }
    }
}
