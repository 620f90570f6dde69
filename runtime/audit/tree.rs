//! The Merkle tree over the log's lines, RFC 6962 §2.1, kept as it grows.

use tlog_tiles::{EMPTY_HASH, Hash, node_hash, record_hash};

/// Bytes of one SHA-256 hash.
pub(crate) const HASH_BYTES: usize = tlog_tiles::HASH_SIZE;

/// A tree that only grows. It keeps the roots of its complete subtrees, largest first: at most one for each bit of its size.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    size: u64,
    peaks: Vec<Hash>,
}

/// The hash of one entry: SHA-256(0x00 ‖ line without its newline).
pub(crate) fn leaf(line: &[u8]) -> Hash {
    record_hash(line)
}

impl Tree {
    /// Adds the next leaf. Each trailing one bit of the old size is a subtree that the leaf completes.
    pub(crate) fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(left, node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// How many leaves it has.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The hash of the whole tree.
    pub(crate) fn root(&self) -> Hash {
        let folded = self.peaks.iter().rev().copied().reduce(|right, left| node_hash(left, right));
        folded.unwrap_or(EMPTY_HASH)
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use sha2::{Digest, Sha256};

    use super::{Tree, leaf};

    /// RFC 6962 §2.1, written as the RFC writes it and with another SHA-256 than the code under test uses.
    fn merkle_tree_hash(entries: &[Vec<u8>]) -> Vec<u8> {
        match entries {
            [] => Sha256::digest([]).to_vec(),
            [only] => Sha256::digest([&[0], only.as_slice()].concat()).to_vec(),
            _ => {
                let mut split = 1;
                while split * 2 < entries.len() {
                    split *= 2;
                }
                let (left, right) = (merkle_tree_hash(&entries[..split]), merkle_tree_hash(&entries[split..]));
                Sha256::digest([&[1], left.as_slice(), right.as_slice()].concat()).to_vec()
            }
        }
    }

    #[test]
    fn the_root_is_what_the_rfc_says_at_every_size() {
        let entries: Vec<Vec<u8>> = (0..=200_u8).map(|n| vec![n; usize::from(n) * 3]).collect();
        let mut tree = Tree::default();
        for (size, entry) in entries.iter().enumerate() {
            assert_eq!(tree.root().0.as_slice(), merkle_tree_hash(&entries[..size]), "{size} leaves");
            tree.push(leaf(entry));
        }
        assert_eq!(tree.size(), 201);
    }

    proptest::proptest! {
        #[test]
        fn the_root_is_what_the_rfc_says_for_any_entries(entries: Vec<Vec<u8>>) {
            let mut tree = Tree::default();
            for entry in &entries {
                tree.push(leaf(entry));
            }
            proptest::prop_assert_eq!(tree.root().0.to_vec(), merkle_tree_hash(&entries));
        }
    }
}
