//! False alarms in text that holds no secret.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use claviger_vault::Scanner;

use crate::say;
use crate::texts::{self, MIB, Random};

/// Secrets that are looked for: as many as a large session has, from the shortest on.
const SECRETS: usize = 100;

/// Looks through so many MiB of generated JSON, each of them different, and prints what was found.
pub(crate) fn run(mib: u64) {
    let secrets = texts::secrets(SECRETS, 8..64);
    let values: Vec<&[u8]> = secrets.iter().map(Vec::as_slice).collect();
    let mut scanner = Scanner::new(&values);
    let mut hits = 0;
    for number in 0..mib {
        let text = texts::fill(number * 2 + 1, record);
        assert_eq!(text.len(), MIB);
        scanner.text(&text);
        hits += scanner.found().count();
        scanner.clear();
    }
    // A run that could not find anything would say the same.
    scanner.text(values[0]);
    assert!(scanner.hit());
    say(&format!("{hits} false alarms in {mib} MiB of benign JSON, {SECRETS} secrets of 8 to 63 bytes"));
    assert_eq!(hits, 0);
}

/// A record of everything that looks like a secret and is none: identifiers, digests, base64 in lines, dumps, URLs.
fn record(random: &mut Random, text: &mut String) {
    texts::ticket(random, text);
    let bytes: Vec<u8> = (0..48).map(|_| random.next() as u8).collect();
    match random.next() % 6 {
        0 => write!(text, r#""sha256":"{}","#, hex::encode(&bytes[..32])).unwrap(),
        1 => write!(text, r#""image":"{}","#, BASE64_STANDARD.encode(&bytes)).unwrap(),
        2 => {
            let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            write!(text, r#""fingerprint":"{}","#, pairs.join(":")).unwrap();
        }
        3 => {
            let base64 = BASE64_STANDARD.encode(&bytes);
            write!(text, r#""pem":"{}\n{}\n","#, &base64[..32], &base64[32..]).unwrap();
        }
        4 => {
            write!(text, r#""next":"https:\/\/api\/?t=%{:02x}%{:02X}&amp;k=\u00{:02x}","#, bytes[0], bytes[1], bytes[2])
                .unwrap()
        }
        _ => texts::words(random, 6, text),
    }
}
