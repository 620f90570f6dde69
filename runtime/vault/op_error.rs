//! What `op` prints when it fails, and what that means. Its text is read here and goes no further: it carries the names
//! of vaults and items.

use crate::provider::ProviderError;

/// What precedes every message that `op` handles itself; a date and a time follow.
const PREFIX: &str = "[ERROR] ";
/// `YYYY/MM/DD HH:MM:SS`, with `0` for any digit.
const STAMP: &str = "0000/00/00 00:00:00 ";
/// The exit code of a panic of the Go runtime, which a corrupt service-account token causes.
const GO_PANIC: i32 = 2;

/// A message by how it begins, and what it means. The beginning is all that counts: what follows may hold names that
/// somebody chose.
const BEGINNINGS: &[(&str, ProviderError)] = &[
    ("You are not currently signed in", ProviderError::Locked),
    ("account is not signed in", ProviderError::Locked),
    ("authorization prompt dismissed", ProviderError::Dismissed),
    ("no account found for filter", ProviderError::Misconfigured(ACCOUNT)),
    ("found no accounts for filter", ProviderError::Misconfigured(ACCOUNT)),
    ("connecting to desktop app", ProviderError::Unavailable(DESKTOP)),
    ("unexpected response from 1Password app", ProviderError::Unavailable(DESKTOP)),
    ("More than one item matches", ProviderError::Ambiguous),
    ("could not resolve item UUID for item", ProviderError::ItemNotFound),
    ("invalid character in secret reference", ProviderError::Unsupported("op does not accept its characters")),
    ("too many '/'", ProviderError::Unsupported("op does not accept its number of segments")),
    ("a vault query must be provided", ProviderError::Misconfigured("a service account needs the vault by name")),
    ("(400) Bad Request", ProviderError::Unsupported("1Password refused the structure of the request")),
    ("(404) Not Found", ProviderError::ItemNotFound),
    ("unknown command", ProviderError::Misconfigured("this version of op is too old; install 2.30 or newer")),
    (
        "expected data on stdin",
        ProviderError::Misconfigured("op did not get its input as a pipe; is it behind a wrapper?"),
    ),
];

/// What the operator reads whose account is wrong.
const ACCOUNT: &str = "op knows no such account; compare the configured account with `op account list`";
/// What the operator reads whose desktop app does not answer.
const DESKTOP: &str = "the 1Password app is closed, locked, or its integration with the CLI is switched off";
/// What the operator reads whose service account is gone.
const REVOKED: &str = "the service account was deleted or its token revoked; make a new one";
/// What the operator reads whose token is no token.
const CORRUPT: &str = "op cannot read the service account's token; copy it anew";

/// What a failed `op` meant to say. `code` is its exit code, none when a signal ended it.
pub(crate) fn classify(code: Option<i32>, stderr: &[u8]) -> ProviderError {
    let text = String::from_utf8_lossy(stderr);
    let Some(message) = text.lines().find_map(message) else {
        let panicked = code == Some(GO_PANIC) && text.lines().any(|line| line.starts_with("panic: "));
        return if panicked { ProviderError::Misconfigured(CORRUPT) } else { ProviderError::Unknown };
    };
    meaning(message).unwrap_or(ProviderError::Unknown)
}

/// The message of a line that has the prefix, a date and a time.
fn message(line: &str) -> Option<&str> {
    let (stamp, message) = line.strip_prefix(PREFIX)?.split_at_checked(STAMP.len())?;
    let fits = |(got, want): (u8, u8)| if want == b'0' { got.is_ascii_digit() } else { got == want };
    stamp.bytes().zip(STAMP.bytes()).all(fits).then_some(message)
}

fn meaning(message: &str) -> Option<ProviderError> {
    // Two wrappings of messages that are also seen bare. A reference has no quotation mark, so its end is certain.
    let message = message.strip_prefix("error initializing client: ").unwrap_or(message);
    let message = quoted(message, "could not read secret '", '\'')
        .and_then(|(_, rest)| rest.strip_prefix(": "))
        .unwrap_or(message);
    let beginning = BEGINNINGS.iter().find(|(beginning, _)| message.starts_with(beginning));
    beginning
        .map(|(_, meaning)| meaning.clone())
        .or_else(|| authentication(message).or_else(|| rate_limit(message)).or_else(|| not_there(message)))
}

/// `"X" isn't an item in the "V" vault.` and its like. X is a segment of our own reference, which has no quotation mark.
fn not_there(message: &str) -> Option<ProviderError> {
    if let Some((_, rest)) = quoted(message, "\"", '"') {
        return [
            (" isn't a vault in this account", ProviderError::VaultNotFound),
            (" isn't an item", ProviderError::ItemNotFound),
        ]
        .into_iter()
        .find_map(|(what, error)| rest.starts_with(what).then_some(error));
    }
    let (_, rest) = quoted(message, "item '", '\'')?;
    rest.starts_with(" does not have a field").then_some(ProviderError::FieldNotFound)
}

/// What stands between a beginning and a quotation mark, and what follows the mark.
fn quoted<'a>(message: &'a str, beginning: &str, mark: char) -> Option<(&'a str, &'a str)> {
    message.strip_prefix(beginning)?.split_once(mark)
}

/// `Authentication: (…), Network: (…), Server: (403) (Forbidden (Service Account Deleted)), …`: no part of it is chosen by
/// anybody.
fn authentication(message: &str) -> Option<ProviderError> {
    let server = message.strip_prefix("Authentication: (")?;
    server.contains("Server: (403)").then_some(ProviderError::Misconfigured(REVOKED))
}

/// `(429) Too Many Requests: … Please retry in 58 minutes or …`
fn rate_limit(message: &str) -> Option<ProviderError> {
    let rest = message.strip_prefix("(429) Too Many Requests")?;
    Some(ProviderError::RateLimited { retry_after: retry_after(rest) })
}

fn retry_after(text: &str) -> Option<u64> {
    let mut words = text.split_once("retry in ")?.1.split(' ');
    let count: u64 = words.next()?.parse().ok()?;
    let unit = words.next()?.trim_end_matches(['.', ',']).trim_end_matches('s');
    let seconds = [("second", 1), ("minute", 60), ("hour", 3600)].into_iter().find(|(name, _)| *name == unit)?.1;
    count.checked_mul(seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ACCOUNT, CORRUPT, DESKTOP, REVOKED, classify};
    use crate::provider::ProviderError as Error;

    fn says(message: &str) -> Error {
        classify(Some(1), format!("[ERROR] 2031/04/05 06:07:08 {message}\n").as_bytes())
    }

    /// The texts that were recorded from real versions of `op`, each with its meaning.
    #[test]
    fn recorded_texts_have_their_meaning() {
        let corpus = [
            ("You are not currently signed in. Please run `op signin --help` for instructions", Error::Locked),
            ("account is not signed in", Error::Locked),
            ("no account found for filter 5GHHRKPAYRE7LJHXJYWGUHKD4E", Error::Misconfigured(ACCOUNT)),
            ("error initializing client: found no accounts for filter \"x\"", Error::Misconfigured(ACCOUNT)),
            ("service account token set, but not authenticated yet", Error::Unknown),
            (
                "error initializing client: Authentication: (failed to auth.LookupAuth), Network: (Get lookup), Server: (403) (Forbidden (Service Account Deleted)), The Service Account used in this integration has been deleted.",
                Error::Misconfigured(REVOKED),
            ),
            ("error initializing client: authorization prompt dismissed, please try again", Error::Dismissed),
            ("authorization prompt dismissed, please try again", Error::Dismissed),
            (
                "error initializing client: connecting to desktop app timed out, make sure it is installed",
                Error::Unavailable(DESKTOP),
            ),
            (
                "connecting to desktop app: read: connection reset, make sure the CLI is correctly installed",
                Error::Unavailable(DESKTOP),
            ),
            ("unexpected response from 1Password app", Error::Unavailable(DESKTOP)),
            ("\"Nope\" isn't a vault in this account. Specify the vault with its ID or name.", Error::VaultNotFound),
            (
                "\"Nope\" isn't an item in the \"MSP\" vault. Specify the item with its UUID, name, or domain.",
                Error::ItemNotFound,
            ),
            ("\"Nope\" isn't an item. Specify the item with its UUID, name, or domain.", Error::ItemNotFound),
            (
                "More than one item matches \"Pax8\". Try again and specify the item by its ID: \n\t* for the item \"Pax8\" in vault MSP: abc",
                Error::Ambiguous,
            ),
            (
                "could not read secret 'op://MSP/Nope/key': \"Nope\" isn't an item in the \"MSP\" vault. Specify the item",
                Error::ItemNotFound,
            ),
            ("could not resolve item UUID for item Nope: could not find item Nope in vault abc", Error::ItemNotFound),
            (
                "could not read secret 'op://MSP/Pax8/nope': item 'MSP/Pax8' does not have a field 'nope'",
                Error::FieldNotFound,
            ),
            ("item 'MSP/Pax8' does not have a field 'section.field'", Error::FieldNotFound),
            ("invalid character in secret reference: ':'", Error::Unsupported("op does not accept its characters")),
            ("too many '/' in secret reference", Error::Unsupported("op does not accept its number of segments")),
            (
                "a vault query must be provided when this command is called by a service account",
                Error::Misconfigured("a service account needs the vault by name"),
            ),
            ("(404) Not Found: The requested resource was not found.", Error::ItemNotFound),
            (
                "(429) Too Many Requests: You've reached the maximum number of this type of requests this service account is allowed to make. Please retry in 58 minutes or try other requests.",
                Error::RateLimited { retry_after: Some(3480) },
            ),
            ("(429) Too Many Requests: slow down", Error::RateLimited { retry_after: None }),
        ];
        for (text, meaning) in corpus {
            assert_eq!(says(text), meaning, "{text}");
        }
    }

    #[test]
    fn exit_codes_that_say_something_are_heard() {
        let refused = b"[ERROR] 2031/04/05 06:07:08 (400) Bad Request: The structure of request was invalid.\n";
        let structure = "1Password refused the structure of the request";
        assert_eq!(classify(Some(4), refused), Error::Unsupported(structure));
        let panic =
            b"panic: runtime error: index out of range [1] with length 1\n\ngoroutine 1 [running]:\nmain.main()\n";
        assert_eq!(classify(Some(2), panic), Error::Misconfigured(CORRUPT));
        assert_eq!(classify(Some(1), panic), Error::Unknown);
        assert_eq!(classify(None, b""), Error::Unknown);
    }

    /// A name that somebody chose cannot pass for another message: only the beginning counts, and only behind the prefix.
    #[test]
    fn names_cannot_pass_for_messages() {
        let sly = "\"(404) Not Found\" isn't a vault in this account. authorization prompt dismissed";
        assert_eq!(says(sly), Error::VaultNotFound);
        assert_eq!(says("\"x isn't an item\" isn't a vault in this account."), Error::VaultNotFound);
        assert_eq!(says("something new about \"You are not currently signed in\""), Error::Unknown);
        assert_eq!(classify(Some(1), b"You are not currently signed in."), Error::Unknown);
        assert_eq!(classify(Some(1), b"[ERROR] yesterday account is not signed in"), Error::Unknown);
        let warned =
            b"[WARNING] 2031/04/05 06:07:08 account is not signed in\n[ERROR] 2031/04/05 06:07:08 \"a\" isn't an item.";
        assert_eq!(classify(Some(1), warned), Error::ItemNotFound);
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_error_and_never_shown(bytes: Vec<u8>, code: Option<i32>) {
            let error = classify(code, &bytes);
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
