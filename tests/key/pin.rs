//! The key's half of the PIN protocols (CTAP 2.1 §6.5): the PIN's hash comes encrypted under a secret that both ends agree on,
//! a token goes back, and requests are authenticated with it.

use aes::Aes256;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use ciborium::Value;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdh::diffie_hellman;
use p256::{PublicKey, SecretKey};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::cbor::{map, needed, needed_bytes};
use crate::ctap::Status;

/// How often a PIN may be wrong before the key is of no more use, and before it has to be plugged in again.
pub(crate) const RETRIES: u8 = 8;
const RETRIES_AT_ONCE: u8 = 3;

/// How a PIN comes to the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// PIN protocol one, of CTAP 2.0.
    One,
    /// PIN protocol two with permissions, of CTAP 2.1.
    Two,
}

impl Protocol {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

/// The secret of one exchange.
struct Shared {
    protocol: Protocol,
    key: [u8; 32],
}

/// What the key knows of its PIN.
pub(crate) struct Pin {
    protocol: Protocol,
    hash: [u8; 16],
    agreement: SecretKey,
    token: [u8; 32],
    pub(crate) retries: u8,
    at_once: u8,
}

impl Pin {
    pub(crate) fn new(pin: &str, protocol: Protocol) -> Result<Self, Status> {
        let digest: [u8; 32] = Sha256::digest(pin.as_bytes()).into();
        let hash = *digest.first_chunk().ok_or(Status::OTHER)?;
        let (agreement, token) = (secret()?, random()?);
        Ok(Self { protocol, hash, agreement, token, retries: RETRIES, at_once: 0 })
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// `authenticatorClientPIN`, but for setting and changing the PIN.
    pub(crate) fn command(&mut self, request: &Value) -> Result<Value, Status> {
        let command = needed(request, 2)?.as_integer().ok_or(Status::INVALID_CBOR)?;
        match u8::try_from(command).unwrap_or_default() {
            1 => Ok(map([(3, self.retries.into())])),
            2 => Ok(map([(1, self.agreement_key()?)])),
            5 if self.protocol == Protocol::One => self.give_token(request),
            9 if self.protocol == Protocol::Two => self.give_token(request),
            _ => Err(Status::INVALID_PARAMETER),
        }
    }

    fn agreement_key(&self) -> Result<Value, Status> {
        let point = self.agreement.public_key().to_sec1_bytes();
        // ECDH-ES with HKDF-256 stands there, although it is not what happens (§6.5.6).
        cose(&point, -25)
    }

    fn give_token(&mut self, request: &Value) -> Result<Value, Status> {
        if self.retries == 0 {
            return Err(Status::PIN_BLOCKED);
        }
        if self.at_once >= RETRIES_AT_ONCE {
            return Err(Status::PIN_AUTH_BLOCKED);
        }
        let shared = self.agree(needed(request, 3)?)?;
        // Counted before it is looked at: who pulls the plug in between has tried.
        self.retries -= 1;
        let hash = shared.decrypt(needed_bytes(request, 6)?)?;
        if !bool::from(hash.ct_eq(&self.hash)) {
            self.agreement = secret()?;
            self.at_once += 1;
            return Err(match (self.retries, self.at_once) {
                (0, _) => Status::PIN_BLOCKED,
                (_, RETRIES_AT_ONCE..) => Status::PIN_AUTH_BLOCKED,
                _ => Status::PIN_INVALID,
            });
        }
        (self.retries, self.at_once, self.token) = (RETRIES, 0, random()?);
        Ok(map([(2, Value::Bytes(shared.encrypt(&self.token)?))]))
    }

    fn agree(&self, other: &Value) -> Result<Shared, Status> {
        let point = [&[4], needed_bytes(other, -2)?, needed_bytes(other, -3)?].concat();
        let other = PublicKey::from_sec1_bytes(&point).map_err(|_| Status::INVALID_PARAMETER)?;
        let secret = diffie_hellman(self.agreement.to_nonzero_scalar(), other.as_affine());
        Shared::new(self.protocol, secret.raw_secret_bytes())
    }

    /// Whether the host knows the PIN: it has authenticated this with the token.
    pub(crate) fn verify(&self, client_data_hash: &[u8], authentication: &[u8]) -> Result<(), Status> {
        let expected = authenticate(self.protocol, &self.token, client_data_hash)?;
        if bool::from(expected.as_slice().ct_eq(authentication)) { Ok(()) } else { Err(Status::PIN_AUTH_INVALID) }
    }
}

impl Shared {
    fn new(protocol: Protocol, secret: &[u8]) -> Result<Self, Status> {
        let mut key = [0; 32];
        match protocol {
            Protocol::One => key = Sha256::digest(secret).into(),
            Protocol::Two => {
                let derived = Hkdf::<Sha256>::new(Some(&[0; 32]), secret);
                derived.expand(b"CTAP2 AES key", &mut key).map_err(|_| Status::OTHER)?;
            }
        }
        Ok(Self { protocol, key })
    }

    fn decrypt(&self, bytes: &[u8]) -> Result<Vec<u8>, Status> {
        let (iv, bytes) = match self.protocol {
            Protocol::One => ([0; 16], bytes),
            Protocol::Two => {
                let (iv, rest) = bytes.split_first_chunk::<16>().ok_or(Status::INVALID_PARAMETER)?;
                (*iv, rest)
            }
        };
        let mut clear = bytes.to_vec();
        let cipher = cbc::Decryptor::<Aes256>::new(&self.key.into(), &iv.into());
        cipher.decrypt_padded::<NoPadding>(&mut clear).map_err(|_| Status::INVALID_PARAMETER)?;
        Ok(clear)
    }

    fn encrypt(&self, clear: &[u8]) -> Result<Vec<u8>, Status> {
        let iv = match self.protocol {
            Protocol::One => [0; 16],
            Protocol::Two => random()?,
        };
        let mut bytes = clear.to_vec();
        let cipher = cbc::Encryptor::<Aes256>::new(&self.key.into(), &iv.into());
        cipher.encrypt_padded::<NoPadding>(&mut bytes, clear.len()).map_err(|_| Status::OTHER)?;
        Ok(match self.protocol {
            Protocol::One => bytes,
            Protocol::Two => [iv.as_slice(), &bytes].concat(),
        })
    }
}

fn authenticate(protocol: Protocol, key: &[u8], message: &[u8]) -> Result<Vec<u8>, Status> {
    let mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Status::OTHER)?.chain_update(message);
    let mut bytes = mac.finalize().into_bytes().to_vec();
    if protocol == Protocol::One {
        bytes.truncate(16);
    }
    Ok(bytes)
}

/// A point as CTAP writes it.
pub(crate) fn cose(point: &[u8], algorithm: i64) -> Result<Value, Status> {
    let (x, y) = point.get(1..).and_then(|both| both.split_at_checked(32)).ok_or(Status::OTHER)?;
    let bytes = |part: &[u8]| Value::Bytes(part.to_vec());
    Ok(map([(1, 2.into()), (3, algorithm.into()), (-1, 1.into()), (-2, bytes(x)), (-3, bytes(y))]))
}

/// A new private key.
pub(crate) fn secret() -> Result<SecretKey, Status> {
    // One draw in 2^32 is none.
    SecretKey::from_slice(&random::<32>()?).map_err(|_| Status::OTHER)
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], Status> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Status::OTHER)?;
    Ok(bytes)
}
