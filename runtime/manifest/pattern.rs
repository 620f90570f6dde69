//! Body patterns: JSON pointers (RFC 6901) in which `*` stands for any one key or index: `/lines/*/quantity`.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::pointer;

/// The longest pattern, in bytes: deeper bodies than this are not what tools send.
const MAX: usize = 512;

const ANY: &str = "*";

/// Which leaves of a body a plugin may set.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct BodyPattern(String);

/// Why a text is not a body pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyPatternError {
    /// Not a JSON pointer.
    #[error("a body pattern is a JSON pointer (RFC 6901) that starts with `/`; `*` stands for any one key or index")]
    Pointer,
    /// Too long.
    #[error("a body pattern is at most {MAX} bytes long")]
    TooLong,
}

impl BodyPattern {
    /// Whether the leaf at this JSON pointer is covered. A key that contains `/` or `~` is compared in its escaped form.
    pub fn matches(&self, pointer: &str) -> bool {
        let mut pattern = self.tokens();
        let mut tokens = pointer::tokens(pointer);
        loop {
            match (pattern.next(), tokens.next()) {
                (None, None) => return true,
                (Some(wanted), Some(token)) if wanted == ANY || wanted == token => {}
                _ => return false,
            }
        }
    }

    /// Whether a pointer is the pattern or leads to it, with every name spelled out: `*` stands for indexes alone.
    ///
    /// For answers: a `*` that matched a name would let the upstream choose what passes as one.
    pub fn spells(&self, pointer: &str) -> bool {
        let index = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
        let mut pattern = self.tokens();
        pointer::tokens(pointer).all(|token| {
            pattern.next().is_some_and(|wanted| if wanted == ANY { index(token) } else { wanted == token })
        })
    }

    /// Whether the one lies at or below the other, either way round.
    pub(crate) fn overlaps(&self, pointer: &str) -> bool {
        self.tokens().zip(pointer::tokens(pointer)).all(|(wanted, token)| wanted == ANY || wanted == token)
    }

    pub(crate) fn depth(&self) -> usize {
        self.tokens().count()
    }

    fn tokens(&self) -> impl Iterator<Item = &str> {
        pointer::tokens(&self.0)
    }
}

impl FromStr for BodyPattern {
    type Err = BodyPatternError;

    fn from_str(text: &str) -> Result<Self, BodyPatternError> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for BodyPattern {
    type Error = BodyPatternError;

    fn try_from(text: String) -> Result<Self, BodyPatternError> {
        if text.len() > MAX {
            return Err(BodyPatternError::TooLong);
        }
        if pointer::is_valid(&text) { Ok(Self(text)) } else { Err(BodyPatternError::Pointer) }
    }
}

impl fmt::Display for BodyPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::{BodyPattern, BodyPatternError};

    fn pattern(text: &str) -> BodyPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_star_is_one_key() {
        let lines = pattern("/lines/*/quantity");
        assert!(lines.matches("/lines/0/quantity") && lines.matches("/lines/a~1b/quantity"));
        for other in
            ["", "/lines/quantity", "/lines/0/1/quantity", "/lines/0/quantity/0", "/lines/0/Quantity", "/lines"]
        {
            assert!(!lines.matches(other), "{other}");
        }
        assert!(!pattern("/a").matches("") && !pattern("/").matches("") && pattern("/").matches("/"));
    }

    #[test]
    fn above_and_below_overlap() {
        let lines = pattern("/lines/*/quantity");
        for near in ["/lines", "/lines/0", "/lines/0/quantity", "/lines/0/quantity/unit"] {
            assert!(lines.overlaps(near), "{near}");
        }
        for far in ["/line", "/lines/0/price", "/other/0/quantity"] {
            assert!(!lines.overlaps(far), "{far}");
        }
    }

    #[test]
    fn a_star_spells_an_index_and_no_name() {
        let lines = pattern("/lines/*/quantity");
        for on_the_way in ["", "/lines", "/lines/0", "/lines/12/quantity"] {
            assert!(lines.spells(on_the_way), "{on_the_way}");
        }
        for beside in ["/lines/a", "/lines/-1", "/lines/0/price", "/lines/0/quantity/unit", "/line"] {
            assert!(!lines.spells(beside), "{beside}");
        }
    }

    #[test]
    fn each_way_to_go_wrong_has_its_reason() {
        for text in ["", "a", "a/b", "/a~", "/a~2", "/a\n"] {
            assert_eq!(text.parse::<BodyPattern>().unwrap_err(), BodyPatternError::Pointer, "{text:?}");
        }
        let long = format!("/{}", "x".repeat(512));
        assert_eq!(long.parse::<BodyPattern>().unwrap_err(), BodyPatternError::TooLong);
    }

    proptest! {
        #[test]
        fn filled_in_it_matches_and_one_key_more_or_less_does_not(
            tokens in proptest::collection::vec(("[a-z0-9]{1,3}", proptest::bool::ANY), 1..6),
            extra in "[a-z]{1,3}",
        ) {
            let wanted = tokens.iter().map(|(token, any)| if *any { "/*".to_owned() } else { format!("/{token}") });
            let pattern = pattern(&wanted.collect::<String>());
            let pointer: String = tokens.iter().map(|(token, _)| format!("/{token}")).collect();
            prop_assert!(pattern.matches(&pointer) && pattern.overlaps(&pointer));
            let longer = format!("{pointer}/{extra}");
            prop_assert!(!pattern.matches(&longer));
            prop_assert!(!pattern.matches(pointer.rsplit_once('/').unwrap().0));
        }

        #[test]
        fn a_changed_key_does_not_match(tokens in proptest::collection::vec("[a-z]{1,3}", 1..5), at in 0_usize..5) {
            let pointer: String = tokens.iter().map(|token| format!("/{token}")).collect();
            let mut other = tokens.clone();
            let at = at % other.len();
            other.get_mut(at).unwrap().push('0');
            let other: String = other.iter().map(|token| format!("/{token}")).collect();
            prop_assert!(!pattern(&pointer).matches(&other));
        }
    }
}
