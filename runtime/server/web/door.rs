//! What every request has to pass, and what every answer says.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::limits::REQUEST_TIME;
use super::listen::Peer;
use super::site::Site;

/// Nothing but this server's own files, no frame around it, no form that leaves it. Scripts and styles are files, so an
/// injected line of either does not run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The headers of every answer, errors included.
const HEADERS: [(HeaderName, &str); 9] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), microphone=(), geolocation=(), payment=()",
    ),
];

/// A year of nothing but https for this host (RFC 6797). Not for those under it, which are not ours to bind.
const HTTPS_ONLY: &str = "max-age=31536000";

/// Where a browser would put a page that another page embeds (Fetch Metadata §2.1).
const EMBEDDED: [&str; 5] = ["iframe", "frame", "embed", "object", "fencedframe"];

/// Why nobody answers. The texts are for whoever looks into a browser's console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Another name for this address: a rebound name of somebody else's, or a bare address.
    Host,
    /// Neither of the two methods.
    Method,
    /// A page of another origin asks.
    Foreign,
    /// A page of another origin shows this one.
    Embedded,
}

impl Closed {
    fn told(self) -> (StatusCode, &'static str) {
        match self {
            Self::Host => (StatusCode::MISDIRECTED_REQUEST, "this server answers under its configured name only\n"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "GET and POST only\n"),
            Self::Foreign => (StatusCode::FORBIDDEN, "requests of other origins are refused\n"),
            Self::Embedded => (StatusCode::FORBIDDEN, "this page is not shown inside another\n"),
        }
    }
}

/// Lets through what may come in, bounds its time, and marks every answer.
pub(crate) async fn guard(
    State(site): State<Arc<Site>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = answer(&site, peer, request, next).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if site.origin.is_team() {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HTTPS_ONLY));
    }
    response
}

async fn answer(site: &Site, peer: Peer, request: Request, next: Next) -> Response {
    if let Err(closed) = open(request.method(), request.headers(), &site.origin.authority(), &site.origin.to_string()) {
        return closed.told().into_response();
    }
    if request.method() == Method::POST && !site.rate.allows(peer.0, Instant::now()) {
        return (StatusCode::TOO_MANY_REQUESTS, "too many requests; wait ten seconds\n").into_response();
    }
    let answered = tokio::time::timeout(REQUEST_TIME, next.run(request)).await;
    answered.unwrap_or_else(|_| (StatusCode::REQUEST_TIMEOUT, "the request took too long\n").into_response())
}

/// Whether the door is open for a request.
fn open(method: &Method, headers: &HeaderMap, authority: &str, origin: &str) -> Result<(), Closed> {
    if only(headers, &header::HOST) != Some(authority) {
        return Err(Closed::Host);
    }
    let site = only(headers, &HeaderName::from_static("sec-fetch-site"));
    let dest = only(headers, &HeaderName::from_static("sec-fetch-dest"));
    match *method {
        Method::GET if dest.is_some_and(|dest| EMBEDDED.contains(&dest)) => Err(Closed::Embedded),
        // Somebody else's link may lead here; somebody else's page may not load parts of this one.
        Method::GET if matches!(site, None | Some("none" | "same-origin")) || dest == Some("document") => Ok(()),
        Method::GET => Err(Closed::Foreign),
        // Every browser says where a POST comes from.
        Method::POST
            if only(headers, &header::ORIGIN) == Some(origin) && matches!(site, None | Some("same-origin")) =>
        {
            Ok(())
        }
        Method::POST => Err(Closed::Foreign),
        _ => Err(Closed::Method),
    }
}

/// A header that stands there once, and is text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() { None } else { first.to_str().ok() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use axum::http::{HeaderMap, HeaderName, Method};

    use super::{Closed, open};

    const AUTHORITY: &str = "claviger.localhost:7443";
    const ORIGIN: &str = "http://claviger.localhost:7443";

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        lines.iter().map(pair).fold(HeaderMap::new(), |mut all, (name, value)| {
            all.append(name, value);
            all
        })
    }

    fn came(method: &Method, lines: &[(&str, &str)]) -> Result<(), Closed> {
        open(method, &headers(lines), AUTHORITY, ORIGIN)
    }

    #[test]
    fn only_the_configured_name_is_answered_for() {
        for host in [
            "localhost:7443",
            "127.0.0.1:7443",
            "[::1]:7443",
            "claviger.localhost",
            "claviger.localhost:7444",
            "claviger.localhost.:7443",
            "CLAVIGER.localhost:7443",
            "evil.example",
            "",
        ] {
            assert_eq!(came(&Method::GET, &[("host", host)]), Err(Closed::Host), "{host}");
        }
        assert_eq!(came(&Method::GET, &[]), Err(Closed::Host));
        assert_eq!(came(&Method::GET, &[("host", AUTHORITY), ("host", AUTHORITY)]), Err(Closed::Host));
        assert_eq!(came(&Method::GET, &[("host", AUTHORITY)]), Ok(()));
    }

    #[test]
    fn nothing_is_changed_from_another_origin() {
        let post = |lines: &[(&str, &str)]| came(&Method::POST, &[&[("host", AUTHORITY)], lines].concat());
        assert_eq!(post(&[("origin", ORIGIN), ("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(post(&[("origin", ORIGIN)]), Ok(()));
        for origin in
            ["null", "http://evil.example", "http://claviger.localhost", "https://claviger.localhost:7443", ""]
        {
            assert_eq!(post(&[("origin", origin)]), Err(Closed::Foreign), "{origin}");
        }
        for site in ["cross-site", "same-site", "none", ""] {
            assert_eq!(post(&[("origin", ORIGIN), ("sec-fetch-site", site)]), Err(Closed::Foreign), "{site}");
        }
        assert_eq!(post(&[("sec-fetch-site", "same-origin")]), Err(Closed::Foreign), "no origin at all");
        assert_eq!(post(&[("origin", ORIGIN), ("origin", ORIGIN)]), Err(Closed::Foreign), "two origins");
    }

    #[test]
    fn another_page_neither_shows_this_one_nor_loads_its_parts() {
        let get =
            |site, dest| came(&Method::GET, &[("host", AUTHORITY), ("sec-fetch-site", site), ("sec-fetch-dest", dest)]);
        assert_eq!(get("cross-site", "document"), Ok(()), "a link");
        assert_eq!(get("same-origin", "script"), Ok(()));
        assert_eq!(get("cross-site", "script"), Err(Closed::Foreign));
        assert_eq!(get("same-site", "image"), Err(Closed::Foreign));
        for dest in super::EMBEDDED {
            assert_eq!(get("same-origin", dest), Err(Closed::Embedded), "{dest}");
        }
    }

    #[test]
    fn two_methods_are_known() {
        for method in [Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE, Method::CONNECT, Method::TRACE] {
            assert_eq!(came(&method, &[("host", AUTHORITY)]), Err(Closed::Method), "{method}");
        }
    }
}
