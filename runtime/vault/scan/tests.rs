//! The scan as a whole: every spelling, in pieces of any size, beside a search that looks everywhere.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::{Scanner, holds};

/// A password with every character that some encoding spells differently.
const AWKWARD: &str = "p/\"q\\<&+ 7'%41=\u{fc}vQ2";

/// Whether a text in pieces of these lengths, again and again, holds the value.
fn says(value: &[u8], text: &[u8], pieces: &[usize]) -> bool {
    let mut scanner = Scanner::new(&[value]);
    let mut rest = text;
    let mut pieces = pieces.iter().cycle();
    while !rest.is_empty() {
        let length = pieces.next().map_or(rest.len(), |piece| (*piece).clamp(1, rest.len()));
        let (piece, after) = rest.split_at(length);
        scanner.feed(piece);
        rest = after;
    }
    scanner.finish();
    scanner.hit()
}

fn each(text: &str, spell: impl Fn(char) -> String) -> String {
    text.chars().map(spell).collect()
}

fn percent(bytes: &[u8], upper: bool) -> String {
    bytes.iter().map(|byte| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") }).collect()
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', "&apos;")
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// Line breaks after so many characters.
fn wrap(text: &str, column: usize, end: &str) -> String {
    let lines: Vec<&str> = (0..text.len()).step_by(column).map(|at| &text[at..text.len().min(at + column)]).collect();
    lines.join(end)
}

fn separated(bytes: &[u8], upper: bool, prefix: &str, separator: &str) -> String {
    let digits = |byte: &u8| if upper { format!("{prefix}{byte:02X}") } else { format!("{prefix}{byte:02x}") };
    bytes.iter().map(digits).collect::<Vec<_>>().join(separator)
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

/// Every way in which an upstream may spell a text that is all it says.
const SPELLINGS: usize = 44;

fn spell(value: &str, way: usize) -> Vec<u8> {
    let bytes = value.as_bytes();
    let form: String = form_urlencoded::byte_serialize(bytes).collect();
    let base64 = BASE64_STANDARD.encode(bytes);
    let text = match way {
        0 => value.to_owned(),
        1 => json(value),
        2 => json(&json(value)),
        3 => json(value).replace('/', "\\/"),
        4 => value.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
        5 => value.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect(),
        6 => each(value, |character| format!("\\u{{{:x}}}", u32::from(character))),
        7 => format!("{value:?}"),
        8 => form,
        9 => percent(bytes, true),
        10 => percent(bytes, false),
        11 => percent(percent(bytes, true).as_bytes(), true),
        12 => percent(form.as_bytes(), false),
        13 => form.replacen('+', "%20", 1),
        14 => json(&form).replace('%', "\\u0025"),
        15 => base64,
        16 => BASE64_STANDARD.encode([b"user:", bytes].concat()),
        17 => BASE64_URL_SAFE_NO_PAD.encode([b"x", bytes, b"y"].concat()),
        18 => percent(base64.as_bytes(), true),
        19 => wrap(&base64, 76, "\n"),
        20 => wrap(&base64, 64, "\r\n"),
        21 => wrap(&BASE64_STANDARD.encode([b"xy", bytes].concat()), 5, "\r\n"),
        22 => wrap(&base64, 1, "\n"),
        23 => json(&wrap(&base64, 7, "\n")),
        24 => json(&json(&wrap(&base64, 7, "\r\n"))),
        25 => wrap(&base64, 16, "\n      "),
        26 => percent(wrap(&base64, 8, "\r\n").as_bytes(), true),
        27 => hex::encode(bytes),
        28 => hex::encode_upper(bytes),
        29 => separated(bytes, false, "", ":"),
        30 => separated(bytes, true, "", ":"),
        31 => separated(bytes, true, "", " "),
        32 => separated(bytes, false, "", "-"),
        33 => separated(bytes, false, "0x", ", "),
        34 => separated(bytes, true, "0x", ","),
        35 => separated(bytes, false, "", "\n"),
        36 => wrap(&hex::encode(bytes), 4, " "),
        37 => json(&wrap(&separated(bytes, true, "", ":"), 48, "\n    ")),
        38 => html(value),
        39 => json(&html(value)),
        40 => each(value, |character| format!("&#{};", u32::from(character))),
        41 => each(value, |character| format!("&#x{:x};", u32::from(character))),
        42 => return utf16(value, false),
        _ => return utf16(value, true),
    };
    text.into_bytes()
}

#[test]
fn an_echo_is_found_in_every_spelling() {
    for value in [AWKWARD, "kR7vQ2pX", "Zt4Yb8NcJ6HfQw3Er5Ty7Ui9kR7vQ2pXw9LmPq"] {
        for way in 0..SPELLINGS {
            let spelled = spell(value, way);
            let text = [b"{\"echo\": \"", spelled.as_slice(), b"\"}"].concat();
            let shown = String::from_utf8_lossy(&text);
            assert!(holds(&[value.as_bytes()], &text), "{way}: {shown}");
            assert!(says(value.as_bytes(), &text, &[1]), "{way}, byte by byte: {shown}");
        }
        let little = utf16(value, false);
        let big = utf16(value, true);
        for text in [[b"\xff\xfe", little.as_slice()].concat(), [b"\xfe\xff", big.as_slice()].concat()] {
            assert!(holds(&[value.as_bytes()], &text));
        }
        for at in 1..value.len() {
            let (Some(before), Some(after)) = (value.get(..at), value.get(at..)) else { continue };
            for text in [
                format!("<![CDATA[{before}]]><![CDATA[{after}]]>"),
                format!("<k>{before}<![CDATA[{after}]]></k>"),
                format!("<k><![CDATA[{before}]]>{after}</k>"),
                format!("<k>]]]>>!<!{before}<![CDATA[]]>{after}</k>"),
            ] {
                assert!(holds(&[value.as_bytes()], text.as_bytes()), "{text}");
                assert!(says(value.as_bytes(), text.as_bytes(), &[1]), "{text}, byte by byte");
            }
        }
        assert!(holds(&[value.as_bytes()], &[b"\xff\xc0", value.as_bytes(), b"\xff"].concat()));
    }
}

/// All memory is taken when a view begins. What comes after takes none, whatever the pieces.
#[test]
fn no_piece_of_a_text_takes_memory() {
    let value = "kR7vQ2pX w9LmZt4Yb8NcJ6Hf";
    let mut scanner = Scanner::new(&[value.as_bytes()]);
    let all: Vec<u8> =
        (0..SPELLINGS).flat_map(|way| [spell("nothing to find here", way), b" ".to_vec()].concat()).collect();
    let text = all.repeat(20);
    scanner.text(&text);
    let taken = scanner.memory();
    assert!(taken > 20 * 8192, "every encoding has its view: {taken}");
    for piece in [1, 7, 1000, usize::MAX] {
        text.chunks(piece).for_each(|piece| {
            scanner.feed(piece);
            assert_eq!(scanner.memory(), taken);
        });
        scanner.finish();
        assert_eq!(scanner.memory(), taken);
    }
    assert!(!scanner.hit());
}

#[test]
fn hex_in_mixed_case_and_base32_at_every_alignment() {
    let value = b"kR7vQ2pXw9";
    assert!(holds(&[value], b"6B5237765132705877 39"));
    assert!(holds(&[value], b"6b52:3776:5132:7058:7739"));
    assert!(holds(&[value], b"6B5237765132705877"[..].iter().chain(b"39").copied().collect::<Vec<u8>>().as_slice()));
    assert!(holds(&[b"OJKLMNOjklmno"], b"4F4A4b4C4d4E4f6a6B6c6D6e6F"));
    assert!(holds(&[value], b"PB4HQ6DLKI3XMUJSOBMHOOI="));
    assert!(holds(&[value], b"NNJDO5SR\r\nGJYFQ5ZZ"));
}

/// A value that is itself hex is found in either case and with separators, wherever it lies and however short it is.
#[test]
fn digits_of_a_value_that_is_hex_are_drawn_together_at_every_offset() {
    for length in 8..20 {
        let value = &"c0ffee5eed1234567890"[..length];
        let pairs: Vec<&str> = (0..length).step_by(2).map(|at| &value[at..length.min(at + 2)]).collect();
        for shown in [value.to_uppercase(), pairs.join(" "), pairs.join(":").to_uppercase()] {
            for lead in 0..80 {
                let text = format!("{}{shown}.", ".".repeat(lead));
                assert!(holds(&[value.as_bytes()], text.as_bytes()), "{shown} after {lead}");
                assert!(says(value.as_bytes(), text.as_bytes(), &[7]), "{shown} after {lead}, in pieces");
            }
        }
    }
}

#[test]
fn a_header_name_arrives_in_lower_case_and_only_a_header_name() {
    let mut scanner = Scanner::new(&[b"kR7vQ2pXw9Lm"]);
    scanner.text(b"kr7vq2pxw9lm");
    assert!(!scanner.hit());
    scanner.header_name(b"x-kr7vq2pxw9lm");
    assert!(scanner.hit());
    scanner.clear();
    scanner.text(b"kr7vq2pxw9lm");
    assert!(!scanner.hit());
}

#[test]
fn nothing_is_found_across_two_texts_or_where_there_is_nothing_to_find() {
    let mut scanner = Scanner::new(&[b"kR7vQ2pXw9Lm"]);
    scanner.text(b"kR7vQ2");
    scanner.text(b"pXw9Lm");
    scanner.text(b"");
    assert!(!scanner.hit());
    assert!(!holds(&[], b"some text that is long enough"));
    assert!(!holds(&[b"kR7vQ2pXw9"], b"") && !holds(&[b"kR7vQ2pXw9"], b"kR7vQ2pX"));
}

#[test]
fn values_below_the_published_length_are_not_looked_for() {
    assert!(!holds(&[b"kR7vQ2p"], b"..kR7vQ2p.."));
    assert!(holds(&[b"kR7vQ2pX"], b"..kR7vQ2pX.."));
}

#[test]
fn all_values_are_told_and_others_are_not() {
    let values: [&[u8]; 4] = [b"kR7vQ2pXw9Lm", b"Zt4Yb8NcJ6Hf", b"short", b"Qw3Er5Ty7Ui9"];
    let mut scanner = Scanner::new(&values);
    scanner.text(b"..Zt4Yb8NcJ6Hf.short.kR7vQ2pXw9Lm..");
    assert_eq!(scanner.found().collect::<Vec<_>>(), [0, 1]);
    scanner.clear();
    scanner.text(b"kR7vQ2pXw9L m, Zt4Yb8NcJ6H");
    assert!(!scanner.hit());
}

#[test]
fn a_long_value_is_found_in_a_text_that_comes_in_pieces() {
    let value = "kR7vQ2pXw9LmZt4Yb8NcJ6Hf".repeat(400);
    let base64 = wrap(&BASE64_STANDARD.encode(&value), 64, "\n");
    for text in
        [value.clone(), base64.clone(), json(&base64), percent(value.as_bytes(), true), hex::encode_upper(&value)]
    {
        let text = format!("{}{text}{}", "some words ".repeat(2000), "% & \\ ".repeat(100));
        for piece in [1460, 8192, usize::MAX] {
            assert!(says(value.as_bytes(), text.as_bytes(), &[piece]));
        }
    }
}

/// An encoding that a text first uses where a block ends, in the middle of an echo: what other encodings and runs made of
/// the beginning must hold for the new view too. Wherever the block's end is, in the echo or around.
#[test]
fn a_view_that_begins_late_knows_what_came_before() {
    let value = "kR7vQ2pXw9LmZt4Yb8NcJ6HfQw3Er5Ty";
    let unicode = |text: &str| each(text, |character| format!("\\u{:04x}", u32::from(character)));
    let escape_last = |text: String, count: usize| {
        let (before, last) = text.split_at(text.len() - count);
        format!("{before}{}", unicode(last))
    };
    let percent = percent(value.as_bytes(), true);
    let hex = separated(value.as_bytes(), false, "0x", ", ");
    let wrapped = wrap(&BASE64_STANDARD.encode(value), 3, "\r\n    ");
    for echo in [
        escape_last(percent.clone(), 3),
        escape_last(percent, 48),
        escape_last(hex, 2),
        escape_last(wrapped, 1),
        escape_last(value.to_owned(), 1),
        format!("]]><![CDATA[{}", escape_last(value.to_owned(), 16)),
        format!("{}<![CDATA[{}", &value[..16], escape_last(value[16..].to_owned(), 8)),
    ] {
        assert!(holds(&[value.as_bytes()], echo.as_bytes()), "{echo}");
        for lead in 8000..8360 {
            let text = format!("{}{echo}", ".".repeat(lead));
            assert!(holds(&[value.as_bytes()], text.as_bytes()), "{echo} after {lead}");
        }
    }
}

fn escaped(value: &str, choices: &[u8]) -> String {
    let mut text = String::new();
    for (character, choice) in value.chars().zip(choices) {
        let code = u32::from(character);
        match choice {
            0 => write!(text, "\\u{code:04x}"),
            1 => write!(text, "\\u{code:04X}"),
            2 => write!(text, "\\x{code:02x}"),
            _ if character == '\\' => write!(text, "\\\\"),
            _ => write!(text, "{character}"),
        }
        .unwrap_or_default();
    }
    text
}

/// Text that is full of marks, escapes, line ends and digits.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[ -~]{0,12}",
        "[0-9a-f: -]{0,30}",
        "[A-Za-z0-9+/\r\n]{0,40}",
        "(\\\\u00[0-9a-f]{2}|\\\\n|%[0-9A-F]{2}|&#[0-9]{2};|&amp;|\\]\\]><!\\[CDATA\\[|\\\\|%|&){0,6}",
        "(\u{0}[a-z]){0,8}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    /// Any value, any spelling, anywhere, in pieces of any size.
    #[test]
    fn every_value_is_found(
        value in "[ -~\u{e4}\u{df}\u{4e2d}]{8,60}",
        way in 0..SPELLINGS,
        before in noise(), after in noise(), far in 0_usize..3, pieces in proptest::collection::vec(1_usize..200, 1..8),
    ) {
        let filler = vec![b'.'; far * 8150];
        // What stands around must not be one escape with the echo's first or last character.
        let text = [filler.as_slice(), &before, b"\" \"", &spell(&value, way), b"\" \"", &after].concat();
        prop_assert!(says(value.as_bytes(), &text, &pieces), "{way} {}", String::from_utf8_lossy(&text));
    }

    /// The pieces in which a text comes make no difference.
    #[test]
    fn pieces_make_no_difference(
        text in proptest::collection::vec(noise(), 0..40), at in any::<prop::sample::Index>(), length in 8_usize..40,
        pieces in proptest::collection::vec(1_usize..3000, 1..6), far in 0_usize..2,
    ) {
        let text = [vec![b'.'; far * 8100], text.concat()].concat();
        let start = at.index(text.len() + 1);
        let value = text.get(start..text.len().min(start + length)).unwrap_or_default();
        prop_assume!(value.len() >= 8);
        prop_assert!(says(value, &text, &[usize::MAX]));
        prop_assert!(says(value, &text, &pieces));
    }

    /// Few distinct bytes, so that hits, near hits and repeats are common. What is found raw is what a search that looks
    /// everywhere finds; the digits of other encodings do not occur.
    #[test]
    fn the_same_is_found_as_by_looking_everywhere(
        values in proptest::collection::vec(proptest::collection::vec(1_u8..4, 8..14), 1..5),
        text in proptest::collection::vec(1_u8..4, 0..300),
    ) {
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let mut scanner = Scanner::new(&values);
        scanner.text(&text);
        let naive = |value: &&[u8]| text.windows(value.len()).any(|window| window == *value);
        let expected: Vec<usize> = (0..values.len()).filter(|at| values.get(*at).is_some_and(naive)).collect();
        prop_assert_eq!(scanner.found().collect::<Vec<_>>(), expected);
    }

    /// Looking for more loses nothing.
    #[test]
    fn another_value_never_loses_a_find(
        values in proptest::collection::vec("[ -~]{8,50}", 1..6), more in "[ -~]{8,50}", way in 0..SPELLINGS, noise in noise(),
    ) {
        let text = [noise.as_slice(), b"\" \"", &spell(values.first().map_or("", String::as_str), way)].concat();
        let found = |values: &[&[u8]]| {
            let mut scanner = Scanner::new(values);
            scanner.text(&text);
            scanner.found().collect::<Vec<_>>()
        };
        let mut all: Vec<&[u8]> = values.iter().map(String::as_bytes).collect();
        let before = found(&all);
        all.push(more.as_bytes());
        let after = found(&all);
        prop_assert!(before.iter().all(|owner| after.contains(owner)));
    }

    #[test]
    fn any_mix_of_escapes_is_undone(value in "[ -~]{8,40}", choices in proptest::collection::vec(0_u8..4, 40)) {
        prop_assert!(holds(&[value.as_bytes()], escaped(&value, &choices).as_bytes()));
    }
}
