//! Witnesses: others who saw that the log only ever grew, and say so with a signature of their own.
//!
//! C2SP tlog-cosignature (`cosignature/v1`, Ed25519) for what a witness signs, and the body of C2SP tlog-witness's
//! `add-checkpoint` for how it is asked; texts, so that a file, a pipe or an HTTP client carries them. A log's own key can
//! sign two histories; a witness that keeps to its rule signs one.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use jiff::Timestamp;
use signed_note::{Note, is_key_name_valid, key_id};
use tlog_tiles::{EMPTY_HASH, Hash, check_tree, prove_tree};

use crate::checkpoint::{CheckpointError, CheckpointVerifier, Head};
use crate::error::{LogError, Why};
use crate::format::HASHES_FILE;
use crate::prove::Stored;
use crate::verify::read_checkpoint;

/// The signature type of a timestamped Ed25519 cosignature (C2SP signed-note, "Signature types").
const COSIGNATURE: u8 = 0x04;

/// The most hashes in a consistency proof (C2SP tlog-witness): a tree of 2^63 leaves needs no more.
const MOST_HASHES: usize = 63;

/// What a witness signs with.
pub struct WitnessKey {
    name: String,
    signing: SigningKey,
}

/// A witness's public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessVerifier {
    name: String,
    key: VerifyingKey,
}

/// One witness's statement about a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Cosignature {
    /// The witness.
    pub witness: String,
    /// When it signed, by its own clock: RFC 3339.
    #[serde(serialize_with = "written")]
    pub at: Timestamp,
}

/// Why a witness does not sign, or its signature is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// Not a key of a witness.
    #[error("the witness's key is not a C2SP verifier key of type cosignature/v1; ask the witness for it")]
    Key,
    /// Not a request.
    #[error(
        "that is no request for a cosignature (C2SP tlog-witness, add-checkpoint); `claviger audit witness request` makes one"
    )]
    Malformed,
    /// The checkpoint is not the log's.
    #[error("the checkpoint is not this log's: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The request begins elsewhere than the witness stands.
    #[error("this witness has seen {size} entries of the log; ask again with --old {size}")]
    Conflict {
        /// How many entries the witness has seen.
        size: u64,
    },
    /// The history is another one.
    #[error(
        "the log does not go on from what this witness has signed: it was rewritten or forked; keep both checkpoints, they prove it"
    )]
    Inconsistent,
    /// No line of the answer is a good signature of a known witness over the checkpoint.
    #[error("no known witness signed the log's present checkpoint; ask again, and check the witness's key")]
    Unsigned,
}

impl WitnessKey {
    /// The key for a seed of 32 random bytes, and the witness's name.
    ///
    /// # Errors
    /// [`WitnessError::Key`] for a name that a note cannot hold: empty, or with a space or a plus.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, WitnessError> {
        let name = Some(name.to_owned()).filter(|name| is_key_name_valid(name)).ok_or(WitnessError::Key)?;
        Ok(Self { name, signing: SigningKey::from_bytes(&seed) })
    }

    /// The public key, for whoever verifies.
    pub fn public(&self) -> WitnessVerifier {
        WitnessVerifier { name: self.name.clone(), key: self.signing.verifying_key() }
    }

    /// Signs the checkpoint of a request, if it goes on from what was seen before: `seen` is the head of the checkpoint
    /// that this witness signed last. Gives the signature's line and the new head; the caller keeps the head durably
    /// *before* it gives the line away.
    ///
    /// # Errors
    /// [`WitnessError`]: why it does not.
    pub fn cosign(
        &self,
        request: &WitnessRequest,
        log: &CheckpointVerifier,
        seen: Option<Head>,
        at: Timestamp,
    ) -> Result<(String, Head), WitnessError> {
        let head = log.open(request.checkpoint.as_bytes())?;
        let seen = seen.unwrap_or(Head { size: 0, root: EMPTY_HASH });
        if request.old != seen.size {
            return Err(WitnessError::Conflict { size: seen.size });
        }
        request.goes_on(&seen, &head)?;
        let note = Note::from_bytes(request.checkpoint.as_bytes()).map_err(|_| WitnessError::Malformed)?;
        let seconds = u64::try_from(at.as_second()).unwrap_or_default();
        let signature = self.signing.sign(&message(seconds, note.text())).to_bytes();
        let typed = [seconds.to_be_bytes().as_slice(), &signature].concat();
        let line = signed_note::Signature::new(self.name.clone(), self.public().key_id(), typed);
        let line = line.map_err(|_| WitnessError::Key)?.to_bytes();
        Ok((String::from_utf8(line).map_err(|_| WitnessError::Malformed)?, head))
    }
}

impl WitnessVerifier {
    /// Reads a verifier key in C2SP form, `<name>+<key id>+<base64 of 04 and the key>`.
    ///
    /// # Errors
    /// [`WitnessError::Key`].
    pub fn parse(vkey: &str) -> Result<Self, WitnessError> {
        let read = || {
            let (name, rest) = vkey.trim_end().split_once('+')?;
            let (id, key) = rest.split_once('+')?;
            let bytes = BASE64_STANDARD.decode(key).ok()?;
            let [COSIGNATURE, key @ ..] = bytes.as_slice() else { return None };
            let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok().filter(|key| !key.is_weak())?;
            let is_one = id == format!("{:08x}", key_id(name, &bytes)) && is_key_name_valid(name);
            is_one.then(|| Self { name: name.to_owned(), key })
        };
        read().ok_or(WitnessError::Key)
    }

    /// The key in C2SP form.
    pub fn vkey(&self) -> String {
        format!("{}+{:08x}+{}", self.name, self.key_id(), BASE64_STANDARD.encode(self.typed()))
    }

    fn typed(&self) -> Vec<u8> {
        [&[COSIGNATURE], self.key.as_bytes().as_slice()].concat()
    }

    fn key_id(&self) -> u32 {
        key_id(&self.name, &self.typed())
    }

    /// This witness's statement about the note that a line was made for.
    fn open(&self, text: &[u8], line: &signed_note::Signature) -> Option<Cosignature> {
        if line.name() != self.name || line.id() != self.key_id() {
            return None;
        }
        let (time, signature) = line.signature().split_first_chunk::<8>()?;
        let seconds = u64::from_be_bytes(*time);
        let signature = Signature::from_slice(signature).ok()?;
        self.key.verify_strict(&message(seconds, text), &signature).ok()?;
        let at = Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
        Some(Cosignature { witness: self.name.clone(), at })
    }
}

/// The statements about a checkpoint by witnesses that are known. Lines of others say nothing and are passed over.
pub fn cosignatures(note: &[u8], witnesses: &[WitnessVerifier]) -> Vec<Cosignature> {
    let Ok(parsed) = Note::from_bytes(note) else { return Vec::new() };
    let lines = String::from_utf8_lossy(note);
    let (_, lines) = lines.rsplit_once("\n\n").unwrap_or_default();
    let lines: Vec<_> =
        lines.lines().filter_map(|line| signed_note::Signature::from_bytes(line.as_bytes()).ok()).collect();
    witnesses.iter().filter_map(|known| lines.iter().find_map(|line| known.open(parsed.text(), line))).collect()
}

/// Adds a witness's answer to the checkpoint that it was asked about: one line of each known witness, however many there
/// are in the answer, and none of a witness whose line is there already.
///
/// # Errors
/// [`WitnessError::Unsigned`] when no line of it is a known witness's signature over that checkpoint.
pub fn add_cosignatures(note: &[u8], answer: &str, witnesses: &[WitnessVerifier]) -> Result<Vec<u8>, WitnessError> {
    let parsed = Note::from_bytes(note).map_err(|_| WitnessError::Malformed)?;
    let is_by = |known: &WitnessVerifier, line: &str| {
        let line = signed_note::Signature::from_bytes(line.as_bytes());
        line.is_ok_and(|line| known.open(parsed.text(), &line).is_some())
    };
    let (mut added, mut is_signed) = (BTreeSet::new(), false);
    for known in witnesses {
        let Some(line) = answer.lines().find(|line| is_by(known, line)) else { continue };
        is_signed = true;
        if cosignatures(note, std::slice::from_ref(known)).is_empty() {
            added.insert(line);
        }
    }
    if !is_signed {
        return Err(WitnessError::Unsigned);
    }
    let lines: String = added.iter().map(|line| format!("{line}\n")).collect();
    Ok([note, lines.as_bytes()].concat())
}

/// What a witness is asked: the body of an `add-checkpoint` request.
#[derive(Clone, Debug, PartialEq)]
pub struct WitnessRequest {
    old: u64,
    proof: Vec<Hash>,
    checkpoint: String,
}

impl WitnessRequest {
    /// Asks about the log's present checkpoint, for a witness that has seen its first `old` entries.
    ///
    /// # Errors
    /// [`LogError`]: the log's files do not fit its checkpoint, or it is shorter than `old`.
    pub fn new(directory: &Path, old: u64, key: &CheckpointVerifier) -> Result<Self, LogError> {
        let note = read_checkpoint(directory).map_err(|why| why.at(0))?;
        Self::about(directory, note, old, key)
    }

    /// As [`WitnessRequest::new`], about a checkpoint that was the log's before: several witnesses are asked about one.
    ///
    /// # Errors
    /// As [`WitnessRequest::new`].
    pub fn about(directory: &Path, note: Vec<u8>, old: u64, key: &CheckpointVerifier) -> Result<Self, LogError> {
        let head = key.open(&note).map_err(|error| Why::Checkpoint(error).at(0))?;
        if old > head.size() {
            return Err(Why::Truncated { signed: old }.at(head.size()).into());
        }
        let stored = File::open(directory.join(HASHES_FILE)).map_err(LogError::io("file of leaf hashes"))?;
        let is_trivial = old == 0 || old == head.size();
        let proof = if is_trivial { Ok(Vec::new()) } else { prove_tree(head.size(), old, &Stored(&stored)) };
        let proof = proof.map_err(|_| Why::NotCovered { last: head.size().saturating_sub(1) }.at(0))?;
        let checkpoint = String::from_utf8(note).map_err(|_| Why::Checkpoint(CheckpointError::Malformed).at(0))?;
        Ok(Self { old, proof, checkpoint })
    }

    /// How many entries it says that the witness has seen.
    pub fn old(&self) -> u64 {
        self.old
    }

    /// The checkpoint that it asks about, a signed note.
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint
    }

    /// The request as text.
    pub fn to_text(&self) -> String {
        let proof: String = self.proof.iter().map(|hash| format!("{hash}\n")).collect();
        format!("old {}\n{proof}\n{}", self.old, self.checkpoint)
    }

    /// Reads a request.
    ///
    /// # Errors
    /// [`WitnessError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, WitnessError> {
        let read = || {
            let (head, checkpoint) = text.split_once("\n\n")?;
            let mut lines = head.lines();
            let old = lines.next()?.strip_prefix("old ")?;
            let is_number = old.bytes().all(|byte| byte.is_ascii_digit()) && (old == "0" || !old.starts_with('0'));
            let old = old.parse().ok().filter(|_| is_number)?;
            let proof: Vec<Hash> = lines.map(|line| Hash::parse_hash(line).ok()).collect::<Option<_>>()?;
            (proof.len() <= MOST_HASHES).then(|| Self { old, proof, checkpoint: checkpoint.to_owned() })
        };
        read().ok_or(WitnessError::Malformed)
    }

    /// Whether the head goes on from what was seen (RFC 6962 §2.1.2).
    fn goes_on(&self, seen: &Head, head: &Head) -> Result<(), WitnessError> {
        let goes_on = match seen.size {
            0 => self.proof.is_empty(),
            size if size == head.size => self.proof.is_empty() && seen.root == head.root,
            size if size > head.size => false,
            size => check_tree(&self.proof, head.size, head.root, size, seen.root).is_ok(),
        };
        if goes_on { Ok(()) } else { Err(WitnessError::Inconsistent) }
    }
}

fn written<S: serde::Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

/// What a cosignature signs.
fn message(seconds: u64, text: &[u8]) -> Vec<u8> {
    [format!("cosignature/v1\ntime {seconds}\n").as_bytes(), text].concat()
}
