//! Generated texts and secrets. The same in every run.

use std::fmt::Write as _;
use std::ops::Range;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

pub(crate) const MIB: usize = 1024 * 1024;

/// Numbers that look random (Marsaglia's xorshift, 2003).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize
    }

    pub(crate) fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.next() % list.len()]
    }
}

pub(crate) const WORDS: [&str; 40] = [
    "the",
    "ticket",
    "server",
    "backup",
    "failed",
    "with",
    "error",
    "customer",
    "asked",
    "for",
    "a",
    "new",
    "mailbox",
    "printer",
    "on",
    "second",
    "floor",
    "restart",
    "of",
    "domain",
    "controller",
    "was",
    "needed",
    "after",
    "update",
    "licence",
    "renewal",
    "in",
    "March",
    "Exchange",
    "Acme",
    "firewall",
    "rule",
    "changed",
    "by",
    "Alex",
    "and",
    "closed",
    "please",
    "call",
];

/// Secrets as services make them: letters and digits, hex, base64.
pub(crate) fn secrets(count: usize, lengths: Range<usize>) -> Vec<Vec<u8>> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let alphabets: [&[u8]; 3] = [
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        b"0123456789abcdef",
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    ];
    let mut secret = |number: usize| {
        let alphabet = alphabets[number % alphabets.len()];
        let length = lengths.start + random.next() % lengths.len();
        (0..length).map(|_| alphabet[random.next() % alphabet.len()]).collect()
    };
    (0..count).map(&mut secret).collect()
}

/// The forms that an automaton would look for: raw, base64 and base64url at three alignments, hex, with separators, in
/// both cases, percent, JSON escapes, UTF-16.
pub(crate) fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.to_vec()];
    for shift in 0..3_usize {
        let shifted = [vec![b'x'; shift], secret.to_vec()].concat();
        for text in [BASE64_STANDARD_NO_PAD.encode(&shifted), BASE64_URL_SAFE_NO_PAD.encode(&shifted)] {
            forms.push(text.as_bytes()[(shift * 8).div_ceil(6)..text.len() - 1].to_vec());
        }
    }
    let upper: Vec<String> = secret.iter().map(|byte| format!("{byte:02X}")).collect();
    for separator in ["", ":", " ", "-"] {
        forms.push(upper.join(separator).into_bytes());
        forms.push(upper.join(separator).to_lowercase().into_bytes());
    }
    forms.push(secret.iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect());
    forms.push(secret.iter().flat_map(|byte| format!("%{byte:02x}").into_bytes()).collect());
    forms.push(secret.iter().flat_map(|byte| format!("\\u{byte:04x}").into_bytes()).collect());
    forms.push(secret.iter().flat_map(|byte| [*byte, 0]).collect());
    forms
}

/// Records until there is a MiB of them.
pub(crate) fn fill(seed: u64, record: impl Fn(&mut Random, &mut String)) -> Vec<u8> {
    let mut random = Random(seed);
    let mut text = String::from("[");
    while text.len() < MIB {
        record(&mut random, &mut text);
    }
    let mut bytes = text.into_bytes();
    bytes.truncate(MIB);
    bytes
}

pub(crate) fn words(random: &mut Random, count: usize, text: &mut String) {
    for _ in 0..count {
        text.push_str(random.of(&WORDS));
        text.push(' ');
    }
}

/// A ticket as compact JSON, without an escape.
pub(crate) fn ticket(random: &mut Random, text: &mut String) {
    let (id, other) = (random.next() % 1_000_000, random.next() % 100_000);
    write!(text, r#"{{"id":{id},"company":{{"id":{other},"identifier":"AcmeCorp"}},"summary":""#).unwrap();
    words(random, 8, text);
    let (a, b) = (random.next(), random.next());
    write!(text, r#"","uuid":"{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}","#, a as u32, b & 0xffff, a & 0xfff, b & 0xfff, a)
        .unwrap();
    write!(text, r#""entered":"2026-11-{:02}T{:02}:{:02}:00Z","note":""#, id % 28 + 1, id % 24, id % 60).unwrap();
    words(random, 20, text);
    text.push_str("\"},");
}

pub(crate) fn clean() -> Vec<u8> {
    fill(1, ticket)
}

pub(crate) fn indented() -> Vec<u8> {
    fill(2, |random, text| {
        let mut record = String::new();
        ticket(random, &mut record);
        text.push_str(&record.replace(",\"", ",\n    \"").replace('{', "{\n    ").replace("},", "\n  },\n  "));
    })
}

/// Notes with line ends, quotes and paths: an escape every 25 bytes or so.
pub(crate) fn escaped() -> Vec<u8> {
    fill(3, |random, text| {
        let mut record = String::new();
        ticket(random, &mut record);
        for (number, word) in record.split(' ').enumerate() {
            text.push_str(word);
            text.push_str(match number % 12 {
                0 => "\\n",
                4 => " \\\"",
                8 => "\\/",
                _ => " ",
            });
        }
    })
}

pub(crate) fn numbers() -> Vec<u8> {
    fill(4, |random, text| {
        write!(
            text,
            "[{},{}.{}],",
            1_795_000_000 + random.next() % 1_000_000,
            random.next() % 100,
            random.next() % 1000
        )
        .unwrap();
    })
}

pub(crate) fn urls() -> Vec<u8> {
    fill(5, |random, text| {
        let id = random.next() % 1_000_000;
        write!(text, r#"{{"href":"https://api.example.com/v1/tickets?page={id}&size=50&sort=name&order=desc","q":"#)
            .unwrap();
        write!(text, r#""conditions=status%3D%22open%22%20and%20id%3D{id}","note":""#).unwrap();
        words(random, 12, text);
        text.push_str("\"},");
    })
}
