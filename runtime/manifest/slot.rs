//! Slots: places for secrets that come to be during a tool call.

use serde::Deserialize;

/// The least strength of a generated value, in bits: what symmetric keys are expected to have (NIST SP 800-57).
const MIN_BITS: u16 = 128;

/// The longest generated value, in characters: longer ones are refused by common password fields.
const MAX_LENGTH: u16 = 256;

/// `[slots.<name>]`: a value that a capture takes out of an answer, or that the host generates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Slot {
    /// What it is.
    pub description: Option<String>,
    /// How to generate it; without this, a capture fills it.
    pub generate: Option<Generate>,
}

/// How a value is generated: evenly drawn characters of an alphabet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Generate {
    /// How many characters.
    pub length: u16,
    /// From which alphabet.
    pub alphabet: Alphabet,
}

/// An alphabet for generated values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alphabet {
    /// Letters and digits: 62 characters.
    #[default]
    Alphanumeric,
    /// Lower-case hexadecimal digits: 16 characters.
    Hex,
    /// Letters, digits and punctuation that password rules ask for and shells and URLs leave alone: 69 characters.
    Password,
}

/// Why a rule to generate a value is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// Too weak.
    #[error("a generated value has at least {MIN_BITS} bits: `length` must be at least {0} for this alphabet")]
    Weak(u16),
    /// Too long.
    #[error("a generated value has at most {MAX_LENGTH} characters")]
    TooLong,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    length: u16,
    #[serde(default)]
    alphabet: Alphabet,
}

impl Alphabet {
    /// Its characters, each once.
    pub fn characters(self) -> &'static str {
        match self {
            Self::Alphanumeric => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            Self::Hex => "0123456789abcdef",
            Self::Password => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.,:+=",
        }
    }

    /// The fewest characters that have [`MIN_BITS`].
    fn min_length(self) -> u16 {
        match self {
            // log2(62) = 5.95 and log2(69) = 6.10 bits each.
            Self::Alphanumeric => 22,
            Self::Hex => 32,
            Self::Password => 21,
        }
    }
}

impl TryFrom<Raw> for Generate {
    type Error = GenerateError;

    fn try_from(raw: Raw) -> Result<Self, GenerateError> {
        let least = raw.alphabet.min_length();
        if raw.length < least {
            return Err(GenerateError::Weak(least));
        }
        if raw.length > MAX_LENGTH {
            return Err(GenerateError::TooLong);
        }
        Ok(Self { length: raw.length, alphabet: raw.alphabet })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::collections::BTreeSet;

    use super::{Alphabet, Generate, MIN_BITS};

    #[test]
    fn the_least_length_has_the_bits_and_one_less_has_not() {
        for alphabet in [Alphabet::Alphanumeric, Alphabet::Hex, Alphabet::Password] {
            let characters: BTreeSet<char> = alphabet.characters().chars().collect();
            assert_eq!(characters.len(), alphabet.characters().len(), "each character once");
            let bits_each = f64::from(u32::try_from(characters.len()).unwrap()).log2();
            let bits = |length: u16| bits_each * f64::from(length);
            assert!(bits(alphabet.min_length()) >= f64::from(MIN_BITS), "{alphabet:?}");
            assert!(bits(alphabet.min_length() - 1) < f64::from(MIN_BITS), "{alphabet:?}");
        }
    }

    #[test]
    fn weak_and_absurd_rules_are_refused() {
        let parse = |text: &str| toml::from_str::<Generate>(text).map_err(|error| error.message().to_owned());
        assert_eq!(parse("length = 22").unwrap().alphabet, Alphabet::Alphanumeric);
        assert!(parse("length = 21").unwrap_err().contains("at least 22"));
        assert!(parse("length = 31\nalphabet = \"hex\"").unwrap_err().contains("at least 32"));
        assert!(parse("length = 257").unwrap_err().contains("at most 256"));
        assert!(parse("length = 32\nalphabet = \"emoji\"").is_err());
    }
}
