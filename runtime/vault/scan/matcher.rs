//! Finds any of many byte strings in one pass.
//!
//! An automaton takes longer to build than most answers take to read, and keeps the secrets in a shape that nothing wipes.
//! So this is the other classic: look at a short window every few bytes, hash it, and compare in full where the hash is
//! known (Wu and Manber 1994, with a fixed shift). Building it costs a hash per window; reading costs a hash every
//! [`STRIDE`] bytes, whatever the number of secrets.

use super::forms::Forms;

/// Bytes of a window: a 32-bit word, selective enough that ordinary text seldom collides.
const WINDOW: usize = 4;

/// Distance between the windows that are looked at. A form has at least [`MIN_SCANNED`](super::MIN_SCANNED) = 8 bytes,
/// so wherever it lies, it holds a whole window that starts at a multiple of this.
const STRIDE: usize = super::MIN_SCANNED - WINDOW + 1;

/// Bits of the filter that a window's hash selects from: 8 KiB, which stays in a core's first-level cache. A hundred
/// secrets set about a tenth of them.
const FILTER_BITS: u32 = 16;

/// Words of the filter.
const FILTER_WORDS: usize = (1 << FILTER_BITS) / 64;

/// Slots of the table for each window in it, so that probing stays short.
const SLOTS_PER_WINDOW: usize = 2;

/// The forms to find, indexed by their windows.
pub(super) struct Matcher {
    forms: Forms,
    filter: Box<[u64; FILTER_WORDS]>,
    /// Open addressing with linear probing. A slot holds a window's place plus one; 0 is an empty slot.
    table: Vec<u32>,
}

impl Matcher {
    /// Indexes the forms.
    pub(super) fn new(forms: Forms) -> Self {
        let windows = forms.iter().count() * STRIDE;
        let slots = (windows * SLOTS_PER_WINDOW).next_power_of_two();
        let mut matcher = Self { forms: Forms::default(), filter: Box::new([0; FILTER_WORDS]), table: vec![0; slots] };
        for (index, (form, _)) in forms.iter().enumerate() {
            for (offset, window) in form.windows(WINDOW).take(STRIDE).enumerate() {
                if let &[a, b, c, d] = window {
                    matcher.insert(hash([a, b, c, d]), index * STRIDE + offset);
                }
            }
        }
        matcher.forms = forms;
        matcher
    }

    /// Calls `hit` with the index of every value that `text` holds in some form.
    pub(super) fn find(&self, text: &[u8], hit: &mut impl FnMut(usize)) {
        let (strides, rest) = text.as_chunks::<STRIDE>();
        for (index, &[a, b, c, d, _]) in strides.iter().enumerate() {
            let hash = hash([a, b, c, d]);
            if self.may_hold(hash) {
                self.compare(hash, text, index * STRIDE, hit);
            }
        }
        if let Some(window) = rest.first_chunk::<WINDOW>() {
            self.compare(hash(*window), text, strides.len() * STRIDE, hit);
        }
    }

    fn insert(&mut self, hash: u32, place: usize) {
        let word = usize::try_from(hash >> (32 - FILTER_BITS + 6)).unwrap_or_default();
        if let Some(word) = self.filter.get_mut(word) {
            *word |= bit(hash);
        }
        let empty = self.probe(hash).find(|slot| self.table.get(*slot) == Some(&0));
        if let (Some(slot), Ok(place)) = (empty.and_then(|slot| self.table.get_mut(slot)), u32::try_from(place + 1)) {
            *slot = place;
        }
    }

    fn may_hold(&self, hash: u32) -> bool {
        let word = usize::try_from(hash >> (32 - FILTER_BITS + 6)).unwrap_or_default();
        self.filter.get(word).is_some_and(|word| word & bit(hash) != 0)
    }

    /// Compares in full every form that has a window of this hash with the text around `at`.
    #[cold]
    fn compare(&self, hash: u32, text: &[u8], at: usize, hit: &mut impl FnMut(usize)) {
        let places = self.probe(hash).map_while(|slot| self.table.get(slot)).take_while(|place| **place != 0);
        for place in places {
            let place = usize::try_from(place - 1).unwrap_or_default();
            let Some((form, owner)) = self.forms.get(place / STRIDE) else { continue };
            let around = at.checked_sub(place % STRIDE).and_then(|start| text.get(start..));
            if around.is_some_and(|around| around.starts_with(form)) {
                hit(owner);
            }
        }
    }

    /// The slots to look at for a hash, in order, each once.
    fn probe(&self, hash: u32) -> impl Iterator<Item = usize> + use<> {
        let mask = self.table.len() - 1;
        let start = usize::try_from(hash).unwrap_or_default();
        (0..=mask).map(move |step| start.wrapping_add(step) & mask)
    }
}

/// Fibonacci hashing (Knuth, The Art of Computer Programming 3, §6.4); the multiplier is 2^32 over the golden ratio. The
/// halves are folded together, so that both ends of the result depend on every byte.
fn hash(window: [u8; WINDOW]) -> u32 {
    let product = u32::from_le_bytes(window).wrapping_mul(0x9e37_79b1);
    product ^ (product >> 15)
}

fn bit(hash: u32) -> u64 {
    1 << ((hash >> (32 - FILTER_BITS)) & 63)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Forms, Matcher};

    fn found(values: &[&[u8]], text: &[u8]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        Matcher::new(Forms::of(values)).find(text, &mut |owner| {
            found.insert(owner);
        });
        found
    }

    fn naive(values: &[&[u8]], text: &[u8]) -> BTreeSet<usize> {
        let forms = Forms::of(values);
        let held = forms.iter().filter(|(form, _)| text.windows(form.len()).any(|window| window == *form));
        held.map(|(_, owner)| owner).collect()
    }

    proptest! {
        /// Few distinct bytes, so that hits, near hits and repeats are common.
        #[test]
        fn the_same_is_found_as_by_looking_everywhere(
            values in proptest::collection::vec(proptest::collection::vec(0_u8..3, 8..14), 1..5),
            text in proptest::collection::vec(0_u8..3, 0..300),
        ) {
            let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(found(&values, &text), naive(&values, &text));
        }

        #[test]
        fn a_value_is_found_at_every_offset(
            before in 0_usize..40, after in 0_usize..40, value in proptest::collection::vec(any::<u8>(), 8..40),
        ) {
            let text = [vec![b'.'; before], value.clone(), vec![b'.'; after]].concat();
            prop_assert!(found(&[&value], &text).contains(&0));
        }
    }

    #[test]
    fn nothing_to_find_finds_nothing() {
        assert!(found(&[], b"some text that is long enough").is_empty());
        assert!(found(&[b"kR7vQ2pXw9"], b"").is_empty());
        assert!(found(&[b"kR7vQ2pXw9"], b"kR7vQ2pX").is_empty());
    }
}
