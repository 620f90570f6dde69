//! Digits that are spread out: base64 over several lines, hex with separators. They are drawn together and looked through.

use super::echo::Spelling;
use super::finds::Finds;
use super::prints::Prints;
use super::roll::Roll;

/// Bytes of a run that are drawn together before they are looked through.
const BLOCK: usize = 1024;

/// The most bytes from one line's end to the next one's beginning: line ends, and blanks that indent.
const BREAK: usize = 32;

/// Hex digits and separators in a row that are taken to be part of a run. The shortest value has sixteen digits, so of
/// all groups of this many bytes, one is wholly inside if they are no further apart than the rest.
const GROUP: usize = 8;

/// The most bytes from one group to the next.
const MAX_SPACING: usize = 32;

/// The most bytes of a run before the first group that is inside.
const BEFORE: usize = MAX_SPACING + GROUP;

/// How far before the end of a text its runs may have to read again, besides the longest form.
pub(super) const LOOK_BACK: usize = BREAK + BEFORE + GROUP;

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
        loop {
            if !self.live {
                let rest = text.get(self.taken..).unwrap_or_default();
                let spacing = spacing(prints.shortest_hex());
                let Some(at) = group(rest, spacing) else {
                    // As far as groups were whole.
                    self.taken += (rest.len() + spacing).saturating_sub(GROUP) / spacing * spacing;
                    break;
                };
                let at = self.taken + at;
                let before = text.get(..at).unwrap_or_default().iter().rev();
                self.taken = at - before.take_while(|byte| class(&HEX, **byte) != OTHER).count();
            }
            let rest = text.get(self.taken..).unwrap_or_default();
            let end = rest.iter().position(|byte| class(&HEX, *byte) == OTHER);
            let run = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            // Dates, numbers and identifiers end before they could be a value.
            if !self.live && end.is_some_and(|end| end < prints.shortest_hex()) {
                self.taken += run.len();
                continue;
            }
            if !self.live {
                self.begin(prints);
            }
            // The zero of `0x` is no digit, and whether an `x` follows may not be known yet.
            let held = usize::from(end.is_none() && !over && run.ends_with(b"0"));
            let (run, _) = run.split_at(run.len() - held);
            self.taken += run.len();
            self.draw_hex(run, prints, finds);
            if end.is_none() {
                break;
            }
            self.end(prints, finds);
        }
        if over && self.live {
            self.end(prints, finds);
        }
    }

    /// The digits of a run, without the zeros of `0x`.
    fn draw_hex(&mut self, mut run: &[u8], prints: &Prints, finds: &mut Finds) {
        while let Some(at) = memchr::memchr2(b'x', b'X', run) {
            let (before, after) = run.split_at(at);
            self.draw(before.strip_suffix(b"0").unwrap_or(before), prints, finds);
            run = after.get(1..).unwrap_or_default();
        }
        self.draw(run, prints, finds);
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

/// Where the first group is wholly digits and separators, of those that begin at multiples of `spacing`.
fn group(text: &[u8], spacing: usize) -> Option<usize> {
    let inside =
        |group: &[u8]| group.len() >= GROUP && group.iter().take(GROUP).all(|byte| class(&HEX, *byte) != OTHER);
    let mut line = [0_u8; LINE];
    let groups = LINE / GROUP;
    for (number, part) in text.chunks(spacing * groups).enumerate() {
        let gathered = line.as_chunks_mut::<GROUP>().0.iter_mut().zip(part.chunks(spacing));
        for (place, group) in gathered {
            *place = group.first_chunk().copied().unwrap_or_default();
        }
        if likely(&line)
            && let Some(found) = part.chunks(spacing).position(inside)
        {
            return Some((number * groups + found) * spacing);
        }
    }
    None
}

/// How far groups may be apart, so that one of them is wholly inside every run that is long enough.
fn spacing(shortest: usize) -> usize {
    (shortest.min(MAX_SPACING + GROUP - 1) + 1).saturating_sub(GROUP).max(GROUP)
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
