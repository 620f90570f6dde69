//! C: what a plugin may say of a request, and what of it reaches the upstream. ASI02; AML.T0086.
//!
//! A plugin has no place for a URL, a header or a value of its own. What is left to try are the names and values of
//! parameters, the body, and what is lent.

use claviger_sim::SeenRequest;
use serde_json::{Value, json};

use super::{Siege, distinct, run, say};
use crate::laboratory::swept;

/// What becomes of a request.
enum Becomes {
    /// It is refused for this reason, and this is in the text. Nothing is sent.
    Refused(&'static str, &'static str),
    /// It is sent, and the upstream sees this.
    Sent(fn(&SeenRequest) -> bool),
}
use Becomes::{Refused, Sent};

struct Vector {
    id: &'static str,
    title: &'static str,
    /// The request's own keys.
    request: fn() -> Value,
    becomes: Becomes,
}

const fn row(id: &'static str, title: &'static str, request: fn() -> Value, becomes: Becomes) -> Vector {
    Vector { id, title, request, becomes }
}

const INVALID: &str = "Reason::InvalidRequest";
const UNDECLARED: Becomes = Refused(INVALID, "a parameter was given that the operation does not declare");

fn parameter(name: &str, value: &str) -> Value {
    json!({ "operation": "get", "parameters": [["case", "c"], [name, value]] })
}

fn case(value: &str) -> Value {
    json!({ "operation": "get", "parameters": [["case", value]] })
}

fn body(text: &str) -> Value {
    json!({ "operation": "post", "body": text })
}

fn query(request: &SeenRequest) -> Vec<(String, String)> {
    claviger_lab::pairs(request.query.as_deref().unwrap_or_default())
}

/// The one query parameter arrives as it was given.
fn arrives(request: &SeenRequest, value: &str) -> bool {
    query(request) == [("q".to_owned(), value.to_owned())]
}

const FIELD: Becomes = Refused(INVALID, "the body sets a field that the manifest's `body` does not list");

const SHAPES: &[Vector] = &[
    row("C1.1", "Authorization as a parameter", || parameter("Authorization", "Bearer mine"), UNDECLARED),
    row("C1.2", "Cookie as a parameter", || parameter("Cookie", "a=b"), UNDECLARED),
    row("C1.3", "Proxy-Authorization as a parameter", || parameter("Proxy-Authorization", "Basic eDp5"), UNDECLARED),
    row("C1.4", "the credential's own header as a parameter", || parameter("X-Api-Key", "mine"), UNDECLARED),
    row("C2.1", "Host as a parameter", || parameter("Host", "evil.example"), UNDECLARED),
    row("C2.2", "the pseudo-header of HTTP/2", || parameter(":authority", "evil.example"), UNDECLARED),
    row(
        "C3.1",
        "CR and LF in a query value",
        || parameter("q", "a\r\nX-Evil: 1"),
        Refused(INVALID, "holds a control character"),
    ),
    row("C3.2", "LF in a path value", || case("a\nb"), Refused(INVALID, "holds a control character")),
    row("C3.3", "NUL in a query value", || parameter("q", "a\0b"), Refused(INVALID, "holds a control character")),
    row("C3.4", "a tab in a query value", || parameter("q", "a\tb"), Refused(INVALID, "holds a control character")),
    row(
        "C3.5",
        "letters beyond ASCII are encoded",
        || parameter("q", "\u{e9}\u{1f511}"),
        Sent(|request| arrives(request, "\u{e9}\u{1f511}")),
    ),
    row(
        "C3.6",
        "a line separator of Unicode is encoded",
        || parameter("q", "a\u{2028}b"),
        Sent(|request| arrives(request, "a\u{2028}b")),
    ),
    row("C4.1", "Connection as a parameter", || parameter("Connection", "X-Api-Key"), UNDECLARED),
    row("C4.2", "Transfer-Encoding as a parameter", || parameter("Transfer-Encoding", "chunked"), UNDECLARED),
    row("C4.3", "Content-Length as a parameter", || parameter("Content-Length", "0"), UNDECLARED),
    row("C4.4", "Upgrade as a parameter", || parameter("Upgrade", "h2c"), UNDECLARED),
    row("C4.5", "Expect as a parameter", || parameter("Expect", "100-continue"), UNDECLARED),
    row("C5.1", "a field more: a blind copy", || body(r#"{"to":"a@acme.example","bcc":"b@evil.example"}"#), FIELD),
    row("C5.2", "a field more, in a list", || body(r#"{"lines":[{"quantity":1,"price":0}]}"#), FIELD),
    row("C5.3", "an object where a text belongs", || body(r#"{"to":{"address":"a"}}"#), FIELD),
    row("C5.4", "a list where a text belongs", || body(r#"{"to":["a","b"]}"#), FIELD),
    row("C5.5", "a prototype", || body(r#"{"note":"x","__proto__":{"bcc":"b"}}"#), FIELD),
    row("C5.6", "the field's name in another case", || body(r#"{"To":"a"}"#), FIELD),
    row("C5.7", "a name that spells a path", || body(r#"{"lines/0/quantity":1}"#), FIELD),
    row("C5.8", "a bare value", || body("\"text\""), FIELD),
    row(
        "C5.9",
        "what is listed is sent",
        || body(r#"{"to":"a","lines":[{"quantity":2}]}"#),
        Sent(|request| {
            serde_json::from_slice::<Value>(&request.body).unwrap()
                == json!({ "to": "a", "lines": [{ "quantity": 2 }] })
        }),
    ),
    row("C6.1", "a key twice", || body(r#"{"note":"a","note":"b"}"#), Refused(INVALID, "")),
    row(
        "C6.2",
        "a key twice, once spelled with an escape",
        || body(r#"{"note":"a","n\u006fte":"b"}"#),
        Refused(INVALID, ""),
    ),
    row("C6.3", "a key twice, deep down", || body(r#"{"lines":[{"quantity":1,"quantity":2}]}"#), Refused(INVALID, "")),
    row("C6.4", "something behind the document", || body(r#"{"note":"a"}{"note":"b"}"#), Refused(INVALID, "")),
    row("C6.5", "half a surrogate pair", || body(r#"{"note":"\ud800"}"#), Refused(INVALID, "")),
    row("C6.6", "a number beyond all bounds", || body(r#"{"note":1e999}"#), Refused(INVALID, "")),
    row("C6.7", "a comment", || body("{\"note\":/* x */1}"), Refused(INVALID, "")),
    row(
        "C6.8",
        "ten thousand levels",
        || body(&format!("{}{}", "[".repeat(2_000), "]".repeat(2_000))),
        Refused(INVALID, ""),
    ),
    row(
        "C7.1",
        "a template in a query value",
        || parameter("q", "{{key}}"),
        Sent(|request| arrives(request, "{{key}}")),
    ),
    row(
        "C7.2",
        "a template in a path value",
        || case("{{key}}"),
        Sent(|request| request.path == "/cases/%7B%7Bkey%7D%7D"),
    ),
    row(
        "C7.3",
        "a variable of a shell",
        || parameter("q", "${key} $key $(key)"),
        Sent(|request| arrives(request, "${key} $key $(key)")),
    ),
    row(
        "C7.4",
        "a secret reference",
        || parameter("q", "op://MSP/Script/key"),
        Sent(|request| arrives(request, "op://MSP/Script/key")),
    ),
    row(
        "C7.5",
        "a template in a body",
        || body(r#"{"note":"{{key}} op://MSP/Script/key"}"#),
        Sent(|request| request.text() == r#"{"note":"{{key}} op://MSP/Script/key"}"#),
    ),
    row(
        "C7.6",
        "a setting's template",
        || parameter("q", "{host}:{port}"),
        Sent(|request| arrives(request, "{host}:{port}")),
    ),
    row(
        "C8.1",
        "a lent value's site, filled by the plugin",
        || json!({ "operation": "set", "body": r#"{"password":"mine"}"# }),
        FIELD,
    ),
    row(
        "C8.2",
        "the site filled, and lent to",
        || json!({ "operation": "set", "body": r#"{"password":"mine"}"#, "lend": [["password", "s"]] }),
        FIELD,
    ),
    row(
        "C8.3",
        "a site that is not declared",
        || json!({ "operation": "set", "body": r#"{"note":"a"}"#, "lend": [["note", "s"]] }),
        Refused(INVALID, ""),
    ),
    row(
        "C8.4",
        "a value lent to an operation without sites",
        || json!({ "operation": "post", "lend": [["password", "s"]] }),
        Refused(INVALID, ""),
    ),
    row(
        "C8.5",
        "two values for one site",
        || json!({ "operation": "set", "lend": [["password", "s"], ["password", "s"]] }),
        Refused(INVALID, ""),
    ),
    row(
        "C9.1",
        "the key's query parameter",
        || json!({ "operation": "keyed", "credential": "kq", "parameters": [["api_key", "mine"]] }),
        UNDECLARED,
    ),
    row(
        "C9.2",
        "the key's query parameter, smuggled in a value",
        || json!({ "operation": "keyed", "credential": "kq", "parameters": [["q", "a&api_key=mine#"]] }),
        Sent(|request| {
            let pairs = query(request);
            pairs.len() == 2
                && pairs[0] == ("q".to_owned(), "a&api_key=mine#".to_owned())
                && pairs[1].0 == "api_key"
                && pairs[1].1 != "mine"
        }),
    ),
    row("C10.1", "X-HTTP-Method-Override as a parameter", || parameter("X-HTTP-Method-Override", "DELETE"), UNDECLARED),
    row("C10.2", "_method as a parameter", || parameter("_method", "DELETE"), UNDECLARED),
    row("C10.3", "_method in a body", || body(r#"{"_method":"DELETE"}"#), FIELD),
    row(
        "C11.1",
        "another method by the operation's name",
        || json!({ "operation": "GET /cases/c" }),
        Refused("Reason::Undeclared", ""),
    ),
    row(
        "C11.2",
        "a body for an operation that takes none",
        || json!({ "operation": "get", "parameters": [["case", "c"]], "body": "{}" }),
        Refused(INVALID, "it takes no body"),
    ),
    row(
        "C12",
        "a multipart body",
        || body("--b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\na\r\n--b--"),
        Refused(INVALID, ""),
    ),
    row("C13.1", "a form for an operation that takes JSON", || body("to=a&bcc=b"), Refused(INVALID, "")),
    row(
        "C13.2",
        "JSON in UTF-16",
        || json!({ "operation": "post", "bytes": [0xff, 0xfe, 0x7b, 0, 0x7d, 0] }),
        Refused(INVALID, ""),
    ),
    row(
        "C13.3",
        "the type is the host's",
        || body(r#"{"note":"x"}"#),
        Sent(|request| request.header("content-type") == Some("application/json")),
    ),
    row(
        "C13.4",
        "a form is encoded by the host",
        || json!({ "operation": "form", "body": r#"{"note":"a&b=c\r\n"}"# }),
        Sent(|request| {
            request.header("content-type") == Some("application/x-www-form-urlencoded")
                && request.text() == "note=a%26b%3Dc%0D%0A"
        }),
    ),
    row(
        "C14.1",
        "a body over the limit",
        || body(&format!("{{\"note\":\"{}\"}}", "n".repeat(5_000))),
        Refused(INVALID, "[limits] request"),
    ),
    row(
        "C14.2",
        "a parameter over the limit",
        || parameter("q", &"q".repeat(4_001)),
        Refused(INVALID, "longer than 4000 bytes"),
    ),
    row(
        "C15.1",
        "a compressed body",
        || json!({ "operation": "post", "bytes": super::spell::gzip(b"{\"note\":\"x\"}") }),
        Refused(INVALID, ""),
    ),
    row("C15.2", "Content-Encoding as a parameter", || parameter("Content-Encoding", "gzip"), UNDECLARED),
    row("A30.1", "a path value of two dots", || case(".."), Refused(INVALID, "would leave its path segment")),
    row("A30.2", "a path value of one dot", || case("."), Refused(INVALID, "would leave its path segment")),
    row("A30.3", "an empty path value", || case(""), Refused(INVALID, "would leave its path segment")),
    row("A30.4", "dots and a solidus", || case("../admin"), Refused(INVALID, "would leave its path segment")),
    row("A30.5", "an encoded solidus", || case("a%2f..%2fadmin"), Refused(INVALID, "would leave its path segment")),
    row("A30.6", "encoded dots", || case("%2e%2e"), Refused(INVALID, "would leave its path segment")),
    row("A30.7", "a solidus encoded twice", || case("a%252fb"), Refused(INVALID, "would leave its path segment")),
    row("A30.8", "a backslash", || case("..\\admin"), Refused(INVALID, "would leave its path segment")),
    row("A30.9", "a matrix parameter", || case("..;x=1"), Refused(INVALID, "would leave its path segment")),
    row("A30.10", "an encoded NUL", || case("a%00b"), Refused(INVALID, "would leave its path segment")),
    row("A30.11", "two solidi", || case("//evil.example"), Refused(INVALID, "would leave its path segment")),
    row("A30.12", "a whole URL", || case("https://evil.example/"), Refused(INVALID, "would leave its path segment")),
    row(
        "A30.13",
        "fullwidth dots and a solidus stay one segment",
        || case("\u{ff0e}\u{ff0e}\u{ff0f}admin"),
        Sent(|request| request.path.matches('/').count() == 2),
    ),
    row(
        "A30.14",
        "an at sign stays one segment",
        || case("x@evil.example:443"),
        Sent(|request| request.path == "/cases/x%40evil.example%3A443"),
    ),
    row(
        "A31.1",
        "a longer path by the operation's name",
        || json!({ "operation": "getX" }),
        Refused("Reason::Undeclared", ""),
    ),
    row(
        "A31.2",
        "what begins like another case stays below it",
        || case("c/../../open"),
        Refused(INVALID, "would leave its path segment"),
    ),
    row(
        "A32",
        "the operation's name in another case",
        || json!({ "operation": "Get", "parameters": [["case", "c"]] }),
        Refused("Reason::Undeclared", ""),
    ),
    row(
        "A33.1",
        "a query in a query value",
        || parameter("q", "x&admin=1"),
        Sent(|request| arrives(request, "x&admin=1")),
    ),
    row("A33.2", "a fragment in a query value", || parameter("q", "x#y"), Sent(|request| arrives(request, "x#y"))),
    row("A33.3", "a query in a path value", || case("c?admin=1"), Refused(INVALID, "would leave its path segment")),
    row("A33.4", "a fragment in a path value", || case("c#x"), Refused(INVALID, "would leave its path segment")),
    row(
        "A33.5",
        "a semicolon in a query value",
        || parameter("q", "x;admin=1"),
        Sent(|request| request.query.as_deref() == Some("q=x%3Badmin%3D1")),
    ),
    row(
        "A34.1",
        "a query parameter twice",
        || json!({ "operation": "get", "parameters": [["case", "c"], ["q", "1"], ["q", "2"]] }),
        Refused(INVALID, "was given twice"),
    ),
    row(
        "A34.2",
        "a path parameter twice",
        || json!({ "operation": "get", "parameters": [["case", "c"], ["case", "d"]] }),
        Refused(INVALID, "was given twice"),
    ),
    row("A34.3", "a list as PHP writes it", || parameter("q[]", "1"), UNDECLARED),
    row("A34.4", "the parameter's name in another case", || parameter("Q", "1"), UNDECLARED),
    row("A34.5", "an empty name", || parameter("", "1"), UNDECLARED),
    row("A34.6", "a name that is a query of its own", || parameter("q=1&admin", "1"), UNDECLARED),
];

#[test]
fn a_request_has_the_shape_that_was_declared_or_is_not_sent() {
    let siege = Siege::new();
    siege.says(say::body("{}"));
    let mut agent = siege.agent();
    let mut wrong = Vec::new();
    for vector in SHAPES {
        let mut send = json!({ "do": "send", "credential": "k" });
        send.as_object_mut().unwrap().extend((vector.request)().as_object().unwrap().clone());
        let opened = |name: &str, held: &str| json!({ "do": "open", "name": name, "as": held });
        let made = json!({ "do": "generate", "slot": "made", "as": "s" });
        let asked = siege.asked();
        let told = run(&mut agent, "script", &json!([opened("key", "k"), opened("query", "kq"), made, send]));
        let seen: Vec<SeenRequest> = siege.running.seen().split_off(asked);
        let good = match (&vector.becomes, seen.as_slice()) {
            (Refused(reason, text), []) => {
                let detail = told[3]["detail"].as_str().unwrap_or_default();
                told[3]["refused"] == *reason && told[3]["left"] == false && detail.contains(text)
            }
            (Sent(check), [request]) => told[3]["status"] == 200 && check(request) && is_the_hosts(request, &siege),
            _ => false,
        };
        if !good {
            wrong.push(format!("{} {}: {} requests, told {}", vector.id, vector.title, seen.len(), told[3]));
        }
    }
    drop(agent);
    assert!(wrong.is_empty(), "{} of {} vectors:\n{}", wrong.len(), SHAPES.len(), wrong.join("\n"));
    assert_eq!(distinct(SHAPES.iter().map(|vector| vector.id)), SHAPES.len());
    assert_eq!(siege.quarantined(), json!([]));
    swept(&siege.lab);
}

/// The head of a request is the host's and nobody else's: these headers, each once.
fn is_the_hosts(request: &SeenRequest, siege: &Siege) -> bool {
    let mut names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let mut expected = vec!["accept-encoding", "host", "user-agent"];
    if !request.path.starts_with("/keyed") {
        expected.push("authorization");
    }
    if !request.body.is_empty() {
        expected.extend(["content-length", "content-type"]);
    }
    expected.sort_unstable();
    let host = request.header("host") == Some("localhost");
    let key = request.header("authorization").is_none_or(|value| value == format!("Bearer {}", siege.key.value));
    names == expected && host && key && request.header("accept-encoding") == Some("identity")
}
