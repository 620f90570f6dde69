//! The public half of an approver's key.

use std::fmt;
use std::str::FromStr;

use p256::ecdsa::VerifyingKey;
use serde::{Deserialize, Serialize};

use crate::Base64Url;

/// An uncompressed point: 0x04, x, y (SEC 1 §2.3.3).
const LENGTH: usize = 65;

/// A P-256 public key for ES256. Written as base64url, without padding, of the uncompressed SEC 1 point (65 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(VerifyingKey);

/// The text or bytes are not such a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a P-256 public key: base64url of the 65 bytes of an uncompressed SEC 1 point is expected")]
pub struct NotAPublicKey;

impl PublicKey {
    /// Reads the 65 bytes of an uncompressed SEC 1 point.
    ///
    /// # Errors
    /// [`NotAPublicKey`] for any other length, and for a point that is not on the curve.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, NotAPublicKey> {
        if bytes.len() != LENGTH {
            return Err(NotAPublicKey);
        }
        VerifyingKey::from_sec1_bytes(bytes).map(Self).map_err(|_| NotAPublicKey)
    }

    /// The 65 bytes of the uncompressed SEC 1 point.
    pub fn to_sec1(self) -> Vec<u8> {
        self.0.to_sec1_point(false).as_bytes().to_vec()
    }

    pub(crate) fn verifying_key(&self) -> &VerifyingKey {
        &self.0
    }
}

impl From<&VerifyingKey> for PublicKey {
    fn from(key: &VerifyingKey) -> Self {
        Self(*key)
    }
}

impl FromStr for PublicKey {
    type Err = NotAPublicKey;

    fn from_str(text: &str) -> Result<Self, NotAPublicKey> {
        Self::from_sec1(text.parse::<Base64Url>().map_err(|_| NotAPublicKey)?.as_bytes())
    }
}

impl TryFrom<String> for PublicKey {
    type Error = NotAPublicKey;

    fn try_from(text: String) -> Result<Self, NotAPublicKey> {
        text.parse()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Base64Url::from(self.to_sec1()).fmt(formatter)
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{NotAPublicKey, PublicKey};

    /// The generator of P-256 (SEC 2 §2.4.2), a point that everybody knows.
    const GENERATOR: &str = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

    #[test]
    fn a_point_on_the_curve_is_read_and_written() {
        let bytes = hex::decode(GENERATOR).unwrap();
        let key = PublicKey::from_sec1(&bytes).unwrap();
        assert_eq!(key.to_sec1(), bytes);
        assert_eq!(key.to_string().parse(), Ok(key));
    }

    #[test]
    fn everything_else_is_refused() {
        let good = hex::decode(GENERATOR).unwrap();
        let mut off_curve = good.clone();
        *off_curve.last_mut().unwrap() ^= 1;
        let mut hybrid = good.clone();
        *hybrid.first_mut().unwrap() = 0x06;
        let compressed: Vec<u8> = [3].into_iter().chain(good.iter().skip(1).take(32).copied()).collect();
        let truncated = good.iter().take(64).copied().collect();
        for bytes in [off_curve, hybrid, compressed, truncated, vec![0], Vec::new()] {
            assert_eq!(PublicKey::from_sec1(&bytes), Err(NotAPublicKey), "{}", hex::encode(bytes));
        }
    }
}
