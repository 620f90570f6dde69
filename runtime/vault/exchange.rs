//! The one sender: a request out, an answer in, within a time and a size.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use claviger_grant::EndpointPlan;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::ext::ReasonPhrase;

use crate::body::{self, EncodedBody, OutBody};
use crate::client_certificate::Identity;
use crate::connect::{self, Connection};
use crate::decode;
use crate::failure::FailureKind;
use crate::inject::Placement;
use crate::pool::Pool;
use crate::response::Report;
use crate::reveal::Secret;
use crate::tls_failure;
use crate::trust::Trust;

/// The most time for one exchange, from the first look-up to the last byte, connecting included. A tool call has its own
/// deadline, and people are not waited for in here; this is for the upstream that sends a byte now and then.
pub(crate) const EXCHANGE_TIME: Duration = Duration::from_secs(60);

/// Who asks. Upstreams want a name to block or to call.
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("claviger/", env!("CARGO_PKG_VERSION")));

/// A request but for its endpoint. It can be built again when it has to be sent again.
pub(crate) struct Message<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// Constants of the manifest.
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: Option<&'a EncodedBody>,
    pub(crate) placement: &'a Placement,
}

/// An answer that nobody has looked into yet.
pub(crate) struct Raw {
    pub(crate) status: StatusCode,
    /// Words behind the status, where they are not the usual ones.
    pub(crate) reason: Option<ReasonPhrase>,
    pub(crate) headers: HeaderMap,
    /// Fields behind the body. Nobody gets them.
    pub(crate) trailers: HeaderMap,
    /// The body, unpacked.
    pub(crate) body: Bytes,
    /// The body as it came, where that is something else. Nobody gets it.
    pub(crate) packed: Option<Bytes>,
}

/// Where a request goes, and what bounds it.
pub(crate) struct Route<'a> {
    pub(crate) endpoint: &'a EndpointPlan,
    pub(crate) trust: &'a Trust,
    /// Who is presented to an endpoint that asks.
    pub(crate) identity: Option<&'a Arc<Identity>>,
    pub(crate) pool: &'a Pool,
    /// Redirects that are an answer and not followed: those by which a log-in says that it worked.
    pub(crate) redirects: &'a [u16],
    /// The longest body of an answer, bytes.
    pub(crate) limit: u64,
    /// The most time for the exchange.
    pub(crate) time: Duration,
}

/// A route that nobody lends: for a request of the host's own, which goes on when the call that needed it is cancelled.
pub(crate) struct OwnRoute {
    pub(crate) endpoint: EndpointPlan,
    pub(crate) trust: Arc<Trust>,
    pub(crate) identity: Option<Arc<Identity>>,
    pub(crate) pool: Pool,
    pub(crate) redirects: Vec<u16>,
    pub(crate) limit: u64,
    pub(crate) time: Duration,
}

impl OwnRoute {
    /// Sends a message and reads the answer, of which no call reports.
    pub(crate) async fn send(&mut self, message: &Message<'_>) -> Result<Raw, FailureKind> {
        let mut route = Route {
            endpoint: &self.endpoint,
            trust: &self.trust,
            identity: self.identity.as_ref(),
            pool: &self.pool,
            redirects: &self.redirects,
            limit: self.limit,
            time: self.time,
        };
        route.send(message, &mut Report::default()).await
    }
}

impl Route<'_> {
    /// Sends a message and reads the answer. `report` says at every moment whether the request may have left.
    pub(crate) async fn send(&mut self, message: &Message<'_>, report: &mut Report) -> Result<Raw, FailureKind> {
        let request = build(self.endpoint, message)?;
        let time = self.time;
        let answer = tokio::time::timeout(time, self.run(request, report)).await;
        answer.unwrap_or_else(|_| Err(FailureKind::Slow(time.as_secs())))
    }

    async fn run(&mut self, request: Request<OutBody>, report: &mut Report) -> Result<Raw, FailureKind> {
        report.request_bytes = request.body().size_hint().lower();
        report.response_bytes = 0;
        let (connection, answer) = self.dispatch(request, report).await?;
        let (head, body) = answer.into_parts();
        report.status = Some(head.status.as_u16());
        // Nothing is read of an answer that will be dropped anyway, and its connection is closed.
        acceptable(head.status, self.redirects, &head.headers)?;
        let (body, trailers) = read(body, self.limit, report).await?;
        let decoded = decode::decode(&head.headers, body, self.limit)?;
        self.pool.put(self.endpoint, self.identity, connection);
        Ok(Raw {
            status: head.status,
            reason: head.extensions.get::<ReasonPhrase>().cloned(),
            headers: head.headers,
            trailers,
            body: decoded.body,
            packed: decoded.packed,
        })
    }

    /// On a connection that is open, or else on a new one. A request goes out a second time only when the first
    /// connection gave it back untouched.
    async fn dispatch(
        &mut self,
        request: Request<OutBody>,
        report: &mut Report,
    ) -> Result<(Connection, Response<Incoming>), FailureKind> {
        let request = match self.pool.take(self.endpoint, self.identity) {
            Some(connection) => match attempt(connection, request, report).await? {
                Attempt::Answered(connection, answer) => return Ok((connection, answer)),
                Attempt::Unsent(request, _) => request,
            },
            None => request,
        };
        let connection = connect::open(self.endpoint, self.trust, self.identity.map(|identity| &**identity)).await?;
        match attempt(connection, request, report).await? {
            Attempt::Answered(connection, answer) => Ok((connection, answer)),
            Attempt::Unsent(_, Some(refusal)) => Err(FailureKind::Tls(refusal)),
            Attempt::Unsent(_, None) => Err(FailureKind::Http("the connection ended before the request was sent")),
        }
    }
}

enum Attempt {
    Answered(Connection, Response<Incoming>),
    /// The request, untouched, and what the peer said when it ended the connection.
    Unsent(Request<OutBody>, Option<&'static str>),
}

async fn attempt(
    mut connection: Connection,
    request: Request<OutBody>,
    report: &mut Report,
) -> Result<Attempt, FailureKind> {
    if connection.sender.ready().await.is_err() {
        return Ok(Attempt::Unsent(request, connection.refusal().await));
    }
    let before = std::mem::replace(&mut report.left_host, true);
    match connection.sender.try_send_request(request).await {
        Ok(answer) => Ok(Attempt::Answered(connection, answer)),
        // The request comes back only when not a byte of it was written.
        Err(mut error) => match error.take_message() {
            Some(request) => {
                report.left_host = before;
                let refusal = tls_failure::alert(error.error());
                // The reason went to the request that was waiting, or else to the connection itself.
                Ok(Attempt::Unsent(request, if refusal.is_some() { refusal } else { connection.refusal().await }))
            }
            None => Err(reason(error.error())),
        },
    }
}

/// The request as it goes out. What the host owns comes after the manifest's constants and wins over them; what
/// authenticates comes last.
fn build(endpoint: &EndpointPlan, message: &Message<'_>) -> Result<Request<OutBody>, FailureKind> {
    let mut request = Request::new(OutBody::default());
    *request.method_mut() = message.method.parse().map_err(|_| FailureKind::Body)?;
    *request.uri_mut() = target(message)?;
    let headers = request.headers_mut();
    headers.reserve(message.headers.len() + message.placement.headers.len() + 4);
    for (name, value) in message.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| FailureKind::Body)?;
        headers.insert(name, HeaderValue::from_str(value).map_err(|_| FailureKind::Body)?);
    }
    own_headers(headers, authority(endpoint)?)?;
    if let Some(encoded) = message.body {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(encoded.content_type));
    }
    for (name, value) in &message.placement.headers {
        headers.insert(name, value.clone());
    }
    if let Some(encoded) = message.body {
        *request.body_mut() = OutBody::new(encoded.bytes.clone());
    }
    Ok(request)
}

/// The headers that are the host's alone. They take the place of any that an operation gave, though a manifest with one
/// is refused already: on `Host` rests which of a server's sites is meant.
fn own_headers(headers: &mut HeaderMap, authority: String) -> Result<(), FailureKind> {
    headers.insert(header::HOST, HeaderValue::try_from(authority).map_err(|_| FailureKind::Body)?);
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::USER_AGENT, USER_AGENT);
    Ok(())
}

/// The origin form of the target (RFC 9112 §3.2.1). With a key in the query, in a buffer that is wiped.
fn target(message: &Message<'_>) -> Result<Uri, FailureKind> {
    if let Some(target) = &message.placement.target {
        return Uri::from_maybe_shared(body::wiped(target.duplicate())).map_err(|_| FailureKind::Body);
    }
    let pair = message.placement.query.as_ref();
    let mut target = Vec::with_capacity(message.path.len() + message.query.len() + pair.map_or(0, Secret::len) + 2);
    target.extend_from_slice(message.path.as_bytes());
    let mut separator = b'?';
    if !message.query.is_empty() {
        target.push(separator);
        target.extend_from_slice(message.query.as_bytes());
        separator = b'&';
    }
    if let Some(pair) = pair {
        target.push(separator);
        // EXPOSE: the scheme places the key here; nothing in this room prints a target.
        target.extend_from_slice(pair.expose());
    }
    let target = if pair.is_some() { body::wiped(Secret::new(target)) } else { Bytes::from(target) };
    Uri::from_maybe_shared(target).map_err(|_| FailureKind::Body)
}

/// Host, and port unless it is the scheme's own (RFC 9110 §7.2).
pub(crate) fn authority(endpoint: &EndpointPlan) -> Result<String, FailureKind> {
    let origin = endpoint.origin.to_string();
    origin.split_once("://").map(|(_, authority)| authority.to_owned()).ok_or(FailureKind::Body)
}

/// No redirects, no change of protocol, no encoding that is not known: none of them is followed, and none can be scanned.
fn acceptable(status: StatusCode, redirects: &[u16], headers: &HeaderMap) -> Result<(), FailureKind> {
    if status.is_informational() {
        return Err(FailureKind::Http("the upstream wants another protocol"));
    }
    let answer = status == StatusCode::NOT_MODIFIED || redirects.contains(&status.as_u16());
    if status.is_redirection() && !answer {
        return Err(FailureKind::Redirected(status.as_u16()));
    }
    let mut transfer = headers.get_all(header::TRANSFER_ENCODING).iter();
    if !transfer.all(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Err(FailureKind::Encoded);
    }
    decode::acceptable(headers)
}

/// Reads a body up to the limit, whatever length was announced. One that comes in one piece is not copied.
async fn read(mut incoming: Incoming, limit: u64, report: &mut Report) -> Result<(Bytes, HeaderMap), FailureKind> {
    if incoming.size_hint().lower() > limit {
        return Err(FailureKind::TooLong(limit));
    }
    let mut whole = Bytes::new();
    let mut trailers = HeaderMap::new();
    while let Some(frame) = incoming.frame().await {
        let data = match frame.map_err(|error| reason(&error))?.into_data() {
            Ok(data) => data,
            Err(other) => {
                trailers.extend(other.into_trailers().unwrap_or_default());
                continue;
            }
        };
        report.response_bytes += u64::try_from(data.len()).unwrap_or(u64::MAX);
        if report.response_bytes > limit {
            return Err(FailureKind::TooLong(limit));
        }
        whole = joined(whole, data, incoming.size_hint().lower());
    }
    Ok((whole, trailers))
}

fn joined(whole: Bytes, data: Bytes, expected: u64) -> Bytes {
    if whole.is_empty() {
        return data;
    }
    // Taken back without a copy from the second piece on.
    let mut all = whole.try_into_mut().unwrap_or_else(|shared| {
        let more = usize::try_from(expected).unwrap_or_default();
        let mut all = BytesMut::with_capacity(shared.len() + data.len() + more);
        all.extend_from_slice(&shared);
        all
    });
    all.extend_from_slice(&data);
    all.freeze()
}

/// Fixed words for HTTP failures: the library's own texts can quote what was sent or received.
fn reason(error: &hyper::Error) -> FailureKind {
    if let Some(why) = tls_failure::alert(error) {
        return FailureKind::Tls(why);
    }
    FailureKind::Http(if error.is_parse() {
        "the answer is not HTTP/1.1, or its head is too long"
    } else if error.is_incomplete_message() {
        "the upstream ended its answer early"
    } else {
        "the connection broke"
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#[path = "exchange_tests.rs"]
mod tests;
