//! What is not found, and why: the ledger of expected failures. Nobody shall claim more than this.
//!
//! Each line is a way to show a secret that this room lets through. When one of them is found one day, its test fails, and
//! its line moves to the spellings that are covered.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::holds;

const SECRET: &str = "kR7vQ2pXw9LmZt4Yb8NcJ6HfQw3Er5Ty";

/// A way to show a text, what it is, and why it is not covered.
type Line = (&'static str, &'static str, fn(&str) -> Vec<u8>);

const LEDGER: &[Line] = &[
    // What only an upstream does that wants to give the secret away. It was given the secret, and has other ways.
    ("reversal", "an upstream that colludes", |text| text.bytes().rev().collect()),
    ("rot13", "an upstream that colludes", rot13),
    ("encryption, here exclusive or with one byte", "an upstream that colludes", |text| {
        text.bytes().map(|byte| byte ^ 0x5a).collect()
    }),
    ("a character in between", "an upstream that colludes", |text| {
        text.chars().flat_map(|character| [character, '.']).collect::<String>().into_bytes()
    }),
    ("two fields", "what is missing between the halves cannot be known", |text| {
        let (first, second) = text.split_at(16);
        format!(r#"{{"a":"{first}","b":"{second}"}}"#).into_bytes()
    }),
    ("an array of characters", "as two fields", |text| {
        let characters: Vec<String> = text.chars().map(|character| format!("\"{character}\"")).collect();
        format!("[{}]", characters.join(",")).into_bytes()
    }),
    // What changes the value.
    (
        "upper case, of a value that is not all hex digits",
        "another value: a service that compares exactly refuses it",
        |text| text.to_ascii_uppercase().into_bytes(),
    ),
    ("lower case, outside of header names", "as upper case", |text| text.to_ascii_lowercase().into_bytes()),
    ("all but the last character", "a part is not the secret, and parts of four bytes are in every text", |text| {
        text.as_bytes().split_last().map(|(_, rest)| rest.to_vec()).unwrap_or_default()
    }),
    ("masked in the middle", "as a part", |text| [&text[..8], "****", &text[12..]].concat().into_bytes()),
    ("a digest", "no secret comes back out of it", |text| sha256(text.as_bytes())),
    // Encodings that no service we know answers in.
    ("base32 in lower case", "not seen in an answer", |text| base32(text, b"abcdefghijklmnopqrstuvwxyz234567")),
    ("base32 in the extended hex alphabet", "not seen in an answer", |text| {
        base32(text, b"0123456789ABCDEFGHIJKLMNOPQRSTUV")
    }),
    ("quoted-printable with soft line breaks", "mail, not an API; every `=` of a URL would be a mark", |text| {
        text.bytes().map(|byte| format!("={byte:02X}")).collect::<String>().into_bytes()
    }),
    ("base58", "each digit depends on the whole number, so there is no form to look for in a longer text", base58),
    ("uuencode", "mail of the last century", uuencode),
    ("octal escapes", "not JSON; C and shells", |text| {
        text.bytes().map(|byte| format!("\\{byte:03o}")).collect::<String>().into_bytes()
    }),
    ("an array of decimal numbers", "every list of small numbers would have to be read as text", |text| {
        format!("{:?}", text.as_bytes()).into_bytes()
    }),
    ("hex digits as an array of strings", "as an array of characters", |text| {
        let pairs: Vec<String> = text.bytes().map(|byte| format!("\"{byte:02x}\"")).collect();
        pairs.join(",").into_bytes()
    }),
    ("base64 with blanks in it", "words with blanks between them are text", |text| {
        let base64 = BASE64_STANDARD.encode(text);
        format!("{} {} {}", &base64[..10], &base64[10..20], &base64[20..]).into_bytes()
    }),
    // Layers beyond what is undone: two of free spelling, and none around what has fixed digits.
    ("base64 of base64", "digits are looked for, not undone", |text| {
        BASE64_STANDARD.encode(BASE64_STANDARD.encode(text)).into_bytes()
    }),
    ("base64 of hex", "as base64 of base64", |text| BASE64_STANDARD.encode(hex::encode(text)).into_bytes()),
    ("base64 of UTF-16", "as base64 of base64", |text| {
        BASE64_STANDARD.encode(text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()).into_bytes()
    }),
    ("base64 of JSON that escapes it", "as base64 of base64", |text| {
        let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        BASE64_STANDARD.encode(escaped).into_bytes()
    }),
    ("three layers of percent encoding", "each layer multiplies the work of a hostile answer", |text| {
        let once: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        once.replace('%', "%2525").into_bytes()
    }),
    ("gzip in base64", "binary files in JSON are not unpacked", |text| {
        BASE64_STANDARD.encode(gzip(text.as_bytes())).into_bytes()
    }),
];

#[test]
fn what_is_out_of_scope_is_not_found() {
    let mut found = Vec::new();
    for (what, why, show) in LEDGER {
        let shown = show(SECRET);
        assert!(!shown.is_empty() && !why.is_empty(), "{what}");
        if holds(&[SECRET.as_bytes()], &shown) {
            found.push(*what);
        }
    }
    assert!(found.is_empty(), "these are found now, and belong to what is covered: {found:?}");
    // The secret itself is found: the ledger is not empty talk of a scanner that finds nothing.
    assert!(holds(&[SECRET.as_bytes()], SECRET.as_bytes()));
}

#[test]
fn what_is_shorter_than_eight_bytes_is_not_looked_for() {
    assert!(!holds(&[b"kR7vQ2p"], b"kR7vQ2p"));
}

fn rot13(text: &str) -> Vec<u8> {
    let turn = |byte: u8| match byte {
        b'a'..=b'z' => (byte - b'a' + 13) % 26 + b'a',
        b'A'..=b'Z' => (byte - b'A' + 13) % 26 + b'A',
        _ => byte,
    };
    text.bytes().map(turn).collect()
}

/// The digits of the number that the bytes are, from the last on.
fn base58(text: &str) -> Vec<u8> {
    let alphabet = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut number: Vec<u32> = text.bytes().map(u32::from).collect();
    let mut digits = Vec::new();
    while number.iter().any(|byte| *byte > 0) {
        let rest = number.iter_mut().fold(0, |rest, byte| {
            let whole = rest * 256 + *byte;
            *byte = whole / 58;
            whole % 58
        });
        digits.extend(usize::try_from(rest).ok().and_then(|rest| alphabet.get(rest)));
    }
    digits.into_iter().rev().collect()
}

fn sha256(text: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(text)).into_bytes()
}

fn base32(text: &str, alphabet: &[u8; 32]) -> Vec<u8> {
    let bits: String = text.bytes().map(|byte| format!("{byte:08b}")).collect();
    let digit = |at: usize| {
        let digit = bits.get(at..at + 5).and_then(|bits| usize::from_str_radix(bits, 2).ok())?;
        alphabet.get(digit).copied()
    };
    (0..bits.len()).step_by(5).filter_map(digit).collect()
}

fn uuencode(text: &str) -> Vec<u8> {
    let digits = six_bits(text);
    [b"begin 644 x\n@".as_slice(), &digits, b"\n`\nend\n"].concat()
}

/// Six bits at a time, from the blank on.
fn six_bits(text: &str) -> Vec<u8> {
    let bits: String = text.bytes().map(|byte| format!("{byte:08b}")).collect();
    let digit =
        |at: usize| bits.get(at..at + 6).and_then(|bits| u8::from_str_radix(bits, 2).ok()).map(|six| six + b' ');
    (0..bits.len()).step_by(6).filter_map(digit).collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(text).and_then(|()| packer.finish()).unwrap_or_default()
}
