//! Pins: the one certificate or the one key that an endpoint may show.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

/// What an endpoint has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Pin {
    /// SHA-256 of the server certificate's public key (SubjectPublicKeyInfo, as RFC 7469 §2.4 hashes it), besides a chain
    /// that is trusted: `spki-sha256:` and base64.
    Spki([u8; 32]),
    /// SHA-256 of the whole server certificate. It is trusted for what it is: no authority and no name is asked. That the
    /// server holds its key is verified, and its dates count, so that a pin ends with its certificate:
    /// `certificate-sha256:` and hexadecimal, with or without colons, as `openssl x509 -fingerprint -sha256` prints it.
    Certificate([u8; 32]),
}

/// A text that is not a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pin is `spki-sha256:` and 44 base64 characters, or `certificate-sha256:` and 64 hexadecimal digits, with or without colons"
)]
pub struct PinError;

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let (kind, digest) = text.split_once(':').ok_or(PinError)?;
        let bytes = match kind {
            "spki-sha256" => BASE64_STANDARD.decode(digest).map_err(|_| PinError)?,
            "certificate-sha256" => hex::decode(digest.replace(':', "")).map_err(|_| PinError)?,
            _ => return Err(PinError),
        };
        let digest = bytes.try_into().map_err(|_| PinError)?;
        Ok(if kind == "spki-sha256" { Self::Spki(digest) } else { Self::Certificate(digest) })
    }
}

impl TryFrom<String> for Pin {
    type Error = PinError;

    fn try_from(text: String) -> Result<Self, PinError> {
        text.parse()
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spki(digest) => write!(formatter, "spki-sha256:{}", BASE64_STANDARD.encode(digest)),
            Self::Certificate(digest) => write!(formatter, "certificate-sha256:{}", hex::encode(digest)),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Pin, PinError};

    #[test]
    fn pins_are_read_as_tools_print_them() {
        let hex = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
        let colons: Vec<String> =
            hex.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
        let plain: Pin = format!("certificate-sha256:{hex}").parse().unwrap();
        assert_eq!(plain, format!("certificate-sha256:{}", colons.join(":")).parse().unwrap());
        assert_eq!(plain.to_string(), format!("certificate-sha256:{hex}"));
        let spki = "spki-sha256:ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=";
        assert_eq!(spki.parse::<Pin>().unwrap().to_string(), spki);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "sha256:00", "spki-sha256:AAAA", "certificate-sha256:00ff", "spki-sha1:AAAA", "certificate-sha256:zz"]
        {
            assert_eq!(text.parse::<Pin>(), Err(PinError), "{text}");
        }
    }
}
