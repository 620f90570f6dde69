//! The end of a text that is still coming, looked through as it comes.

use super::finds::Finds;
use super::prints::{Prints, REACH, WINDOW};

/// A buffer of fixed size: as much of the text before as the longest form needs, and what is new.
#[derive(Default)]
pub(super) struct Roll {
    bytes: Vec<u8>,
    capacity: usize,
    /// How much of the text stays when room is made.
    keep: usize,
    /// Where the next window is.
    next: usize,
}

impl Roll {
    /// A buffer that keeps so much, with room for at least so much that is new. Its memory is taken here, once.
    pub(super) fn new(keep: usize, new: usize) -> Self {
        // Making room copies what is kept; with as much room as that, every byte is copied once at most.
        let capacity = keep + new.max(keep);
        Self { bytes: Vec::with_capacity(capacity), capacity, keep, next: 0 }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.bytes.len())
    }

    /// Takes what fits, and gives the rest back.
    pub(super) fn take<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let (fits, rest) = text.split_at(self.room().min(text.len()));
        self.bytes.extend_from_slice(fits);
        debug_assert!(self.bytes.capacity() >= self.capacity && self.bytes.len() <= self.capacity);
        rest
    }

    /// Takes all of it, making room as often as needed. For text that nobody else looks at.
    pub(super) fn push(&mut self, mut text: &[u8], prints: &Prints, finds: &mut Finds) {
        loop {
            text = self.take(text);
            if text.is_empty() {
                return;
            }
            self.look(prints, false, finds);
            self.shift(self.bytes.len());
        }
    }

    /// Looks through what has not been looked through. Unless the text is `over`, a form may end later than it does.
    pub(super) fn look(&mut self, prints: &Prints, over: bool, finds: &mut Finds) {
        let behind = if over { WINDOW - 1 } else { REACH };
        let to = self.bytes.len().saturating_sub(behind);
        if self.next < to {
            self.next = prints.find(&self.bytes, self.next, to, finds);
        }
    }

    /// Makes room, keeping what begins at `needed`, and gives by how much everything moved.
    pub(super) fn shift(&mut self, needed: usize) -> usize {
        let gone = self.bytes.len().saturating_sub(self.keep).min(self.next).min(needed);
        let end = self.bytes.len();
        self.bytes.copy_within(gone..end, 0);
        self.bytes.truncate(end - gone);
        self.next -= gone;
        gone
    }

    /// Becomes the beginning of another text, up to `end`, of which everything before was looked through.
    pub(super) fn mirror(&mut self, other: &Self, end: usize) {
        self.bytes.clear();
        self.bytes.extend_from_slice(other.bytes.get(..end).unwrap_or(&other.bytes));
        self.next = other.next.min(self.bytes.len().saturating_sub(REACH));
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.next = 0;
    }
}

impl Drop for Roll {
    /// An answer that holds a secret is not left behind in memory.
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.bytes);
    }
}
