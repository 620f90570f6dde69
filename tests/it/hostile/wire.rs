//! C16 and the rest of what an upstream can do to HTTP/1.1: lengths that lie, answers that nobody asked for, heads that no
//! library writes, the beginnings of HTTP/2 among them (A26). Whatever comes first on a connection, the next request of
//! the call gets its own answer or none.

use claviger_sim::{Act, Script, SeenRequest};
use serde_json::{Value, json};

use super::{Siege, distinct, run, say};
use crate::laboratory::swept;

/// What the guest sees of the first answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sees {
    /// This body.
    Body(&'static str),
    /// A refusal with this code in the log.
    Refused(&'static str),
}
use Sees::{Body, Refused};

struct Vector {
    id: &'static str,
    title: &'static str,
    sees: Sees,
    say: fn() -> Script,
}

const fn row(id: &'static str, title: &'static str, sees: Sees, say: fn() -> Script) -> Vector {
    Vector { id, title, sees, say }
}

/// An answer that the upstream slips in behind the first one, for a request that it does not know yet.
const POISON: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"bad\":1}\n";

fn head(headers: &str, rest: &str) -> Script {
    vec![Act::Say(format!("HTTP/1.1 200 OK\r\n{headers}\r\n{rest}").into_bytes())]
}

fn ended(headers: &str, rest: &str) -> Script {
    [head(headers, rest), vec![Act::Close]].concat()
}

fn flood(line: &str, count: usize) -> String {
    line.repeat(count)
}

const LIES: &[Vector] = &[
    row("C16.1", "a length too short, an answer behind it", Body("{\"a\":1}"), || {
        head("Content-Length: 7\r\n", &format!("{{\"a\":1}}{POISON}"))
    }),
    row("C16.2", "a length too long", Refused("http"), || ended("Content-Length: 500\r\n", "{\"a\":1}")),
    row("C16.3", "two lengths that differ", Refused("http"), || {
        ended("Content-Length: 7\r\nContent-Length: 60\r\n", &format!("{{\"a\":1}}{POISON}"))
    }),
    row("C16.4", "two lengths in one line that differ", Refused("http"), || {
        ended("Content-Length: 7, 60\r\n", &format!("{{\"a\":1}}{POISON}"))
    }),
    row("C16.5", "a length below zero", Refused("http"), || ended("Content-Length: -7\r\n", "{\"a\":1}")),
    row("C16.6", "a length with a sign", Refused("http"), || ended("Content-Length: +7\r\n", "{\"a\":1}")),
    row("C16.7", "a length in hexadecimal", Refused("http"), || ended("Content-Length: 0x7\r\n", "{\"a\":1}")),
    row("C16.8", "a length over 64 bits", Refused("http"), || {
        ended("Content-Length: 18446744073709551623\r\n", "{\"a\":1}")
    }),
    row("C16.9", "an empty length", Refused("http"), || ended("Content-Length:\r\n", "{\"a\":1}")),
    row("C16.10", "chunks and a length", Body("{\"a\":1}"), || {
        head("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", &format!("7\r\n{{\"a\":1}}\r\n0\r\n\r\n{POISON}"))
    }),
    row("C16.11", "a length and chunks", Body("{\"a\":1}"), || {
        head("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", &format!("7\r\n{{\"a\":1}}\r\n0\r\n\r\n{POISON}"))
    }),
    row("C16.12", "a transfer encoding that only looks like chunks", Refused("encoded"), || {
        ended("Transfer-Encoding: xchunked\r\n", "7\r\n{\"a\":1}\r\n0\r\n\r\n")
    }),
    row("C16.13", "chunks that are not the last encoding", Refused("encoded"), || {
        ended("Transfer-Encoding: chunked, identity\r\n", "7\r\n{\"a\":1}\r\n0\r\n\r\n")
    }),
    row("C16.14", "chunks twice", Refused("encoded"), || {
        ended("Transfer-Encoding: chunked, chunked\r\n", "7\r\n{\"a\":1}\r\n0\r\n\r\n")
    }),
    row("C16.15", "a chunk of negative length", Refused("http"), || {
        ended("Transfer-Encoding: chunked\r\n", "-7\r\n{\"a\":1}\r\n0\r\n\r\n")
    }),
    row("C16.16", "a chunk of 64 bits and more", Refused("http"), || {
        ended("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n{\"a\":1}\r\n0\r\n\r\n")
    }),
    row("C16.17", "a chunk without its end", Refused("http"), || {
        ended("Transfer-Encoding: chunked\r\n", "7\r\n{\"a\":1}XX0\r\n\r\n")
    }),
    row("C16.18", "chunks without a last one", Refused("http"), || {
        ended("Transfer-Encoding: chunked\r\n", "7\r\n{\"a\":1}\r\n")
    }),
    row("C16.19", "a line feed alone in a chunk's extension", Refused("http"), || {
        ended("Transfer-Encoding: chunked\r\n", "7;x\n\r\n{\"a\":1}\r\n0\r\n\r\n")
    }),
    row("C16.20", "a chunk's extension without end", Refused("http"), || {
        let extension = format!("7;{}\r\n{{\"a\":1}}\r\n0\r\n\r\n", "x".repeat(300_000));
        ended("Transfer-Encoding: chunked\r\n", &extension)
    }),
    row("C16.21", "trailers without end", Refused("http"), || {
        ended(
            "Transfer-Encoding: chunked\r\n",
            &format!("7\r\n{{\"a\":1}}\r\n0\r\n{}\r\n", flood("X-T: 1\r\n", 50_000)),
        )
    }),
    row("C16.22", "204 with a body", Body(""), || {
        vec![Act::Say(
            format!("HTTP/1.1 204 No Content\r\nContent-Length: {}\r\n\r\n{POISON}", POISON.len()).into_bytes(),
        )]
    }),
    row("C16.23", "304 with a body", Body(""), || {
        vec![Act::Say(
            format!("HTTP/1.1 304 Not Modified\r\nContent-Length: {}\r\n\r\n{POISON}", POISON.len()).into_bytes(),
        )]
    }),
    row("C16.24", "an answer in two segments, one of them later", Body("{\"a\":1}"), || {
        head("Content-Length: 7\r\n", "{\"a\":1}").into_iter().chain([Act::Say(POISON.into())]).collect()
    }),
    row("C16.25", "the end before an answer", Refused("http"), || vec![Act::Close]),
    row("C16.26", "cut off in the head", Refused("http"), || {
        vec![Act::Say(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec()), Act::Cut]
    }),
    row("C16.27", "cut off in the body", Refused("http"), || {
        [head("Content-Length: 70\r\n", "{\"a\":1}"), vec![Act::Cut]].concat()
    }),
    row("C16.28", "cut off in a chunk", Refused("http"), || {
        [head("Transfer-Encoding: chunked\r\n", "70\r\n{\"a\":1}"), vec![Act::Cut]].concat()
    }),
    row("C16.29", "no length, cut off without a farewell of TLS", Refused("http"), || {
        [head("", "{\"a\":1}"), vec![Act::Cut]].concat()
    }),
    row("W1", "a header continued on the next line", Refused("http"), || {
        ended("X-Shown: a\r\n b\r\nContent-Length: 7\r\n", "{\"a\":1}")
    }),
    row("W2", "a space before the colon", Refused("http"), || {
        ended("X-Shown : a\r\nContent-Length: 7\r\n", "{\"a\":1}")
    }),
    row("W3", "a zero byte in a value", Refused("http"), || {
        ended("X-Shown: a\0b\r\nContent-Length: 7\r\n", "{\"a\":1}")
    }),
    row("W4", "a carriage return in a value", Refused("http"), || {
        ended("X-Shown: a\rX-Other: b\r\nContent-Length: 7\r\n", "{\"a\":1}")
    }),
    row("W5", "a header without a colon", Refused("http"), || ended("X-Shown\r\nContent-Length: 7\r\n", "{\"a\":1}")),
    row("W6", "a header without a name", Refused("http"), || ended(": a\r\nContent-Length: 7\r\n", "{\"a\":1}")),
    row("W7", "10,000 headers", Refused("http"), || {
        ended(&format!("{}Content-Length: 7\r\n", flood("X-F: 1\r\n", 10_000)), "{\"a\":1}")
    }),
    row("W8", "a header of a megabyte", Refused("http"), || {
        ended(&format!("X-L: {}\r\nContent-Length: 7\r\n", "l".repeat(1 << 20)), "{\"a\":1}")
    }),
    row("W9", "HTTP/0.9: a body and nothing else", Refused("http"), || say::raw("{\"a\":1}")),
    row("W10", "HTTP/2: frames", Refused("http"), || {
        say::raw(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\x10\0\0\0\x06\0\x10\0\0")
    }),
    row("W11", "HTTP/2: the client's own preface", Refused("http"), || say::raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")),
    row("W12", "HTTP/3.0", Refused("http"), || say::raw("HTTP/3.0 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}")),
    row("W13", "HTTP/1.0", Body("{\"a\":1}"), || say::raw("HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}")),
    row("W14", "a status of two digits", Refused("http"), || {
        say::raw("HTTP/1.1 99 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}")
    }),
    row("W15", "a status of four digits", Refused("http"), || {
        say::raw("HTTP/1.1 2000 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}")
    }),
    row("W16", "another protocol", Refused("http"), || say::raw("SSH-2.0-OpenSSH_9.2p1\r\n")),
    row("W17", "101: another protocol from here on", Refused("http"), || {
        say::raw("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\u{1}\u{5}hello")
    }),
    row("W18", "a thousand interim answers", Body("{\"a\":1}"), || {
        vec![
            Act::Say(flood("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 1_000).into_bytes()),
            Act::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}".to_vec()),
        ]
    }),
    row("W19", "an announced gigabyte", Refused("too-long"), || head("Content-Length: 1073741824\r\n", "{\"a\":1}")),
    row("W20", "a megabyte that nobody announced", Refused("too-long"), || {
        vec![
            Act::Say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()),
            Act::Flood([b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat(), 10_000),
        ]
    }),
    row("W21", "a status line without end", Refused("http"), || {
        say::raw(format!("HTTP/1.1 200 {}", "x".repeat(1 << 20)))
    }),
];

#[test]
fn a_lie_on_the_wire_is_refused_or_ends_where_it_says_and_never_answers_the_next_request() {
    let siege = Siege::new();
    let mut agent = siege.agent();
    let mut wrong = Vec::new();
    for vector in LIES {
        let first = (vector.say)();
        siege.upstream.then(
            move |request: &SeenRequest| {
                if request.path.ends_with("/first") { first.clone() } else { say::body("{\"next\":2}") }
            },
        );
        let entries = siege.entries();
        let send =
            |case: &str| json!({ "do": "send", "operation": "get", "parameters": [["case", case]], "credential": "k" });
        let steps = json!([{ "do": "open", "name": "key", "as": "k" }, send("first"), send("second")]);
        let told = run(&mut agent, "script", &steps);
        let code = siege.outcomes(entries).first().map(|(_, code)| code.clone()).unwrap_or_default();
        let seen = match vector.sees {
            Body(body) => told[1]["body"] == body,
            Refused(expected) => told[1].get("refused").is_some() && told[1].get("body").is_none() && code == expected,
        };
        if !seen || told[2]["body"] != "{\"next\":2}" {
            wrong.push(format!(
                "{} {}: expected {:?}, code {code}, told {} and {}",
                vector.id,
                vector.title,
                vector.sees,
                short(&told[1]),
                short(&told[2])
            ));
        }
    }
    drop(agent);
    assert!(wrong.is_empty(), "{} of {} vectors:\n{}", wrong.len(), LIES.len(), wrong.join("\n"));
    assert_eq!(distinct(LIES.iter().map(|vector| vector.id)), LIES.len());
    assert_eq!(siege.quarantined(), json!([]));
    swept(&siege.lab);
}

/// The beginning of what was told.
fn short(told: &Value) -> String {
    told.to_string().chars().take(300).collect()
}
