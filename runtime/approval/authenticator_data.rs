//! What the authenticator says about a signature: WebAuthn Level 3 §6.1.

use sha2::{Digest as _, Sha256};

use crate::ReceiptError;

/// User present: somebody touched it.
pub(crate) const UP: u8 = 0x01;
/// User verified: the authenticator knows who.
pub(crate) const UV: u8 = 0x04;
/// Backup eligible: the key may be synchronised.
const BE: u8 = 0x08;
/// Backup state: it is.
const BS: u8 = 0x10;
/// Attested credential data follow. Registrations have them, assertions do not.
pub(crate) const AT: u8 = 0x40;
/// Extension data follow. None are asked for.
pub(crate) const ED: u8 = 0x80;

/// Hash, flags and counter: nothing else is in an assertion without extensions.
const LENGTH: usize = 32 + 1 + 4;

/// Authenticator data of an assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AuthenticatorData {
    pub(crate) rp_id_hash: [u8; 32],
    pub(crate) flags: u8,
    pub(crate) counter: u32,
}

impl AuthenticatorData {
    pub(crate) fn new(rp_id: &str, flags: u8, counter: u32) -> Self {
        Self { rp_id_hash: Sha256::digest(rp_id.as_bytes()).into(), flags, counter }
    }

    /// Reads exactly the bytes of an assertion; a longer or shorter text is something else.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let malformed = || ReceiptError::AuthenticatorData;
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>().ok_or_else(malformed)?;
        let (flags, rest) = rest.split_first().ok_or_else(malformed)?;
        let counter: [u8; 4] = rest.try_into().map_err(|_| malformed())?;
        if flags & (AT | ED) != 0 {
            return Err(ReceiptError::UnaskedData);
        }
        if flags & BE == 0 && flags & BS != 0 {
            return Err(ReceiptError::BackupState);
        }
        Ok(Self { rp_id_hash: *rp_id_hash, flags: *flags, counter: u32::from_be_bytes(counter) })
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend(self.rp_id_hash);
        bytes.push(self.flags);
        bytes.extend(self.counter.to_be_bytes());
        bytes
    }

    pub(crate) fn is_for(&self, rp_id: &str) -> bool {
        self.rp_id_hash == <[u8; 32]>::from(Sha256::digest(rp_id.as_bytes()))
    }

    pub(crate) fn user_present(&self) -> bool {
        self.flags & UP != 0
    }

    pub(crate) fn user_verified(&self) -> bool {
        self.flags & UV != 0
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use super::{AT, AuthenticatorData, BE, BS, ED, LENGTH, UP, UV};
    use crate::ReceiptError;

    #[test]
    fn what_is_written_is_read_back() {
        let data = AuthenticatorData::new("a.example", UP | UV | BE | BS, 0x0102_0304);
        let bytes = data.to_bytes();
        assert_eq!((bytes.len(), &bytes[33..]), (LENGTH, [1, 2, 3, 4].as_slice()));
        assert_eq!(AuthenticatorData::parse(&bytes).unwrap(), data);
        assert!(data.is_for("a.example") && !data.is_for("b.example"));
    }

    #[test]
    fn every_other_length_is_refused() {
        let bytes = AuthenticatorData::new("a.example", UP, 1).to_bytes();
        for length in 0..LENGTH {
            assert_eq!(AuthenticatorData::parse(&bytes[..length]), Err(ReceiptError::AuthenticatorData), "{length}");
        }
        let longer = [bytes, vec![0]].concat();
        assert_eq!(AuthenticatorData::parse(&longer), Err(ReceiptError::AuthenticatorData));
    }

    #[test]
    fn data_that_nobody_asked_for_and_impossible_flags_are_refused() {
        for (flags, why) in [
            (UP | AT, ReceiptError::UnaskedData),
            (UP | ED, ReceiptError::UnaskedData),
            (UP | BS, ReceiptError::BackupState),
        ] {
            assert_eq!(AuthenticatorData::parse(&AuthenticatorData::new("a", flags, 0).to_bytes()), Err(why));
        }
    }
}
