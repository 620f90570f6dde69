//! Answers as bytes.

use claviger_sim::{Act, Script};

/// An answer with its length.
pub(super) fn answer(status: &str, headers: &str, body: &[u8]) -> Script {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    vec![Act::Say([head.as_bytes(), body].concat())]
}

/// A good answer with this text.
pub(super) fn body(text: impl AsRef<[u8]>) -> Script {
    answer("200 OK", "Content-Type: text/plain\r\n", text.as_ref())
}

/// A good answer with a JSON object that holds this text as it is.
pub(super) fn json(inside: impl AsRef<str>) -> Script {
    let text = format!("{{\"echo\":\"{}\",\"more\":[1,2,3]}}", inside.as_ref());
    answer("200 OK", "Content-Type: application/json\r\n", text.as_bytes())
}

/// An answer that says how it is encoded.
pub(super) fn encoded(name: &str, body: &[u8]) -> Script {
    answer("200 OK", &format!("Content-Type: application/json\r\nContent-Encoding: {name}\r\n"), body)
}

/// An answer with a body in chunks; each is written as it is given, its line included.
pub(super) fn chunks(headers: &str, chunks: &[String], end: &str) -> Script {
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Transfer-Encoding: chunked\r\n\r\n");
    let mut script = vec![Act::Say(head.into_bytes())];
    script.extend(chunks.iter().map(|chunk| Act::Say(chunk.clone().into_bytes())));
    script.push(Act::Say(end.as_bytes().to_vec()));
    script
}

/// Bytes as they are, and then an end.
pub(super) fn raw(bytes: impl AsRef<[u8]>) -> Script {
    vec![Act::Say(bytes.as_ref().to_vec()), Act::Close]
}
