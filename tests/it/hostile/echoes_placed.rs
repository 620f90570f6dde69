//! B25 to B28: the secret comes back elsewhere than in a body of one piece.

use claviger_sim::{Act, Script};

use super::echoes::Expected::{Leak, Passes, Refused};
use super::echoes::{Live, Vector, key};
use super::{Siege, say, spell};

const JSON: &str = "Content-Type: application/json\r\n";

/// A good answer with one header more.
fn header(name: &str, value: &str) -> Script {
    say::answer("200 OK", &format!("{JSON}{name}: {value}\r\n"), b"{}")
}

/// An error with the request's headers in it, as debug pages have it.
fn error(status: &str, live: &Live<'_>) -> Script {
    let text = format!(
        "{{\"error\":\"no\",\"request\":{{\"authorization\":{}}}}}",
        spell::json(&format!("Bearer {}", live.key))
    );
    say::answer(status, JSON, text.as_bytes())
}

/// One chunk for each part of the text, with something behind its length.
fn chunked(text: &str, size: usize, extension: &str) -> Vec<String> {
    let parts = text.as_bytes().chunks(size).map(|part| String::from_utf8_lossy(part).into_owned());
    parts.map(|part| format!("{:x}{extension}\r\n{part}\r\n", part.len())).collect()
}

const PLACES: &[Vector] = &[
    key("B25.1", "one byte in each chunk", Leak, |live| say::chunks(JSON, &chunked(live.key, 1, ""), "0\r\n\r\n")),
    key("B25.2", "chunks with extensions", Leak, |live| {
        say::chunks(JSON, &chunked(live.key, 7, ";a=1;b=\"2\""), "0\r\n\r\n")
    }),
    key("B25.3", "chunks with leading zeros", Leak, |live| {
        let chunks = chunked(live.key, 5, "").into_iter().map(|chunk| format!("000{chunk}")).collect::<Vec<_>>();
        say::chunks(JSON, &chunks, "0\r\n\r\n")
    }),
    key("B25.4", "one byte in each TCP segment", Leak, |live| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", live.key.len());
        head.bytes().chain(live.key.bytes()).map(|byte| Act::Say(vec![byte])).collect()
    }),
    key("B25.5", "in a chunk's extension alone", Passes, |live| {
        let token = &live.key[..40];
        say::chunks(JSON, &[format!("2;echo={token}\r\n{{}}\r\n")], "0\r\n\r\n")
    }),
    key("B25.6", "until the end of the connection", Leak, |live| {
        say::raw(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", live.key))
    }),
    key("B26.1", "in a header of its own", Leak, |live| header("X-Echo", live.key)),
    key("B26.2", "in a header that the operation lets through", Leak, |live| header("X-Shown", live.key)),
    key("B26.3", "in Set-Cookie", Leak, |live| header("Set-Cookie", &format!("session={}; Secure", live.key))),
    key("B26.4", "in Location, without a redirect", Leak, |live| {
        header("Location", &format!("/next?key={}", spell::percent(live.key)))
    }),
    key("B26.5", "in WWW-Authenticate of a 401", Leak, |live| {
        say::answer("401 Unauthorized", &format!("WWW-Authenticate: Bearer error=\"{}\"\r\n", live.key), b"{}")
    }),
    key("B26.6", "in a header, in base64", Leak, |live| header("X-Shown", &spell::base64(live.key.as_bytes()))),
    key("B26.7", "in the name of a header", Leak, |live| header(&format!("X-{}", spell::separated(live.key, "")), "1")),
    key("B26.8", "in Link", Leak, |live| {
        header("Link", &format!("<https://api.example/?key={}>; rel=next", spell::percent(live.key)))
    }),
    key("B26.9", "in the second of two headers of a name", Leak, |live| {
        say::answer("200 OK", &format!("{JSON}X-Shown: one\r\nX-Shown: {}\r\n", live.key), b"{}")
    }),
    key("B26.10", "in Location of a redirect", Refused("redirected"), |live| {
        say::answer("302 Found", &format!("Location: /next?key={}\r\n", spell::percent(live.key)), b"")
    }),
    key("B26.11", "in the body of a redirect", Refused("redirected"), |live| {
        say::answer("302 Found", "Location: /next\r\n", live.key.as_bytes())
    }),
    key("B27.1", "in a trailer", Leak, |live| {
        let end = format!("0\r\nX-Echo: {}\r\n\r\n", live.key);
        say::chunks(&format!("{JSON}Trailer: X-Echo\r\n"), &chunked("{}", 2, ""), &end)
    }),
    key("B27.2", "in a trailer that the operation lets through", Leak, |live| {
        let end = format!("0\r\nX-Shown: {}\r\n\r\n", live.key);
        say::chunks(&format!("{JSON}Trailer: X-Shown\r\n"), &chunked("{}", 2, ""), &end)
    }),
    key("B27.3", "in the reason phrase", Leak, |live| say::answer(&format!("200 {}", live.key), JSON, b"{}")),
    key("B27.4", "in an interim answer", Passes, |live| {
        let hint = format!("HTTP/1.1 103 Early Hints\r\nLink: </?{}>; rel=preload\r\n\r\n", spell::percent(live.key));
        [vec![Act::Say(hint.into_bytes())], say::body("{}")].concat()
    }),
    key("B28.1", "in a 400", Leak, |live| error("400 Bad Request", live)),
    key("B28.2", "in a 401", Leak, |live| error("401 Unauthorized", live)),
    key("B28.3", "in a 403", Leak, |live| error("403 Forbidden", live)),
    key("B28.4", "in a 404", Leak, |live| error("404 Not Found", live)),
    key("B28.5", "in a 429", Leak, |live| error("429 Too Many Requests", live)),
    key("B28.6", "in a 500", Leak, |live| error("500 Internal Server Error", live)),
    key("B28.7", "in a 502 of a proxy", Leak, |live| {
        say::answer(
            "502 Bad Gateway",
            "Content-Type: text/html\r\n",
            format!("<pre>Authorization: {}</pre>", spell::html(live.key)).as_bytes(),
        )
    }),
    key("B28.8", "in a 304", Leak, |live| {
        say::raw(format!("HTTP/1.1 304 Not Modified\r\nX-Shown: {}\r\n\r\n", live.key))
    }),
    key("B28.9", "in a GraphQL error with status 200", Leak, |live| {
        say::body(format!(
            "{{\"data\":null,\"errors\":[{{\"message\":{},\"path\":[\"me\"]}}]}}",
            spell::json(&format!("bad token {}", live.key))
        ))
    }),
    key("B28.10", "in a status that nobody knows", Leak, |live| error("599 Nobody Knows", live)),
];

#[test]
fn a_secret_that_comes_back_in_any_place_is_dropped_or_thrown_away() {
    Siege::new().holds(PLACES);
}
