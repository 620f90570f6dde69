//! The fixed forms in which an upstream may spell a secret.
//!
//! Encodings with free spelling (JSON escapes, percent, HTML entities) are not here: a text that uses one is decoded and
//! looked at again, see [`views`](super::views). Digits that are spread out (line breaks in base64, separators in hex) are
//! drawn together first, see [`runs`](super::runs).

use zeroize::Zeroizing;

use super::echo::Spelling;

/// RFC 4648 §4.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// RFC 4648 §5.
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// RFC 4648 §6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// RFC 4648 §8 in lower case, to which every run of hex digits is brought before it is looked at.
const HEX: &[u8; 16] = b"0123456789abcdef";

/// How many bits of a value belong to a digit that the bytes before it share, when 0, 1 or 2 bytes of a base64 group come
/// before it. Only whole digits of the value itself are looked for: what stands around an echo is not known.
const BASE64_SKIPS: [u32; 3] = [0, 4, 2];
/// The same for base32 with 0 to 4 bytes before it.
const BASE32_SKIPS: [u32; 5] = [0, 2, 4, 1, 3];

/// Bytes of all forms together for each byte of a value, rounded up: 1 raw, 6 base64 of 4/3, 5 base32 of 8/5, 1 hex of 2,
/// 2 UTF-16 of 2, 1 folded, 1 in lower case. So the arena never grows, and growth never leaves a copy behind.
const EXPANSION: usize = 25;

/// Byte strings to look for, in one wiped buffer. It lives while they are fingerprinted and no longer.
pub(super) struct Forms {
    arena: Zeroizing<Vec<u8>>,
    spans: Vec<Span>,
}

struct Span {
    start: usize,
    end: usize,
    spelling: Spelling,
}

impl Forms {
    /// All forms of a value, itself first. None is shorter than [`MIN_SCANNED`](super::MIN_SCANNED): UTF-16 of a few wide
    /// characters can be, and would be found in anything.
    pub(super) fn of(value: &[u8]) -> Self {
        let arena = Zeroizing::new(Vec::with_capacity(value.len() * EXPANSION));
        let mut forms = Self { arena, spans: Vec::with_capacity(20) };
        forms.push(Spelling::Raw, |out| out.extend_from_slice(value));
        for skip in BASE64_SKIPS {
            forms.push(Spelling::Base64, |out| digits(value, skip, 6, BASE64, out));
            forms.push(Spelling::Base64, |out| digits(value, skip, 6, BASE64_URL, out));
        }
        for skip in BASE32_SKIPS {
            forms.push(Spelling::Base32, |out| digits(value, skip, 5, BASE32, out));
        }
        forms.push(Spelling::Hex, |out| digits(value, 0, 4, HEX, out));
        forms.wide(value);
        if value.contains(&b' ') {
            // Where `+` may stand for a space, both are read as a space, in the text and here.
            forms.push(Spelling::Percent, |out| out.extend(value.iter().copied().map(super::views::folded)));
        }
        // Header names come in lower case, whatever the upstream wrote.
        forms.push(Spelling::HeaderName, |out| out.extend(value.iter().map(u8::to_ascii_lowercase)));
        forms
    }

    /// Each form with what it is.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Spelling)> {
        self.spans.iter().map(|span| (self.slice(span.start, span.end), span.spelling))
    }

    fn slice(&self, start: usize, end: usize) -> &[u8] {
        self.arena.get(start..end).unwrap_or_default()
    }

    /// UTF-16 in both orders, unless it is ASCII with a NUL at each character: those are taken out of a text anyway.
    fn wide(&mut self, value: &[u8]) {
        let Ok(text) = std::str::from_utf8(value) else { return };
        if !text.is_ascii() {
            self.push(Spelling::Utf16, |out| text.encode_utf16().for_each(|unit| out.extend(unit.to_le_bytes())));
            self.push(Spelling::Utf16, |out| text.encode_utf16().for_each(|unit| out.extend(unit.to_be_bytes())));
        }
    }

    /// Writes one form, unless it is too short or known already.
    fn push(&mut self, spelling: Spelling, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.arena.len();
        write(&mut self.arena);
        let end = self.arena.len();
        let form = self.slice(start, end);
        let known = self.spans.iter().any(|span| self.slice(span.start, span.end) == form);
        if known || form.len() < super::MIN_SCANNED {
            self.arena.truncate(start);
        } else {
            self.spans.push(Span { start, end, spelling });
        }
    }
}

/// The whole digits of `width` bits that lie in `value` after the first `skip` bits.
fn digits(value: &[u8], skip: u32, width: u32, alphabet: &[u8], out: &mut Vec<u8>) {
    let mut bits: u16 = 0;
    let mut held: u32 = 0;
    let mut skip = skip;
    for byte in value {
        // At most 5 + 8 bits are held, so nothing is shifted out that counts.
        bits = (bits << 8) | u16::from(*byte);
        held += 8 - skip;
        skip = 0;
        while held >= width {
            held -= width;
            let digit = usize::from((bits >> held) & ((1 << width) - 1));
            out.extend(alphabet.get(digit));
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use base64::Engine as _;
    use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::{EXPANSION, Forms};
    use crate::scan::echo::Spelling;

    fn has(value: &[u8], text: &[u8]) -> bool {
        Forms::of(value).iter().any(|(form, _)| text.windows(form.len()).any(|window| window == form))
    }

    proptest! {
        #[test]
        fn base64_is_found_whatever_stands_around(
            before in proptest::collection::vec(any::<u8>(), 0..7),
            value in proptest::collection::vec(any::<u8>(), 8..60),
            after in proptest::collection::vec(any::<u8>(), 0..7),
        ) {
            let whole = [before, value.clone(), after].concat();
            prop_assert!(has(&value, BASE64_STANDARD_NO_PAD.encode(&whole).as_bytes()));
            prop_assert!(has(&value, BASE64_URL_SAFE_NO_PAD.encode(&whole).as_bytes()));
            prop_assert!(has(&value, hex::encode(&whole).as_bytes()));
        }

        #[test]
        fn the_arena_never_grows_and_no_form_is_shorter_than_eight(
            value in proptest::collection::vec(any::<u8>(), 8..100),
        ) {
            let forms = Forms::of(&value);
            prop_assert!(forms.arena.len() <= value.len() * EXPANSION);
            prop_assert!(forms.arena.capacity() < value.len() * EXPANSION + 1);
            prop_assert!(forms.iter().all(|(form, _)| form.len() >= 8));
        }
    }

    #[test]
    fn base32_at_every_alignment() {
        // RFC 4648 §10 has no vector of this length; these were made with coreutils' `base32`.
        let value = b"kR7vQ2pXw9";
        for text in [
            "NNJDO5SRGJYFQ5ZZ",
            "PBVVEN3WKEZHAWDXHE======",
            "PB4GWURXOZITE4CYO44Q====",
            "PB4HQ22SG53FCMTQLB3TS===",
            "PB4HQ6DLKI3XMUJSOBMHOOI=",
        ] {
            assert!(has(value, text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn wide_characters_in_both_orders_and_spaces_folded() {
        let value = "gr\u{fc}n 7v+2pX";
        let little: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = value.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(has(value.as_bytes(), &little) && has(value.as_bytes(), &big));
        assert!(has(value.as_bytes(), "gr\u{fc}n 7v 2pX".as_bytes()));
        assert_eq!(Forms::of(value.as_bytes()).iter().next().unwrap(), (value.as_bytes(), Spelling::Raw));
    }

    #[test]
    fn a_form_that_would_be_found_in_anything_is_left_out() {
        // Nine bytes of UTF-8 are six of UTF-16.
        let forms = Forms::of("\u{5bc6}\u{7801}\u{9501}".as_bytes());
        assert!(forms.iter().all(|(_, spelling)| spelling != Spelling::Utf16));
    }
}
