//! The publishers that an operator trusts.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};

/// The algorithm byte of Ed25519 in C2SP note keys.
pub(crate) const ED25519: u8 = 1;

/// The longest key name, in bytes, as for [`crate::Plugin::publisher`].
const MAX_NAME: usize = 128;

/// The public keys of trusted publishers.
#[derive(Clone, Debug, Default)]
pub struct TrustStore {
    keys: Vec<TrustedKey>,
}

#[derive(Clone, Debug)]
struct TrustedKey {
    name: String,
    id: u32,
    key: VerifyingKey,
}

/// Why a key is not taken into a trust store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Not a note key.
    #[error(
        "a publisher's key is one line `<name>+<8 hexadecimal digits>+<base64>` (C2SP signed-note), with the algorithm Ed25519"
    )]
    Malformed,
    /// The key does not belong to its name.
    #[error("the key's identifier does not match its name and value; copy the line from the publisher again")]
    Identifier,
    /// A key under which anything can be forged.
    #[error(
        "the key is weak: signatures under it can be made to match many messages; ask the publisher for a proper one"
    )]
    Weak,
    /// Already there.
    #[error("the trust store has this key already")]
    Repeated,
}

impl TrustStore {
    /// Adds a publisher's key: one line in the C2SP form `name+hash+base64`, as a `.vkey` file holds it.
    ///
    /// # Errors
    /// [`TrustError`] when the line is not such a key, or the key is weak or there already.
    pub fn add_key(&mut self, vkey: &str) -> Result<(), TrustError> {
        let key = TrustedKey::parse(vkey.trim_ascii_end())?;
        if self.keys.iter().any(|known| known.name == key.name && known.id == key.id) {
            return Err(TrustError::Repeated);
        }
        self.keys.push(key);
        Ok(())
    }

    /// The keys in the C2SP form.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        self.keys.iter().map(|trusted| vkey(&trusted.name, &trusted.key))
    }

    pub(crate) fn vkey_of(&self, name: &str, id: u32) -> Option<String> {
        self.keys.iter().find(|known| known.name == name && known.id == id).map(|known| vkey(&known.name, &known.key))
    }
}

/// The C2SP text of a public key.
pub(crate) fn vkey(name: &str, key: &VerifyingKey) -> String {
    let encoded = encoded_key(key);
    format!("{name}+{:08x}+{}", signed_note::key_id(name, &encoded), BASE64_STANDARD.encode(&encoded))
}

/// The C2SP identifier of a public key.
pub(crate) fn key_id(name: &str, key: &VerifyingKey) -> u32 {
    signed_note::key_id(name, &encoded_key(key))
}

fn encoded_key(key: &VerifyingKey) -> Vec<u8> {
    let mut encoded = vec![ED25519];
    encoded.extend_from_slice(key.as_bytes());
    encoded
}

/// A name that a note can carry and a terminal can show.
pub(crate) fn is_key_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+')
}

impl TrustedKey {
    fn parse(text: &str) -> Result<Self, TrustError> {
        let (name, rest) = text.split_once('+').ok_or(TrustError::Malformed)?;
        let (_, base64) = rest.split_once('+').ok_or(TrustError::Malformed)?;
        let bytes = BASE64_STANDARD.decode(base64).map_err(|_| TrustError::Malformed)?;
        let [ED25519, key @ ..] = bytes.as_slice() else { return Err(TrustError::Malformed) };
        let key: [u8; 32] = key.try_into().map_err(|_| TrustError::Malformed)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| TrustError::Malformed)?;
        if !is_key_name(name) {
            return Err(TrustError::Malformed);
        }
        if vkey(name, &key) != text {
            return Err(TrustError::Identifier);
        }
        if key.is_weak() {
            return Err(TrustError::Weak);
        }
        Ok(Self { name: name.to_owned(), id: key_id(name, &key), key })
    }
}

/// signed_note's own verifier follows RFC 8032's lenient equation; a signature must match one message and one key here.
impl signed_note::Verifier for TrustedKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl signed_note::Verifiers for TrustStore {
    fn verifier(&self, name: &str, id: u32) -> Result<&dyn signed_note::Verifier, signed_note::VerificationError> {
        let found = self.keys.iter().find(|known| known.name == name && known.id == id);
        found
            .map(|key| -> &dyn signed_note::Verifier { key })
            .ok_or_else(|| signed_note::VerificationError::UnknownKey { name: name.to_owned(), id })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use ed25519_dalek::{SigningKey, VerifyingKey};

    use super::{TrustError, TrustStore, vkey};

    /// The example key of the signed-note specification's Go implementation.
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    fn add(text: &str) -> Result<(), TrustError> {
        TrustStore::default().add_key(text)
    }

    #[test]
    fn a_published_key_is_read_and_written() {
        let mut store = TrustStore::default();
        store.add_key(&format!("{PETER}\n")).unwrap();
        assert_eq!(store.keys().collect::<Vec<_>>(), [PETER]);
        assert_eq!(store.add_key(PETER), Err(TrustError::Repeated));
    }

    #[test]
    fn two_keys_of_one_name_stand_beside_each_other() {
        let mut store = TrustStore::default();
        for seed in [1, 2] {
            store.add_key(&vkey("acme", &SigningKey::from_bytes(&[seed; 32]).verifying_key())).unwrap();
        }
        assert_eq!(store.keys().count(), 2);
    }

    #[test]
    fn each_way_to_go_wrong_has_its_reason() {
        let other_name = PETER.replace("PeterNeumann", "PeterNewman");
        let other_algorithm = PETER.replace("+AR", "+BB");
        let upper = PETER.replace("c74f20a3", "C74F20A3");
        for (text, reason) in [
            ("", TrustError::Malformed),
            ("PeterNeumann", TrustError::Malformed),
            ("PeterNeumann+c74f20a3", TrustError::Malformed),
            ("PeterNeumann+c74f20a3+AR", TrustError::Malformed),
            ("PeterNeumann+c74f20a3+!!!!", TrustError::Malformed),
            (other_algorithm.as_str(), TrustError::Malformed),
            (other_name.as_str(), TrustError::Identifier),
            (upper.as_str(), TrustError::Identifier),
        ] {
            assert_eq!(add(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn a_key_of_small_order_is_refused() {
        // The neutral element: y = 1, little-endian (RFC 8032 §5.1.2).
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let key = VerifyingKey::from_bytes(&neutral).unwrap();
        assert_eq!(add(&vkey("acme", &key)), Err(TrustError::Weak));
    }
}
