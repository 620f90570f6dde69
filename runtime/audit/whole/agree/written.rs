//! A log in a test's hands, and how it is laid out on disk.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::path::Path;

use super::Chance;
use crate::fixtures::{at, key};
use crate::tree::{Tree, leaf};
use crate::{
    CHECKPOINT_FILE, CheckpointKey, HASHES_FILE, LOG_FILE, WitnessKey, WitnessRequest, WitnessVerifier,
    add_cosignatures,
};

/// The file of the checkpoint that witnesses signed.
pub(super) const COSIGNED: &str = "cosigned";

/// Its lines, and what lies beside them.
#[derive(Clone, Default)]
pub(super) struct Written {
    pub(super) lines: Vec<Vec<u8>>,
    /// How many entries the checkpoint covers.
    pub(super) covered: usize,
    pub(super) signer: [u8; 32],
    /// Bytes after the last newline.
    pub(super) torn: Vec<u8>,
    /// Whether the file of leaf hashes is there.
    pub(super) hashed: bool,
    /// Where each later segment begins.
    pub(super) splits: Vec<usize>,
    /// Segments that are not there, by their number.
    pub(super) missing: Option<usize>,
    /// Replaces what would be written, where a damage needs that.
    pub(super) checkpoint: Option<Vec<u8>>,
    pub(super) hashes: Option<Vec<u8>>,
    pub(super) others: Vec<Vec<u8>>,
    /// The checkpoint that came back from witnesses.
    pub(super) cosigned: Option<Vec<u8>>,
}

/// Two witnesses that the verifier knows.
pub(super) fn witness(number: u8) -> WitnessKey {
    WitnessKey::from_seed(&format!("witness.example/w{number}"), [0x30 + number; 32]).unwrap()
}

pub(super) fn witnesses() -> Vec<WitnessVerifier> {
    [1, 2].map(|number| witness(number).public()).into()
}

impl Written {
    fn tree(&self, size: usize) -> Tree {
        let mut tree = Tree::default();
        self.lines[..size].iter().for_each(|line| tree.push(leaf(line)));
        tree
    }

    /// The checkpoint of the first `size` entries, as the log's owner signs it.
    pub(super) fn note(&self, size: usize) -> Vec<u8> {
        CheckpointKey::from_seed(self.signer).sign(&self.tree(size)).unwrap()
    }

    /// That checkpoint, signed by one witness or both.
    pub(super) fn cosigned_note(&self, size: usize, chance: &mut Chance) -> Vec<u8> {
        let both = chance.yes();
        let note = self.note(size);
        let lines: String = (1..=1 + u8::from(both)).map(|number| cosigned(&note, &witness(number), 5)).collect();
        add_cosignatures(&note, &lines, &witnesses()).unwrap()
    }

    pub(super) fn leaves(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| leaf(line).0).collect()
    }

    /// Every head that the log is held against.
    pub(super) fn heads(&self) -> Vec<Vec<u8>> {
        self.others.iter().cloned().chain(self.cosigned.clone()).collect()
    }

    pub(super) fn write(&self, directory: &Path) {
        std::fs::create_dir(directory).unwrap();
        self.write_segments(directory);
        let note = self.checkpoint.clone().unwrap_or_else(|| self.note(self.covered));
        std::fs::write(directory.join(CHECKPOINT_FILE), note).unwrap();
        if self.hashed {
            std::fs::write(directory.join(HASHES_FILE), self.hashes.clone().unwrap_or_else(|| self.leaves())).unwrap();
        }
        if let Some(cosigned) = &self.cosigned {
            std::fs::write(directory.join(COSIGNED), cosigned).unwrap();
        }
        for (number, other) in self.others.iter().enumerate() {
            std::fs::write(directory.join(format!("other-{number}")), other).unwrap();
        }
    }

    fn write_segments(&self, directory: &Path) {
        let starts: Vec<usize> = [0].into_iter().chain(self.splits.iter().copied()).collect();
        for (number, start) in starts.iter().enumerate() {
            if self.missing == Some(number) {
                continue;
            }
            let end = starts.get(number + 1).copied().unwrap_or(self.lines.len());
            let mut text: Vec<u8> =
                self.lines[*start..end].iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect();
            if end == self.lines.len() && number + 1 == starts.len() {
                text.extend_from_slice(&self.torn);
            }
            let name = if number == 0 { LOG_FILE.to_owned() } else { format!("log-{start:016}.jsonl") };
            std::fs::write(directory.join(name), text).unwrap();
        }
    }
}

/// A witness's line for a checkpoint, for a witness that has seen nothing before.
pub(super) fn cosigned(note: &[u8], witness: &WitnessKey, second: i64) -> String {
    let note = String::from_utf8(note.to_vec()).unwrap();
    let request = WitnessRequest::parse(&format!("old 0\n\n{note}")).unwrap();
    witness.cosign(&request, &key().public(), None, at(second)).unwrap().0
}
