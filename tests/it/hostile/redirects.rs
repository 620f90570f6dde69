//! A20 to A26, A29: an upstream that sends its caller elsewhere. Nobody goes. ASI02; AML.T0086.

use claviger_sim::{Recorded, Recorder};
use serde_json::json;

use super::{Siege, get, run, say};
use crate::laboratory::swept;

/// Statuses that mean, or have meant, another place.
const STATUSES: [&str; 9] = [
    "300 Multiple Choices",
    "301 Moved Permanently",
    "302 Found",
    "303 See Other",
    "305 Use Proxy",
    "306 Switch Proxy",
    "307 Temporary Redirect",
    "308 Permanent Redirect",
    "399 Unknown",
];

/// Where they lead: identifier and the location, with `{self}` and `{else}` for the hosts.
const LOCATIONS: [(&str, &str); 14] = [
    ("A20.1", "/elsewhere"),
    ("A20.2", "https://localhost/elsewhere"),
    ("A20.3", "?again"),
    ("A21.1", "https://{else}/"),
    ("A21.2", "//{else}/"),
    ("A21.3", "\\\\{else}\\"),
    ("A22", "http://{else}/"),
    ("A23.3", "https://user:word@{else}/"),
    ("A23.4", "file:///etc/passwd"),
    ("A23.5", "gopher://{else}/_x"),
    ("A23.6", "javascript:fetch('http://{else}')"),
    ("A23.7", "data:text/html,x"),
    ("A23.8", ""),
    ("A23.9", "https://{else}/\u{1}\u{7f}"),
];

fn elsewhere() -> (Recorded, String) {
    let recorder = Recorder::start().unwrap();
    let addr = recorder.running.addr.to_string();
    (recorder, addr)
}

#[test]
fn a_redirect_of_any_kind_is_told_and_nobody_follows_it() {
    let siege = Siege::new();
    let (recorder, addr) = elsewhere();
    let mut agent = siege.agent();
    let mut wrong = Vec::new();
    let every = STATUSES.iter().map(|status| (*status, LOCATIONS[3]));
    let all = LOCATIONS.iter().map(|location| ("302 Found", *location)).chain(every);
    let mut expected = 0;
    // A24: the same with a bearer token, with a header of its own, with a pair.
    for (index, (status, (id, location))) in all.enumerate() {
        let credential = ["key", "header", "pair"][index % 3];
        let location = location.replace("{else}", &addr);
        siege.says(say::answer(status, &format!("Location: {location}\r\nConnection: keep-alive\r\n"), b""));
        let told = run(&mut agent, "script", &get("r", credential));
        expected += 1;
        let refused = told[1]["refused"] == "Reason::Redirected" && told[1]["left"] == true;
        // A byte that no header may hold is no HTTP at all.
        let rubbish = id == "A23.9" && told[1]["refused"] == "Reason::Transport";
        if !(refused || rubbish) || siege.asked() != expected {
            wrong.push(format!("{id} {status} {credential}: {}", told[1]));
        }
    }
    drop(agent);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((siege.asked(), recorder.running.connections()), (expected, 0));
    swept(&siege.lab);
}

/// Hints to go elsewhere that come with a good answer.
const HINTS: [(&str, &str); 9] = [
    ("A25.1", "Refresh: 0; url=http://{else}/\r\n"),
    ("A25.2", "Link: <http://{else}/>; rel=preload, <http://{else}/>; rel=next\r\n"),
    ("A25.3", "Alt-Svc: h2=\"{else}\"; ma=86400, http/1.1=\"{else}\"; persist=1\r\n"),
    ("A25.4", "Alternate-Protocol: 443:quic\r\nAlt-Used: {else}\r\n"),
    ("A25.5", "Content-Location: http://{else}/\r\nLocation: http://{else}/\r\n"),
    ("A25.6", "NEL: {\"report_to\":\"x\"}\r\nReport-To: {\"endpoints\":[{\"url\":\"http://{else}/\"}]}\r\n"),
    ("A25.7", "Strict-Transport-Security: max-age=1\r\nOrigin-Agent-Cluster: ?1\r\nAccept-CH: Authorization\r\n"),
    ("A26", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"),
    ("A29.4", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n"),
];

#[test]
fn a_hint_to_go_elsewhere_is_a_header_and_nothing_more() {
    let siege = Siege::new();
    let (recorder, addr) = elsewhere();
    let mut agent = siege.agent();
    let page = format!(
        "<meta http-equiv=refresh content=\"0; url=http://{addr}/\"><a href=http://{addr}/ ping=http://{addr}/>"
    );
    for (id, hint) in HINTS {
        siege.says(say::answer("200 OK", &hint.replace("{else}", &addr), page.as_bytes()));
        let mut steps = get("hint", "header");
        let again = steps[1].clone();
        steps.as_array_mut().unwrap().extend([again, json!({ "do": "wait", "ms": 50 })]);
        let told = run(&mut agent, "script", &steps);
        assert_eq!((&told[1]["status"], &told[2]["status"]), (&json!(200), &json!(200)), "{id}: {told:?}");
    }
    drop(agent);
    // Twice each, and every time to the same place.
    assert_eq!((siege.asked(), recorder.running.connections()), (HINTS.len() * 2, 0));
    swept(&siege.lab);
}
