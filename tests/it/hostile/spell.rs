//! Encodings, written from their definitions: another implementation than the one that is tested.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use ruzstd::encoding::CompressionLevel;

/// RFC 4648 §4.
pub(super) fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// RFC 4648 §5, padded.
pub(super) fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE.encode(bytes)
}

/// RFC 4648 §6, without padding.
pub(super) fn base32(bytes: &[u8]) -> String {
    let bits: String = bytes.iter().fold(String::new(), |bits, byte| bits + &format!("{byte:08b}"));
    let digit = |bits: &[u8]| {
        let text = format!("{:0<5}", String::from_utf8_lossy(bits));
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from_str_radix(&text, 2).unwrap()])
    };
    bits.as_bytes().chunks(5).map(digit).collect()
}

/// A text in lines of a width.
pub(super) fn lines(text: &str, width: usize, end: &str) -> String {
    let lines = text.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line).into_owned());
    lines.collect::<Vec<_>>().join(end)
}

/// Every byte by a rule.
pub(super) fn bytes(value: &str, mut write: impl FnMut(u8) -> String) -> String {
    value.bytes().map(&mut write).collect()
}

/// Percent encoding (RFC 3986 §2.1) of what is not unreserved.
pub(super) fn percent(value: &str) -> String {
    bytes(value, |byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    })
}

/// The five characters that HTML and XML reserve, by name.
pub(super) fn html(value: &str) -> String {
    let named = [('&', "&amp;"), ('<', "&lt;"), ('"', "&quot;"), ('\'', "&#39;"), ('>', "&gt;")];
    named.iter().fold(value.to_owned(), |text, (character, name)| text.replace(*character, name))
}

/// A JSON string, with its quotation marks.
pub(super) fn json(value: &str) -> String {
    serde_json::to_string(value).unwrap()
}

/// UTF-16, the low byte first or the high byte.
pub(super) fn utf16(value: &str, low_first: bool) -> Vec<u8> {
    value.encode_utf16().flat_map(|unit| if low_first { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

/// Text in pairs of hexadecimal digits with something between them.
pub(super) fn separated(value: &str, between: &str) -> String {
    let pairs = value.bytes().map(|byte| format!("{byte:02x}"));
    pairs.collect::<Vec<_>>().join(between)
}

/// `\uXXXX` for every character, with the digits in a case that changes from one to the next.
pub(super) fn mixed(value: &str) -> String {
    let mut text = String::new();
    for (index, byte) in value.bytes().enumerate() {
        let written = if index % 2 == 0 { write!(text, "\\u{byte:04x}") } else { write!(text, "\\u{byte:04X}") };
        written.unwrap();
    }
    text
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// RFC 1950, which HTTP calls deflate.
pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// RFC 1951, which some servers send as deflate.
pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 5, lgwin: 18, ..Default::default() };
    brotli::BrotliCompress(&mut &*bytes, &mut packed, &parameters).unwrap();
    packed
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, CompressionLevel::Fastest)
}

#[test]
fn the_encodings_are_the_ones_that_others_write() {
    assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
    assert_eq!(lines("abcdefg", 3, "\r\n"), "abc\r\ndef\r\ng");
    assert_eq!(percent("a/b c"), "a%2Fb%20c");
    assert_eq!(html("a&b<\"'>"), "a&amp;b&lt;&quot;&#39;&gt;");
    assert_eq!(mixed("ok"), "\\u006f\\u006B");
    assert_eq!(separated("az", ":"), "61:7a");
}
