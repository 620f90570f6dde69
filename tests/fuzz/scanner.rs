//! What comes back from an upstream, which may have been told what to say.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use claviger_vault::{Scanner, holds};

use crate::parts;

/// Shorter ones are not scanned for, and cannot be bound to an answer that is seen.
const SHORTEST: usize = 8;

/// A secret, and what stands before and behind it. In every form that is promised it is found, wherever it stands.
pub(crate) fn scanner(bytes: &[u8]) {
    let [secret, before, after] = parts(bytes);
    if secret.len() < SHORTEST || secret.len() > 512 {
        return;
    }
    let whole = [before, secret, after].concat();
    assert!(holds(&[secret], &whole), "raw");
    for coded in [BASE64_STANDARD.encode(&whole), BASE64_URL_SAFE_NO_PAD.encode(&whole), hex::encode(&whole)] {
        assert!(holds(&[secret], coded.as_bytes()), "{coded}");
    }
    let percent: String = secret.iter().map(|byte| format!("%{byte:02X}")).collect();
    assert!(holds(&[secret], format!("a={percent}&b").as_bytes()), "{percent}");
    if let Ok(text) = std::str::from_utf8(secret) {
        let quoted = serde_json::to_string(text).unwrap();
        assert!(holds(&[secret], quoted.as_bytes()), "{quoted}");
        let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        assert!(holds(&[secret], units.as_bytes()), "{units}");
    }
}

/// A text in pieces is the text: what is found does not depend on how it arrives.
pub(crate) fn pieces(bytes: &[u8]) {
    let [secret, text, cuts] = parts(bytes);
    let mut scanner = Scanner::new(&[secret]);
    let mut rest = text;
    for cut in cuts.iter().take(64) {
        let (piece, behind) = rest.split_at(usize::from(*cut).min(rest.len()));
        scanner.feed(piece);
        rest = behind;
    }
    scanner.feed(rest);
    scanner.finish();
    assert_eq!(scanner.hit(), holds(&[secret], text), "in pieces and whole");
}
