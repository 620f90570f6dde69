//! A29, C: what an author may declare of a request. What belongs to the host is refused when the plugin is packed, and again
//! when it is installed. ASI04; AML.T0104.

use super::{Siege, script};

/// What an author writes into a manifest, for what no parameter can do: the text that is replaced, what replaces it, and
/// what the program says.
const MANIFESTS: [(&str, &str, &str); 16] = [
    ("C1.5", "headers = { Authorization = \"Bearer mine\" }", "header"),
    ("C1.6", "headers = { Cookie = \"a=b\" }", "header"),
    ("C1.7", "headers = { Proxy-Authorization = \"Basic eDp5\" }", "header"),
    ("C2.3", "headers = { Host = \"evil.example\" }", "header"),
    ("C3.7", "headers = { X-A = \"a\\r\\nX-Evil: 1\" }", "header"),
    ("C3.8", "headers = { \"X A\" = \"a\" }", "header"),
    ("C3.9", "headers = { X-A = \"caf\u{e9}\" }", "header"),
    ("C4.6", "headers = { Connection = \"X-Api-Key\" }", "header"),
    ("C4.7", "headers = { TE = \"trailers\" }", "header"),
    ("C4.8", "headers = { Transfer-Encoding = \"chunked\" }", "header"),
    ("C4.9", "headers = { Upgrade = \"websocket\" }", "header"),
    ("C4.10", "headers = { Expect = \"100-continue\" }", "header"),
    ("C10.4", "headers = { X-HTTP-Method-Override = \"DELETE\" }", "header"),
    ("C10.5", "headers = { X-Method-Override = \"DELETE\" }", "header"),
    ("C15.3", "headers = { Content-Encoding = \"gzip\" }", "header"),
    ("C9.3", "query = [\"api_key\"]", "query parameter"),
];

#[test]
fn a_manifest_cannot_declare_what_belongs_to_the_host() {
    let siege = Siege::new();
    let publisher = siege.lab.publisher("tester", "another").unwrap();
    let keyed = "path = \"/keyed\"\nquery = [\"q\"]";
    let mut wrong = Vec::new();
    for (id, line, expected) in MANIFESTS {
        let to =
            if line.starts_with("query") { format!("path = \"/keyed\"\n{line}") } else { format!("{keyed}\n{line}") };
        let draft = script().with(keyed, &to).unwrap();
        let (ran, package) = siege.lab.try_pack(&publisher, &draft, "shape").unwrap();
        if ran.code != 6 || !ran.stderr.contains(expected) || package.exists() {
            wrong.push(format!("{id} {line}: {} {}", ran.code, ran.stderr));
        }
    }
    // Methods that change the meaning of a connection or echo a request, and methods that are none.
    for (id, method) in [
        ("C11.3", "get"),
        ("C11.4", "TRACE"),
        ("C11.5", "CONNECT"),
        ("C11.6", "OPTIONS"),
        ("C11.7", "PROPFIND"),
        ("C11.8", "GET /x HTTP/1.1"),
        ("A29.1", "TRACE"),
        ("A29.2", "CONNECT"),
    ] {
        let draft = script().with("method = \"PUT\"", &format!("method = \"{method}\"")).unwrap();
        let (ran, _) = siege.lab.try_pack(&publisher, &draft, "method").unwrap();
        if ran.code != 6 || !ran.stderr.contains("expected one of `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`") {
            wrong.push(format!("{id} {method}: {} {}", ran.code, ran.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(siege.asked(), 0);
}
