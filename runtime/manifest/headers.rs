//! Which headers a manifest may speak of, and in which place.

use crate::Rule;

/// The longest header name, in bytes; the longest registered ones have half of that.
const MAX_NAME: usize = 64;

/// Headers that the host alone sets, or nobody. They frame the message (RFC 9110 §7.6.1, RFC 9112 §6), name its target,
/// change its method or path behind the manifest's back, encode what must be scanned, or speak for an intermediary.
const HOST: [&str; 27] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

/// Request headers that authenticate by common use. A constant one would be a secret in a manifest.
const CREDENTIAL: [&str; 9] = [
    "api-key",
    "authorization",
    "cookie",
    "private-token",
    "x-access-token",
    "x-api-key",
    "x-auth-token",
    "x-functions-key",
    "x-session-token",
];

/// Response headers that carry credentials.
const SECRET_RESPONSE: [&str; 13] = [
    "authentication-info",
    "authorization",
    "cookie",
    "proxy-authentication-info",
    "proxy-authorization",
    "set-cookie",
    "set-cookie2",
    "x-access-token",
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
    "x-session-token",
    "x-subject-token",
];

/// A header with a constant value.
pub(crate) fn constant(name: &str) -> Result<(), Rule> {
    placed(name)?;
    if listed(&CREDENTIAL, name) { Err(Rule::CredentialHeader) } else { Ok(()) }
}

/// A header with a secret in its value.
pub(crate) fn placed(name: &str) -> Result<(), Rule> {
    token(name)?;
    if listed(&HOST, name) { Err(Rule::HostHeader) } else { Ok(()) }
}

/// A response header that a plugin may read.
pub(crate) fn response(name: &str) -> Result<(), Rule> {
    token(name)?;
    if listed(&SECRET_RESPONSE, name) { Err(Rule::SecretResponseHeader) } else { Ok(()) }
}

/// `token` of RFC 9110 §5.6.2.
pub(crate) fn token(name: &str) -> Result<(), Rule> {
    let fits = (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if fits { Ok(()) } else { Err(Rule::HeaderName) }
}

fn listed(list: &[&str], name: &str) -> bool {
    list.iter().any(|entry| entry.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::{CREDENTIAL, HOST, SECRET_RESPONSE, constant, placed, response, token};
    use crate::Rule;

    #[test]
    fn host_headers_are_nobody_elses_in_any_case() {
        for name in HOST.iter().flat_map(|name| [(*name).to_owned(), name.to_uppercase()]) {
            assert_eq!(constant(&name), Err(Rule::HostHeader), "{name}");
            assert_eq!(placed(&name), Err(Rule::HostHeader), "{name}");
        }
    }

    #[test]
    fn credentials_are_placed_and_never_constant() {
        for name in CREDENTIAL {
            assert_eq!(constant(name), Err(Rule::CredentialHeader), "{name}");
            assert_eq!(placed(name), Ok(()), "{name}");
        }
        assert_eq!(constant("Accept"), Ok(()));
    }

    #[test]
    fn response_headers_with_credentials_are_kept_back() {
        for name in SECRET_RESPONSE {
            assert_eq!(response(&name.to_uppercase()), Err(Rule::SecretResponseHeader), "{name}");
        }
        assert_eq!(response("Retry-After"), Ok(()));
    }

    #[test]
    fn names_are_tokens() {
        for name in ["", "a b", "a:b", "a\r\nb", "é", "(a)", &"x".repeat(65)] {
            assert_eq!(token(name), Err(Rule::HeaderName), "{name:?}");
        }
    }
}
