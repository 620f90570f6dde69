//! Answers that come compressed although identity was asked for: unpacked with caps, so that they can be scanned.
//!
//! The guest gets what was unpacked. What is not known here, is broken, or hides more than an answer may have, is dropped.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::header::{self, HeaderMap};
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};

use crate::failure::FailureKind;

/// How many encodings may lie over one another: a proxy that compresses what a server compressed. Nobody does it thrice.
const LAYERS: usize = 2;

/// How many times longer than its packed form an answer may be. Lists of alike objects come to some 50; what is above is
/// made to be, as deflate's most is 1032.
const MAX_RATIO: usize = 256;

/// Up to this length the ratio says nothing: a short answer of one repeated field is no bomb.
const RATIO_FREE: usize = 64 * 1024;

/// The largest window of zstd, which the frame's head asks for and memory is taken for: what RFC 8878 §3.1.1.1.2 says that
/// every reader should support. Brotli's are at most 16 MiB (RFC 7932 §9.1), gzip's 32 KiB.
const MAX_WINDOW: u64 = 8 * 1024 * 1024;

/// Bytes unpacked at a time.
const STEP: usize = 16 * 1024;

/// First bytes of gzip (RFC 1952), zstd (RFC 8878), and zlib (RFC 1950) but for the one that is text, which say so even
/// where no header does.
const MAGIC: [(&[u8], Coding); 5] = [
    (b"\x1f\x8b", Coding::Gzip),
    (b"\x28\xb5\x2f\xfd", Coding::Zstd),
    (b"x\x01", Coding::Zlib),
    (b"x\x9c", Coding::Zlib),
    (b"x\xda", Coding::Zlib),
];

/// First bytes of ZIP, whose members are not looked for.
const ZIP: &[u8] = b"PK\x03\x04";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    /// What HTTP calls deflate (RFC 9110 §8.4.1.2): zlib. Some servers leave its frame out.
    Deflate,
    Zlib,
    Brotli,
    Zstd,
}

/// A body as the guest gets it, and as it came if that is something else.
pub(crate) struct Decoded {
    pub(crate) body: Bytes,
    pub(crate) packed: Option<Bytes>,
}

/// Unpacks a body by its header, and then by its first bytes. `limit` is the most that may come out.
pub(crate) fn decode(headers: &HeaderMap, body: Bytes, limit: u64) -> Result<Decoded, FailureKind> {
    let codings = codings(headers)?;
    let mut plain = body.clone();
    let mut layers = 0;
    // An answer without a body keeps the headers that it would have had.
    for coding in codings.iter().rev().filter(|_| !body.is_empty()) {
        plain = unpack(*coding, &plain, limit)?;
        layers += 1;
    }
    while let Some(coding) = packed(&plain)? {
        if layers == LAYERS {
            return Err(FailureKind::Encoded);
        }
        match unpack(coding, &plain, limit) {
            Ok(unpacked) => plain = unpacked,
            // Two bytes alone do not make it zlib.
            Err(FailureKind::Encoded) if coding == Coding::Zlib => break,
            Err(kind) => return Err(kind),
        }
        layers += 1;
    }
    Ok(Decoded { body: plain, packed: (layers > 0).then_some(body) })
}

/// Whether every encoding that the header lists is known.
pub(crate) fn acceptable(headers: &HeaderMap) -> Result<(), FailureKind> {
    codings(headers).map(|_| ())
}

/// The encodings that the header lists, in the order in which they were applied.
fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, FailureKind> {
    let mut codings = Vec::new();
    for value in headers.get_all(header::CONTENT_ENCODING) {
        for name in value.to_str().map_err(|_| FailureKind::Encoded)?.split(',') {
            let name = name.trim_matches([' ', '\t']).to_ascii_lowercase();
            codings.extend(match name.as_str() {
                "identity" => None,
                "gzip" | "x-gzip" => Some(Coding::Gzip),
                "deflate" => Some(Coding::Deflate),
                "br" => Some(Coding::Brotli),
                "zstd" => Some(Coding::Zstd),
                _ => return Err(FailureKind::Encoded),
            });
        }
    }
    if codings.len() > LAYERS { Err(FailureKind::Encoded) } else { Ok(codings) }
}

fn packed(body: &[u8]) -> Result<Option<Coding>, FailureKind> {
    if body.starts_with(ZIP) {
        return Err(FailureKind::Encoded);
    }
    Ok(MAGIC.iter().find(|(magic, _)| body.starts_with(magic)).map(|(_, coding)| *coding))
}

fn unpack(coding: Coding, packed: &[u8], limit: u64) -> Result<Bytes, FailureKind> {
    let mut out = Unpacked::new(packed.len(), limit);
    match coding {
        Coding::Gzip => out.read(MultiGzDecoder::new(packed))?,
        Coding::Zlib => out.read(ZlibDecoder::new(packed))?,
        Coding::Deflate => match out.read(ZlibDecoder::new(packed)) {
            Err(FailureKind::Encoded) => {
                out = Unpacked::new(packed.len(), limit);
                out.read(DeflateDecoder::new(packed))?;
            }
            done => done?,
        },
        Coding::Brotli => out.read(brotli_decompressor::Decompressor::new(packed, STEP))?,
        Coding::Zstd => frames(packed, limit, &mut out)?,
    }
    Ok(out.bytes.into())
}

/// Frames one after the other, and what readers skip between them (RFC 8878 §3.1).
fn frames(mut packed: &[u8], limit: u64, out: &mut Unpacked) -> Result<(), FailureKind> {
    while !packed.is_empty() {
        match StreamingDecoder::new_with_max_window_size(&mut packed, MAX_WINDOW.max(limit)) {
            Ok(frame) => out.read(frame)?,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let length = usize::try_from(length).map_err(|_| FailureKind::Encoded)?;
                packed = packed.get(length..).ok_or(FailureKind::Encoded)?;
            }
            Err(_) => return Err(FailureKind::Encoded),
        }
    }
    Ok(())
}

/// What was unpacked. It grows with what comes out, never with what is announced.
struct Unpacked {
    bytes: Vec<u8>,
    limit: u64,
    /// The most bytes by the ratio.
    cap: usize,
}

impl Unpacked {
    fn new(packed: usize, limit: u64) -> Self {
        Self { bytes: Vec::new(), limit, cap: packed.saturating_mul(MAX_RATIO).max(RATIO_FREE) }
    }

    /// Reads until the end, a cap or an error.
    fn read(&mut self, mut reader: impl Read) -> Result<(), FailureKind> {
        let most = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut step = [0_u8; STEP];
        loop {
            let read = reader.read(&mut step).map_err(|_| FailureKind::Encoded)?;
            let whole = self.bytes.len() + read;
            if read == 0 {
                return Ok(());
            }
            if whole > most {
                return Err(FailureKind::TooLong(self.limit));
            }
            if whole > self.cap {
                return Err(FailureKind::Encoded);
            }
            self.bytes.extend_from_slice(step.get(..read).unwrap_or_default());
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
pub(crate) mod tests {
    use std::io::Write as _;

    use bytes::Bytes;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use http::{HeaderMap, HeaderValue};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::{Decoded, decode};
    use crate::failure::FailureKind;

    /// Ten million times `a`, as node's `brotliCompressSync` packs them.
    const BROTLI_BOMB: &str = "cbffff3ff825c2e2b14020f7fe2fff2c31f04b00c46111808e2306";

    pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    fn deflate(text: &[u8]) -> Vec<u8> {
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::default());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    pub(crate) fn zstd(text: &[u8]) -> Vec<u8> {
        compress_to_vec(text, CompressionLevel::Fastest)
    }

    /// A stream of one meta-block that is not compressed (RFC 7932 §9.2), for up to 64 KiB, and the empty last one.
    pub(crate) fn brotli(text: &[u8]) -> Vec<u8> {
        let length = u32::try_from(text.len() - 1).unwrap();
        // Window 16 bits, not last, four nibbles of length, uncompressed.
        let head = (length << 4) | (1 << 20);
        [&head.to_le_bytes()[..3], text, &[3]].concat()
    }

    fn unpacked(encoding: &str, body: &[u8], limit: u64) -> Result<Decoded, FailureKind> {
        let mut headers = HeaderMap::new();
        if !encoding.is_empty() {
            headers.insert(http::header::CONTENT_ENCODING, HeaderValue::from_str(encoding).unwrap());
        }
        decode(&headers, Bytes::copy_from_slice(body), limit)
    }

    fn plain(encoding: &str, body: &[u8]) -> Vec<u8> {
        let decoded = unpacked(encoding, body, 1 << 20).unwrap();
        assert_eq!(decoded.packed.as_deref(), Some(body), "{encoding}");
        decoded.body.to_vec()
    }

    #[test]
    fn every_known_encoding_is_undone_announced_or_not() {
        let text = br#"{"n":1,"list":[1,1,1,1,1,1,1,1,1,1]}"#;
        for (encoding, body) in [
            ("gzip", gzip(text)),
            ("X-GZIP", gzip(text)),
            ("", gzip(text)),
            ("identity", gzip(text)),
            ("deflate", zlib(text)),
            ("deflate", deflate(text)),
            ("", zlib(text)),
            ("br", brotli(text)),
            ("zstd", zstd(text)),
            ("", zstd(text)),
            ("gzip, gzip", gzip(&gzip(text))),
            ("gzip", gzip(&gzip(text))),
            ("", gzip(&zstd(text))),
            ("br,\tgzip", gzip(&brotli(text))),
            ("gzip , identity", gzip(text)),
        ] {
            assert_eq!(plain(encoding, &body), text, "{encoding}");
        }
        let two = [zstd(b"one "), b"\x50\x2a\x4d\x18\x02\0\0\0..".to_vec(), zstd(b"two")].concat();
        assert_eq!(plain("zstd", &two), b"one two");
        assert_eq!(plain("gzip", &[gzip(b"one "), gzip(b"two")].concat()), b"one two");
    }

    #[test]
    fn what_is_not_packed_stays_as_it_is() {
        for (encoding, body) in
            [("", b"{}".as_slice()), ("identity", b"x^ is a formula"), ("gzip", b""), ("", b"x\x01 no zlib")]
        {
            let decoded = unpacked(encoding, body, 100).unwrap();
            assert!(decoded.packed.is_none() && decoded.body == body, "{encoding}");
        }
    }

    #[test]
    fn what_cannot_be_undone_safely_is_dropped() {
        let text = b"some words";
        for (encoding, body) in [
            ("compress", b"\x1f\x9d\x90".to_vec()),
            ("gzip, gzip, gzip", gzip(&gzip(&gzip(text)))),
            ("gzip", gzip(&gzip(&gzip(text)))),
            ("", gzip(&gzip(&zstd(text)))),
            ("gzip", b"opaque".to_vec()),
            ("gzip", gzip(text)[..20].to_vec()),
            ("gzip", [gzip(text), b"rest".to_vec()].concat()),
            ("deflate", b"\xff\xff\xff".to_vec()),
            ("br", b"opaque".to_vec()),
            ("br", brotli(text)[..8].to_vec()),
            ("zstd", b"opaque".to_vec()),
            ("zstd", zstd(text)[..8].to_vec()),
            ("", b"\x28\xb5\x2f\xfdrest".to_vec()),
            ("", b"PK\x03\x04rest".to_vec()),
            ("gzip", gzip(b"PK\x03\x04rest")),
            // A window of 2^41 bytes.
            ("zstd", b"\x28\xb5\x2f\xfd\x00\xff\x01\x00\x00".to_vec()),
        ] {
            let dropped = unpacked(encoding, &body, 1 << 20);
            assert!(matches!(dropped, Err(FailureKind::Encoded)), "{encoding}: {body:x?}");
        }
    }

    #[test]
    fn a_bomb_is_stopped_by_the_limit_or_by_its_ratio() {
        let bomb = vec![b'a'; 10_000_000];
        let brotli = hex::decode(BROTLI_BOMB).unwrap();
        for (encoding, body) in [
            ("gzip", gzip(&bomb)),
            ("deflate", zlib(&bomb)),
            ("br", brotli),
            ("zstd", zstd(&bomb)),
            ("gzip", gzip(&gzip(&bomb))),
        ] {
            assert!(body.len() < 20_000, "{encoding} is a bomb");
            let small = unpacked(encoding, &body, 60_000);
            assert!(matches!(small, Err(FailureKind::TooLong(60_000))), "{encoding}");
            let large = unpacked(encoding, &body, 1 << 30);
            assert!(matches!(large, Err(FailureKind::Encoded)), "{encoding}");
        }
        let honest = vec![b'a'; 60_000];
        assert_eq!(plain("gzip", &gzip(&honest)), honest, "short answers may repeat themselves");
    }
}
