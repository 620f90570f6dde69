//! Who can open the vault: the master key, wrapped once for each passphrase and each age recipient.

use std::io::Read;
use std::iter;
use std::str::FromStr;

use age::x25519::{Identity, Recipient};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::private_file::PrivateFileError;
use crate::reveal::Secret;
use crate::seal::{KEY_BYTES, Key, SealError, bind, scrub_stack};

/// Argon2id memory of new slots, KiB: 64 MiB, the second recommended option of RFC 9106 section 4.
const MEMORY_KIB: u32 = 64 * 1024;
/// Argon2id passes of new slots: RFC 9106 asks for 3 at 64 MiB.
const PASSES: u32 = 3;
/// Argon2id lanes of new slots: one, because the crate computes lanes one after the other.
const LANES: u32 = 1;
/// The weakest and the most expensive parameters that are read, KiB. Below 19 MiB (OWASP's minimum) somebody has weakened
/// the file; above 1 GiB somebody wants to exhaust the memory of the machine.
const MEMORY_KIB_BOUNDS: std::ops::RangeInclusive<u32> = 19 * 1024..=1024 * 1024;
/// Passes that are read.
const PASSES_BOUNDS: std::ops::RangeInclusive<u32> = 2..=16;
/// Lanes that are read.
const LANES_BOUNDS: std::ops::RangeInclusive<u32> = 1..=4;
/// Bytes of a salt: RFC 9106 recommends 128 bits.
const SALT_BYTES: usize = 16;
/// The shortest passphrase, bytes: NIST SP 800-63B's minimum for a memorised secret.
const PASSPHRASE_MIN: usize = 8;
/// Slots of one vault: every passphrase slot costs its opener a second.
const SLOTS_MAX: usize = 16;
/// The longest wrapped key that is read, characters: an age file for one recipient is about 300.
const WRAPPED_MAX: usize = 4096;

/// What opens a vault.
#[derive(Debug)]
pub enum Unlock {
    /// A passphrase that a person types.
    Passphrase(Secret),
    /// The text of an age identity file (`AGE-SECRET-KEY-1…`, comments allowed).
    AgeIdentity(Secret),
}

/// A way to open a vault that is to be added.
#[derive(Debug)]
pub enum NewSlot {
    /// A passphrase of at least eight bytes.
    Passphrase(Secret),
    /// An age X25519 recipient (`age1…`).
    AgeRecipient(String),
}

/// Why a vault does not open, or a slot is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnlockError {
    /// No passphrase slot opens. A damaged slot looks the same, by intention.
    #[error("the passphrase opens no slot of this vault; check it and try again")]
    WrongPassphrase,
    /// No age slot opens.
    #[error("the age identity opens no slot of this vault; check that it is the one the vault was made for")]
    WrongIdentity,
    /// The vault has no slot of this kind.
    #[error("the vault has no {0} slot; open it another way")]
    NoSlot(&'static str),
    /// The text holds no age identity.
    #[error("the text holds no age X25519 identity; one line must begin with AGE-SECRET-KEY-1")]
    NotAnIdentity,
    /// The text is not an age recipient.
    #[error("the text is not an age X25519 recipient; it begins with age1, and `age-keygen -y` prints it")]
    NotARecipient,
    /// A passphrase that is too short for a new slot.
    #[error("a new passphrase needs at least {PASSPHRASE_MIN} bytes")]
    PassphraseTooShort,
    /// The file asks for a key derivation that nobody here would have asked for.
    #[error("the vault's passphrase slot has parameters outside the accepted bounds; the file was changed, restore it")]
    Parameters,
    /// None or too many slots.
    #[error("a vault has one to {SLOTS_MAX} slots")]
    SlotCount,
    /// The operating system gave no randomness or too little memory.
    #[error("the machine gave no randomness or too little memory; try again")]
    Machine,
    /// The identity file.
    #[error("the age identity file cannot be used: {0}")]
    File(&'static str),
}

impl From<SealError> for UnlockError {
    fn from(_: SealError) -> Self {
        Self::Machine
    }
}

impl From<PrivateFileError> for UnlockError {
    fn from(error: PrivateFileError) -> Self {
        match error {
            PrivateFileError::OpenToOthers => Self::File("others can read it, or it is not yours; `chmod 600` it"),
            PrivateFileError::NotAFile => Self::File("it is not a regular file"),
            PrivateFileError::TooLong => Self::File("it is too long for an identity file"),
            PrivateFileError::Io(std::io::ErrorKind::NotFound) => Self::File("it does not exist"),
            PrivateFileError::Io(std::io::ErrorKind::AlreadyExists) => Self::File("it exists already"),
            PrivateFileError::Io(_) | PrivateFileError::NotDurable(_) | PrivateFileError::Busy => {
                Self::File("it could not be read or written")
            }
        }
    }
}

/// The master key, wrapped. As it stands in the head of the vault's file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum KeySlot {
    /// Sealed under a key that Argon2id (RFC 9106) derives from a passphrase.
    #[serde(rename_all = "kebab-case")]
    Argon2id { memory_kib: u32, passes: u32, lanes: u32, salt: String, wrapped: String },
    /// An age file (age-encryption.org/v1) for one X25519 recipient.
    #[serde(rename_all = "kebab-case")]
    AgeX25519 { recipient: String, wrapped: String },
}

impl KeySlot {
    /// Wraps the master key of the vault with this id.
    pub(crate) fn wrap(new: &NewSlot, vault: &str, master: &Key) -> Result<Self, UnlockError> {
        match new {
            NewSlot::Passphrase(passphrase) => wrap_with_passphrase(passphrase, vault, master),
            NewSlot::AgeRecipient(recipient) => wrap_for_recipient(recipient, master),
        }
    }
}

/// Refuses a set of slots that no vault has.
pub(crate) fn check_count(slots: usize) -> Result<(), UnlockError> {
    if (1..=SLOTS_MAX).contains(&slots) { Ok(()) } else { Err(UnlockError::SlotCount) }
}

/// Unwraps the master key of the vault with this id.
pub(crate) fn unwrap(slots: &[KeySlot], vault: &str, unlock: &Unlock) -> Result<Key, UnlockError> {
    check_count(slots.len())?;
    let opened = match unlock {
        Unlock::Passphrase(passphrase) => unwrap_with_passphrase(slots, vault, passphrase),
        Unlock::AgeIdentity(text) => identities(text).and_then(|found| unwrap_with_identities(slots, &found)),
    };
    scrub_stack();
    opened
}

fn wrap_with_passphrase(passphrase: &Secret, vault: &str, master: &Key) -> Result<KeySlot, UnlockError> {
    if passphrase.len() < PASSPHRASE_MIN {
        return Err(UnlockError::PassphraseTooShort);
    }
    let mut salt = [0_u8; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|_| UnlockError::Machine)?;
    let cost = Cost { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES };
    let sealed = cost.derive(passphrase, &salt)?.seal(&cost.associated(vault, &salt), master.bytes())?;
    Ok(KeySlot::Argon2id {
        memory_kib: cost.memory_kib,
        passes: cost.passes,
        lanes: cost.lanes,
        salt: STANDARD.encode(salt),
        wrapped: STANDARD.encode(sealed),
    })
}

fn unwrap_with_passphrase(slots: &[KeySlot], vault: &str, passphrase: &Secret) -> Result<Key, UnlockError> {
    let mut refusal = UnlockError::NoSlot("passphrase");
    for slot in slots {
        let KeySlot::Argon2id { memory_kib, passes, lanes, salt, wrapped } = slot else { continue };
        let cost = Cost { memory_kib: *memory_kib, passes: *passes, lanes: *lanes };
        match cost.unwrap(vault, passphrase, salt, wrapped) {
            Err(error) => refusal = error,
            opened => return opened,
        }
    }
    Err(refusal)
}

/// What one guess of a passphrase costs.
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// The key that a passphrase and a salt give, once the parameters are known to be sane.
    fn derive(&self, passphrase: &Secret, salt: &[u8]) -> Result<Key, UnlockError> {
        let sane = MEMORY_KIB_BOUNDS.contains(&self.memory_kib)
            && PASSES_BOUNDS.contains(&self.passes)
            && LANES_BOUNDS.contains(&self.lanes);
        if !sane || salt.len() != SALT_BYTES {
            return Err(UnlockError::Parameters);
        }
        let parameters = Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_BYTES))
            .map_err(|_| UnlockError::Parameters)?;
        let mut memory = Zeroizing::new(vec![Block::default(); parameters.block_count()]);
        let mut key = Key::blank();
        // EXPOSE: Argon2 reads the passphrase; its working memory and its output are wiped when they go out of scope.
        Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
            .hash_password_into_with_memory(passphrase.expose(), salt, key.fill(), memory.as_mut_slice())
            .map_err(|_| UnlockError::Machine)?;
        Ok(key)
    }

    fn unwrap(&self, vault: &str, passphrase: &Secret, salt: &str, wrapped: &str) -> Result<Key, UnlockError> {
        let salt = decode(salt).ok_or(UnlockError::Parameters)?;
        let sealed = decode(wrapped).ok_or(UnlockError::WrongPassphrase)?;
        let opened = self
            .derive(passphrase, &salt)?
            .open(&self.associated(vault, &salt), &sealed)
            .map_err(|_| UnlockError::WrongPassphrase)?;
        // EXPOSE: the unwrapped master key moves from one wiped buffer to another.
        to_key(opened.expose()).ok_or(UnlockError::WrongPassphrase)
    }

    /// What the wrapped key is bound to: its vault and the parameters that are read before anything is authenticated.
    fn associated(&self, vault: &str, salt: &[u8]) -> Vec<u8> {
        let numbers = [self.memory_kib, self.passes, self.lanes].map(u32::to_be_bytes).concat();
        bind("claviger/vault/slot/v1", &[vault.as_bytes(), &numbers, salt])
    }
}

fn wrap_for_recipient(recipient: &str, master: &Key) -> Result<KeySlot, UnlockError> {
    let recipient = Recipient::from_str(recipient.trim()).map_err(|_| UnlockError::NotARecipient)?;
    let wrapped = age::encrypt(&recipient, master.bytes()).map_err(|_| UnlockError::Machine)?;
    Ok(KeySlot::AgeX25519 { recipient: recipient.to_string(), wrapped: STANDARD.encode(wrapped) })
}

fn unwrap_with_identities(slots: &[KeySlot], identities: &[Identity]) -> Result<Key, UnlockError> {
    let wrapped: Vec<_> = slots
        .iter()
        .filter_map(|slot| match slot {
            KeySlot::AgeX25519 { wrapped, .. } => Some(wrapped),
            KeySlot::Argon2id { .. } => None,
        })
        .collect();
    if wrapped.is_empty() {
        return Err(UnlockError::NoSlot("age"));
    }
    let sealed = wrapped.into_iter().filter_map(|text| decode(text));
    let mut pairs = sealed.flat_map(|sealed| identities.iter().map(move |identity| (sealed.clone(), identity)));
    pairs.find_map(|(sealed, identity)| open_age(&sealed, identity)).ok_or(UnlockError::WrongIdentity)
}

fn open_age(sealed: &[u8], identity: &Identity) -> Option<Key> {
    let decryptor = age::Decryptor::new_buffered(sealed).ok()?;
    let mut reader = decryptor.decrypt(iter::once::<&dyn age::Identity>(identity)).ok()?;
    let mut key = Key::blank_lasting().ok()?;
    reader.read_exact(key.fill()).ok()?;
    // Reading to the end is what authenticates the last chunk; a key with something behind it is not a key.
    (reader.read(&mut [0_u8; 1]).ok()? == 0).then_some(key)
}

/// The identities of an age identity file: one a line, blank lines and `#` comments between them.
fn identities(text: &Secret) -> Result<Vec<Identity>, UnlockError> {
    // EXPOSE: parsed into identities, which wipe themselves; the text itself stays in its secret.
    let lines = std::str::from_utf8(text.expose()).map_err(|_| UnlockError::NotAnIdentity)?.lines();
    let identities = lines
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| Identity::from_str(line).map_err(|_| UnlockError::NotAnIdentity))
        .collect::<Result<Vec<_>, _>>()?;
    if identities.is_empty() { Err(UnlockError::NotAnIdentity) } else { Ok(identities) }
}

fn to_key(bytes: &[u8]) -> Option<Key> {
    let mut key = Key::blank_lasting().ok()?;
    (bytes.len() == KEY_BYTES).then(|| key.fill().copy_from_slice(bytes))?;
    Some(key)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() > WRAPPED_MAX { None } else { STANDARD.decode(text).ok() }
}

#[cfg(test)]
#[path = "key_slots_tests.rs"]
mod tests;
