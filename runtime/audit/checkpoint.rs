//! The signed head of the tree: C2SP tlog-checkpoint in a C2SP signed note, Ed25519 (`docs/audit-format.md` §5).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use signed_note::{Note, Verifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash};

use crate::tree::Tree;

/// The signature type of plain Ed25519 in a signed note (C2SP signed-note, "Signature types").
const ED25519: u8 = 0x01;

/// The first part of every log's origin. The rest names the key, so that no two logs share an origin by accident.
const ORIGIN_PREFIX: &str = "claviger.local/";

/// Hex digits of the public key's SHA-256 in the origin: 64 bits tell the logs of one fleet apart.
const ORIGIN_DIGITS: usize = 16;

/// Separates the key of digests from the seed that it follows from.
const DIGEST_KEY: &str = "claviger/audit/digest/v1";

/// The longest checkpoint that is read. A note of ours has some 300 bytes; witnesses add about 200 each.
pub(crate) const MAX_CHECKPOINT: u64 = 64 * 1024;

/// What signs the log's checkpoints. Whoever has it can rewrite the log, so it lives outside the log's directory.
pub struct CheckpointKey {
    signing: SigningKey,
    origin: String,
}

impl CheckpointKey {
    /// The key for a seed of 32 random bytes (RFC 8032 §5.1.5). The log's origin follows from the public key.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let signing = SigningKey::from_bytes(&seed);
        let digits = hex::encode(Sha256::digest(signing.verifying_key().as_bytes()));
        let origin = format!("{ORIGIN_PREFIX}{}", digits.get(..ORIGIN_DIGITS).unwrap_or(&digits));
        Self { signing, origin }
    }

    /// The log's name: the checkpoint's first line and the name of the signing key.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The public key, for whoever verifies.
    pub fn public(&self) -> CheckpointVerifier {
        CheckpointVerifier { origin: self.origin.clone(), key: self.signing.verifying_key() }
    }

    /// What keys the digests of values that could be guessed. It follows from the seed, so it lies where the seed lies and
    /// is in no export; who has only the log cannot try guesses.
    pub(crate) fn digest_key(&self) -> DigestKey {
        DigestKey(keyed(self.signing.as_bytes(), DIGEST_KEY.as_bytes()))
    }

    /// Signs the head of a tree; gives the whole note.
    pub(crate) fn sign(&self, tree: &Tree) -> Result<Vec<u8>, CheckpointError> {
        let head =
            Checkpoint::new(&self.origin, tree.size(), tree.root(), "").map_err(|_| CheckpointError::Malformed)?;
        let text = head.to_bytes();
        let signature = self.signing.sign(&text).to_bytes().to_vec();
        let signature = signed_note::Signature::new(self.origin.clone(), self.public().key_id(), signature);
        let signature = signature.map_err(|_| CheckpointError::Malformed)?;
        let note = Note::new(&text, &[signature]).map_err(|_| CheckpointError::Malformed)?;
        Ok(note.to_bytes())
    }
}

/// Keys digests (`docs/audit-format.md` §10).
pub(crate) struct DigestKey([u8; 32]);

impl DigestKey {
    /// `hmac-sha256:` and the hex digits.
    pub(crate) fn digest(&self, text: &str) -> String {
        format!("hmac-sha256:{}", hex::encode(keyed(&self.0, text.as_bytes())))
    }
}

/// HMAC-SHA-256 (RFC 2104).
fn keyed(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // A key that is shorter than a block is filled up with zeros (RFC 2104 §2).
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// A log's public key: it checks checkpoints and can make none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointVerifier {
    origin: String,
    key: VerifyingKey,
}

impl CheckpointVerifier {
    /// Reads a verifier key in C2SP form, `<name>+<key id>+<base64>`.
    ///
    /// # Errors
    /// [`CheckpointError::Key`].
    pub fn parse(vkey: &str) -> Result<Self, CheckpointError> {
        let (origin, rest) = vkey.trim_end().split_once('+').ok_or(CheckpointError::Key)?;
        let (id, key) = rest.split_once('+').ok_or(CheckpointError::Key)?;
        let bytes = BASE64_STANDARD.decode(key).map_err(|_| CheckpointError::Key)?;
        let id_matches = id == format!("{:08x}", signed_note::key_id(origin, &bytes));
        let [ED25519, key @ ..] = bytes.as_slice() else { return Err(CheckpointError::Key) };
        let key: [u8; 32] = key.try_into().map_err(|_| CheckpointError::Key)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| CheckpointError::Key)?;
        if !id_matches || !signed_note::is_key_name_valid(origin) || key.is_weak() {
            return Err(CheckpointError::Key);
        }
        Ok(Self { origin: origin.to_owned(), key })
    }

    /// The key in C2SP form.
    pub fn vkey(&self) -> String {
        format!("{}+{:08x}+{}", self.origin, self.key_id(), BASE64_STANDARD.encode(self.typed()))
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Reads a checkpoint that this key signed for this log.
    ///
    /// # Errors
    /// [`CheckpointError`]: what is wrong with it.
    pub fn open(&self, note: &[u8]) -> Result<Head, CheckpointError> {
        let note = Note::from_bytes(note).map_err(|_| CheckpointError::Malformed)?;
        let known = VerifierList::new(vec![Box::new(self.clone())]);
        note.verify(&known).map_err(|_| CheckpointError::Signature)?;
        let checkpoint = Checkpoint::from_bytes(note.text()).map_err(|_| CheckpointError::Malformed)?;
        if checkpoint.origin() != self.origin {
            return Err(CheckpointError::Origin);
        }
        Ok(Head { size: checkpoint.size(), root: *checkpoint.hash() })
    }

    fn typed(&self) -> Vec<u8> {
        [&[ED25519], self.key.as_bytes().as_slice()].concat()
    }
}

impl Verifier for CheckpointVerifier {
    fn name(&self) -> &str {
        &self.origin
    }

    fn key_id(&self) -> u32 {
        signed_note::key_id(&self.origin, &self.typed())
    }

    /// Strict: no small-order keys and no second encoding of a signature pass.
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

/// A tree's size and root, out of a checkpoint whose signature was verified.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    pub(crate) size: u64,
    pub(crate) root: Hash,
}

impl Head {
    /// How many entries it covers.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root hash, base64 as in the checkpoint.
    pub fn root(&self) -> String {
        self.root.to_string()
    }
}

/// What is wrong with a checkpoint or its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a verifier key.
    #[error("the log's public key is not a C2SP verifier key of type Ed25519; `claviger audit export` writes it")]
    Key,
    /// There is no checkpoint.
    #[error("the log has no checkpoint, so nothing proves its entries; restore it from a copy or a witness")]
    Missing,
    /// Not a signed note, or not a checkpoint.
    #[error(
        "the checkpoint is not a C2SP signed note with a tlog-checkpoint in it; restore it from a copy or a witness"
    )]
    Malformed,
    /// Another key signed it, or the text was changed.
    #[error(
        "the checkpoint is not signed by this log's key; check that the key belongs to this log, then treat it as forged"
    )]
    Signature,
    /// Another log's.
    #[error("the checkpoint is another log's: its origin is not this log's; check which log it was taken from")]
    Origin,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use ed25519_dalek::Signer as _;
    use signed_note::{Note, Verifier as _};
    use tlog_tiles::Checkpoint;

    use super::{CheckpointError, CheckpointKey, CheckpointVerifier, ED25519};
    use crate::tree::{Tree, leaf};

    fn tree(size: u8) -> Tree {
        let mut tree = Tree::default();
        (0..size).for_each(|n| tree.push(leaf(&[n])));
        tree
    }

    #[test]
    fn what_is_signed_opens_with_the_public_key_alone() {
        let key = CheckpointKey::from_seed([7; 32]);
        for size in [0, 1, 5] {
            let note = key.sign(&tree(size)).unwrap();
            let public = CheckpointVerifier::parse(&key.public().vkey()).unwrap();
            let head = public.open(&note).unwrap();
            assert_eq!((head.size(), head.root), (u64::from(size), tree(size).root()));
        }
    }

    #[test]
    fn another_implementation_reads_the_note() {
        let key = CheckpointKey::from_seed([9; 32]);
        let note = signed_note::Note::from_bytes(&key.sign(&tree(3)).unwrap()).unwrap();
        let other = signed_note::StandardVerifier::new(&key.public().vkey()).unwrap();
        let (verified, unknown) = note.verify(&signed_note::VerifierList::new(vec![Box::new(other)])).unwrap();
        assert_eq!((verified.len(), unknown.len()), (1, 0));
    }

    #[test]
    fn no_flipped_bit_opens() {
        let key = CheckpointKey::from_seed([1; 32]);
        let note = key.sign(&tree(5)).unwrap();
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut damaged = note.clone();
                *damaged.get_mut(at).unwrap() ^= 1 << bit;
                assert!(key.public().open(&damaged).is_err(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn another_key_or_origin_is_told_apart() {
        let (key, other) = (CheckpointKey::from_seed([1; 32]), CheckpointKey::from_seed([2; 32]));
        assert_eq!(key.public().open(&other.sign(&tree(1)).unwrap()), Err(CheckpointError::Signature));
        let mut stolen = CheckpointKey::from_seed([1; 32]);
        stolen.origin = other.origin.clone();
        assert_eq!(key.public().open(&stolen.sign(&tree(1)).unwrap()), Err(CheckpointError::Signature));
        assert_eq!(key.public().open(b"rubbish"), Err(CheckpointError::Malformed));
    }

    #[test]
    fn a_head_of_another_log_under_the_right_name_is_refused() {
        // As a witness signs: the key's own name under a checkpoint that begins with another log's.
        let key = CheckpointKey::from_seed([1; 32]);
        let text = Checkpoint::new("claviger.local/another", 1, tree(1).root(), "").unwrap().to_bytes();
        let signature = key.signing.sign(&text).to_bytes().to_vec();
        let signature = signed_note::Signature::new(key.origin.clone(), key.public().key_id(), signature).unwrap();
        let note = Note::new(&text, &[signature]).unwrap().to_bytes();
        assert_eq!(key.public().open(&note), Err(CheckpointError::Origin));
    }

    #[test]
    fn a_key_of_small_order_is_refused() {
        // The neutral element, y = 1 (RFC 8032 §5.1.2): under it some signature fits every text.
        let mut bytes = [0_u8; 33];
        (bytes[0], bytes[1]) = (ED25519, 1);
        let id = signed_note::key_id("claviger.local/weak", &bytes);
        let vkey = format!("claviger.local/weak+{id:08x}+{}", BASE64_STANDARD.encode(bytes));
        assert_eq!(CheckpointVerifier::parse(&vkey), Err(CheckpointError::Key));
    }

    #[test]
    fn digests_are_keyed_by_the_log() {
        let digest = |seed| CheckpointKey::from_seed([seed; 32]).digest_key().digest("sha256:00");
        assert_eq!(digest(1), digest(1));
        assert_ne!(digest(1), digest(2));
        // By Python's hmac module: hmac(hmac(seed, "claviger/audit/digest/v1"), "sha256:00").
        assert_eq!(digest(1), "hmac-sha256:0d631e6238867900e04c5eb5033f9cef4cdfe2f8527c4b5f307259c5a0a34817");
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let good = CheckpointKey::from_seed([1; 32]).public().vkey();
        assert!(CheckpointVerifier::parse(&format!("{good}\n")).is_ok());
        for wrong in ["", "a+b", "a+00000000+AAAA", &good.replace("claviger", "clavigee"), &good.replace('+', "-")] {
            assert_eq!(CheckpointVerifier::parse(wrong), Err(CheckpointError::Key), "{wrong}");
        }
    }
}
