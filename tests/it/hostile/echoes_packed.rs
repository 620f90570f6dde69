//! B23: the secret comes back inside a compressed answer, although identity was asked for.

use super::echoes::Expected::Refused;
use super::echoes::{Live, Vector, key};
use super::{Siege, say, spell};

/// The one expectation of this table: an answer that says that it is encoded. A scanner that decodes makes it `Leak`.
const ENCODED: super::echoes::Expected = Refused("encoded");

/// An answer that looks as if it were worth compressing.
fn plain(live: &Live<'_>) -> Vec<u8> {
    format!("{{\"pad\":\"{}\",\"authorization\":{}}}", "x".repeat(300), spell::json(live.key)).into_bytes()
}

const PACKED: &[Vector] = &[
    key("B23.1", "gzip", ENCODED, |live| say::encoded("gzip", &spell::gzip(&plain(live)))),
    key("B23.2", "x-gzip, its old name", ENCODED, |live| say::encoded("x-gzip", &spell::gzip(&plain(live)))),
    key("B23.3", "deflate as RFC 1950 has it", ENCODED, |live| say::encoded("deflate", &spell::zlib(&plain(live)))),
    key("B23.4", "deflate without its wrapping", ENCODED, |live| {
        say::encoded("deflate", &spell::deflate(&plain(live)))
    }),
    key("B23.5", "brotli", ENCODED, |live| say::encoded("br", &spell::brotli(&plain(live)))),
    key("B23.6", "zstd", ENCODED, |live| say::encoded("zstd", &spell::zstd(&plain(live)))),
    key("B23.7", "gzip in gzip, both named", ENCODED, |live| {
        say::encoded("gzip, gzip", &spell::gzip(&spell::gzip(&plain(live))))
    }),
    key("B23.8", "gzip in gzip, one named", ENCODED, |live| {
        say::encoded("gzip", &spell::gzip(&spell::gzip(&plain(live))))
    }),
    key("B23.9", "brotli in gzip", ENCODED, |live| {
        say::encoded("br, gzip", &spell::gzip(&spell::brotli(&plain(live))))
    }),
    key("B23.10", "gzip that no header names", ENCODED, |live| say::body(spell::gzip(&plain(live)))),
    key("B23.11", "zstd that no header names", ENCODED, |live| say::body(spell::zstd(&plain(live)))),
    key("B23.12", "two members of gzip, the secret in the second", ENCODED, |live| {
        say::encoded("gzip", &[spell::gzip(b"{}"), spell::gzip(&plain(live))].concat())
    }),
    key("B23.13", "gzip as a transfer encoding", ENCODED, |live| {
        let body = spell::gzip(&plain(live));
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: gzip\r\n\r\n";
        say::raw([head.as_bytes(), &body].concat())
    }),
    key("B23.14", "gzip of an error", ENCODED, |live| {
        say::answer("500 Internal Server Error", "Content-Encoding: gzip\r\n", &spell::gzip(&plain(live)))
    }),
    key("B23.15", "an encoding that nobody knows, over plain text", Refused("encoded"), |live| {
        say::encoded("x-rot13", &plain(live))
    }),
    key("B23.16", "an encoding that lies: gzip over plain text", ENCODED, |live| say::encoded("gzip", &plain(live))),
    key("B23.17", "base64 in gzip", ENCODED, |live| {
        say::encoded("gzip", &spell::gzip(spell::base64(&plain(live)).as_bytes()))
    }),
    key("B23.18", "gzip that ends too early", ENCODED, |live| {
        let body = spell::gzip(&plain(live));
        say::encoded("gzip", &body[..body.len() - 6])
    }),
];

#[test]
fn a_secret_inside_a_compressed_answer_reaches_nobody() {
    Siege::new().holds(PACKED);
}
