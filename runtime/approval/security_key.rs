//! A security key on USB, through libfido2's own programs.
//!
//! Nothing that they say is believed: what they return is verified as any assertion is, so a program that lies can only fail. A
//! PIN is typed into their prompt on the terminal and does not pass through this process.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use p256::ecdsa::VerifyingKey;
use p256::pkcs8::DecodePublicKey as _;
use sha2::{Digest as _, Sha256};

use crate::attested::{Attested, attested};
use crate::enrolled::{TERMINAL_ORIGIN, TERMINAL_RP_ID};
use crate::fido2_output::{ASSERT, Abilities, CRED, Socket, TOKEN};
use crate::fido2_output::{abilities, asserted, made, sockets, to_blob, verified};
use crate::fido2_process::{Fido2, QUICK, Run, UNHURRIED};
use crate::signer::client_data;
use crate::{ApproverKind, Assertion, EnrolledKey, Enrolment, PublicKey, SecurityKeyError};

/// Where Debian has libfido2's programs.
const PROGRAMS: &str = "/usr/bin";

/// Where an operator says that keys and programs are.
#[derive(Clone, Debug, Default)]
pub struct SecurityKeyPlace {
    /// The key's device; otherwise whatever is plugged in.
    pub device: Option<String>,
    /// The directory of libfido2's programs; otherwise `/usr/bin`.
    pub programs: Option<PathBuf>,
}

/// What makes a new credential, from outside: this room makes no randomness.
#[derive(Clone, Copy, Debug)]
pub struct NewCredential<'a> {
    /// Whose it is.
    pub name: &'a str,
    /// Their role, if they have one.
    pub role: Option<&'a str>,
    /// 256 random bytes, which the attestation signs.
    pub challenge: [u8; 32],
    /// 256 random bits that stand for the person on the key. Nothing is kept there, so they mean nothing afterwards.
    pub user: [u8; 32],
}

/// Whatever key is plugged in.
#[derive(Clone)]
pub(crate) struct SecurityKey {
    programs: Fido2,
    device: Option<Socket>,
}

impl SecurityKey {
    pub(crate) fn new(place: &SecurityKeyPlace, terminal: PathBuf) -> Result<Self, SecurityKeyError> {
        let programs = place.programs.clone().unwrap_or_else(|| PROGRAMS.into());
        if !programs.is_absolute() {
            return Err(SecurityKeyError::Configuration("`programs` is a whole path, beginning with /"));
        }
        let device = place.device.as_deref().map(|device| {
            Socket::of(device)
                .ok_or(SecurityKeyError::Configuration("`device` is a path, as `fido2-token -L` shows it"))
        });
        Ok(Self { programs: Fido2::new(programs, terminal), device: device.transpose()? })
    }

    /// Every key that may be meant.
    fn plugged(&self, withdrawn: &AtomicBool) -> Result<Vec<Socket>, SecurityKeyError> {
        if let Some(device) = &self.device {
            return Ok(vec![device.clone()]);
        }
        let list = Run { program: TOKEN, arguments: &["-L"], input: "", patience: QUICK };
        let found = sockets(&self.programs.run(&list, withdrawn)?)?;
        if found.is_empty() { Err(SecurityKeyError::NoKey) } else { Ok(found) }
    }

    /// How this key verifies its user. One that does not is of no use here.
    fn abilities(&self, socket: &Socket, withdrawn: &AtomicBool) -> Result<Abilities, SecurityKeyError> {
        let inspect = Run { program: TOKEN, arguments: &["-I", socket.as_str()], input: "", patience: QUICK };
        let able = abilities(&self.programs.run(&inspect, withdrawn)?)?;
        if able.built_in || able.pin {
            Ok(able)
        } else {
            Err(SecurityKeyError::CannotVerify(socket.as_str().to_owned()))
        }
    }

    /// Makes a credential on the one key that is plugged in. Somebody touches it, and types its PIN if it has no reader.
    pub(crate) fn enrol(&self, new: &NewCredential<'_>) -> Result<EnrolledKey, SecurityKeyError> {
        let never = AtomicBool::new(false);
        let plugged = self.plugged(&never)?;
        let [socket] = plugged.as_slice() else {
            let names: Vec<&str> = plugged.iter().map(Socket::as_str).collect();
            return Err(SecurityKeyError::SeveralKeys(names.join(", ")));
        };
        let able = self.abilities(socket, &never)?;
        let request = [to_blob(&new.challenge), TERMINAL_RP_ID.to_owned()];
        // The name stays on this machine: a line of its own would be another parameter, and the key does not keep it.
        let input = format!("{}\n{}\nclaviger\n{}\n", request[0], request[1], to_blob(&new.user));
        // A key of CTAP 2.0 with a PIN and no reader refuses to be asked for verification, and verifies by the PIN anyway.
        let arguments: &[&str] = match able.built_in || able.token {
            true => &["-M", "-v", socket.as_str(), "es256"],
            false => &["-M", socket.as_str(), "es256"],
        };
        let make = Run { program: CRED, arguments, input: &input, patience: UNHURRIED };
        let printed = self.programs.run(&make, &never)?;
        let made = made(&printed, [&request[0], &request[1]])?;
        let attested = attested(&made.authenticator_data, TERMINAL_RP_ID)?;
        let agree = attested.credential_id.as_bytes() == made.credential_id && self.attests(&printed, &attested)?;
        if !agree {
            return Err(SecurityKeyError::Nonsense { program: CRED, what: "it reads another credential than this" });
        }
        enrolment(new, attested)
    }

    /// Whether libfido2 verifies the attestation, and reads the same out of it.
    fn attests(&self, printed: &str, attested: &Attested) -> Result<bool, SecurityKeyError> {
        let verify = Run { program: CRED, arguments: &["-V", "-v"], input: printed, patience: QUICK };
        let printed = self.programs.run(&verify, &AtomicBool::new(false))?;
        let (id, pem) = verified(&printed)?;
        let key = VerifyingKey::from_public_key_pem(pem).ok();
        let same_key = key.is_some_and(|key| PublicKey::from(&key) == attested.public_key);
        Ok(same_key && id == attested.credential_id.as_bytes())
    }

    /// Has one of these keys sign, whichever is plugged in.
    pub(crate) fn sign(
        &self,
        challenge: &[u8; 32],
        candidates: &[EnrolledKey],
        withdrawn: &AtomicBool,
    ) -> Result<Assertion, SecurityKeyError> {
        let (socket, key) = self.find(candidates, withdrawn)?;
        let able = self.abilities(&socket, withdrawn)?;
        let client_data = client_data(challenge, TERMINAL_ORIGIN).ok_or(SecurityKeyError::Withdrawn)?;
        let hash: [u8; 32] = Sha256::digest(&client_data).into();
        let by_pin = ["-G", "-v", socket.as_str()];
        let by_reader = ["-G", "-t", "uv=true", socket.as_str()];
        let arguments: &[&str] = if able.built_in { &by_reader } else { &by_pin };
        let signed = match self.assert(&hash, key, arguments, UNHURRIED, withdrawn) {
            // As the key itself has it: the PIN opens its reader again.
            Err(SecurityKeyError::FingerBlocked) if able.pin => {
                self.assert(&hash, key, &by_pin, UNHURRIED, withdrawn)?
            }
            signed => signed?,
        };
        Ok(Assertion {
            credential_id: key.credential_id().clone(),
            authenticator_data: signed.authenticator_data.into(),
            client_data_json: client_data.into(),
            signature: signed.signature.into(),
            batch: None,
        })
    }

    /// Which of the keys is plugged in, and where. Asked without a touch, unless there is nothing to choose.
    fn find<'a>(
        &self,
        candidates: &'a [EnrolledKey],
        withdrawn: &AtomicBool,
    ) -> Result<(Socket, &'a EnrolledKey), SecurityKeyError> {
        let plugged = self.plugged(withdrawn)?;
        if let ([socket], [key]) = (plugged.as_slice(), candidates) {
            return Ok((socket.clone(), key));
        }
        for socket in plugged {
            for key in candidates {
                // It signs nothing that counts: "user present" is clear, and the hash is nobody's.
                let arguments = ["-G", "-t", "up=false", socket.as_str()];
                match self.assert(&[0; 32], key, &arguments, QUICK, withdrawn) {
                    Ok(_) => return Ok((socket, key)),
                    Err(withdrawn @ (SecurityKeyError::Withdrawn | SecurityKeyError::NotInstalled(_))) => {
                        return Err(withdrawn);
                    }
                    // Another's, or broken: the one that is meant may be the next.
                    Err(_) => {}
                }
            }
        }
        Err(SecurityKeyError::NotEnrolled)
    }

    fn assert(
        &self,
        hash: &[u8; 32],
        key: &EnrolledKey,
        arguments: &[&str],
        patience: std::time::Duration,
        withdrawn: &AtomicBool,
    ) -> Result<crate::fido2_output::Asserted, SecurityKeyError> {
        let request = [to_blob(hash), TERMINAL_RP_ID.to_owned()];
        let id = to_blob(key.credential_id().as_bytes());
        let input = format!("{}\n{}\n{id}\n", request[0], request[1]);
        let run = Run { program: ASSERT, arguments, input: &input, patience };
        asserted(&self.programs.run(&run, withdrawn)?, [&request[0], &request[1]])
    }
}

fn enrolment(new: &NewCredential<'_>, attested: Attested) -> Result<EnrolledKey, SecurityKeyError> {
    let enrolment = Enrolment {
        name: new.name.to_owned(),
        role: new.role.map(str::to_owned),
        kind: ApproverKind::Webauthn,
        credential_id: attested.credential_id,
        public_key: attested.public_key,
        rp_id: TERMINAL_RP_ID.to_owned(),
        origins: [TERMINAL_ORIGIN.to_owned()].into(),
    };
    EnrolledKey::try_from(enrolment).map_err(|_| SecurityKeyError::Nameless)
}

impl fmt::Debug for SecurityKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecurityKey({})", self.device.as_ref().map_or("whichever is plugged in", Socket::as_str))
    }
}

#[cfg(test)]
pub(crate) mod tests;
