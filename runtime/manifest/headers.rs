//! Which headers a manifest may speak of, and in which place.

use crate::Rule;

/// The longest header name, in bytes; the longest registered ones have half of that.
const MAX_NAME: usize = 64;

/// Headers that the host alone sets, or nobody. They frame the message (RFC 9110 §7.6.1, RFC 9112 §6), name its target,
/// change its method or path behind the manifest's back, ask for an answer that the scanner could not read whole (a range,
/// a delta, a coding, a character set), or speak for an intermediary.
const HOST: [&str; 49] = [
    "a-im",
    "accept-charset",
    "accept-encoding",
    "alt-used",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "early-data",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "if-range",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-path",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method",
    "x-method-override",
    "x-ms-range",
    "x-original-host",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
    "x-tunnel-method",
];

/// Words of a header's name that say that its value authenticates. Vendors make such names faster than anyone lists them.
const CREDENTIAL_WORDS: [&str; 17] = [
    "apikey",
    "authorization",
    "authtoken",
    "cookie",
    "cookie2",
    "credential",
    "credentials",
    "csrf",
    "csrftoken",
    "jwt",
    "passwd",
    "password",
    "secret",
    "sessionid",
    "sessiontoken",
    "token",
    "xsrf",
];

/// Names that authenticate and do not say so.
const CREDENTIAL: [&str; 8] = [
    "apiintegrationcode",
    "csrfpreventiontoken",
    "session-id",
    "technicianapikey",
    "vmware-api-session-id",
    "x-session",
    "x-session-id",
    "x-xsrftoken",
];

/// Names that hold such a word and do not authenticate: places in a list of pages, and a switch.
const HARMLESS: [&str; 6] = [
    "idempotency-key",
    "x-atlassian-token",
    "x-continuation-token",
    "x-next-page-token",
    "x-next-token",
    "x-page-token",
];

/// Response headers besides those that carry credentials.
const SECRET_RESPONSE: [&str; 2] = ["authentication-info", "proxy-authentication-info"];

/// A header with a constant value.
pub(crate) fn constant(name: &str) -> Result<(), Rule> {
    placed(name)?;
    if authenticates(name) { Err(Rule::CredentialHeader) } else { Ok(()) }
}

/// A header with a secret in its value.
pub(crate) fn placed(name: &str) -> Result<(), Rule> {
    token(name)?;
    if listed(&HOST, name) { Err(Rule::HostHeader) } else { Ok(()) }
}

/// A response header that a plugin may read.
pub(crate) fn response(name: &str) -> Result<(), Rule> {
    token(name)?;
    let secret = authenticates(name) || listed(&SECRET_RESPONSE, name);
    if secret { Err(Rule::SecretResponseHeader) } else { Ok(()) }
}

/// `token` of RFC 9110 §5.6.2.
pub(crate) fn token(name: &str) -> Result<(), Rule> {
    let fits = (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if fits { Ok(()) } else { Err(Rule::HeaderName) }
}

/// Whether a query parameter or a field of a body changes the method of the request that it is in.
pub(crate) fn overrides_method(name: &str) -> bool {
    let name = spelled(name);
    name == "-method" || (name.contains("method") && listed(&HOST, &name))
}

/// Whether the header's value is a credential, by its name. A `key` at the end of a name of several words is one.
fn authenticates(name: &str) -> bool {
    let name = spelled(name);
    if listed(&HARMLESS, &name) {
        return false;
    }
    let key = name.ends_with("-key");
    key || listed(&CREDENTIAL, &name) || name.split('-').any(|word| CREDENTIAL_WORDS.contains(&word))
}

fn listed(list: &[&str], name: &str) -> bool {
    list.contains(&spelled(name).as_str())
}

/// A name as servers read it: in any case, and with `_` for `-`, which the interfaces of CGI (RFC 3875 §4.1.18) and its
/// many successors cannot tell apart.
fn spelled(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::{HOST, SECRET_RESPONSE, constant, overrides_method, placed, response, token};
    use crate::Rule;

    #[test]
    fn host_headers_are_nobody_elses_in_any_spelling() {
        for name in HOST.iter().flat_map(|name| [(*name).to_owned(), name.to_uppercase(), name.replace('-', "_")]) {
            assert_eq!(constant(&name), Err(Rule::HostHeader), "{name}");
            assert_eq!(placed(&name), Err(Rule::HostHeader), "{name}");
        }
    }

    #[test]
    fn credentials_are_placed_and_never_constant() {
        for name in [
            "Authorization",
            "Cookie",
            "Cookie2",
            "X-API-Key",
            "x_api_key",
            "ApiKey",
            "api-key",
            "X-Auth-Token",
            "X-Auth-Key",
            "X-Subject-Token",
            "X-Vault-Token",
            "PRIVATE-TOKEN",
            "JOB-TOKEN",
            "ApiIntegrationCode",
            "Secret",
            "vmware-api-session-id",
            "CSRFPreventionToken",
            "X-CSRF-Token",
            "X-CSRFToken",
            "X-XSRF-TOKEN",
            "X-Redmine-API-Key",
            "Ocp-Apim-Subscription-Key",
            "x-functions-key",
            "X-Amz-Security-Token",
            "X-Goog-Api-Key",
            "X-Consul-Token",
            "X-Cisco-Meraki-API-Key",
            "X-NuGet-ApiKey",
            "authtoken",
            "App-Token",
            "Session-Token",
            "DD-APPLICATION-KEY",
            "X-Session-Id",
            "X-Client-Secret",
        ] {
            assert_eq!(constant(name), Err(Rule::CredentialHeader), "{name}");
            assert_eq!(placed(name), Ok(()), "{name}");
            assert_eq!(response(name), Err(Rule::SecretResponseHeader), "{name}");
        }
        for name in ["Accept", "OData-Version", "X-Atlassian-Token", "Idempotency-Key", "X-Requested-With", "If-Match"]
        {
            assert_eq!(constant(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn response_headers_with_credentials_are_kept_back() {
        for name in SECRET_RESPONSE.iter().chain(&["set-cookie", "set-cookie2", "proxy-authorization"]) {
            assert_eq!(response(&name.to_uppercase()), Err(Rule::SecretResponseHeader), "{name}");
        }
        for name in ["Retry-After", "Link", "Location", "ETag", "X-Next-Page-Token", "X-RateLimit-Remaining"] {
            assert_eq!(response(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_method_is_the_operations_and_no_parameters() {
        for name in ["_method", "_METHOD", "X-HTTP-Method-Override", "x_http_method", "X-Method-Override"] {
            assert!(overrides_method(name), "{name}");
        }
        for name in ["method", "paymentMethod", "host", "range"] {
            assert!(!overrides_method(name), "{name}");
        }
    }

    #[test]
    fn names_are_tokens() {
        for name in ["", "a b", "a:b", "a\r\nb", "é", "(a)", &"x".repeat(65)] {
            assert_eq!(token(name), Err(Rule::HeaderName), "{name:?}");
        }
    }
}
