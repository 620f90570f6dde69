//! A35: servers that are not who they should be get a handshake and not one byte of a request. ASI03.

use std::fs;

use claviger_sim::{Door, Identity, Recorder, Running, TestCa};

use super::{Siege, say, soon};
use crate::laboratory::swept;

/// An upstream with this certificate, and what the program says of it.
fn shown(siege: &Siege, identity: &Identity) -> (Running, String) {
    let running = siege.upstream.start(&Door::Showing(identity)).unwrap();
    siege.leads("masked", running.addr, "host = \"localhost\"", "[\"127.0.0.0/8\"]");
    let (_, told) = siege.tried("masked");
    (running, told)
}

#[test]
fn a_certificate_that_does_not_fit_gets_no_request() {
    let siege = Siege::new();
    siege.says(say::body("{}"));
    let ca = &siege.lab.ca;
    let stranger = TestCa::new().unwrap();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut wrong = Vec::new();
    for (id, title, identity) in [
        ("A35.1", "expired in 2001", ca.issue_expired().unwrap()),
        ("A35.2", "for another name", ca.issue_only(&names(&["other.example"])).unwrap()),
        ("A35.3", "for a name that begins the same", ca.issue_only(&names(&["localhost.evil.example"])).unwrap()),
        ("A35.4", "for the address and not for the name", ca.issue_only(&names(&["127.0.0.1"])).unwrap()),
        ("A35.5", "for every name of a domain", ca.issue_only(&names(&["*.localhost"])).unwrap()),
        ("A35.6", "signed by itself", TestCa::self_signed().unwrap()),
        ("A35.7", "of an authority that nobody trusts", stranger.issue(&[]).unwrap()),
    ] {
        let (running, told) = shown(&siege, &identity);
        soon(|| running.refused_handshakes() == 1);
        let counted = (running.connections(), running.refused_handshakes(), running.seen().len());
        if counted != (1, 1, 0) || !told.contains("TLS to the upstream failed") || !told.contains("\"left\":false") {
            wrong.push(format!("{id} {title}: {counted:?}, {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    swept(&siege.lab);
}

#[test]
fn the_authority_of_one_connection_is_not_trusted_for_another() {
    let siege = Siege::new();
    siege.says(say::body("{}"));
    let theirs = TestCa::new().unwrap();
    let running = siege.upstream.start(&Door::Trusted(&theirs, &[])).unwrap();
    let ca = siege.lab.file("theirs.pem", theirs.pem().as_bytes()).unwrap();
    let (authority, address) = (format!("api={}", ca.display()), format!("api={}", running.addr));
    let mut arguments = vec!["connection", "add", "theirs", "--plugin", "script", "--ca", &authority];
    arguments.extend(["--connect", &address, "--network", "127.0.0.0/8", "--allow", "all-reads", "--allow", "set"]);
    arguments.extend(["--secret", "key=op://MSP/Script/key", "--allow", "mint", "--allow-write-back", "keep"]);
    siege.lab.must(&arguments).unwrap();
    let (code, told) = siege.tried("theirs");
    assert!(code == 0 && told.contains("\"status\":200"), "{told}");
    // The same server, for the connection that trusts another authority: after the first one has trusted it.
    siege.leads("mine", running.addr, "", "[\"127.0.0.0/8\"]");
    let (_, told) = siege.tried("mine");
    assert!(told.contains("TLS to the upstream failed") && told.contains("\"left\":false"), "A35.8: {told}");
    assert!(soon(|| running.refused_handshakes() == 1) && running.seen().len() == 1);
    // And in one process that has both.
    let mut agent = siege.agent();
    for (connection, good) in [("theirs", true), ("mine", false), ("theirs", true), ("mine", false)] {
        let told = super::run(&mut agent, connection, &super::get("t", "key"));
        assert_eq!(told[1]["status"] == 200, good, "A35.9: {connection}: {}", told[1]);
    }
    drop(agent);
    assert_eq!(running.seen().len(), 3);
    swept(&siege.lab);
}

/// The beginning of a ServerHello of TLS 1.1: record, version, random, no session, a cipher of its time.
const OLD_TLS: &[u8] = b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02\
    0123456789abcdef0123456789abcdef\x00\xc0\x13\x00";
/// An alert that the handshake may go on without encryption: there is no such thing.
const NO_TLS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
/// What a mail server says: speak in the clear first.
const START_TLS: &[u8] = b"220 ready for STARTTLS\r\n";

#[test]
fn a_server_that_does_not_speak_tls_or_an_old_one_gets_nothing_it_can_read() {
    let siege = Siege::new();
    for (id, words) in [("A35.10", OLD_TLS), ("A35.11", NO_TLS), ("A35.12", START_TLS), ("A5.4", b"")] {
        let recorder = Recorder::saying("127.0.0.1:0".parse().unwrap(), words).unwrap();
        siege.leads("plain", recorder.running.addr, "", "[\"127.0.0.0/8\"]");
        let (_, told) = siege.tried("plain");
        assert!(told.contains("TLS to the upstream failed") && told.contains("\"left\":false"), "{id}: {told}");
        assert_eq!(recorder.running.connections(), 1, "{id}");
        // The program has ended, so the recorder gets all that came: a ClientHello, perhaps an alert, no request.
        assert!(soon(|| recorder.received().len() == 1), "{id}");
        let bytes = recorder.received().concat();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(bytes.starts_with(b"\x16\x03") && !holds("HTTP/1.1") && !holds(&siege.key.value), "{id}");
    }
    let file = fs::read_to_string(siege.file("plain")).unwrap();
    assert!(!file.contains("http://"));
    swept(&siege.lab);
}
