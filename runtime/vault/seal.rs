//! Sealing: one key for one purpose, and no byte that is not authenticated.
//!
//! XChaCha20-Poly1305 under keys that HKDF-SHA-256 (RFC 5869) derives. Nonces are random: 192 bits are long enough for
//! that. Everything that identifies a value is associated data, so that a sealed value moved elsewhere does not open.

use std::fmt;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::key_page::KeyPage;
use crate::machine::MachineWarning;
use crate::reveal::Secret;

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;
/// Bytes of an XChaCha20-Poly1305 nonce, stored in front of the ciphertext.
const NONCE_BYTES: usize = 24;
/// Bytes of a Poly1305 tag, stored behind the ciphertext.
const TAG_BYTES: usize = 16;
/// What sealing adds to a value.
pub(crate) const OVERHEAD: usize = NONCE_BYTES + TAG_BYTES;

/// Why a value was not sealed or opened. It says no more: the difference between a wrong key and a changed byte is
/// nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SealError {
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness; try again")]
    Randomness,
    /// Wrong key, wrong place, or changed bytes.
    #[error("a sealed value does not open with this key in this place")]
    Refused,
    /// No page for a key.
    #[error("the machine gave no memory for a key; close something, then try again")]
    Memory,
    /// The key was taken away.
    #[error("the vault is locked; open it again")]
    Locked,
}

/// A symmetric key. Wiped when dropped, never printed, and never on the stack: whoever moves one moves a pointer, since
/// a move would leave its bytes behind.
pub(crate) struct Key(Held);

enum Held {
    /// For one use.
    Brief(Box<Zeroizing<[u8; KEY_BYTES]>>),
    /// For the life of an open vault.
    Lasting(KeyPage),
}

impl Key {
    /// A new key from the operating system's randomness.
    pub(crate) fn random() -> Result<Self, SealError> {
        Self::blank().filled_at_random()
    }

    /// A new key in a page of its own.
    pub(crate) fn random_lasting() -> Result<Self, SealError> {
        Self::blank_lasting()?.filled_at_random()
    }

    fn filled_at_random(mut self) -> Result<Self, SealError> {
        getrandom::fill(self.fill()).map_err(|_| SealError::Randomness)?;
        Ok(self)
    }

    /// A key of zeros, for a caller that fills it in place and so leaves no copy elsewhere.
    pub(crate) fn blank() -> Self {
        Self(Held::Brief(Box::new(Zeroizing::new([0; KEY_BYTES]))))
    }

    /// The same, in a page of its own that is locked into memory.
    pub(crate) fn blank_lasting() -> Result<Self, SealError> {
        KeyPage::new().map(|page| Self(Held::Lasting(page))).ok_or(SealError::Memory)
    }

    /// What the machine did not do for the key's memory.
    pub(crate) fn warning(&self) -> Option<MachineWarning> {
        match &self.0 {
            Held::Brief(_) => None,
            Held::Lasting(page) => page.warning(),
        }
    }

    /// The bytes to fill.
    pub(crate) fn fill(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Held::Brief(bytes) => bytes.as_mut_slice(),
            Held::Lasting(page) => page.fill(),
        }
    }

    /// The bytes, for wrapping this key in a slot and for keyed digests.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.0 {
            Held::Brief(bytes) => bytes.as_slice(),
            Held::Lasting(page) => page.bytes(),
        }
    }

    /// A key for one purpose. `parts` are length-prefixed, so two different lists never give the same key.
    pub(crate) fn derive(&self, purpose: &str, parts: &[&[u8]]) -> Result<Self, SealError> {
        self.derive_into(Self::blank(), purpose, parts)
    }

    /// The same, in a page of its own.
    pub(crate) fn derive_lasting(&self, purpose: &str, parts: &[&[u8]]) -> Result<Self, SealError> {
        self.derive_into(Self::blank_lasting()?, purpose, parts)
    }

    fn derive_into(&self, mut key: Self, purpose: &str, parts: &[&[u8]]) -> Result<Self, SealError> {
        let information = bind(purpose, parts);
        Hkdf::<Sha256>::new(None, self.bytes()).expand(&information, key.fill()).map_err(|_| SealError::Refused)?;
        Ok(key)
    }

    /// HMAC-SHA-256 of a value under this key (HKDF's extract step is exactly that), as 32 hexadecimal digits: tells
    /// two values apart and nothing else.
    pub(crate) fn fingerprint(&self, value: &[u8]) -> String {
        let (digest, _) = Hkdf::<Sha256>::extract(Some(self.bytes()), value);
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Seals a value: nonce, ciphertext, tag.
    pub(crate) fn seal(&self, associated: &[u8], value: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| SealError::Randomness)?;
        // Allocated once at its final size: a buffer that grows leaves copies of the plaintext behind.
        let mut sealed = Vec::with_capacity(value.len() + OVERHEAD);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(value);
        let body = sealed.get_mut(NONCE_BYTES..).ok_or(SealError::Refused)?;
        let tag = self
            .cipher()?
            .encrypt_inout_detached(&XNonce::from(nonce), associated, body.into())
            .map_err(|_| SealError::Refused)?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Opens a sealed value.
    pub(crate) fn open(&self, associated: &[u8], sealed: &[u8]) -> Result<Secret, SealError> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Refused)?;
        let mut value = Zeroizing::new(body.to_vec());
        self.cipher()?
            .decrypt_in_place(&XNonce::from(*nonce), associated, &mut *value)
            .map_err(|_| SealError::Refused)?;
        // The buffer moves into the secret; nothing is copied.
        Ok(Secret::new(std::mem::take(&mut *value)))
    }

    /// By reference, so that no copy of the key passes over the stack; the cipher wipes its own.
    fn cipher(&self) -> Result<XChaCha20Poly1305, SealError> {
        XChaCha20Poly1305::new_from_slice(self.bytes()).map_err(|_| SealError::Refused)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key(…)")
    }
}

/// Joins a label and parts into one byte string that no other label and parts give: each is preceded by its length.
pub(crate) fn bind(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut bound = Vec::new();
    for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
        // A length is at most 64 bits wide on every platform that Rust has, so `unwrap_or` never chooses.
        bound.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bound.extend_from_slice(part);
    }
    bound
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::{Key, OVERHEAD, SealError, bind};

    proptest! {
        #[test]
        fn what_is_sealed_opens_again_and_only_in_its_place(value: Vec<u8>, place: Vec<u8>, other: Vec<u8>) {
            prop_assume!(place != other);
            let key = Key::random().unwrap();
            let sealed = key.seal(&place, &value).unwrap();
            prop_assert_eq!(sealed.len(), value.len() + OVERHEAD);
            let opened = key.open(&place, &sealed).unwrap();
            prop_assert_eq!(opened.expose(), value.as_slice());
            prop_assert_eq!(key.open(&other, &sealed).unwrap_err(), SealError::Refused);
            prop_assert!(Key::random().unwrap().open(&place, &sealed).is_err());
        }

        #[test]
        fn every_changed_bit_is_refused(value: Vec<u8>, at: prop::sample::Index, bit in 0_u8..8) {
            let key = Key::random().unwrap();
            let mut sealed = key.seal(b"place", &value).unwrap();
            let index = at.index(sealed.len());
            *sealed.get_mut(index).unwrap() ^= 1 << bit;
            prop_assert!(key.open(b"place", &sealed).is_err());
        }

        #[test]
        fn binding_is_injective(left: Vec<Vec<u8>>, right: Vec<Vec<u8>>) {
            let join = |parts: &[Vec<u8>]| bind("x", &parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert_eq!(left == right, join(&left) == join(&right));
        }
    }

    #[test]
    fn purposes_and_parts_give_different_keys() {
        let key = Key::random().unwrap();
        let derived = [("a", "bc"), ("ab", "c"), ("a", "b"), ("b", "a")]
            .map(|(purpose, part)| key.derive(purpose, &[part.as_bytes()]).unwrap().bytes().to_vec());
        for (index, one) in derived.iter().enumerate() {
            assert!(derived.iter().skip(index + 1).all(|other| other != one));
        }
        assert_eq!(key.derive("a", &[b"b"]).unwrap().bytes(), key.derive("a", &[b"b"]).unwrap().bytes());
    }

    #[test]
    fn no_two_sealings_are_alike() {
        let key = Key::random().unwrap();
        let sealed: std::collections::BTreeSet<Vec<u8>> =
            (0..64).map(|_| key.seal(b"place", b"value").unwrap()).collect();
        assert_eq!(sealed.len(), 64, "a nonce was used twice");
    }

    #[test]
    fn too_short_is_refused() {
        let key = Key::random().unwrap();
        for length in 0..OVERHEAD {
            assert!(key.open(b"", &vec![0; length]).is_err());
        }
    }

    #[test]
    fn nothing_prints_a_key() {
        assert_eq!(format!("{:?}", Key::random().unwrap()), "Key(…)");
    }
}
