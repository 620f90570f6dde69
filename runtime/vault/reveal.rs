//! A secret value: held, moved, wiped, never printed.

use std::fmt;

use zeroize::Zeroizing;

/// Plaintext of one secret. Wiped when dropped. Neither `Debug` nor any other trait tells a thing about the value, its
/// length included, and only this room can expose it.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes ownership of a value. The caller keeps no copy.
    pub fn new(value: Vec<u8>) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The bytes. Every call is preceded by an `EXPOSE` comment that says why here, and why it cannot leak.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Number of bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// A second owner of the same value, inside this room only.
    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_says_that_there_is_one_and_nothing_of_it() {
        let printed =
            [b"".as_slice(), b"k", b"Vq7ZrX2kT9nLwB4p"].map(|value| format!("{:?}", Secret::new(value.to_vec())));
        assert!(printed.iter().all(|text| text == "Secret(…)"), "{printed:?}");
    }
}
