//! Encodings that let a character be spelled in many ways, one escape at a time.

use super::echo::Spelling;

/// The most bytes of an escape: the longest are names of HTML and character references with leading zeros.
pub(super) const LONGEST: usize = 32;

/// What ends a CDATA section and begins the next: a writer puts it anywhere in a text (XML 1.0 §2.7).
const CDATA: &[u8] = b"]]><![CDATA[";

/// Encodings, each of whose escapes begins with its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `\\`: JSON (RFC 8259 §7), and what JavaScript, Python and Rust add when they print a string.
    Backslash,
    /// `%`: percent encoding (RFC 3986 §2.1), and JavaScript's old `%u`.
    Percent,
    /// `&`: character references of HTML and XML.
    Entity,
    /// CDATA sections that end in the middle of a text.
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
            Self::Backslash => memchr::memchr(b'\\', part),
            Self::Percent => memchr::memchr(b'%', part),
            Self::Entity => memchr::memchr(b'&', part),
            Self::Cdata => memchr::memmem::find(text.get(from..text.len().min(to + CDATA.len() - 1))?, CDATA),
            Self::Wide => memchr::memchr(0, part),
            Self::Plus => memchr::memchr(b'+', part),
        };
        found.map(|at| from + at)
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

    /// What the escape means that begins with a mark and goes on like this, and how many bytes after the mark it has.
    pub(super) fn escape(self, after: &[u8]) -> Option<(Piece, usize)> {
        match self {
            Self::Backslash => backslash(after),
            Self::Percent => percent(after),
            Self::Entity => entity(after),
            Self::Cdata => Some((Piece::default(), CDATA.len() - 1)),
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
            (Encoding::Cdata, "]]><![CDATA["),
        ] {
            let (_, length) = encoding.escape(&escape.as_bytes()[1..]).unwrap_or_default();
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
