//! Finds any of many forms in one pass, without holding any of them.
//!
//! An automaton takes longer to build than most answers take to read, and its states are the secrets themselves. What
//! outlives a call must not be: so this keeps fingerprints. A text is looked at through a window of four bytes every few
//! bytes (Wu and Manber 1994, with a fixed shift); a window that some form has near its end leads to a keyed hash of the
//! form's tail, and that to an HMAC-SHA-256 of the whole form.
//!
//! What the fingerprints give away to somebody who reads the memory of this process: the lengths of the forms, and, by
//! trying, the bytes that the windows cover. Those are the last [`Prints::covered`] bytes of a form: half of a long value,
//! eight bytes of a shorter one. The rest is behind the HMAC. A value so short or so common that it can be guessed can be
//! confirmed, as with every hash of it.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::echo::Spelling;
use super::finds::Finds;
use super::forms::Forms;

/// Bytes of a window: a 32-bit word, selective enough that ordinary text seldom collides.
pub(super) const WINDOW: usize = 4;

/// The distance between windows, from when the shortest form is short to when it is long. A form has a window at each of
/// this many offsets, so one of them is looked at wherever the form lies.
const STRIDES: [usize; 5] = [5, 7, 9, 11, 13];

/// The most bytes from the start of a window to the end of its form.
pub(super) const REACH: usize = 13 + WINDOW - 1;

/// Bytes of a form's tail that are hashed before the whole form is: long enough that what many secrets have in common at
/// their end (the last line of a PEM file) does not make a hostile text expensive.
const TAIL: usize = 64;

/// Bits of the filter for each window: few enough false alarms that the cost does not grow with the number of secrets.
const BITS_PER_WINDOW: usize = 64;

/// The smallest and the largest filter, as powers of two of bits: 8 KiB stays in a core's first-level cache, 256 KiB in
/// its second.
const FILTER_BITS: (u32, u32) = (16, 21);

/// Slots of the table for each window in it, so that probing stays short.
const SLOTS_PER_WINDOW: usize = 2;

/// Bytes kept of an HMAC: no chance of a false alarm, and no more of an image than that takes.
const MAC: usize = 16;

/// Keys of this process: fingerprints mean nothing elsewhere, and nobody can prepare texts that collide.
pub(super) struct Key {
    tails: RandomState,
    whole: Hmac<Sha256>,
    mask: u64,
    factor: u64,
}

impl Key {
    /// New keys out of the standard library's random state, which is seeded by the operating system.
    pub(super) fn new() -> Self {
        let mut secret = Zeroizing::new([0_u8; 32]);
        for (number, part) in secret.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            *part = RandomState::new().hash_one(number).to_le_bytes();
        }
        let mask = u64::from(low(RandomState::new().hash_one(0)));
        // HMAC takes a key of any length.
        let whole = Hmac::new_from_slice(secret.as_slice()).unwrap_or_else(|_| Hmac::new(&Default::default()));
        Self { tails: RandomState::new(), whole, mask, factor: RandomState::new().hash_one(1) | 1 }
    }

    pub(super) fn mac(&self, form: &[u8]) -> [u8; MAC] {
        let mut mac = self.whole.clone();
        mac.update(form);
        mac.finalize().into_bytes().first_chunk().copied().unwrap_or_default()
    }

    fn tail(&self, form: &[u8]) -> u32 {
        low(self.tails.hash_one(form.get(form.len().saturating_sub(TAIL)..).unwrap_or_default()))
    }

    /// Multiplicative hashing (Knuth, The Art of Computer Programming 3, §6.4) with a random factor: every bit of the upper
    /// half of the product depends on every byte of the window.
    fn window(&self, window: [u8; WINDOW]) -> u32 {
        let product = (u64::from(u32::from_le_bytes(window)) ^ self.mask).wrapping_mul(self.factor);
        low(product >> 32)
    }
}

fn low(hash: u64) -> u32 {
    u32::try_from(hash & 0xffff_ffff).unwrap_or_default()
}

/// The fingerprints of some values in all their forms.
#[derive(Clone)]
pub(super) struct Prints {
    key: Arc<Key>,
    forms: Vec<Form>,
    /// Open addressing with linear probing.
    slots: Vec<Option<Slot>>,
    windows: usize,
    filter: Vec<u64>,
    /// How far a window's hash is shifted right to select a word of the filter.
    shift: u32,
    stride: usize,
    longest: usize,
    shortest: usize,
    shortest_hex: usize,
    spaces: bool,
}

#[derive(Clone, Copy)]
struct Form {
    owner: usize,
    length: usize,
    spelling: Spelling,
    tail: u32,
    mac: [u8; MAC],
}

/// A window: its hash, the form it belongs to, and how far before the form's end it begins.
#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    form: u32,
    back: u8,
}

impl Prints {
    /// Nothing to find, yet.
    pub(super) fn new(key: Arc<Key>) -> Self {
        let [.., stride] = STRIDES;
        let mut new = Self {
            key,
            forms: Vec::new(),
            slots: Vec::new(),
            windows: 0,
            filter: Vec::new(),
            shift: 0,
            stride,
            longest: 0,
            shortest: usize::MAX,
            shortest_hex: usize::MAX,
            spaces: false,
        };
        new.index(0, std::iter::empty());
        new
    }

    /// How many bytes at the end of a form of this length its windows cover. They are half of it at most where that is
    /// possible: what they cover can be found by trying.
    fn covered(length: usize) -> usize {
        let [short, ..] = STRIDES;
        let fitting = STRIDES.iter().rev().find(|stride| (**stride + WINDOW - 1) * 2 <= length);
        fitting.unwrap_or(&short) + WINDOW - 1
    }

    /// Adds a value in all its forms.
    pub(super) fn add(&mut self, owner: usize, value: &[u8]) {
        let forms = Forms::of(value);
        self.spaces |= value.contains(&b' ');
        for (form, spelling) in forms.iter() {
            let Ok(number) = u32::try_from(self.forms.len()) else { return };
            let (tail, mac) = (self.key.tail(form), self.key.mac(form));
            self.forms.push(Form { owner, length: form.len(), spelling, tail, mac });
            self.longest = self.longest.max(form.len());
            self.shortest = self.shortest.min(form.len());
            if form.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                self.shortest_hex = self.shortest_hex.min(form.len());
            }
            // Only the windows that every form of the value has are safe to keep: the value's own length decides.
            let covered = Self::covered(value.len().min(form.len()));
            self.stride = self.stride.min(covered - WINDOW + 1);
            let region = form.get(form.len().saturating_sub(covered)..).unwrap_or_default();
            for (offset, window) in region.windows(WINDOW).enumerate() {
                let (Some(window), Ok(back)) = (window.first_chunk(), u8::try_from(region.len() - offset)) else {
                    continue;
                };
                self.insert(Slot { hash: self.key.window(*window), form: number, back });
            }
        }
    }

    /// Forgets the forms of some owners.
    pub(super) fn forget(&mut self, gone: impl Fn(usize) -> bool) {
        let mut numbers = 0_u32..;
        let kept: Vec<Option<u32>> =
            self.forms.iter().map(|form| if gone(form.owner) { None } else { numbers.next() }).collect();
        let slots = self.slots.iter().flatten().filter_map(|slot| {
            let form = usize::try_from(slot.form).ok().and_then(|form| kept.get(form).copied().flatten())?;
            Some(Slot { form, ..*slot })
        });
        let slots: Vec<Slot> = slots.collect();
        self.forms.retain(|form| !gone(form.owner));
        self.index(slots.len(), slots.into_iter());
    }

    fn insert(&mut self, slot: Slot) {
        if (self.windows + 1) * SLOTS_PER_WINDOW > self.slots.len() {
            let known: Vec<Slot> = self.slots.iter().flatten().copied().collect();
            self.index((self.windows + 1) * 2, known.into_iter());
        }
        self.place(slot);
    }

    /// Builds table and filter anew, with room for so many windows.
    fn index(&mut self, room: usize, slots: impl Iterator<Item = Slot>) {
        let size = (room * SLOTS_PER_WINDOW).next_power_of_two().max(64);
        let (least, most) = FILTER_BITS;
        let bits = (size / SLOTS_PER_WINDOW * BITS_PER_WINDOW).ilog2().clamp(least, most);
        self.slots = vec![None; size];
        self.filter = vec![0; 1 << (bits - 6)];
        self.shift = 32 - (bits - 6);
        self.windows = 0;
        slots.for_each(|slot| self.place(slot));
    }

    fn place(&mut self, slot: Slot) {
        let (word, bits) = self.filter_place(slot.hash);
        if let Some(word) = self.filter.get_mut(word) {
            *word |= bits;
        }
        let empty = self.probe(slot.hash).find(|at| self.slots.get(*at).is_some_and(Option::is_none));
        if let Some(place) = empty.and_then(|at| self.slots.get_mut(at)) {
            *place = Some(slot);
            self.windows += 1;
        }
    }

    /// The longest form: what a view has to remember of the text before.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// The shortest form: what is shorter holds none.
    pub(super) fn shortest(&self) -> usize {
        self.shortest
    }

    /// The shortest form of hex digits alone.
    pub(super) fn shortest_hex(&self) -> usize {
        self.shortest_hex
    }

    /// Whether a value has a space, so that `+` has to be read as one.
    pub(super) fn spaces(&self) -> bool {
        self.spaces
    }

    /// Whether there is anything to look for.
    pub(super) fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// The keyed hash by which a value is known again.
    pub(super) fn identity(&self, value: &[u8]) -> [u8; MAC] {
        self.key.mac(value)
    }

    /// Looks through the windows that begin at `from`, a stride further, and so on, before `to`. Gives the next.
    pub(super) fn find(&self, text: &[u8], from: usize, to: usize, finds: &mut Finds) -> usize {
        match self.stride {
            5 => self.sweep::<5>(text, from, to, finds),
            7 => self.sweep::<7>(text, from, to, finds),
            11 => self.sweep::<11>(text, from, to, finds),
            9 => self.sweep::<9>(text, from, to, finds),
            _ => self.sweep::<13>(text, from, to, finds),
        }
    }

    fn sweep<const STRIDE: usize>(&self, text: &[u8], from: usize, to: usize, finds: &mut Finds) -> usize {
        let count = to.saturating_sub(from).div_ceil(STRIDE);
        let end = from + count * STRIDE;
        let Some(part) = text.get(from..end.min(text.len())) else { return from };
        let (strides, rest) = part.as_chunks::<STRIDE>();
        for (index, stride) in strides.iter().enumerate() {
            if let Some(window) = stride.first_chunk() {
                let hash = self.key.window(*window);
                if self.may_hold(hash) {
                    self.compare(hash, text, from + index * STRIDE, finds);
                }
            }
        }
        if let Some(window) = rest.first_chunk() {
            self.compare(self.key.window(*window), text, from + strides.len() * STRIDE, finds);
        }
        end
    }

    #[inline]
    fn may_hold(&self, hash: u32) -> bool {
        let (word, bits) = self.filter_place(hash);
        self.filter.get(word).is_some_and(|word| word & bits == bits)
    }

    /// A Bloom filter whose two bits lie in one word (Putze, Sanders and Singler 2007): as far from a false alarm as with
    /// many times the memory, at the price of one access.
    #[inline]
    fn filter_place(&self, hash: u32) -> (usize, u64) {
        let word = usize::try_from(hash >> self.shift).unwrap_or_default();
        (word, (1 << (hash & 63)) | (1 << ((hash >> 6) & 63)))
    }

    /// Compares every form that has a window of this hash with the text that ends where the form would.
    #[cold]
    fn compare(&self, hash: u32, text: &[u8], at: usize, finds: &mut Finds) {
        let slots = self.probe(hash).map_while(|place| self.slots.get(place).copied().flatten());
        for slot in slots.filter(|slot| slot.hash == hash) {
            let Some(form) = usize::try_from(slot.form).ok().and_then(|form| self.forms.get(form)) else { continue };
            let end = at + usize::from(slot.back);
            let Some(part) = end.checked_sub(form.length).and_then(|start| text.get(start..end)) else { continue };
            if finds.wants(form.owner, form.spelling)
                && self.key.tail(part) == form.tail
                && self.key.mac(part) == form.mac
            {
                finds.add(form.owner, form.spelling);
            }
        }
    }

    /// The slots to look at for a hash, in order, each once.
    fn probe(&self, hash: u32) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len() - 1;
        let start = usize::try_from(hash).unwrap_or_default();
        (0..=mask).map(move |step| start.wrapping_add(step) & mask)
    }

    /// Every byte that is kept of the values, to search it.
    #[cfg(test)]
    pub(super) fn everything_kept(&self) -> Vec<u8> {
        let forms = self.forms.iter().flat_map(|form| [&form.mac[..], &form.tail.to_le_bytes()].concat());
        let slots = self.slots.iter().flatten().flat_map(|slot| slot.hash.to_le_bytes());
        forms.chain(slots).chain(self.filter.iter().flat_map(|word| word.to_le_bytes())).collect()
    }
}
