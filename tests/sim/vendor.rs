//! A vendor's API behind hyper's HTTP/1.1 server.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::asked::Asked;
use crate::reply::{Reply, empty};
use crate::running::{Site, Stream, Witness};

/// More than any request of these APIs; a larger one is answered 413.
const BODY: usize = 16 * 1024 * 1024;

/// What a vendor answers.
pub(crate) trait Vendor: Send + Sync + 'static {
    /// Answers one request.
    fn answer(&self, asked: Asked) -> impl Future<Output = Reply> + Send;
}

/// A vendor as a site.
pub(crate) struct Api<V>(pub(crate) V);

impl<V: Vendor> Site for Api<V> {
    async fn serve(&self, stream: Box<dyn Stream>, witness: &Witness) {
        let service = service_fn(|request| self.handle(request, witness));
        let mut server = hyper::server::conn::http1::Builder::new();
        server.timer(TokioTimer::new());
        // What goes wrong on a connection is the client's to notice.
        let _ended = server.serve_connection(TokioIo::new(stream), service).await;
    }
}

impl<V: Vendor> Api<V> {
    async fn handle(&self, request: Request<Incoming>, witness: &Witness) -> Result<Response<Full<Bytes>>, Infallible> {
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, BODY).collect().await else {
            return Ok(*empty(StatusCode::PAYLOAD_TOO_LARGE));
        };
        let asked = Asked::new(Request::from_parts(parts, ()), body.to_bytes());
        witness.saw(asked.seen());
        Ok(*self.0.answer(asked).await)
    }
}

/// Refuses the first requests.
#[derive(Debug)]
pub(crate) struct Throttle(AtomicU32);

impl Throttle {
    /// Refuses the first `count`.
    pub(crate) fn first(count: u32) -> Self {
        Self(AtomicU32::new(count))
    }

    /// Whether this request is refused; each refusal is used up.
    pub(crate) fn refuses(&self) -> bool {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}
