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
