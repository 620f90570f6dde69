//! Frames that are none. None of them kills the session, makes it hang, or is answered with anything but a frame.

use serde_json::{Value, json};

use super::wire::Wire;
use crate::laboratory::{lab, swept};

/// A line that is larger than any request has reason to be.
const LARGE: usize = 10 * 1024 * 1024;
/// A line that is larger than is read.
const TOO_LARGE: usize = 17 * 1024 * 1024;

const NOTIFICATION: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#;

fn call_with(arguments: &str) -> Vec<u8> {
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":"big","method":"tools/call","params":{{"name":"psa_search_tickets","arguments":{arguments}}}}}"#
    );
    call.into_bytes()
}

fn lines() -> Vec<(&'static str, Vec<u8>)> {
    let deep = |depth: usize| format!("{{\"company\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    vec![
        ("nothing", b"".to_vec()),
        ("blanks", b"   \t ".to_vec()),
        ("invalid UTF-8", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}".to_vec()),
        ("no JSON", b"GET / HTTP/1.1".to_vec()),
        ("half of it", br#"{"jsonrpc":"2.0","id":7,"method":"tools/"#.to_vec()),
        ("a number", b"7".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("an empty batch", b"[]".to_vec()),
        ("a batch", br#"[{"jsonrpc":"2.0","id":8,"method":"ping"},{"jsonrpc":"2.0","id":9,"method":"ping"}]"#.to_vec()),
        ("another version", br#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#.to_vec()),
        ("no method", br#"{"jsonrpc":"2.0","id":7}"#.to_vec()),
        ("an answer to nothing", br#"{"jsonrpc":"2.0","id":777,"result":{}}"#.to_vec()),
        ("an object as id", br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#.to_vec()),
        ("a fraction as id", br#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#.to_vec()),
        ("parameters of a wrong type", br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":[1,2]}"#.to_vec()),
        ("a tool without a name", br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{}}"#.to_vec()),
        ("deep nesting", call_with(&deep(100_000))),
        ("nesting that is still read", call_with(&deep(60))),
        ("NaN", call_with(r#"{"company":NaN}"#)),
        ("a huge number", call_with(r#"{"page":1e999}"#)),
        ("a lone surrogate", call_with(r#"{"company":"\ud800"}"#)),
        ("a NUL", call_with(r#"{"company":"\u0000"}"#)),
        ("a large line", call_with(&format!(r#"{{"company":"{}"}}"#, "x".repeat(LARGE)))),
        ("a line that is too large", call_with(&format!(r#"{{"company":"{}"}}"#, "x".repeat(TOO_LARGE)))),
        ("a flood of notifications", [NOTIFICATION; 1000].join("\n").into_bytes()),
    ]
}

/// Nothing, or an error: a protocol error, or a result that is one.
fn is_harmless(frame: &Value) -> bool {
    let failed = frame.get("error").is_some() || frame["result"]["isError"] == true;
    let pong = frame["result"] == json!({});
    // A company whose name has a NUL in it is an ordinary search without a result.
    failed || pong || frame["result"]["structuredContent"]["tickets"] == json!([])
}

#[test]
fn rubbish_is_survived() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let mut wire = Wire::begin(&lab);
    for (name, line) in lines() {
        wire.raw(&[line.as_slice(), b"\n"].concat());
        let id = wire.send("ping", json!({}));
        let (pong, before) = wire.answer(id);
        assert!(pong["result"].is_object(), "{name}: {pong}");
        assert!(before.iter().all(is_harmless), "{name}: {before:?}");
    }
    // Calls among the rubbish may have been answered after the ping that followed them.
    assert!(wire.unasked().iter().all(is_harmless));
    let good = wire.call("psa_search_tickets", json!({ "company": "Acme" }));
    assert!(good["result"]["structuredContent"]["tickets"].is_array(), "{good}");
    assert_eq!(wire.end(), (Some(0), String::new()), "rubbish is not repeated on standard error either");
    swept(&lab);
}

#[test]
fn rubbish_before_the_session_is_survived_or_ends_it_with_a_word() {
    let lab = lab();
    let mut survived = 0;
    for (name, line) in lines() {
        let mut wire = Wire::new(&lab, &[]);
        if wire.begins_after(&line, "2025-11-25") {
            survived += 1;
            assert_eq!(wire.end(), (Some(0), String::new()), "{name}");
        } else {
            let (code, said) = wire.end();
            assert_eq!(code, Some(2), "{name}: {said}");
            assert!(said.contains("did not begin an MCP session"), "{name}: {said}");
        }
    }
    assert!(survived > 20, "only {survived} kinds of rubbish are survived");
    let mut early = Wire::new(&lab, &[]);
    let refused = early.call("psa_search_tickets", json!({}));
    assert!(refused.get("error").is_some(), "nothing is called before there is a session: {refused}");
    assert_eq!(early.initialize("2025-11-25")["protocolVersion"], "2025-11-25");
    assert_eq!(early.end().0, Some(0));
}

/// The protocol forbids it; then one of the two is answered, and neither is lost in the log.
#[test]
fn an_identifier_that_is_used_twice_harms_nobody_else() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let mut wire = Wire::begin(&lab);
    let same =
        r#"{"jsonrpc":"2.0","id":99,"method":"tools/call","params":{"name":"psa_search_tickets","arguments":{}}}"#;
    wire.raw(format!("{same}\n{same}\n").as_bytes());
    assert!(wire.answer(99).0["result"]["structuredContent"]["tickets"].is_array());
    let good = wire.call("psa_search_tickets", json!({ "company": "Acme" }));
    assert!(good["result"]["structuredContent"]["tickets"].is_array(), "{good}");
    assert_eq!(wire.end(), (Some(0), String::new()));
    let summary = lab.must(&["audit", "verify", "--json"]).unwrap().json();
    assert_eq!((&summary["kinds"]["intents"], &summary["open_intents"]), (&psa.running.seen().len().into(), &0.into()));
    swept(&lab);
}

#[test]
fn a_frame_that_is_cut_off_by_the_end_is_no_failure() {
    let lab = lab();
    let mut wire = Wire::begin(&lab);
    wire.raw(br#"{"jsonrpc":"2.0","id":7,"method":"tools/li"#);
    assert_eq!(wire.end(), (Some(0), String::new()));
}
