//! Loopback sockets, and HTTP/1.1 on them with every patience bounded.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::limits::{HEAD_TIME, MAX_CONNECTIONS, MAX_HEAD, MAX_HEADERS};
use super::neighbour;
use super::site::WebError;

/// How long to wait when the system gives no more sockets.
const PAUSE: Duration = Duration::from_millis(100);

/// How long answers may still take when the host ends.
const GRACE: Duration = Duration::from_millis(300);

/// Sockets on both loopback addresses: whoever had the other one could imitate the page.
pub(crate) struct Listeners {
    four: TcpListener,
    /// `None` on a machine without IPv6.
    six: Option<TcpListener>,
}

impl Listeners {
    /// Takes the port on 127.0.0.1 and ::1.
    pub(crate) async fn bind(port: u16) -> Result<Self, WebError> {
        let four = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| failed(port, error))?;
        let six = match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
            Ok(six) => Some(six),
            Err(error) if has_no_ipv6(&error) => None,
            Err(error) => return Err(failed(port, error)),
        };
        Ok(Self { four, six })
    }

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match &self.six {
            Some(six) => tokio::select! {
                accepted = self.four.accept() => accepted,
                accepted = six.accept() => accepted,
            },
            None => self.four.accept().await,
        }
    }
}

fn has_no_ipv6(error: &io::Error) -> bool {
    let no_family = Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == no_family
}

fn failed(port: u16, error: io::Error) -> WebError {
    match error.kind() {
        io::ErrorKind::AddrInUse => WebError::Taken { port },
        _ => WebError::Listen { port, error },
    }
}

/// Serves connections until `stop` is there. Then answers that are on their way are still sent, for a moment.
pub(crate) async fn serve(listeners: Listeners, routes: Router, mut stop: oneshot::Receiver<()>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let open = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listeners.accept() => accepted,
            _ = &mut stop => break,
        };
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // One too many is closed at once; those that wait for nothing time out.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        if stream.local_addr().is_ok_and(|here| neighbour::is_welcome(peer, here)) {
            serve_connection(stream, routes.clone(), &open, place);
        }
    }
    // Pages that listen for events never end by themselves.
    let _cut = tokio::time::timeout(GRACE, open.shutdown()).await;
}

/// Speaks HTTP/1.1 on one connection, beside everything else.
pub(crate) fn serve_connection(
    stream: TcpStream,
    routes: Router,
    open: &GracefulShutdown,
    place: OwnedSemaphorePermit,
) {
    // An answer is one small write: waiting for more of it costs 40 ms.
    let _as_it_is = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    let served = open.watch(connection);
    tokio::spawn(async move {
        let _place = place;
        // A connection that breaks is its client's own affair.
        let _broken = served.await;
    });
}
