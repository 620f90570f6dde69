//! Values that a vendor sends now as a number, now as a string.

use alloc::string::{String, ToString};
use core::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};

/// A JSON string, number or boolean, as text. Perl and PHP services do not tell them apart; neither should a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar(String);

impl Scalar {
    /// The value as text: `true` is `1`, as those services write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value as a whole number; a fraction is cut off.
    pub fn whole(&self) -> Option<u64> {
        self.0.split('.').next()?.parse().ok()
    }

    /// Whether the value is a yes: neither empty nor `0`.
    pub fn flag(&self) -> bool {
        !matches!(self.0.as_str(), "" | "0" | "false")
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl Visitor<'_> for Any {
    type Value = Scalar;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string, a number or a boolean")
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar(String::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar(String::from(if value { "1" } else { "0" })))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::Scalar;

    fn read(json: &str) -> Scalar {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_and_strings_are_the_same() {
        for json in ["2048", "\"2048\"", "2048.0", "2048.5"] {
            assert_eq!(read(json).whole(), Some(2048), "{json}");
        }
        assert_eq!(read("-1").whole(), None);
        assert_eq!(read("\"host\"").whole(), None);
    }

    #[test]
    fn flags_come_in_many_spellings() {
        for (json, flag) in [
            ("1", true),
            ("\"1\"", true),
            ("true", true),
            ("0", false),
            ("\"0\"", false),
            ("false", false),
            ("\"\"", false),
        ] {
            assert_eq!(read(json).flag(), flag, "{json}");
        }
    }

    #[test]
    fn containers_are_refused() {
        assert!(serde_json::from_str::<Scalar>("{}").is_err());
        assert!(serde_json::from_str::<Scalar>("null").is_err());
    }
}
