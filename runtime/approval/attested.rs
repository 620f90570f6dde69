//! The authenticator data of a new credential: WebAuthn Level 3 §6.1 and §6.5.1.

use crate::authenticator_data::{AT, AuthenticatorData};
use crate::{Base64Url, PublicKey, ReceiptError, SecurityKeyError};

/// The longest credential identifier, in bytes (§4).
const MAX_CREDENTIAL_ID: usize = 1_023;

/// A P-256 key for ES256 as COSE writes it in canonical CBOR, up to x: a map of five, `kty` EC2, `alg` ES256, `crv` P-256, and
/// x as 32 bytes (RFC 9052 §7, RFC 9053 §7.1.1). §6.5.1.1 allows no other member and no other form.
const BEFORE_X: [u8; 10] = [0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
/// What stands between x and y: the name of y, 32 bytes.
const BEFORE_Y: [u8; 3] = [0x22, 0x58, 0x20];

/// A new credential, of which only this says that it exists.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Attested {
    pub(crate) credential_id: Base64Url,
    pub(crate) public_key: PublicKey,
}

/// Reads a registration strictly: made for this relying party, by somebody who was there and was verified, with an ES256 key
/// and nothing that was not asked for.
pub(crate) fn attested(bytes: &[u8], rp_id: &str) -> Result<Attested, SecurityKeyError> {
    let nonsense = |what| SecurityKeyError::Nonsense { program: "the key", what };
    let (head, rest) = bytes.split_first_chunk::<37>().ok_or(nonsense("its authenticator data are cut off"))?;
    let flags = head.get(32).copied().unwrap_or_default();
    if flags & AT == 0 {
        return Err(nonsense("it attests no credential"));
    }
    // Without that flag the head has the form, and the rules, of an assertion: no extensions, no impossible flags.
    let mut plain = *head;
    plain.iter_mut().skip(32).take(1).for_each(|flags| *flags &= !AT);
    let data = AuthenticatorData::parse(&plain).map_err(|_: ReceiptError| nonsense("its flags cannot be"))?;
    if !data.is_for(rp_id) {
        return Err(nonsense("it made the credential for another relying party"));
    }
    if !data.user_present() || !data.user_verified() {
        return Err(nonsense("it made the credential without verifying its user"));
    }
    credential(rest).ok_or(nonsense("the credential is not an ES256 key of the standard's form"))
}

/// The model's number, the length of the identifier, the identifier, the key.
fn credential(bytes: &[u8]) -> Option<Attested> {
    let (_aaguid, rest) = bytes.split_first_chunk::<16>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (id, key) = rest.split_at_checked(length).filter(|_| (1..=MAX_CREDENTIAL_ID).contains(&length))?;
    let (x, rest) = key.strip_prefix(&BEFORE_X)?.split_first_chunk::<32>()?;
    let (y, rest) = rest.strip_prefix(&BEFORE_Y)?.split_first_chunk::<32>()?;
    let point = [[4].as_slice(), x, y].concat();
    let public_key = PublicKey::from_sec1(&point).ok().filter(|_| rest.is_empty())?;
    Some(Attested { credential_id: id.into(), public_key })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use super::{BEFORE_X, BEFORE_Y, attested};
    use crate::authenticator_data::{AT, AuthenticatorData, ED, UP, UV};
    use crate::fixtures;

    const PARTY: &str = "claviger:terminal";

    fn whole(flags: u8) -> Vec<u8> {
        let point = fixtures::webauthn_key().0.public_key().to_sec1();
        let mut bytes = AuthenticatorData::new(PARTY, flags, 1).to_bytes();
        bytes.extend([7; 16]);
        bytes.extend([0, 4, 1, 2, 3, 4]);
        bytes.extend(BEFORE_X);
        bytes.extend(&point[1..33]);
        bytes.extend(BEFORE_Y);
        bytes.extend(&point[33..]);
        bytes
    }

    #[test]
    fn a_credential_of_the_standards_form_is_read() {
        let read = attested(&whole(AT | UP | UV), PARTY).unwrap();
        assert_eq!(read.credential_id.as_bytes(), [1, 2, 3, 4]);
        assert_eq!(&read.public_key, fixtures::webauthn_key().0.public_key());
    }

    #[test]
    fn flags_that_are_missing_or_were_not_asked_for_are_refused() {
        for flags in [UP | UV, AT | UP, AT | UV, AT | UP | UV | ED, AT | UP | UV | 0x10] {
            assert!(attested(&whole(flags), PARTY).is_err(), "{flags:02x}");
        }
        assert!(attested(&whole(AT | UP | UV), "claviger.localhost").is_err());
    }

    #[test]
    fn every_other_length_and_form_is_refused() {
        let good = whole(AT | UP | UV);
        for length in 0..good.len() {
            assert!(attested(&good[..length], PARTY).is_err(), "{length}");
        }
        assert!(attested(&[good.as_slice(), &[0]].concat(), PARTY).is_err());
        // Every bit behind the identifier decides: the form, or the point, which is then on no curve.
        for byte in 37 + 16 + 2 + 4..good.len() {
            let mut other = good.clone();
            other[byte] ^= 1;
            assert!(attested(&other, PARTY).is_err(), "{byte}");
        }
        let mut nameless = good;
        nameless[37 + 16 + 1] = 0;
        assert!(attested(&nameless, PARTY).is_err());
    }
}
