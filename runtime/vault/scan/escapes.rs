//! Encodings that let a character be spelled in many ways, one escape at a time.

use super::echo::Spelling;

/// The most bytes of an escape: the longest are names of HTML and character references with leading zeros.
pub(super) const LONGEST: usize = 32;

/// Bytes that are copied at a time.
const WORD: usize = 8;

/// How a CDATA section begins and ends: a writer puts either anywhere in a text (XML 1.0 §2.7).
const CDATA: (&[u8], &[u8]) = (b"<![CDATA[", b"]]>");

/// Encodings, each of whose escapes begins with its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `\\`: JSON (RFC 8259 §7), and what JavaScript, Python and Rust add when they print a string.
    Backslash,
    /// `%`: percent encoding (RFC 3986 §2.1), and JavaScript's old `%u`.
    Percent,
    /// `&`: character references of HTML and XML.
    Entity,
    /// CDATA sections that begin or end in the middle of a text.
    Cdata,
    /// NUL bytes between the characters: UTF-16 and UTF-32 of ASCII, in either order.
    Wide,
    /// `+` for a space, in the query part of URLs and in forms.
    Plus,
}

/// Encodings that may lie over one another.
pub(super) const LAYERED: [Encoding; 5] =
    [Encoding::Backslash, Encoding::Percent, Encoding::Entity, Encoding::Cdata, Encoding::Wide];

/// What an escape stands for: at most one character.
#[derive(Clone, Copy, Default)]
pub(super) struct Piece {
    bytes: [u8; 4],
    length: usize,
}

impl Piece {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn byte(byte: u8) -> Self {
        Self { bytes: [byte, 0, 0, 0], length: 1 }
    }

    /// A code point as UTF-8.
    fn character(code_point: u32) -> Option<Self> {
        let mut bytes = [0; 4];
        let length = char::from_u32(code_point)?.encode_utf8(&mut bytes).len();
        Some(Self { bytes, length })
    }
}

impl Encoding {
    /// Where the next escape may begin, between two places.
    pub(super) fn find(self, text: &[u8], from: usize, to: usize) -> Option<usize> {
        let part = text.get(from..to)?;
        let found = match self {
            Self::Cdata => cdata(text, from, to),
            _ => memchr::memchr(self.mark(), part),
        };
        found.map(|at| from + at)
    }

    /// Whether [`quiet`] looks for its mark.
    pub(super) fn common(self) -> bool {
        matches!(self, Self::Backslash | Self::Percent | Self::Entity)
    }

    /// Whether an escape begins between two places, and not only a mark.
    pub(super) fn occurs(self, text: &[u8], mut from: usize, to: usize) -> bool {
        while let Some(mark) = self.find(text, from, to) {
            if self.escape(text.get(mark + 1..).unwrap_or_default()).is_some() {
                return true;
            }
            from = mark + 1;
        }
        false
    }

    /// Undoes every escape that begins between two places, into `out` as far as there is room. Gives how far it read, and
    /// how much it wrote.
    pub(super) fn undo(self, text: &[u8], from: usize, to: usize, out: &mut [u8]) -> (usize, usize) {
        let (mut read, mut written) = (from, 0);
        while let Some(rest) = text.get(read..to).filter(|rest| !rest.is_empty()) {
            let Some(room) = out.get_mut(written..).filter(|room| room.len() >= WORD) else { break };
            let plain = self.copy(text, read, rest.len(), room);
            (read, written) = (read + plain, written + plain);
            let Some(mark) = rest.get(plain).filter(|byte| self.marks(**byte) && room.len() >= plain + WORD) else {
                continue;
            };
            let (piece, used) = match text.get(read + 1..).and_then(|after| self.escape(after)) {
                Some(escape) => escape,
                None => (Piece::byte(*mark), 0),
            };
            if let Some(room) = room.get_mut(plain..plain + piece.length) {
                room.copy_from_slice(piece.as_slice());
            }
            (read, written) = (read + 1 + used, written + piece.length);
        }
        (read, written)
    }

    /// Copies what comes before the next mark, as far as there is room.
    fn copy(self, text: &[u8], from: usize, length: usize, room: &mut [u8]) -> usize {
        let rest = text.get(from..from + length).unwrap_or_default();
        if self != Self::Cdata {
            return copy_until(self.mark(), rest, room);
        }
        // Its marks are common, so what is searched for is all of an escape.
        let length = self.find(text, from, from + length).map_or(length, |at| at - from).min(room.len());
        if let (Some(room), Some(rest)) = (room.get_mut(..length), rest.get(..length)) {
            room.copy_from_slice(rest);
        }
        length
    }

    fn marks(self, byte: u8) -> bool {
        byte == self.mark() || (self == Self::Cdata && byte == b'<')
    }

    fn mark(self) -> u8 {
        match self {
            Self::Backslash => b'\\',
            Self::Percent => b'%',
            Self::Entity => b'&',
            Self::Cdata => b']',
            Self::Wide => 0,
            Self::Plus => b'+',
        }
    }

    /// What the escape means that begins with a mark and goes on like this, and how many bytes after the mark it has.
    pub(super) fn escape(self, after: &[u8]) -> Option<(Piece, usize)> {
        match self {
            Self::Backslash => backslash(after),
            Self::Percent => percent(after),
            Self::Entity => entity(after),
            Self::Cdata => {
                let (begin, end) = CDATA;
                let rests = [begin, end].map(|escape| escape.get(1..).unwrap_or_default());
                let rest = rests.into_iter().find(|rest| after.starts_with(rest))?;
                Some((Piece::default(), rest.len()))
            }
            Self::Wide => Some((Piece::default(), 0)),
            Self::Plus => Some((Piece::byte(b' '), 0)),
        }
    }

    /// What an echo in it is called.
    pub(super) fn spelling(self) -> Spelling {
        match self {
            Self::Backslash => Spelling::JsonEscape,
            Self::Percent | Self::Plus => Spelling::Percent,
            Self::Entity => Spelling::Html,
            Self::Cdata => Spelling::Cdata,
            Self::Wide => Spelling::Utf16,
        }
    }
}

/// Whether a text has none of the common marks: three that are looked for at the price of one.
pub(super) fn quiet(text: &[u8], from: usize) -> bool {
    text.get(from..).is_some_and(|text| memchr::memchr3(b'\\', b'%', b'&', text).is_none())
}

/// Where a CDATA section begins or ends, between two places. It hops over the rarest bytes of both.
fn cdata(text: &[u8], from: usize, to: usize) -> Option<usize> {
    let (begin, end) = CDATA;
    // As far as those bytes may be behind where it begins.
    let part = text.get(from..text.len().min(to + end.len() - 1))?;
    let escapes = memchr::memchr2_iter(b'>', b'!', part).filter_map(|rare| match part.get(rare) {
        Some(b'>') => {
            (rare + 1).checked_sub(end.len()).filter(|at| part.get(*at..).is_some_and(|text| text.starts_with(end)))
        }
        _ => rare.checked_sub(1).filter(|at| text.get(from + at..).is_some_and(|text| text.starts_with(begin))),
    });
    escapes.into_iter().find(|at| from + at < to)
}

/// Copies until a byte comes, or there is no more text or room. Escapes are often close together, so this takes a word at
/// a time where a search and a copy for each piece would cost more than the pieces.
fn copy_until(mark: u8, text: &[u8], room: &mut [u8]) -> usize {
    const LOW: u64 = u64::from_ne_bytes([1; WORD]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; WORD]);
    let marks = u64::from_ne_bytes([mark; WORD]);
    let mut copied = 0;
    for (word, room) in text.as_chunks::<WORD>().0.iter().zip(room.as_chunks_mut::<WORD>().0) {
        *room = *word;
        // A byte that equals the mark becomes zero, and the lowest high bit that is left is that of the first zero byte
        // (Warren, Hacker's Delight, §6-1).
        let differing = u64::from_le_bytes(*word) ^ marks;
        let zero = differing.wrapping_sub(LOW) & !differing & HIGH;
        if zero != 0 {
            return copied + usize::try_from(zero.trailing_zeros() / 8).unwrap_or_default();
        }
        copied += WORD;
    }
    let rest = text.iter().zip(room.iter_mut()).skip(copied).take_while(|(byte, _)| **byte != mark);
    rest.fold(copied, |copied, (byte, room)| {
        *room = *byte;
        copied + 1
    })
}

fn backslash(after: &[u8]) -> Option<(Piece, usize)> {
    let (kind, rest) = after.split_first()?;
    let plain = match kind {
        b'"' | b'\\' | b'/' | b'\'' => *kind,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'x' => return Some((Piece::byte(byte(rest)?), 3)),
        b'u' => return unicode(rest),
        _ => return None,
    };
    Some((Piece::byte(plain), 1))
}

/// After `\u`: four digits, a surrogate pair, or digits in braces.
fn unicode(rest: &[u8]) -> Option<(Piece, usize)> {
    if let Some(braced) = rest.strip_prefix(b"{") {
        let end = braced.iter().take(7).position(|byte| *byte == b'}')?;
        let digits = braced.get(..end).filter(|digits| !digits.is_empty())?;
        return Some((Piece::character(number(digits, 16)?)?, end + 3));
    }
    let first = number(rest.get(..4)?, 16)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Some((Piece::character(first)?, 5));
    }
    let low = rest.get(4..).and_then(|rest| rest.strip_prefix(b"\\u")).and_then(|rest| number(rest.get(..4)?, 16))?;
    let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    Some((Piece::character(0x10000 + ((first - 0xd800) << 10) + low)?, 11))
}

fn percent(after: &[u8]) -> Option<(Piece, usize)> {
    if let Some(digits) = after.strip_prefix(b"u") {
        return Some((Piece::character(number(digits.get(..4)?, 16)?)?, 5));
    }
    Some((Piece::byte(byte(after)?), 2))
}

fn entity(after: &[u8]) -> Option<(Piece, usize)> {
    let (first, _) = after.split_first()?;
    if *first == b'#' {
        return numeric(after.get(1..)?);
    }
    let from = NAMED.partition_point(|(name, _)| name.as_bytes().first() < Some(first));
    let alike = NAMED.get(from..)?.iter().take_while(|(name, _)| name.as_bytes().first() == Some(first));
    let (name, character) = alike.filter(|(name, _)| after.starts_with(name.as_bytes())).last()?;
    // Old pages leave the semicolon out, and browsers read them (HTML Standard §13.2.5.73).
    Some((Piece::byte(*character), name.len() + usize::from(after.get(name.len()) == Some(&b';'))))
}

/// After `&#`: digits, or `x` and hexadecimal digits.
fn numeric(numeric: &[u8]) -> Option<(Piece, usize)> {
    let hexadecimal = numeric.strip_prefix(b"x").or_else(|| numeric.strip_prefix(b"X"));
    let (digits, radix, marks) = hexadecimal.map_or((numeric, 10, 1), |digits| (digits, 16, 2));
    let length = digits.iter().take(8).take_while(|digit| char::from(**digit).is_digit(radix)).count();
    let piece = Piece::character(number(digits.get(..length).filter(|digits| !digits.is_empty())?, radix)?)?;
    Some((piece, marks + length + usize::from(digits.get(length) == Some(&b';'))))
}

/// Names of ASCII punctuation in the HTML Standard §13.5, sorted. Of two that begin alike, the longer one counts.
const NAMED: &[(&str, u8)] = &[
    ("AMP", b'&'),
    ("DiacriticalGrave", b'`'),
    ("GT", b'>'),
    ("Hat", b'^'),
    ("LT", b'<'),
    ("QUOT", b'"'),
    ("UnderBar", b'_'),
    ("VerticalLine", b'|'),
    ("amp", b'&'),
    ("apos", b'\''),
    ("ast", b'*'),
    ("bsol", b'\\'),
    ("colon", b':'),
    ("comma", b','),
    ("commat", b'@'),
    ("dollar", b'$'),
    ("equals", b'='),
    ("excl", b'!'),
    ("grave", b'`'),
    ("gt", b'>'),
    ("lbrace", b'{'),
    ("lbrack", b'['),
    ("lcub", b'{'),
    ("lowbar", b'_'),
    ("lpar", b'('),
    ("lsqb", b'['),
    ("lt", b'<'),
    ("midast", b'*'),
    ("num", b'#'),
    ("percnt", b'%'),
    ("period", b'.'),
    ("plus", b'+'),
    ("quest", b'?'),
    ("quot", b'"'),
    ("rbrace", b'}'),
    ("rbrack", b']'),
    ("rcub", b'}'),
    ("rpar", b')'),
    ("rsqb", b']'),
    ("semi", b';'),
    ("sol", b'/'),
    ("verbar", b'|'),
    ("vert", b'|'),
];

/// Two hexadecimal digits.
fn byte(text: &[u8]) -> Option<u8> {
    u8::try_from(number(text.get(..2)?, 16)?).ok()
}

/// Digits only, no sign, and no more of them than fit.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    digits.iter().try_fold(0_u32, |sum, digit| sum.checked_mul(radix)?.checked_add(char::from(*digit).to_digit(radix)?))
}

#[cfg(test)]
mod tests {
    use super::{Encoding, LONGEST, NAMED};

    #[test]
    fn the_names_are_sorted_and_none_is_longer_than_an_escape() {
        assert!(NAMED.is_sorted_by_key(|(name, _)| name));
        assert!(NAMED.iter().all(|(name, _)| name.len() + 2 < LONGEST));
    }

    #[test]
    fn an_escape_has_no_mark_of_another_encoding_inside() {
        // Views depend on it: an escape of one encoding never begins inside one of another.
        for (encoding, escape) in [
            (Encoding::Backslash, r"\u{00002F}"),
            (Encoding::Percent, "%u002f"),
            (Encoding::Entity, "&#x0000002f;"),
            (Encoding::Cdata, "]]>"),
            (Encoding::Cdata, "<![CDATA["),
        ] {
            let after = escape.as_bytes().get(1..).unwrap_or_default();
            let (_, length) = encoding.escape(after).unwrap_or_default();
            assert_eq!(length + 1, escape.len(), "{escape}");
            assert!(length < LONGEST);
            let others = super::LAYERED.iter().filter(|other| **other != encoding);
            assert!(
                others.into_iter().all(|other| other.find(escape.as_bytes(), 0, escape.len()).is_none()),
                "{escape}"
            );
        }
    }
}
