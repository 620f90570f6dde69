//! C17, C18: what one call or plugin has, another does not get.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use claviger_lab::Agent;
use claviger_sim::SeenRequest;
use serde_json::{Value, json};

use super::{Siege, get, run, say};
use crate::laboratory::swept;

#[test]
fn a_cookie_is_never_sent_back() {
    let siege = Siege::new();
    siege.connect("second", &[]);
    siege.says(say::answer("200 OK", "Set-Cookie: session=tracked; Path=/\r\nSet-Cookie2: old=1\r\n", b"{}"));
    let mut agent = siege.agent();
    let mut steps = get("first", "key");
    let again = steps[1].clone();
    steps.as_array_mut().unwrap().push(again);
    for connection in ["script", "second", "script"] {
        let told = run(&mut agent, connection, &steps);
        assert_eq!((&told[1]["status"], &told[2]["status"]), (&json!(200), &json!(200)));
    }
    drop(agent);
    let seen = siege.running.seen();
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|request| request.header("cookie").is_none() && request.header("cookie2").is_none()));
    swept(&siege.lab);
}

/// How long calls are made, and how many at most.
const TIME: Duration = Duration::from_secs(10);
const CALLS: usize = 1_000;
/// How many are under way at a time.
const AT_ONCE: usize = 16;

#[test]
fn two_connections_at_once_never_get_each_others_secret() {
    let siege = Siege::new();
    let other = siege.lab.canary("other key").unwrap();
    siege.lab.put("op://MSP/Other/key", &other).unwrap();
    siege.connect("other", &[]);
    siege.lab.must(&["connection", "bind", "other", "key=op://MSP/Other/key"]).unwrap();
    siege.upstream.then(|_: &SeenRequest| say::body("{}"));
    let mut agent = siege.agent();
    let (started, made) = (Instant::now(), AtomicUsize::new(0));
    while started.elapsed() < TIME && made.load(Ordering::Relaxed) < CALLS {
        let batch: Vec<u64> = (0..AT_ONCE).map(|index| begin(&mut agent, ["script", "other"][index % 2])).collect();
        for id in batch {
            let answer = agent.answer(id).unwrap();
            assert_eq!(answer.pointer("/result/structuredContent/told/1/status"), Some(&json!(200)), "{answer}");
            made.fetch_add(1, Ordering::Relaxed);
        }
    }
    drop(agent);
    let made = made.into_inner();
    assert!(made >= 50, "only {made} calls in {:?}", started.elapsed());
    let mut crossed = 0;
    for request in siege.running.seen() {
        // The path says whose call it is; the header, whose secret came.
        let mine = if request.path.ends_with("/script") { &siege.key.value } else { &other.value };
        crossed += usize::from(request.header("authorization") != Some(format!("Bearer {mine}").as_str()));
    }
    assert_eq!((siege.asked(), crossed), (made, 0));
    swept(&siege.lab);
}

fn begin(agent: &mut Agent<'_>, connection: &str) -> u64 {
    let arguments: Value = json!({ "steps": get(connection, "key") });
    agent.begin("tools/call", &json!({ "name": format!("{connection}_run"), "arguments": arguments })).unwrap()
}
