//! What a secret looks like in memory, and how often it is there.

use std::collections::BTreeMap;
use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Copies by what was looked for and in which form; what is not there is not listed.
pub(super) type Copies = BTreeMap<String, usize>;

/// Forms to look for, each with a name.
#[derive(Default)]
pub(super) struct Needles(pub(super) Vec<(String, Vec<u8>)>);

impl Needles {
    /// A secret: as it is, and as each protocol that could carry it writes it.
    pub(super) fn add(&mut self, name: &str, value: &[u8]) {
        let mut forms = vec![("raw", value.to_vec()), ("hex", hex::encode(value).into_bytes())];
        let mut percent = Vec::new();
        crate::body::percent(value, &mut percent);
        forms.push(("percent", percent));
        if let Ok(text) = std::str::from_utf8(value) {
            let quoted = serde_json::to_string(text).unwrap();
            forms.push(("JSON", quoted.trim_matches('"').as_bytes().to_vec()));
        }
        forms.extend((0..3).map(|shift| ("base64", base64(value, shift))));
        forms.extend((0..8).map(|shift| ("Huffman", huffman(value, shift))));
        // Several forms of a simple value are the same bytes.
        for (form, bytes) in forms {
            if !self.0.iter().any(|(_, known)| *known == bytes) {
                self.0.push((format!("{name} {form}"), bytes));
            }
        }
    }

    /// How often each form stands in a file.
    pub(super) fn count(&self, file: &Path) -> Copies {
        let memory = std::fs::read(file).unwrap();
        let automaton = AhoCorasick::new(self.0.iter().map(|(_, form)| form)).unwrap();
        let mut copies = Copies::new();
        for found in automaton.find_overlapping_iter(&memory) {
            let (name, _) = &self.0[found.pattern().as_usize()];
            *copies.entry(name.clone()).or_default() += 1;
        }
        copies
    }
}

/// The characters of a base64 text (RFC 4648) that depend on the value alone, behind so many bytes of something else.
fn base64(value: &[u8], before: usize) -> Vec<u8> {
    let text = BASE64_STANDARD.encode([&vec![0; before], value].concat());
    text.as_bytes()[(before * 8).div_ceil(6)..(before + value.len()) * 8 / 6].to_vec()
}

/// The whole bytes of the HPACK code (RFC 7541, appendix B), behind so many bits of something else.
fn huffman(value: &[u8], bits: u32) -> Vec<u8> {
    let mut code = Vec::new();
    httlib_huffman::encode(value, &mut code).unwrap();
    let shift = |pair: &[u8]| (u16::from_be_bytes([pair[0], pair[1]]) >> bits).to_be_bytes()[1];
    // The last byte is padded.
    code[..code.len() - 1].windows(2).map(shift).collect()
}
