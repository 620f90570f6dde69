//! B23: the secret comes back inside a compressed answer, although identity was asked for. It is unpacked and found; what
//! cannot be unpacked is dropped unread.

use super::echoes::Expected::{Leak, Refused};
use super::echoes::{Live, Vector, key};
use super::{Siege, say, spell};

/// An answer that looks as if it were worth compressing.
fn plain(live: &Live<'_>) -> Vec<u8> {
    format!("{{\"pad\":\"{}\",\"authorization\":{}}}", "x".repeat(300), spell::json(live.key)).into_bytes()
}

const PACKED: &[Vector] = &[
    key("B23.1", "gzip", Leak, |live| say::encoded("gzip", &spell::gzip(&plain(live)))),
    key("B23.2", "x-gzip, its old name", Leak, |live| say::encoded("x-gzip", &spell::gzip(&plain(live)))),
    key("B23.3", "deflate as RFC 1950 has it", Leak, |live| say::encoded("deflate", &spell::zlib(&plain(live)))),
    key("B23.4", "deflate without its wrapping", Leak, |live| say::encoded("deflate", &spell::deflate(&plain(live)))),
    key("B23.5", "brotli", Leak, |live| say::encoded("br", &spell::brotli(&plain(live)))),
    key("B23.6", "zstd", Leak, |live| say::encoded("zstd", &spell::zstd(&plain(live)))),
    key("B23.7", "gzip in gzip, both named", Leak, |live| {
        say::encoded("gzip, gzip", &spell::gzip(&spell::gzip(&plain(live))))
    }),
    key("B23.8", "gzip in gzip, one named", Leak, |live| {
        say::encoded("gzip", &spell::gzip(&spell::gzip(&plain(live))))
    }),
    key("B23.9", "brotli in gzip", Leak, |live| say::encoded("br, gzip", &spell::gzip(&spell::brotli(&plain(live))))),
    key("B23.10", "gzip that no header names", Leak, |live| say::body(spell::gzip(&plain(live)))),
    key("B23.11", "zstd that no header names", Leak, |live| say::body(spell::zstd(&plain(live)))),
    key("B23.12", "two members of gzip, the secret in the second", Leak, |live| {
        say::encoded("gzip", &[spell::gzip(b"{}"), spell::gzip(&plain(live))].concat())
    }),
    key("B23.13", "gzip as a transfer encoding", Refused("encoded"), |live| {
        let body = spell::gzip(&plain(live));
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: gzip\r\n\r\n";
        say::raw([head.as_bytes(), &body].concat())
    }),
    key("B23.14", "gzip of an error", Leak, |live| {
        say::answer("500 Internal Server Error", "Content-Encoding: gzip\r\n", &spell::gzip(&plain(live)))
    }),
    key("B23.15", "an encoding that nobody knows, over plain text", Refused("encoded"), |live| {
        say::encoded("x-rot13", &plain(live))
    }),
    key("B23.16", "an encoding that lies: gzip over plain text", Refused("encoded"), |live| {
        say::encoded("gzip", &plain(live))
    }),
    key("B23.17", "base64 in gzip", Leak, |live| {
        say::encoded("gzip", &spell::gzip(spell::base64(format!("seen {}", live.key).as_bytes()).as_bytes()))
    }),
    key("B23.18", "gzip that ends too early", Refused("encoded"), |live| {
        let body = spell::gzip(&plain(live));
        say::encoded("gzip", &body[..body.len() - 6])
    }),
];

#[test]
fn a_secret_inside_a_compressed_answer_reaches_nobody() {
    Siege::new().holds(PACKED);
}
