//! Where a request may go: every known way to say one place and mean another, one line each.
//!
//! The plugin gives parameters only, so most of these have no input; the rest come through an operator's settings.

use crate::testkit::{check_send, get_vm, policy};
use crate::{ActionFacts, Denied};

/// Where a text of the vectors is put.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    /// The setting that is the whole host.
    Host,
    /// The setting that is the port.
    Port,
    /// A parameter that is one segment of the path.
    Segment,
    /// A parameter of the query.
    Query,
}

use At::{Host, Port, Query, Segment};

/// Nothing is sent.
const REFUSED: &str = "";

/// Place, text, and what is sent for it: the origin, the segment, or the query.
const VECTORS: [(At, &str, &str); 112] = [
    // Letters of either case are one host.
    (Host, "PVE.Example.ORG", "https://pve.example.org:8006"),
    (Host, "pve.example.org", "https://pve.example.org:8006"),
    (Host, "pve", "https://pve:8006"),
    (Host, "xn--bcher-kva.example", "https://xn--bcher-kva.example:8006"),
    // A trailing dot is another spelling.
    (Host, "pve.example.org.", REFUSED),
    (Host, "pve.example.org..", REFUSED),
    (Host, ".example.org", REFUSED),
    (Host, "a..b", REFUSED),
    (Host, ".", REFUSED),
    (Host, "", REFUSED),
    // Users, ports, paths and schemes inside a host.
    (Host, "user@pve.example.org", REFUSED),
    (Host, "user:pw@pve.example.org", REFUSED),
    (Host, "pve.example.org@evil.example", REFUSED),
    (Host, "pve.example.org\\@evil.example", REFUSED),
    (Host, "pve.example.org%40evil.example", REFUSED),
    (Host, "pve.example.org:443", REFUSED),
    (Host, "pve.example.org/path", REFUSED),
    (Host, "pve.example.org?q", REFUSED),
    (Host, "pve.example.org#f", REFUSED),
    (Host, "https://pve.example.org", REFUSED),
    (Host, "//pve.example.org", REFUSED),
    (Host, "https:pve.example.org", REFUSED),
    (Host, "pve.example.org\\", REFUSED),
    (Host, "..", REFUSED),
    (Host, "a/../b", REFUSED),
    // Characters that a URL parser drops, maps or decodes.
    (Host, "pve.example.org%00", REFUSED),
    (Host, "pve.example%2eorg", REFUSED),
    (Host, "pve.example.org%20", REFUSED),
    (Host, "pve.example.org\0", REFUSED),
    (Host, "pve.exam\tple.org", REFUSED),
    (Host, "pve.exam\nple.org", REFUSED),
    (Host, "pve.exam\rple.org", REFUSED),
    (Host, " pve.example.org", REFUSED),
    (Host, "pve.example.org ", REFUSED),
    (Host, "pve.exam\u{ad}ple.org", REFUSED),
    (Host, "pve.exam\u{200b}ple.org", REFUSED),
    (Host, "pve\u{3002}example\u{3002}org", REFUSED),
    (Host, "pve\u{ff0e}example.org", REFUSED),
    (Host, "\u{ff50}\u{ff56}\u{ff45}.example.org", REFUSED),
    (Host, "pve.ex\u{430}mple.org", REFUSED),
    (Host, "b\u{fc}cher.example", REFUSED),
    (Host, "pve.example.org\u{202e}", REFUSED),
    // Wildcards and what is no name.
    (Host, "*.example.org", REFUSED),
    (Host, "*", REFUSED),
    (Host, "-pve.example.org", REFUSED),
    (Host, "{host}", REFUSED),
    (Host, "[pve]", REFUSED),
    (Host, "xn--a", REFUSED),
    // Addresses: one spelling each.
    (Host, "192.0.2.7", "https://192.0.2.7:8006"),
    (Host, "2001:db8::1", "https://[2001:db8::1]:8006"),
    (Host, "[2001:DB8:0::1]", "https://[2001:db8::1]:8006"),
    (Host, "::ffff:127.0.0.1", "https://[::ffff:127.0.0.1]:8006"),
    (Host, "127.1", REFUSED),
    (Host, "0x7f.1", REFUSED),
    (Host, "0x7f000001", REFUSED),
    (Host, "2130706433", REFUSED),
    (Host, "017700000001", REFUSED),
    (Host, "0177.0.0.1", REFUSED),
    (Host, "127.0.0.1.", REFUSED),
    (Host, "127.0.0.256", REFUSED),
    (Host, "1.2.3.4.5", REFUSED),
    (Host, "\u{2460}\u{2461}\u{2466}.0.0.1", REFUSED),
    (Host, "fe80::1%eth0", REFUSED),
    (Host, "[::1", REFUSED),
    (Host, "::1]", REFUSED),
    (Host, "[::1]:443", REFUSED),
    // Ports: a number, and the scheme's own is not written.
    (Port, "443", "https://pve.example.org"),
    (Port, "8006", "https://pve.example.org:8006"),
    (Port, "1", "https://pve.example.org:1"),
    (Port, "0", REFUSED),
    (Port, "0443", REFUSED),
    (Port, "+443", REFUSED),
    (Port, "-1", REFUSED),
    (Port, "65536", REFUSED),
    (Port, "443 ", REFUSED),
    (Port, "443@evil.example", REFUSED),
    (Port, "443/..", REFUSED),
    (Port, "", REFUSED),
    (Port, "\u{ff14}\u{ff14}\u{ff13}", REFUSED),
    // A parameter is one segment of the path, whatever an upstream decodes.
    (Segment, "100", "100"),
    (Segment, "a b", "a%20b"),
    (Segment, "...", "..."),
    (Segment, "a@b:c", "a%40b%3Ac"),
    (Segment, "\u{fc}", "%C3%BC"),
    (Segment, "{{secret}}", "%7B%7Bsecret%7D%7D"),
    (Segment, "${key}", "%24%7Bkey%7D"),
    (Segment, "op:", "op%3A"),
    (Segment, "a&admin=1", "a%26admin%3D1"),
    (Segment, "", REFUSED),
    (Segment, ".", REFUSED),
    (Segment, "..", REFUSED),
    (Segment, "../admin", REFUSED),
    (Segment, "..\\admin", REFUSED),
    (Segment, "..;", REFUSED),
    (Segment, "..%00", REFUSED),
    (Segment, "%2e%2e", REFUSED),
    (Segment, "%2f..%2fadmin", REFUSED),
    (Segment, "%252f", REFUSED),
    (Segment, "%5c", REFUSED),
    (Segment, "a//b", REFUSED),
    (Segment, "a?b", REFUSED),
    (Segment, "a#b", REFUSED),
    (Segment, "a\r\nHost: evil.example", REFUSED),
    (Segment, "a\0", REFUSED),
    // A value of the query is one value.
    (Query, "x&admin=1", "filter=x%26admin%3D1"),
    (Query, "x#y", "filter=x%23y"),
    (Query, "x?y=z", "filter=x%3Fy%3Dz"),
    (Query, "x;y", "filter=x%3By"),
    (Query, "x+y z", "filter=x%2By%20z"),
    (Query, "%26", "filter=%2526"),
    (Query, "x\r\ny", REFUSED),
    (Query, "x\0", REFUSED),
];

/// What is sent, or nothing.
fn sent(at: At, text: &str) -> Option<String> {
    // JSON strings of these texts are TOML strings too.
    let quoted = serde_json::to_string(text).unwrap();
    let policy = match at {
        Host => policy(&[("host = \"pve.example.org\"", &format!("host = {quoted}"))]),
        Port => policy(&[("[secrets]", &format!("port = {quoted}\n[secrets]"))]),
        Segment | Query => policy(&[]),
    };
    let mut request = get_vm("node", if at == Segment { text } else { "100" });
    if at == Query {
        request.parameters.push(("filter".to_owned(), text.to_owned()));
    }
    let shown = match check_send(&policy, request).map(|granted| granted.facts().action.clone()) {
        Ok(ActionFacts::Send(send)) => send,
        Ok(ActionFacts::Store(_)) => unreachable!("a send was asked for"),
        Err(Denied::Origin { .. } | Denied::Parameter { .. }) => return None,
        Err(other) => unreachable!("{other}"),
    };
    Some(match at {
        Host | Port => shown.origin,
        Segment => shown.path.strip_prefix("/api2/json/nodes/node/qemu/").unwrap().to_owned(),
        Query => crate::parameters::encode_pairs(&shown.query),
    })
}

#[test]
fn one_place_has_one_spelling() {
    for (at, text, expected) in VECTORS {
        assert_eq!(sent(at, text).unwrap_or_default(), expected, "{at:?} {text:?}");
    }
}
