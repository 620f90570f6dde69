//! Digits that are spread out: base64 over several lines, hex with separators. They are drawn together and looked through.

use super::echo::Spelling;
use super::finds::Finds;
use super::groups::{self, WIDEST};
use super::prints::{Prints, WINDOW};
use super::roll::Roll;

/// Bytes of a run that are drawn together before they are looked through.
const BLOCK: usize = 1024;

/// The most bytes from one line's end to the next one's beginning: line ends, and blanks that indent.
const BREAK: usize = 32;

/// The most bytes of a run before what was looked at.
const BEFORE: usize = WIDEST;

/// How far before the end of a text its runs may have to read again, besides the longest form.
pub(super) const LOOK_BACK: usize = BREAK + BEFORE + WIDEST;

/// Bytes of a run of hex that are drawn together at once. Identifiers and digests, which most runs are, fit.
const DRAWN: usize = 256;

/// What stands between hex digits in fingerprints, dumps and byte arrays of programming languages.
const SEPARATORS: &[u8] = b" :-,\t\r\n";

pub(super) const OTHER: u8 = 0;
const SEPARATOR: u8 = 1;
/// The `x` of `0x`: a separator that the zero before it belongs to.
const PREFIX: u8 = 2;
const DIGIT: u8 = 3;

pub(super) static HEX: [u8; 256] = classes(b"0123456789abcdefABCDEF", SEPARATORS, b"xX");

/// Digits of base64 in either alphabet. Base32, hex and most secrets as they are consist of them too.
static BASE64: [u8; 256] = classes(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_", b"", b"");

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses what is out of bounds")]
const fn classes(digits: &[u8], separators: &[u8], prefixes: &[u8]) -> [u8; 256] {
    let mut table = [OTHER; 256];
    let mut byte = 0_u8;
    let mut at = 0;
    while at < table.len() {
        if contains(digits, byte) {
            table[at] = DIGIT;
        } else if contains(separators, byte) {
            table[at] = SEPARATOR;
        } else if contains(prefixes, byte) {
            table[at] = PREFIX;
        }
        byte = byte.wrapping_add(1);
        at += 1;
    }
    table
}

const fn contains(mut list: &[u8], byte: u8) -> bool {
    while let [first, rest @ ..] = list {
        if *first == byte {
            return true;
        }
        list = rest;
    }
    false
}

pub(super) fn class(table: &[u8; 256], byte: u8) -> u8 {
    table.get(usize::from(byte)).copied().unwrap_or(OTHER)
}

/// A run that may be under way at the end of a block.
#[derive(Default)]
struct Run {
    /// Made when the first run begins.
    roll: Option<Box<Roll>>,
    live: bool,
    /// How much of the text was read.
    taken: usize,
}

impl Run {
    fn begin(&mut self, prints: &Prints) {
        self.live = true;
        let roll = self.roll.get_or_insert_with(|| Box::new(Roll::new(prints.longest(), BLOCK)));
        roll.clear();
    }

    fn push(&mut self, digits: &[u8], prints: &Prints, finds: &mut Finds) {
        if let Some(roll) = &mut self.roll {
            roll.push(digits, prints, finds);
        }
    }

    fn end(&mut self, prints: &Prints, finds: &mut Finds) {
        self.live = false;
        if let Some(roll) = &mut self.roll {
            roll.look(prints, true, finds);
            roll.clear();
        }
    }

    /// Takes over a run that is under way.
    fn mirror(&mut self, other: &Self, prints: &Prints) {
        (self.live, self.taken) = (other.live, other.taken);
        if let Some(roll) = other.roll.as_ref().filter(|_| other.live) {
            let own = self.roll.get_or_insert_with(|| Box::new(Roll::new(prints.longest(), BLOCK)));
            own.mirror(roll, usize::MAX);
        }
    }
}

/// Both kinds of runs of one text.
#[derive(Default)]
pub(super) struct Runs {
    hex: Run,
    wrapped: Run,
}

impl Runs {
    /// Reads on. `over` says that the text does not go on.
    pub(super) fn read(&mut self, text: &[u8], over: bool, prints: &Prints, finds: &mut Finds) {
        let undone = finds.undone;
        finds.undone = Spelling::Hex;
        self.hex.read_hex(text, over, prints, finds);
        finds.undone = if undone == Spelling::Raw { Spelling::Wrapped } else { undone };
        self.wrapped.read_wrapped(text, over, prints, finds);
        finds.undone = undone;
    }

    /// What has to stay of the text.
    pub(super) fn needed(&self) -> usize {
        self.hex.taken.saturating_sub(BEFORE).min(self.wrapped.taken)
    }

    pub(super) fn moved(&mut self, gone: usize) {
        self.hex.taken = self.hex.taken.saturating_sub(gone);
        self.wrapped.taken = self.wrapped.taken.saturating_sub(gone);
    }

    /// Becomes the runs of another text, which is the same as far as they were read.
    pub(super) fn mirror(&mut self, other: &Self, prints: &Prints) {
        self.hex.mirror(&other.hex, prints);
        self.wrapped.mirror(&other.wrapped, prints);
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        [&self.hex, &self.wrapped].iter().filter_map(|run| run.roll.as_ref()).map(|roll| roll.memory()).sum()
    }

    pub(super) fn clear(&mut self) {
        self.hex.live = false;
        self.wrapped.live = false;
        (self.hex.taken, self.wrapped.taken) = (0, 0);
    }
}

impl Run {
    fn read_hex(&mut self, text: &[u8], over: bool, prints: &Prints, finds: &mut Finds) {
        let mut drawn = [0_u8; DRAWN];
        while self.live || self.seek_hex(text, prints.shortest_hex()) {
            let rest = text.get(self.taken..).unwrap_or_default();
            let part = rest.get(..DRAWN).unwrap_or(rest);
            let (mut read, mut count) = draw_hex(part, &mut drawn);
            let ended = read < part.len() || (over && read == rest.len());
            // The zero of `0x` is no digit, and whether an `x` follows may not be known yet.
            if !ended && part.ends_with(b"0") {
                (read, count) = (read - 1, count - 1);
            }
            self.taken += read;
            self.drawn(drawn.get(..count).unwrap_or_default(), ended, prints, finds);
            if !ended && part.len() == rest.len() {
                break;
            }
        }
    }

    /// Goes to where the next run of hex begins, if there is one.
    fn seek_hex(&mut self, text: &[u8], shortest: usize) -> bool {
        let found = groups::first(text, self.taken, shortest);
        self.taken = found.unwrap_or_else(|looked| looked);
        found.is_ok()
    }

    /// Looks through digits of a run, which ended after them or not.
    fn drawn(&mut self, digits: &[u8], ended: bool, prints: &Prints, finds: &mut Finds) {
        if !self.live && ended {
            // All of it is here, so it need not be kept. Most runs are dates and numbers, which are no value.
            if digits.len() >= prints.shortest_hex() {
                prints.find(digits, 0, digits.len().saturating_sub(WINDOW - 1), finds);
            }
            return;
        }
        if !self.live {
            self.begin(prints);
        }
        self.push(digits, prints, finds);
        if ended {
            self.end(prints, finds);
        }
    }

    /// Whether the next line belongs to the run; then it is what is read next.
    fn goes_on(&mut self, text: &[u8]) -> bool {
        let gap = gap(text, self.taken);
        self.taken += gap.unwrap_or_default();
        gap.is_some()
    }

    fn read_wrapped(&mut self, text: &[u8], over: bool, prints: &Prints, finds: &mut Finds) {
        let safe = if over { text.len() } else { text.len().saturating_sub(BREAK) };
        loop {
            if self.live {
                let rest = text.get(self.taken..).unwrap_or_default();
                let length = rest.iter().position(|byte| class(&BASE64, *byte) == OTHER);
                self.push(rest.get(..length.unwrap_or(rest.len())).unwrap_or_default(), prints, finds);
                self.taken += length.unwrap_or(rest.len());
                if length.is_none() || self.taken >= safe {
                    break;
                }
                if !self.goes_on(text) {
                    self.end(prints, finds);
                }
            } else {
                let ends = memchr::memchr2_iter(b'\n', b'\r', text.get(self.taken..safe).unwrap_or_default());
                let found = ends.map(|at| self.taken + at).find_map(|at| joint(text, at, prints));
                let Some((at, before)) = found else {
                    self.taken = self.taken.max(safe);
                    break;
                };
                self.begin(prints);
                self.push(before, prints, finds);
                self.taken = at;
                self.goes_on(text);
            }
        }
        if over && self.live {
            self.end(prints, finds);
        }
    }
}

/// Draws the digits of a run together, in lower case and without the zeros of `0x`. Gives how much of the part belongs to
/// the run, and how many digits those are.
fn draw_hex(part: &[u8], drawn: &mut [u8; DRAWN]) -> (usize, usize) {
    let (mut count, mut zeros) = (0, 0);
    for (at, byte) in part.iter().enumerate() {
        let class = class(&HEX, *byte);
        match class {
            OTHER => return (at, count),
            PREFIX => count -= zeros,
            _ => {}
        }
        // Written without a branch, and kept if it was a digit. Figures have the bit already.
        if let Some(place) = drawn.get_mut(count) {
            *place = byte | 0x20;
        }
        count += usize::from(class == DIGIT);
        zeros = usize::from(*byte == b'0');
    }
    (part.len(), count)
}

/// The length of a line end that has a digit right before and right after.
fn gap(text: &[u8], at: usize) -> Option<usize> {
    let (before, after) = text.split_at_checked(at)?;
    before.last().filter(|byte| class(&BASE64, **byte) == DIGIT)?;
    after.first().filter(|byte| matches!(byte, b'\n' | b'\r'))?;
    let length = after.iter().take(BREAK).position(|byte| !matches!(byte, b'\n' | b'\r' | b' ' | b'\t'))?;
    after.get(length).filter(|byte| class(&BASE64, **byte) == DIGIT).map(|_| length)
}

/// A line end where a run may begin: what is before it, and not too short together with what is after.
fn joint<'a>(text: &'a [u8], at: usize, prints: &Prints) -> Option<(usize, &'a [u8])> {
    let length = gap(text, at)?;
    let before = line_before(text, at, prints.longest());
    let needed = prints.shortest().saturating_sub(before.len());
    let after = text.get(at + length..).unwrap_or_default();
    let other = after.iter().take(needed).position(|byte| class(&BASE64, *byte) == OTHER);
    // Two words in a paragraph, unless a third line goes on.
    let short = other.and_then(|at| after.get(at)).is_some_and(|byte| !matches!(byte, b'\n' | b'\r'));
    (!short).then_some((at, before))
}

/// The digits before a place, as many as the longest form can have.
fn line_before(text: &[u8], at: usize, most: usize) -> &[u8] {
    let before = text.get(..at).unwrap_or_default();
    let length = before.iter().rev().take(most).take_while(|byte| class(&BASE64, **byte) == DIGIT).count();
    before.get(at - length..).unwrap_or_default()
}
