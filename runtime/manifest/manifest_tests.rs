//! What is no manifest at all: where it is wrong, and that the text never comes back.

use crate::testkit::{CANARY, edited, manifest};
use crate::{Manifest, ManifestError};

fn place(text: &str) -> (usize, usize, String) {
    match Manifest::parse(text) {
        Err(ManifestError::Malformed(malformed)) => (malformed.line, malformed.column, malformed.message),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn unknown_and_duplicate_keys_are_refused_with_their_place() {
    let line = |text: &str, part: &str| text.lines().position(|line| line.contains(part)).unwrap() + 1;
    for table in [
        "[plugin]",
        "[settings.host]",
        "[secrets.token-id]",
        "[slots.password]",
        "[endpoints.market]",
        "[credentials.key]",
        "[operations.market]",
        "[write-back.token]",
        "[tools.rotate]",
        "[limits]",
    ] {
        let text = edited(&format!("{table}\n"), &format!("{table}\n  stray = 1\n"));
        let (at, column, message) = place(&text);
        assert_eq!((at, column), (line(&text, "stray"), 3), "{table}: {message}");
        assert!(
            message.starts_with("unknown key, expected one of") || message.starts_with("unknown key, expected `"),
            "{message}"
        );
    }
    let text = edited("version = \"1.2.0\"", "version = \"1.2.0\"\nversion = \"1.2.1\"");
    assert_eq!(place(&text).0, line(&text, "1.2.1"));
    let text = edited("[limits]", "[secrets.client-id]\n[limits]");
    assert_eq!(place(&text).0, line(&text, "[limits]") - 1);
    let text = edited("[slots.password]", "[surprise]\n[slots.password]");
    assert_eq!(place(&text).0, line(&text, "[surprise]"));
    let text = edited("{ length = 32, alphabet", "{ length = 32, stray = 1, alphabet");
    assert_eq!(place(&text).0, line(&text, "stray"));
}

#[test]
fn credentials_take_the_keys_of_their_scheme() {
    let message = |from, to| place(&edited(from, to)).2;
    assert_eq!(message("token = \"new-token\"", ""), "scheme bearer needs the key `token`");
    assert_eq!(
        message("token = \"new-token\"", "token = \"new-token\"\nvalue = \"{{token-id}}\""),
        "scheme bearer does not take the key `value`"
    );
    assert_eq!(message("password = \"{{token-secret}}\"", ""), "scheme basic needs the key `password`");
    assert_eq!(message("parameter = \"api_key\"", ""), "scheme query needs the key `parameter`");
    assert_eq!(
        message("client-secret = \"client-secret\"", ""),
        "scheme oauth2-client-credentials needs the key `client-secret`"
    );
    assert_eq!(
        message("headers = { Authorization = \"PVEAPIToken={{token-id}}={{token-secret}}\" }", ""),
        "scheme header needs the key `headers`"
    );
    assert_eq!(
        message("credential = \"key\"", "credential = \"key\"\ncredentials = [\"key\"]"),
        "an operation has either `credential` or `credentials`, not both"
    );
    assert!(message("credential = \"key\"", "credentials = []").starts_with("`credentials` lists at least one"));
}

#[test]
fn a_long_file_is_refused_unread() {
    let text = "x".repeat(300 * 1024);
    assert!(matches!(Manifest::parse(&text), Err(ManifestError::TooLong(_))));
}

/// Whatever is pasted in place of whatever value or key, its text does not come back.
#[test]
fn no_error_repeats_what_it_refuses() {
    let text = manifest();
    let forms = [
        format!("\"{CANARY}\""),
        format!("\"{CANARY}, expected {CANARY}\""),
        format!("\"{CANARY}\\n\""),
        format!("[\"{CANARY}\"]"),
        format!("{{ {CANARY} = 1 }}"),
        CANARY.to_owned(),
        format!("\"{CANARY}"),
        format!("'''{CANARY}"),
        format!("\"\\{CANARY}\""),
        format!("9{CANARY}"),
    ];
    let mut refused = 0;
    for (index, line) in text.lines().enumerate() {
        let replacements: Vec<String> = match line.split_once(" = ") {
            Some((key, value)) => forms
                .iter()
                .map(|form| format!("{key} = {form}"))
                .chain([format!("{CANARY} = {value}"), format!("{key} = {value} {CANARY}")])
                .collect(),
            None => vec![
                format!("[{CANARY}]"),
                format!("[secrets.{CANARY}]"),
                format!("[tools.{CANARY}]"),
                CANARY.to_owned(),
            ],
        };
        for replacement in replacements {
            let mut lines: Vec<&str> = text.lines().collect();
            lines[index] = &replacement;
            if let Err(error) = Manifest::parse(&lines.join("\n")) {
                refused += 1;
                assert!(!error.to_string().contains(CANARY), "{error}");
                assert!(!format!("{error:?}").contains(CANARY), "{error:?}");
            }
        }
    }
    assert!(refused > 500, "only {refused} were refused");
}
