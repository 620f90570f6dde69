//! Names of things in a manifest. What passed as a name is safe to print, log and use as a file name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name, in bytes: the length of a DNS label (RFC 1035 §2.3.4), so that names fit wherever labels do.
const MAX: usize = 63;

/// Why a text is not a name. The text itself is not repeated: it may be a secret in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a [`Name`].
    #[error(
        "a name starts with a lower-case letter and goes on with lower-case letters, digits and `-`, 63 characters at most"
    )]
    Name,
    /// Not a [`ToolName`].
    #[error(
        "a tool name starts with a lower-case letter and goes on with lower-case letters, digits and `_`, 63 characters at most"
    )]
    Tool,
}

fn fits(text: &str, joiner: u8) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && text.len() <= MAX
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == joiner)
}

macro_rules! name {
    ($type:ident, $joiner:literal, $error:expr, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                if fits(&text, $joiner) { Ok(Self(text)) } else { Err($error) }
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

name!(Name, b'-', NameError::Name, "A name of an operation, secret, endpoint, connection, …: `[a-z][a-z0-9-]{0,62}`.");
name!(ToolName, b'_', NameError::Tool, "A name of a tool, as models see it: `[a-z][a-z0-9_]{0,62}`.");

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::{Name, NameError, ToolName};

    #[test]
    fn what_is_a_name() {
        let longest = format!("a{}", "9".repeat(62));
        for text in ["a", "change-seats", "v2", "a--", &longest] {
            assert_eq!(text.parse::<Name>().unwrap().as_str(), text);
        }
        let too_long = format!("a{}", "9".repeat(63));
        for text in ["", "-a", "1a", "A", "aB", "a_b", "a.b", "a b", "a/b", "ä", "a\n", &too_long] {
            assert_eq!(text.parse::<Name>(), Err(NameError::Name), "{text:?}");
        }
        assert!("license_summary".parse::<ToolName>().is_ok());
        assert_eq!("license-summary".parse::<ToolName>(), Err(NameError::Tool));
    }

    proptest! {
        #[test]
        fn a_name_is_a_safe_file_name(text in "\\PC{0,70}|[a-z][a-z0-9-]{0,80}") {
            if let Ok(name) = text.parse::<Name>() {
                prop_assert!(!name.as_str().contains(['/', '\\', '.', '\0', ' ']) && name.as_str().len() <= 63);
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
