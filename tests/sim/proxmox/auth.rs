//! Who asks? The ticket cookie first, then a ticket in `Authorization`, then an API token.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use percent_encoding::percent_decode_str;

use super::tokens::Tokens;
use crate::asked::Asked;

/// An authenticated caller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session {
    /// Whether the caller may do anything.
    pub(super) rights: bool,
}

/// Finds the caller, or the reason that the vendor puts in its status line.
pub(super) fn authenticate(asked: &Asked, tokens: &Tokens) -> Result<Session, String> {
    let cookie = value(&asked.headers, &COOKIE, "PVEAuthCookie");
    if cookie.or_else(|| value(&asked.headers, &AUTHORIZATION, "PVEAuthCookie")).is_some() {
        // Nobody can log in here, so that no ticket was ever issued.
        return Err("permission denied - invalid PVE ticket".to_owned());
    }
    let token = value(&asked.headers, &AUTHORIZATION, "PVEAPIToken").ok_or("No ticket")?;
    let (full, secret) = token.split_once('=').ok_or("no tokenid specified")?;
    let (user, id) = full.split_once('!').ok_or("no tokenid specified")?;
    if !user.contains('@') {
        return Err(format!("value '{user}' does not look like a valid user name"));
    }
    tokens.verify(user, id, secret)
}

/// The value behind `key=` or `key `, up to a semicolon, URI-decoded, as the vendor finds it. An empty one is none.
fn value(headers: &HeaderMap, header: &http::HeaderName, key: &str) -> Option<String> {
    let text = headers.get(header)?.to_str().ok()?;
    let found = text.match_indices(key).find_map(|(start, _)| {
        let before = text.get(..start)?;
        let after = text.get(start + key.len()..)?;
        let at_start = before.chars().next_back().is_none_or(char::is_whitespace);
        at_start.then(|| after.strip_prefix(['=', ' '])).flatten()
    })?;
    let raw = found.split(';').next().unwrap_or_default();
    let decoded = percent_decode_str(raw).decode_utf8_lossy().into_owned();
    (!decoded.is_empty()).then_some(decoded)
}
