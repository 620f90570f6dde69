//! Bytes as WebAuthn writes them in JSON.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Bytes that are written as base64url without padding (RFC 4648 §5). Reading is strict: padding, other alphabets and
/// stray trailing bits are refused, so that one byte string has one spelling.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Base64Url(Vec<u8>);

/// The text is not base64url without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not base64url without padding (RFC 4648 section 5)")]
pub struct NotBase64Url;

impl Base64Url {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Base64Url {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Base64Url {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Base64Url> for String {
    fn from(bytes: Base64Url) -> Self {
        bytes.to_string()
    }
}

impl TryFrom<String> for Base64Url {
    type Error = NotBase64Url;

    fn try_from(text: String) -> Result<Self, NotBase64Url> {
        text.parse()
    }
}

impl FromStr for Base64Url {
    type Err = NotBase64Url;

    fn from_str(text: &str) -> Result<Self, NotBase64Url> {
        URL_SAFE_NO_PAD.decode(text).map(Self).map_err(|_| NotBase64Url)
    }
}

impl fmt::Display for Base64Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl fmt::Debug for Base64Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Base64Url({self})")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::Base64Url;

    #[test]
    fn one_byte_string_has_one_spelling() {
        assert_eq!("_-8".parse::<Base64Url>().unwrap().as_bytes(), [0xff, 0xef]);
        // Padding, the other alphabet, non-zero trailing bits, white space, an impossible length.
        for other in ["_-8=", "/+8", "_-9", "_-8 ", "_", "_-\u{ff}"] {
            assert!(other.parse::<Base64Url>().is_err(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes: Vec<u8>) {
            let written = Base64Url::from(bytes.clone());
            prop_assert_eq!(written.to_string().parse::<Base64Url>().unwrap(), written);
        }

        #[test]
        fn what_is_read_is_written_back(text in "[A-Za-z0-9_-]{0,40}") {
            if let Ok(read) = text.parse::<Base64Url>() {
                prop_assert_eq!(read.to_string(), text);
            }
        }
    }
}
