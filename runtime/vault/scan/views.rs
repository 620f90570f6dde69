//! A text, and what it says to a reader that undoes its escapes.
//!
//! JSON, URLs and HTML let every character be spelled in many ways, so no list of spellings is complete. A text that uses
//! such an encoding is decoded and looked at again; one that does not costs a search for three bytes.

use zeroize::Zeroizing;

/// How many encodings may lie over one another: JSON inside JSON, a doubly percent-encoded URL, HTML inside JSON. Each
/// layer multiplies the work that a hostile answer can make by the number of decoders.
const LAYERS: u32 = 2;

/// A decoder appends the decoded text and says whether anything was decoded.
type Decode = fn(&[u8], &mut Vec<u8>) -> bool;

/// Every encoding by the byte that each of its escapes begins with.
const DECODERS: [(u8, Decode); 3] = [(b'\\', backslash), (b'%', percent), (b'&', entity)];

/// Calls `visit` with the text and every decoded view of it.
pub(super) fn each(text: &[u8], visit: &mut impl FnMut(&[u8])) {
    visit(text);
    descend(text, LAYERS, visit);
}

fn descend(text: &[u8], layers: u32, visit: &mut impl FnMut(&[u8])) {
    if layers == 0 {
        return;
    }
    for (mark, decode) in DECODERS {
        if !text.contains(&mark) {
            continue;
        }
        // Decoding only shortens, so the buffer does not grow and leaves no copy behind.
        let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
        if decode(text, &mut decoded) {
            visit(&decoded);
            descend(&decoded, layers - 1, visit);
        }
    }
}

/// Copies the text, giving each escape a chance: `escape` gets what follows the mark and returns how much of it it used.
fn copy(text: &[u8], mark: u8, out: &mut Vec<u8>, escape: impl Fn(&[u8], &mut Vec<u8>) -> Option<usize>) -> bool {
    let mut changed = false;
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == mark) {
        let (plain, from_mark) = rest.split_at(at);
        out.extend_from_slice(plain);
        let after = from_mark.get(1..).unwrap_or_default();
        let used = escape(after, out);
        changed |= used.is_some();
        if used.is_none() {
            out.push(mark);
        }
        rest = after.get(used.unwrap_or(0)..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    changed
}

/// The escapes of JSON (RFC 8259 §7), and those that JavaScript, Python and Rust add when they print a string.
fn backslash(text: &[u8], out: &mut Vec<u8>) -> bool {
    copy(text, b'\\', out, |after, out| {
        let (kind, rest) = after.split_first()?;
        let plain = match kind {
            b'"' | b'\\' | b'/' | b'\'' => *kind,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => byte(rest)?,
            b'u' => return Some(1 + unicode(rest, out)?),
            _ => return None,
        };
        out.push(plain);
        Some(if *kind == b'x' { 3 } else { 1 })
    })
}

/// After `\u`: four digits, a surrogate pair, or digits in braces.
fn unicode(rest: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    if let Some(braced) = rest.strip_prefix(b"{") {
        let end = braced.iter().take(7).position(|byte| *byte == b'}')?;
        let digits = braced.get(..end).filter(|digits| !digits.is_empty())?;
        push(number(digits, 16)?, out)?;
        return Some(end + 2);
    }
    let first = number(rest.get(..4)?, 16)?;
    if !(0xd800..0xdc00).contains(&first) {
        push(first, out)?;
        return Some(4);
    }
    let low = rest.get(4..).and_then(|rest| rest.strip_prefix(b"\\u")).and_then(|rest| number(rest.get(..4)?, 16))?;
    let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    push(0x10000 + ((first - 0xd800) << 10) + low, out)?;
    Some(10)
}

/// Percent encoding (RFC 3986 §2.1). `+` for a space is one of the forms looked for.
fn percent(text: &[u8], out: &mut Vec<u8>) -> bool {
    copy(text, b'%', out, |after, out| {
        out.push(byte(after)?);
        Some(2)
    })
}

/// Character references of HTML: decimal, hexadecimal, and the names of the characters that secrets are made of.
fn entity(text: &[u8], out: &mut Vec<u8>) -> bool {
    copy(text, b'&', out, |after, out| {
        if let Some(numeric) = after.strip_prefix(b"#") {
            let hexadecimal = numeric.strip_prefix(b"x").or_else(|| numeric.strip_prefix(b"X"));
            let (digits, radix, marks) = hexadecimal.map_or((numeric, 10, 1), |digits| (digits, 16, 2));
            let length = digits.iter().take(8).take_while(|digit| char::from(**digit).is_digit(radix)).count();
            push(number(digits.get(..length).filter(|digits| !digits.is_empty())?, radix)?, out)?;
            return Some(marks + length + usize::from(digits.get(length) == Some(&b';')));
        }
        let (name, character) = NAMED.iter().find(|(name, _)| after.starts_with(name.as_bytes()))?;
        out.push(*character);
        // Old pages leave the semicolon out, and browsers read them (HTML Standard §13.2.5.73).
        Some(name.len() + usize::from(after.get(name.len()) == Some(&b';')))
    })
}

/// Names of ASCII punctuation in the HTML Standard §13.5. `&lt` comes after the longer names that begin like it.
const NAMED: &[(&str, u8)] = &[
    ("amp", b'&'),
    ("AMP", b'&'),
    ("quot", b'"'),
    ("QUOT", b'"'),
    ("apos", b'\''),
    ("gt", b'>'),
    ("GT", b'>'),
    ("lt", b'<'),
    ("LT", b'<'),
    ("excl", b'!'),
    ("num", b'#'),
    ("dollar", b'$'),
    ("percnt", b'%'),
    ("lpar", b'('),
    ("rpar", b')'),
    ("ast", b'*'),
    ("midast", b'*'),
    ("plus", b'+'),
    ("comma", b','),
    ("period", b'.'),
    ("sol", b'/'),
    ("colon", b':'),
    ("semi", b';'),
    ("equals", b'='),
    ("quest", b'?'),
    ("commat", b'@'),
    ("lsqb", b'['),
    ("lbrack", b'['),
    ("bsol", b'\\'),
    ("rsqb", b']'),
    ("rbrack", b']'),
    ("Hat", b'^'),
    ("lowbar", b'_'),
    ("UnderBar", b'_'),
    ("grave", b'`'),
    ("DiacriticalGrave", b'`'),
    ("lcub", b'{'),
    ("lbrace", b'{'),
    ("verbar", b'|'),
    ("vert", b'|'),
    ("VerticalLine", b'|'),
    ("rcub", b'}'),
    ("rbrace", b'}'),
];

/// Two hexadecimal digits.
fn byte(text: &[u8]) -> Option<u8> {
    u8::try_from(number(text.get(..2)?, 16)?).ok()
}

/// Digits only, no sign, and no more of them than fit.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    digits.iter().try_fold(0_u32, |sum, digit| sum.checked_mul(radix)?.checked_add(char::from(*digit).to_digit(radix)?))
}

/// A code point as UTF-8. An escape is never shorter than what it stands for.
fn push(code_point: u32, out: &mut Vec<u8>) -> Option<()> {
    let character = char::from_u32(code_point)?;
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::each;

    fn says(text: &str, value: &str) -> bool {
        let mut said = false;
        each(text.as_bytes(), &mut |view| said |= view.windows(value.len()).any(|window| window == value.as_bytes()));
        said
    }

    #[test]
    fn every_escape_of_a_character_is_read() {
        for spelled in [
            r"\u002f",
            r"\u002F",
            r"\/",
            r"\x2f",
            r"\x2F",
            r"\u{2f}",
            r"\u{00002F}",
            "%2f",
            "%2F",
            "%252F",
            "&#47;",
            "&#047;",
            "&#x2f;",
            "&#X2F;",
            "&#47",
            "&sol;",
            "&sol",
            r"\\u002f",
            r"\u0025\u0032F",
            "&amp;#47;",
            r"\u0026sol;",
        ] {
            assert!(says(&format!("a{spelled}b"), "a/b"), "{spelled}");
        }
    }

    #[test]
    fn surrogate_pairs_are_one_character() {
        assert!(says(r"x\ud83d\udd11y", "x\u{1f511}y"));
        assert!(says(r"x\u{1F511}y", "x\u{1f511}y"));
        assert!(says("x&#128273;y", "x\u{1f511}y"));
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in [
            r"\q",
            r"\u12",
            r"\ud800x",
            r"\u{}",
            r"\u{110000}",
            "%zz",
            "%4",
            "& &;",
            "&#;",
            "&#x;",
            "&#99999999;",
            "\\",
            "%",
            "&",
        ] {
            assert!(says(text, text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn serde_json_is_undone_once_and_twice(value in "\\PC{1,40}") {
            let once = serde_json::to_string(&value).unwrap_or_default();
            let twice = serde_json::to_string(&once).unwrap_or_default();
            prop_assert!(says(&once, &value));
            prop_assert!(says(&twice, &value));
        }

        #[test]
        fn any_mix_of_spellings_is_undone(value in "[ -~]{1,40}", choice in proptest::collection::vec(0_u8..4, 40)) {
            let mut text = String::new();
            for (character, choice) in value.chars().zip(choice) {
                let code = u32::from(character);
                match choice {
                    0 => write!(text, "\\u{code:04x}"),
                    1 => write!(text, "\\u{code:04X}"),
                    2 => write!(text, "\\x{code:02x}"),
                    _ if character == '\\' => write!(text, "\\\\"),
                    _ => write!(text, "{character}"),
                }.unwrap_or_default();
            }
            prop_assert!(says(&text, &value));
        }

        #[test]
        fn decoding_never_lengthens(text in "[ -~]{0,80}") {
            each(text.as_bytes(), &mut |view| assert!(view.len() <= text.len()));
        }
    }
}
