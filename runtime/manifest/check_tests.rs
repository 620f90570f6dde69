//! One broken manifest for each rule, with the text that its author reads.

use crate::testkit::{edited, error_of, manifest};
use crate::{Effect, Manifest, Scheme};

#[test]
fn the_whole_format_is_accepted() {
    let manifest = Manifest::parse(&manifest()).unwrap();
    let operation = manifest.operations.get(&"list-nodes".parse().unwrap()).unwrap();
    assert_eq!((operation.method.as_str(), operation.effect, operation.credentials.len()), ("GET", Effect::Read, 2));
    let sources = |name: &str| {
        let credential = manifest.credentials.get(&name.parse().unwrap()).unwrap();
        credential.sources().into_iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(sources("basic"), ["client-id", "token-id", "token-secret"]);
    assert_eq!(sources("fresh"), ["new-token"]);
    assert_eq!(sources("partner"), ["client-id", "client-secret"]);
    let partner = manifest.credentials.get(&"partner".parse().unwrap()).unwrap();
    assert!(matches!(partner.scheme, Scheme::Oauth2(_)));
    assert_eq!(partner.scheme.as_str(), "oauth2-client-credentials");
    assert_eq!(manifest.limits.memory, 32 << 20);
}

/// Every row: what stands in the manifest, what stands there instead, and the whole error.
fn assert_errors(rows: &[(&str, &str, &str)]) {
    for (from, to, expected) in rows {
        assert_eq!(error_of(from, to), *expected, "{to}");
    }
}

#[test]
fn a_name_must_be_declared() {
    let missing = |at: &str, name: &str, table: &str| {
        format!("{at} names {name}, which [{table}] does not declare; add [{table}.{name}] or correct the name")
    };
    let rows = [
        ("https://{host}:{port}", "https://{hst}:{port}", missing("[endpoints.api] origin", "hst", "settings")),
        ("{{token-id}}={{", "{{toke-id}}={{", missing("[credentials.token]", "toke-id", "secrets")),
        ("token = \"new-token\"", "token = \"new\"", missing("[credentials.fresh]", "new", "secrets")),
        (
            "endpoint = \"market\", path",
            "endpoint = \"mark\", path",
            missing("[credentials.partner] token-endpoint", "mark", "endpoints"),
        ),
        (
            "endpoint = \"market\"\ncred",
            "endpoint = \"mark\"\ncred",
            missing("[operations.market] endpoint", "mark", "endpoints"),
        ),
        (
            "credential = \"key\"",
            "credential = \"kee\"",
            missing("[operations.market] credential", "kee", "credentials"),
        ),
        ("capture = { new-token", "capture = { new", missing("[operations.make-token] capture", "new", "slots")),
        ("slot = \"password\"", "slot = \"pass\"", missing("[write-back.token] fields", "pass", "slots")),
        (
            "\"list-nodes\", \"market\"",
            "\"list-nodes\", \"mark\"",
            missing("[tools.list_nodes] operations", "mark", "operations"),
        ),
        (
            "write-back = [\"token\"]",
            "write-back = [\"tok\"]",
            missing("[tools.rotate] write-back", "tok", "write-back"),
        ),
    ];
    for (from, to, expected) in rows {
        // A capture of another slot also leaves the first one unfilled, which is found first.
        let generated = edited(from, to).replace(
            "description = \"The token that a rotation makes\"",
            if to.starts_with("capture") { "generate = { length = 40 }" } else { "" },
        );
        assert_eq!(Manifest::parse(&generated).unwrap_err().to_string(), expected, "{to}");
    }
}

#[test]
fn a_tool_does_not_understate_what_it_does() {
    assert_errors(&[
        (
            "effect = \"mint\"\ninput",
            "effect = \"destroy\"\ninput",
            "[tools.rotate] effect is destroy, but [operations.make-token] is mint; set it to mint or take that out of the tool",
        ),
        (
            "operations = [\"make-token\", \"set-password\"]\nwrite-back = [\"token\"]\neffect = \"mint\"",
            "write-back = [\"token\"]\neffect = \"read\"",
            "[tools.rotate] effect is read, but [write-back.token] is write; set it to write or take that out of the tool",
        ),
    ]);
    assert!(
        Manifest::parse(&edited("effect = \"read\"\ninput", "effect = \"write\"\ninput")).is_ok(),
        "overstating is allowed"
    );
}

#[test]
fn secrets_and_slots_are_different_names_and_slots_are_filled() {
    assert_errors(&[
        (
            "[slots.password]",
            "[slots.token-id]",
            "[secrets.token-id] and [slots.token-id] have the same name; rename one, so that a template means one thing",
        ),
        (
            "description = \"The token that a rotation makes\"",
            "generate = { length = 40 }",
            "[slots.new-token]: the slot is generated; a slot is either captured or generated",
        ),
        (
            "capture = { new-token = { pointer = \"/data/value\" } }",
            "",
            "[slots.new-token]: no operation captures it and it has no `generate`; nothing could ever fill it",
        ),
    ]);
}

#[test]
fn the_head_is_checked() {
    let publisher = "[plugin] publisher: a publisher is the name of a key: visible ASCII characters without spaces and `+`, 128 at most";
    let text = "the text is empty, longer than 1024 characters, or holds control or invisible formatting characters";
    assert_errors(&[
        ("example.org/plugins", "example org", publisher),
        ("example.org/plugins", "a+b", publisher),
        ("example.org/plugins", "", publisher),
        ("\"Virtual machines\"", "\"a\\u202eb\"", &format!("[plugin] description: {text}")),
        ("\"The nodes of a cluster\"", "\"\"", &format!("[tools.list_nodes] description: {text}")),
        ("\"Host name of the cluster\"", "\"\\u001b[2J\"", &format!("[settings.host] description: {text}")),
    ]);
    let default = edited("https://{host}:{port}", "https://h:{port}").replace("\"8006\"", "\"8006/x\"");
    assert_eq!(
        Manifest::parse(&default).unwrap_err().to_string(),
        "[endpoints.api] origin: with the defaults of [settings] this does not become an origin: setting port must be a port number from 1 to 65535"
    );
}

#[test]
fn credentials_are_placed_where_they_may_be() {
    assert_errors(&[
        (
            "clientId = ",
            "Host = ",
            "[credentials.basic] headers: the host alone sets this header: it frames the message, names its target, or is read by intermediaries",
        ),
        (
            "clientId = ",
            "\"a b\" = ",
            "[credentials.basic] headers: a header name is a token (RFC 9110 §5.1) of 64 characters at most",
        ),
        (
            "clientId = ",
            "authorization = ",
            "[credentials.basic] headers: the header is set by the operation's credential too, or by its scheme",
        ),
        (
            "{ clientId = \"{{client-id}}\" }",
            "{ a = \"{{client-id}}\", A = \"{{client-id}}\" }",
            "[credentials.basic] headers: the same entry stands there twice",
        ),
        (
            "\"{{client-id}}+{{token-id}}\"",
            "\"{{client-id}}:x\"",
            "[credentials.basic] username: a Basic user name has no `:` (RFC 7617 §2)",
        ),
        (
            "\"api_key\"",
            "\"a&b\"",
            "[credentials.key] parameter: a query parameter is named by letters, digits and any of _ . $ - [ ], 64 characters at most",
        ),
        (
            "client-id = \"client-id\"",
            "client-id = \"password\"",
            "[credentials.partner]: client credentials are secrets, not slots: tokens outlive the call that fills a slot",
        ),
        (
            "audience = \"https",
            "audience = \" https",
            "[credentials.partner] audience: audience and scope hold visible ASCII characters and spaces between them, 1024 bytes at most",
        ),
    ]);
    let path = "[credentials.partner] token-endpoint: a token path starts with `/`, has no parameters, query or fragment, and no segment `.` or `..`";
    for to in ["v1/token", "/v1/{tenant}", "/v1/token?x=1", "/v1/../token", "https://evil.example/"] {
        assert_eq!(error_of("/v1/token", to), path);
    }
}

#[test]
fn operations_leave_the_hosts_part_to_the_host() {
    let host = "[operations.list-nodes] headers: the host alone sets this header: it frames the message, names its target, or is read by intermediaries";
    let credential = "[operations.list-nodes] headers: this header authenticates; put it into a credential, where its value is a secret";
    let conflict =
        "[operations.list-nodes] headers: the header is set by the operation's credential too, or by its scheme";
    let value = "[operations.list-nodes] headers: a header value holds visible ASCII characters and spaces between them, 1024 bytes at most";
    assert_errors(&[
        ("Accept = ", "Content-Length = ", host),
        ("Accept = ", "X-HTTP-Method-Override = ", host),
        ("Accept = ", "X_HTTP_Method_Override = ", host),
        ("Accept = ", "User-Agent = ", host),
        ("Accept = ", "Accept-Charset = ", host),
        ("Accept = ", "X-MS-Range = ", host),
        ("Accept = ", "Transfer-Encoding = ", host),
        ("Accept = ", "Cookie = ", credential),
        ("Accept = ", "ApiIntegrationCode = ", credential),
        ("Accept = ", "X-Vault-Token = ", credential),
        ("Accept = ", "X_Api_Key = ", credential),
        ("Accept = ", "CLIENTID = ", conflict),
        ("\"application/json\"", "\"a\\r\\nHost: b\"", value),
        (
            "Accept = \"application/json\"",
            "a = \"1\", A = \"2\"",
            "[operations.list-nodes] headers: the same entry stands there twice",
        ),
        (
            "[\"Link\"]",
            "[\"Set-Cookie\"]",
            "[operations.list-nodes] response-headers: this response header carries credentials; capture it instead",
        ),
        (
            "[\"Link\"]",
            "[\"Link\", \"link\"]",
            "[operations.list-nodes] response-headers: the same entry stands there twice",
        ),
        (
            "[\"full\", \"$filter\"]",
            "[\"full\", \"full\"]",
            "[operations.list-nodes] query: the same entry stands there twice",
        ),
        (
            "[\"Link\"]",
            "[\"X-Subject-Token\"]",
            "[operations.list-nodes] response-headers: this response header carries credentials; capture it instead",
        ),
        (
            "[\"full\", \"$filter\"]",
            "[\"_method\"]",
            "[operations.list-nodes] query: a parameter or field of this name changes the method of its request; declare an operation with that method",
        ),
        (
            "[\"/comment\"]",
            "[\"/_method\"]",
            "[operations.make-token] body: a parameter or field of this name changes the method of its request; declare an operation with that method",
        ),
        (
            "[\"full\", \"$filter\"]",
            "[\"a=b\"]",
            "[operations.list-nodes] query: a query parameter is named by letters, digits and any of _ . $ - [ ], 64 characters at most",
        ),
        (
            "[\"full\", \"$filter\"]",
            "[\"node\"]",
            "[operations.list-nodes] query: the operation's credential sets this query parameter, or the path has a parameter of the same name",
        ),
        (
            "[\"page\"]",
            "[\"API_KEY\"]",
            "[operations.market] query: the operation's credential sets this query parameter, or the path has a parameter of the same name",
        ),
        (
            "[\"token\", \"basic\"]",
            "[\"token\", \"token\"]",
            "[operations.list-nodes] credentials: the same entry stands there twice",
        ),
    ]);
}

#[test]
fn bodies_captures_and_sites_keep_apart() {
    let overlap =
        "[operations.set-password] lend: a site for a lent secret must not overlap a pattern of `body` or another site";
    let pointer = "a place is a JSON pointer (RFC 6901) that starts with `/`";
    assert_errors(&[
        (
            "method = \"PUT\"",
            "method = \"GET\"",
            "[operations.set-password] body: GET and HEAD have no body (RFC 9110 §9.3)",
        ),
        ("\"/groups/*/name\"]", "\"/userid\"]", "[operations.set-password] body: the same entry stands there twice"),
        ("password = \"/password\"", "password = \"/userid\"", overlap),
        ("password = \"/password\"", "password = \"/groups/0/name\"", overlap),
        ("password = \"/password\"", "password = \"/groups\"", overlap),
        ("password = \"/password\"", "password = \"/userid/x\"", overlap),
        ("password = \"/password\"", "password = \"/p\", again = \"/p/q\"", overlap),
        ("password = \"/password\"", "password = \"password\"", &format!("[operations.set-password] lend: {pointer}")),
        (
            "[\"/comment\"]",
            "[\"/a/b\"]",
            "[operations.make-token] body: a form has no depth: places have one key, as in `/name`",
        ),
        (
            "[\"/comment\"]",
            "[]\nlend = { x = \"/a/b\" }",
            "[operations.make-token] lend: a form has no depth: places have one key, as in `/name`",
        ),
        (
            "effect = \"mint\"\ncapture",
            "effect = \"read\"\ncapture",
            "[operations.make-token] capture: an operation that captures a new secret is at least `write`; `mint` if it makes a credential",
        ),
        ("pointer = \"/data/value\"", "pointer = \"data\"", &format!("[operations.make-token] capture: {pointer}")),
        (
            "pointer = \"/data/value\"",
            "header = \"a b\"",
            "[operations.make-token] capture: a header name is a token (RFC 9110 §5.1) of 64 characters at most",
        ),
        ("[\"/data/info\"]", "[\"/a\", \"/a\"]", "[operations.make-token] strip: the same entry stands there twice"),
        (
            "capture = { new-token = { pointer = \"/data/value\" } }",
            "capture = { new-token = { header = \"X-New\" } }\nresponse-headers = [\"x-new\"]",
            "[operations.make-token] response-headers: this response header carries credentials; capture it instead",
        ),
    ]);
}

#[test]
fn write_back_and_tools_are_whole() {
    let schema = |key: &str| {
        format!(
            "[tools.list_nodes] {key}: a schema is a file of the package: `schemas/<name>.json`, the name of letters, digits and any of _ . -"
        )
    };
    assert_errors(&[
        ("field = \"password\"", "field = \"token\"", "[write-back.token] fields: the same entry stands there twice"),
        ("slot = \"password\"", "slot = \"new-token\"", "[write-back.token] fields: the same entry stands there twice"),
        (
            "field = \"password\"",
            "field = \"a/b\"",
            "[write-back.token] fields: a field label holds ASCII letters, digits, `-`, `_`, `.` and spaces between words, so that a reference can name it",
        ),
        (
            "\"list-nodes\", \"market\"",
            "\"market\", \"market\"",
            "[tools.list_nodes] operations: the same entry stands there twice",
        ),
        (
            "write-back = [\"token\"]",
            "write-back = [\"token\", \"token\"]",
            "[tools.rotate] write-back: the same entry stands there twice",
        ),
        ("schemas/list_nodes.output.json", "schemas/../x.json", &schema("output")),
        ("schemas/list_nodes.input.json", "/etc/passwd", &schema("input")),
        ("schemas/list_nodes.input.json", "schemas/.json", &schema("input")),
        ("schemas/list_nodes.input.json", "schemas/a/b.json", &schema("input")),
        ("schemas/list_nodes.input.json", "schemas/..x.json", &schema("input")),
    ]);
    let fields =
        "fields = [{ field = \"token\", slot = \"new-token\" }, { field = \"password\", slot = \"password\" }]";
    assert_eq!(error_of(fields, "fields = []"), "[write-back.token] fields: a write-back rule has at least one field");
    let text = manifest();
    let without_tools = text.split("[tools.").next().unwrap();
    assert_eq!(Manifest::parse(without_tools).unwrap_err().to_string(), "[tools]: a plugin declares at least one tool");
}
