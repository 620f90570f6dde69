//! Digits that are spread out: base64 over several lines, hex with separators. They are drawn together and looked through.

use super::echo::Spelling;
use super::finds::Finds;
use super::prints::Prints;
use super::roll::Roll;

/// Bytes of a run that are drawn together before they are looked through.
const BLOCK: usize = 1024;

/// The most bytes from one line's end to the next one's beginning: line ends, and blanks that indent.
const BREAK: usize = 32;

/// Hex digits and separators in a row that are taken to be part of a run. The shortest value has sixteen digits, so one
/// of the text's aligned groups of this many bytes is wholly inside.
const GROUP: usize = 8;

/// Bytes that are tested for a group at once.
const LINE: usize = 64;

/// Hex digits that are passed on at once.
const DRAWN: usize = 256;

/// What stands between hex digits in fingerprints, dumps and byte arrays of programming languages, the `x` of `0x`
/// included.
const SEPARATORS: &[u8] = b" :-,\t\r\nxX";

const OTHER: u8 = 0;
const SEPARATOR: u8 = 1;
const DIGIT: u8 = 2;

static HEX: [u8; 256] = classes(b"0123456789abcdefABCDEF", SEPARATORS);

/// Digits of base64 in either alphabet. Base32, hex and most secrets as they are consist of them too.
static BASE64: [u8; 256] = classes(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_", b"");

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses what is out of bounds")]
const fn classes(digits: &[u8], separators: &[u8]) -> [u8; 256] {
    let mut table = [OTHER; 256];
    let mut byte = 0_u8;
    let mut at = 0;
    while at < table.len() {
        if contains(digits, byte) {
            table[at] = DIGIT;
        } else if contains(separators, byte) {
            table[at] = SEPARATOR;
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

fn class(table: &[u8; 256], byte: u8) -> u8 {
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

    /// Takes over a run that is under way, or begins to look where the texts may differ.
    fn mirror(&mut self, other: &Self, end: usize, prints: &Prints) {
        self.live = other.live;
        self.taken = if other.live { other.taken } else { other.taken.min(end.saturating_sub(2 * GROUP)) };
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
        // A run that is found begins up to two groups earlier.
        self.hex.taken.saturating_sub(2 * GROUP).min(self.wrapped.taken)
    }

    pub(super) fn moved(&mut self, gone: usize) {
        self.hex.taken = self.hex.taken.saturating_sub(gone);
        self.wrapped.taken = self.wrapped.taken.saturating_sub(gone);
    }

    /// Becomes the runs of another text, which is the same up to `end`.
    pub(super) fn mirror(&mut self, other: &Self, end: usize, prints: &Prints) {
        self.hex.mirror(&other.hex, end, prints);
        self.wrapped.mirror(&other.wrapped, end, prints);
    }

    pub(super) fn clear(&mut self) {
        self.hex.live = false;
        self.wrapped.live = false;
        (self.hex.taken, self.wrapped.taken) = (0, 0);
    }
}

impl Run {
    fn read_hex(&mut self, text: &[u8], over: bool, prints: &Prints, finds: &mut Finds) {
        loop {
            let rest = text.get(self.taken..).unwrap_or_default();
            if !self.live {
                let Some(found) = group(rest) else {
                    self.taken += rest.len() / GROUP * GROUP;
                    break;
                };
                let at = self.taken + found;
                let before = text.get(..at).unwrap_or_default().iter().rev();
                let start = at - before.take_while(|byte| class(&HEX, **byte) != OTHER).count();
                self.taken = start;
                // Dates and numbers end before they could be a value.
                let length = text.get(at..).unwrap_or_default().iter().position(|byte| class(&HEX, *byte) == OTHER);
                match length.filter(|length| at + length - start < prints.shortest()) {
                    Some(length) => self.taken = at + length,
                    None => self.begin(prints),
                }
            } else {
                let ended = self.draw_hex(rest, over, prints, finds);
                if !ended {
                    break;
                }
                self.end(prints, finds);
            }
        }
        if over && self.live {
            self.end(prints, finds);
        }
    }

    /// Takes digits until something else comes, and says whether it did.
    fn draw_hex(&mut self, text: &[u8], over: bool, prints: &Prints, finds: &mut Finds) -> bool {
        let length = text.iter().position(|byte| class(&HEX, *byte) == OTHER);
        let run = text.get(..length.unwrap_or(text.len())).unwrap_or_default();
        // The zero of `0x` is no digit, and whether an `x` follows may not be known yet.
        let held = usize::from(length.is_none() && !over && run.ends_with(b"0"));
        let (run, _) = run.split_at(run.len() - held);
        self.taken += run.len();
        let mut rest = run;
        while let Some(at) = memchr::memchr2(b'x', b'X', rest) {
            let (before, after) = rest.split_at(at);
            self.draw(before.strip_suffix(b"0").unwrap_or(before), prints, finds);
            rest = after.get(1..).unwrap_or_default();
        }
        self.draw(rest, prints, finds);
        length.is_some()
    }

    /// The digits of a part, in lower case.
    fn draw(&mut self, part: &[u8], prints: &Prints, finds: &mut Finds) {
        let mut drawn = [0_u8; DRAWN];
        for part in part.chunks(DRAWN) {
            let mut count = 0;
            for byte in part {
                // Written without a branch, and kept if it was a digit. Figures have the bit already.
                if let Some(place) = drawn.get_mut(count) {
                    *place = byte | 0x20;
                }
                count += usize::from(class(&HEX, *byte) >> 1);
            }
            self.push(drawn.get(..count).unwrap_or_default(), prints, finds);
        }
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
            } else {
                let rest = text.get(self.taken..safe).unwrap_or_default();
                let Some(found) = memchr::memchr2(b'\n', b'\r', rest) else {
                    self.taken = self.taken.max(safe);
                    break;
                };
                self.taken += found;
            }
            match gap(text, self.taken) {
                Some(length) => {
                    if !self.live {
                        let before = line_before(text, self.taken, prints.longest());
                        if short(before.len(), text.get(self.taken + length..).unwrap_or_default(), prints.shortest()) {
                            self.taken += length;
                            continue;
                        }
                        self.begin(prints);
                        self.push(before, prints, finds);
                    }
                    self.taken += length;
                }
                None if self.live => self.end(prints, finds),
                None => self.taken += 1,
            }
        }
        if over && self.live {
            self.end(prints, finds);
        }
    }
}

/// Where a group is wholly digits and separators.
fn group(text: &[u8]) -> Option<usize> {
    let (lines, rest) = text.as_chunks::<LINE>();
    let inside = |group: &[u8; GROUP]| group.iter().all(|byte| class(&HEX, *byte) != OTHER);
    let within = |part: &[u8]| part.as_chunks::<GROUP>().0.iter().position(inside).map(|group| group * GROUP);
    let likely = lines.iter().enumerate().filter(|(_, line)| likely(line));
    let found = likely.filter_map(|(number, line)| within(line).map(|at| number * LINE + at)).next();
    found.or_else(|| within(rest).map(|at| lines.len() * LINE + at))
}

/// Whether a group of a line may be. Some bytes more than digits and separators pass, in exchange for a test without a
/// branch or a table, which the compiler does for sixteen bytes at once.
fn likely(line: &[u8; LINE]) -> bool {
    let mut inside = [0_u8; LINE];
    for (inside, byte) in inside.iter_mut().zip(line) {
        let lower = byte | 0x20;
        let (letter, x) = (lower.wrapping_sub(b'a') < 6, lower == b'x');
        // Blanks and what ends lines; comma, minus, dot, slash, figures and colon.
        let (blank, figure) = (*byte <= b' ', byte.wrapping_sub(b',') <= b':' - b',');
        *inside = if letter | x | blank | figure { u8::MAX } else { 0 };
    }
    let (groups, _) = inside.as_chunks::<GROUP>();
    groups.iter().fold(false, |any, group| any | (u64::from_ne_bytes(*group) == u64::MAX))
}

/// The length of a line end that has a digit right before and right after.
fn gap(text: &[u8], at: usize) -> Option<usize> {
    let (before, after) = text.split_at_checked(at)?;
    before.last().filter(|byte| class(&BASE64, **byte) == DIGIT)?;
    after.first().filter(|byte| matches!(byte, b'\n' | b'\r'))?;
    let length = after.iter().take(BREAK).position(|byte| !matches!(byte, b'\n' | b'\r' | b' ' | b'\t'))?;
    after.get(length).filter(|byte| class(&BASE64, **byte) == DIGIT).map(|_| length)
}

/// Whether two lines that meet are too short together, and no third follows: words in a paragraph.
fn short(before: usize, after: &[u8], shortest: usize) -> bool {
    let needed = shortest.saturating_sub(before);
    let other = after.iter().take(needed).position(|byte| class(&BASE64, *byte) == OTHER);
    other.and_then(|at| after.get(at)).is_some_and(|byte| !matches!(byte, b'\n' | b'\r'))
}

/// The digits before a place, as many as the longest form can have.
fn line_before(text: &[u8], at: usize, most: usize) -> &[u8] {
    let before = text.get(..at).unwrap_or_default();
    let length = before.iter().rev().take(most).take_while(|byte| class(&BASE64, **byte) == DIGIT).count();
    before.get(at - length..).unwrap_or_default()
}
