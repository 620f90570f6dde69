//! Body credentials, names for values, and what of an answer reaches the plugin: what is accepted and what is not.

use crate::testkit::{edited, error_of};
use crate::{FieldType, Manifest, Reply, Scheme};

/// A body credential on the operation that sets a password.
const BODY: (&str, &str) = (
    "[operations.list-nodes]",
    "[credentials.in-body]\nscheme = \"body\"\nfields = @fields\n[operations.extra]\nendpoint = \"api\"\ncredential = \"in-body\"\nmethod = \"@method\"\npath = \"/x\"\nbody = [\"/name\"]\nlend = { password = \"/secret/new\" }\nbody-type = \"@type\"\neffect = \"write\"\n[operations.list-nodes]",
);

fn body(fields: &str, method: &str, body_type: &str) -> Result<Manifest, String> {
    let with = BODY.1.replace("@fields", fields).replace("@method", method).replace("@type", body_type);
    Manifest::parse(&edited(BODY.0, &with)).map_err(|error| error.to_string())
}

#[test]
fn a_body_credential_has_places_of_its_own() {
    let fields = r#"{ "/auth/key" = "{{token-secret}}", "/auth/methods" = ["password"], "/auth/user" = "{{host}}-{{token-id}}" }"#;
    let manifest = body(fields, "POST", "json").unwrap();
    let credential = manifest.credentials.get(&"in-body".parse().unwrap()).unwrap();
    let sources: Vec<String> = credential.sources().into_iter().map(ToString::to_string).collect();
    assert_eq!(sources, ["host", "token-id", "token-secret"]);
    assert!(matches!(&credential.scheme, Scheme::Body { fields } if fields.len() == 3));
    assert_eq!(credential.scheme.as_str(), "body");
}

#[test]
fn each_way_to_go_wrong_in_a_body_has_its_reason() {
    let secret = "\"{{token-secret}}\"";
    let overlap = "a site for a lent secret must not overlap a pattern of `body` or another site";
    for (fields, method, body_type, reason) in [
        (
            format!("{{ \"key\" = {secret} }}"),
            "POST",
            "json",
            "a place is a JSON pointer (RFC 6901) that starts with `/`",
        ),
        (format!("{{ \"/name\" = {secret} }}"), "POST", "json", overlap),
        (format!("{{ \"/name/x\" = {secret} }}"), "POST", "json", overlap),
        (format!("{{ \"/secret\" = {secret} }}"), "POST", "json", overlap),
        (format!("{{ \"/a\" = {secret}, \"/a/b\" = 1 }}"), "POST", "json", overlap),
        (format!("{{ \"/key\" = {secret} }}"), "GET", "json", "GET and HEAD have no body (RFC 9110 §9.3)"),
        (
            format!("{{ \"/a/b\" = {secret} }}"),
            "POST",
            "form",
            "a form has no depth: places have one key, as in `/name`",
        ),
        (
            format!("{{ \"/a\" = {secret}, \"/b\" = 1 }}"),
            "POST",
            "form",
            "a form has no depth: places have one key, as in `/name`",
        ),
        (
            "{ \"/key\" = \"text\" }".to_owned(),
            "POST",
            "json",
            "a credential names at least one secret or slot; constant headers belong to the operation",
        ),
        ("{ \"/key\" = \"{{nobody}}\" }".to_owned(), "POST", "json", "nobody, which [secrets] does not declare"),
    ] {
        let error = body(&fields, method, body_type).unwrap_err();
        assert!(error.contains(reason), "{fields}: {error}");
    }
}

#[test]
fn one_name_means_one_thing() {
    assert_eq!(
        error_of("[settings.port]", "[settings.token-id]\ndescription = \"x\"\n[settings.port]"),
        "[settings.token-id] has the name of a secret or slot; rename one, so that a template means one thing"
    );
    assert!(
        error_of("token = \"new-token\"", "token = \"host\"\nheaders = { x-key = \"{{token-id}}\" }")
            .contains("it is a secret, not a setting")
    );
    let settings = Manifest::parse(&edited("{{client-id}}+{{token-id}}", "{{host}}+{{token-id}}"));
    assert!(settings.is_ok());
}

fn reply(text: &str) -> Result<Reply, String> {
    let manifest =
        Manifest::parse(&edited("response-headers = [\"Link\"]", text)).map_err(|error| error.to_string())?;
    Ok(manifest.operations.get(&"list-nodes".parse().unwrap()).unwrap().reply.clone())
}

#[test]
fn an_answer_is_whole_or_a_status_or_typed_fields() {
    assert_eq!(reply("").unwrap(), Reply::Full);
    assert_eq!(reply("response = \"full\"").unwrap(), Reply::Full);
    assert_eq!(reply("response = \"status\"").unwrap(), Reply::Status);
    let fields =
        r#"projection = { "/data/*/vmid" = "integer", "/data/*/status" = ["running", "stopped"], "/t" = "time" }"#;
    let Reply::Projection(fields) = reply(fields).unwrap() else { unreachable!("a projection was declared") };
    let kinds: Vec<(String, FieldType)> = fields.into_iter().map(|(at, kind)| (at.to_string(), kind)).collect();
    let words = ["running", "stopped"].map(str::to_owned).to_vec();
    let expected = [
        ("/data/*/status".to_owned(), FieldType::OneOf(words)),
        ("/data/*/vmid".to_owned(), FieldType::Integer),
        ("/t".to_owned(), FieldType::Time),
    ];
    assert_eq!(kinds, expected);
    for (text, reason) in [
        ("response = \"status\"\nprojection = { \"/a\" = \"integer\" }", "either `response` or `projection`"),
        ("projection = {}", "at least one field"),
        ("projection = { \"/a\" = [] }", "a list of words holds at least one word"),
        ("projection = { \"/a\" = \"text\" }", "a type is `integer`"),
        ("projection = { \"a\" = \"integer\" }", "in `projection`: a body pattern is a JSON pointer"),
        ("response = \"body\"", "malformed"),
    ] {
        let error = reply(text).unwrap_err();
        assert!(error.contains(reason), "{text}: {error}");
    }
}
