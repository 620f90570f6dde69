//! B24, and upstreams that are too large or too slow: what they cost the host is bounded.

use std::time::{Duration, Instant};

use claviger_sim::{Act, Script};
use serde_json::json;

use super::{Siege, distinct, get, run, say, soon, spell};
use crate::laboratory::swept;

/// What a bomb grows to: four times the memory that it may cost.
const GROWN: usize = 64 << 20;
/// What one answer may cost the host at most.
const ALLOWED: u64 = 16 << 20;

/// Packs a text.
type Pack = fn(&[u8]) -> Vec<u8>;

/// Bombs by how they are packed. What the log says of them depends on whether the host unpacks: with caps, or not at all.
const BOMBS: [(&str, &str, Pack); 6] = [
    ("B24.1", "gzip", spell::gzip),
    ("B24.2", "deflate", spell::zlib),
    ("B24.3", "br", spell::brotli),
    ("B24.4", "zstd", spell::zstd),
    ("B24.5", "gzip, gzip", |bytes| spell::gzip(&spell::gzip(bytes))),
    ("B24.6", "gzip", |bytes| spell::gzip(&spell::gzip(bytes))),
];

/// The codes that a bomb may end with.
const DEFUSED: [&str; 2] = ["encoded", "too-long"];

#[test]
fn a_bomb_is_refused_and_costs_no_memory() {
    let siege = Siege::new();
    let mut agent = siege.agent();
    siege.says(say::body("x".repeat(200 << 10)));
    run(&mut agent, "script", &get("warm", "key"));
    let before = agent.peak_memory().unwrap();
    let plain = vec![b' '; GROWN];
    for (id, name, pack) in BOMBS {
        let bomb = pack(&plain);
        assert!(bomb.len() * 1_000 < GROWN, "{id}: {} bytes are no bomb", bomb.len());
        siege.says(say::encoded(name, &bomb));
        let entries = siege.entries();
        let told = run(&mut agent, "script", &get("bomb", "key"));
        assert!(told[1].get("refused").is_some() && told[1].get("body").is_none(), "{id}: {}", told[1]);
        let outcomes = siege.outcomes(entries);
        assert!(matches!(outcomes.as_slice(), [(_, code)] if DEFUSED.contains(&code.as_str())), "{id}: {outcomes:?}");
        let grown = agent.peak_memory().unwrap().saturating_sub(before);
        assert!(grown <= ALLOWED, "{id}: the host grew by {grown} bytes");
    }
    assert_eq!(distinct(BOMBS.map(|(id, _, _)| id)), BOMBS.len());
    drop(agent);
    swept(&siege.lab);
}

/// Writes an answer.
type Say = fn() -> Script;

/// Answers that take longer than a call may.
const SLOW: [(&str, &str, Say); 5] = [
    ("S1", "no answer at all", || vec![Act::Wait(Duration::from_secs(60))]),
    ("S2", "a head byte by byte", || drip("HTTP/1.1 200 OK\r\nX-Slow: ")),
    ("S3", "a body byte by byte", || drip("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")),
    ("S4", "a chunk byte by byte", || drip("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n")),
    ("S5", "interim answers without end", || vec![Act::Flood(b"HTTP/1.1 100 Continue\r\n\r\n".repeat(10), 10_000_000)]),
];

fn drip(beginning: &str) -> Script {
    vec![Act::Say(beginning.as_bytes().to_vec()), Act::Drip(b'1', Duration::from_millis(50))]
}

#[test]
fn a_slow_answer_ends_with_the_calls_deadline_and_costs_no_memory() {
    let siege = Siege::new();
    let mut agent = siege.agent();
    siege.says(say::body("{}"));
    run(&mut agent, "script", &get("warm", "key"));
    let before = agent.peak_memory().unwrap();
    for (id, title, say) in SLOW {
        siege.says(say());
        let started = Instant::now();
        let result = agent.call("script_run", &json!({ "steps": get("slow", "key") })).unwrap();
        let told = result.pointer("/content/0/text").unwrap().as_str().unwrap().to_owned();
        let in_time = started.elapsed() < Duration::from_secs(20);
        assert!(in_time && result["isError"] == true, "{id} {title}: {:?}, {result}", started.elapsed());
        assert!(told.contains("`[limits] deadline = \"5s\"` sets it"), "{id} {title}: {told}");
        let grown = agent.peak_memory().unwrap().saturating_sub(before);
        assert!(grown <= ALLOWED, "{id} {title}: the host grew by {grown} bytes");
        // The entry for a call that was cut off follows the error that the agent gets.
        let abandoned = || {
            let last = siege.lab.entries().unwrap().pop().unwrap();
            (&last["kind"], &last["reason"]) == (&json!("outcome-unknown"), &json!("abandoned"))
        };
        assert!(soon(abandoned), "{id} {title}");
    }
    drop(agent);
    swept(&siege.lab);
}
