//! The commands of CTAP 2 that libfido2's programs send (CTAP 2.1 §6.1, §6.2, §6.4, §6.5).

use std::collections::BTreeMap;

use ciborium::Value;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use sha2::{Digest as _, Sha256};

use crate::Verification;
use crate::cbor::{bytes, map, member, named, needed, needed_bytes, needed_text, option, parse};
use crate::pin::{Pin, Protocol, cose, random};

/// The first byte of an answer (CTAP 2.1 §8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) u8);

impl Status {
    pub(crate) const INVALID_COMMAND: Self = Self(0x01);
    pub(crate) const INVALID_PARAMETER: Self = Self(0x02);
    pub(crate) const INVALID_CBOR: Self = Self(0x12);
    pub(crate) const MISSING_PARAMETER: Self = Self(0x14);
    pub(crate) const UNSUPPORTED_ALGORITHM: Self = Self(0x26);
    pub(crate) const UNSUPPORTED_OPTION: Self = Self(0x2B);
    pub(crate) const KEEPALIVE_CANCEL: Self = Self(0x2D);
    pub(crate) const NO_CREDENTIALS: Self = Self(0x2E);
    pub(crate) const USER_ACTION_TIMEOUT: Self = Self(0x2F);
    pub(crate) const PIN_INVALID: Self = Self(0x31);
    pub(crate) const PIN_BLOCKED: Self = Self(0x32);
    pub(crate) const PIN_AUTH_INVALID: Self = Self(0x33);
    pub(crate) const PIN_AUTH_BLOCKED: Self = Self(0x34);
    pub(crate) const PIN_REQUIRED: Self = Self(0x36);
    pub(crate) const UV_BLOCKED: Self = Self(0x3C);
    pub(crate) const UV_INVALID: Self = Self(0x3F);
    pub(crate) const OTHER: Self = Self(0x7F);
}

/// What a key does that it should not, or that its user does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It says that it did not verify its user.
    Unverified,
    /// It signs for another relying party.
    OtherRelyingParty,
    /// It adds extension data that nobody asked for.
    Extension,
    /// It does not know the finger.
    WrongFinger,
    /// It has seen too many fingers that it does not know.
    ReaderBlocked,
}

/// How far a request came.
pub(crate) enum Step {
    /// The answer.
    Done(Vec<u8>),
    /// Somebody must touch the key, then this is the answer.
    Touch(Vec<u8>),
}

/// A key's memory.
pub(crate) struct Device {
    verification: Verification,
    pin: Option<Pin>,
    credentials: BTreeMap<Vec<u8>, (String, SigningKey)>,
    counter: u32,
}

const UP: u8 = 0x01;
const UV: u8 = 0x04;
const AT: u8 = 0x40;
const ED: u8 = 0x80;

/// The model, of which there is one.
const AAGUID: [u8; 16] = *b"claviger key 001";

impl Device {
    pub(crate) fn new(verification: Verification) -> Result<Self, Status> {
        let pin = match &verification {
            Verification::Pin { pin, protocol } => Some(Pin::new(pin, *protocol)?),
            _ => None,
        };
        Ok(Self { verification, pin, credentials: BTreeMap::new(), counter: 0 })
    }

    /// Handles one command, as far as it goes without a person.
    pub(crate) fn handle(&mut self, request: &[u8], fault: Option<Fault>) -> Result<Step, Status> {
        let (command, parameters) = request.split_first().ok_or(Status::INVALID_COMMAND)?;
        match command {
            0x01 => self.make_credential(&parse(parameters)?, fault),
            0x02 => self.get_assertion(&parse(parameters)?, fault),
            0x04 => Ok(Step::Done(bytes(&self.info()))),
            0x06 => {
                let pin = self.pin.as_mut().ok_or(Status::INVALID_COMMAND)?;
                Ok(Step::Done(bytes(&pin.command(&parse(parameters)?)?)))
            }
            _ => Err(Status::INVALID_COMMAND),
        }
    }

    /// Wrong PINs that are left.
    pub(crate) fn retries(&self) -> Option<u8> {
        self.pin.as_ref().map(|pin| pin.retries)
    }

    fn info(&self) -> Value {
        let mut options = vec![("rk", false.into()), ("up", true.into())];
        match &self.verification {
            Verification::Builtin => options.push(("uv", true.into())),
            Verification::Pin { .. } => options.push(("clientPin", true.into())),
            Verification::None => options.push(("clientPin", false.into())),
        }
        let protocol = self.pin.as_ref().map_or(Protocol::One, Pin::protocol);
        if protocol == Protocol::Two {
            options.push(("pinUvAuthToken", true.into()));
        }
        let versions = match protocol {
            Protocol::One => vec!["FIDO_2_0".into()],
            Protocol::Two => vec!["FIDO_2_0".into(), "FIDO_2_1".into()],
        };
        let protocols = Value::Array(vec![protocol.number().into()]);
        map([(1, Value::Array(versions)), (3, Value::Bytes(AAGUID.to_vec())), (4, named(options)), (6, protocols)])
    }

    /// Whether the user was verified. One who must be and was not is an error.
    fn verify(
        &self,
        request: &Value,
        at: (i64, i64),
        hash: &[u8],
        options: Option<&Value>,
        fault: Option<Fault>,
    ) -> Result<bool, Status> {
        if let Some(authentication) = member(request, at.0) {
            let pin = self.pin.as_ref().ok_or(Status::PIN_AUTH_INVALID)?;
            if member(request, at.1) != Some(&pin.protocol().number().into()) {
                return Err(Status::INVALID_PARAMETER);
            }
            pin.verify(hash, authentication.as_bytes().ok_or(Status::INVALID_CBOR)?)?;
            return Ok(true);
        }
        let asked = option(options, "uv").unwrap_or(false);
        match (asked, &self.verification, fault) {
            (false, _, _) => Ok(false),
            (true, Verification::Builtin, Some(Fault::WrongFinger)) => Err(Status::UV_INVALID),
            (true, Verification::Builtin, Some(Fault::ReaderBlocked)) => Err(Status::UV_BLOCKED),
            (true, Verification::Builtin, _) => Ok(true),
            (true, _, _) => Err(Status::UNSUPPORTED_OPTION),
        }
    }

    fn make_credential(&mut self, request: &Value, fault: Option<Fault>) -> Result<Step, Status> {
        let hash = needed_bytes(request, 1)?;
        let relying_party = needed_text(needed(request, 2)?, "id")?.to_owned();
        let algorithms = needed(request, 4)?.as_array().ok_or(Status::INVALID_CBOR)?;
        if !algorithms.iter().any(|one| member(one, "alg") == Some(&(-7).into())) {
            return Err(Status::UNSUPPORTED_ALGORITHM);
        }
        let options = member(request, 7);
        if option(options, "rk") == Some(true) {
            return Err(Status::UNSUPPORTED_OPTION);
        }
        let verified = self.verify(request, (8, 9), hash, options, fault)?;
        if self.pin.is_some() && !verified {
            return Err(Status::PIN_REQUIRED);
        }
        let key = SigningKey::from(crate::pin::secret()?);
        let id = random::<48>()?;
        let point = key.verifying_key().to_sec1_point(false);
        let length = u16::try_from(id.len()).map_err(|_| Status::OTHER)?.to_be_bytes();
        let attested = [AAGUID.as_slice(), &length, &id, &bytes(&cose(point.as_bytes(), -7)?)].concat();
        let data = self.data(&relying_party, AT | UP, verified, &attested, fault);
        let signature = sign(&key, &data, hash);
        self.credentials.insert(id.to_vec(), (relying_party, key));
        // Attested by itself: nobody made this key.
        let statement = named([("alg", (-7).into()), ("sig", Value::Bytes(signature))]);
        Ok(Step::Touch(bytes(&map([(1, "packed".into()), (2, Value::Bytes(data)), (3, statement)]))))
    }

    fn get_assertion(&mut self, request: &Value, fault: Option<Fault>) -> Result<Step, Status> {
        let (relying_party, hash) = (needed_text(request, 1)?, needed_bytes(request, 2)?);
        let options = member(request, 5);
        let verified = self.verify(request, (6, 7), hash, options, fault)?;
        let allowed = needed(request, 3)?.as_array().ok_or(Status::INVALID_CBOR)?;
        let known = allowed.iter().find_map(|one| {
            let id = member(one, "id")?.as_bytes()?;
            self.credentials.get(id).filter(|(party, _)| party == relying_party).map(|(_, key)| (id, key.clone()))
        });
        let (id, key) = known.ok_or(Status::NO_CREDENTIALS)?;
        let touched = option(options, "up").unwrap_or(true);
        let data = self.data(relying_party, if touched { UP } else { 0 }, verified, &[], fault);
        let signature = sign(&key, &data, hash);
        let credential = named([("id", Value::Bytes(id.clone())), ("type", "public-key".into())]);
        let answer = bytes(&map([(1, credential), (2, Value::Bytes(data)), (3, Value::Bytes(signature))]));
        Ok(if touched { Step::Touch(answer) } else { Step::Done(answer) })
    }

    /// Authenticator data: the relying party's hash, flags, the counter, and what is attested (WebAuthn Level 3 §6.1).
    fn data(
        &mut self,
        relying_party: &str,
        flags: u8,
        verified: bool,
        attested: &[u8],
        fault: Option<Fault>,
    ) -> Vec<u8> {
        self.counter += 1;
        let party = if fault == Some(Fault::OtherRelyingParty) { "another" } else { relying_party };
        let verified = if verified && fault != Some(Fault::Unverified) { UV } else { 0 };
        let (extended, extension) = match fault {
            Some(Fault::Extension) => (ED, bytes(&named([("credProtect", 1.into())]))),
            _ => (0, Vec::new()),
        };
        let party: [u8; 32] = Sha256::digest(party.as_bytes()).into();
        [&party, [flags | verified | extended].as_slice(), &self.counter.to_be_bytes(), attested, &extension].concat()
    }
}

fn sign(key: &SigningKey, data: &[u8], client_data_hash: &[u8]) -> Vec<u8> {
    let signature: Signature = key.sign(&[data, client_data_hash].concat());
    signature.to_der().as_bytes().to_vec()
}
