//! The page's sockets, TLS where people come from elsewhere, and HTTP/1.1 with every patience bounded.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::limits::{
    HANDSHAKE_TIME, HEAD_TIME, MAX_CONNECTIONS, MAX_HEAD, MAX_HEADERS, MAX_PER_ADDRESS, MAX_TEAM_CONNECTIONS, Places,
    Seat,
};
use super::neighbour;
use super::place::{Door, Place};
use super::site::WebError;

/// How long to wait when the system gives no more sockets.
const PAUSE: Duration = Duration::from_millis(100);

/// How long answers may still take when the host ends.
const GRACE: Duration = Duration::from_millis(300);

/// The address that a connection comes from, for what is counted. No header says who somebody is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The sockets of a page, and what each connection has to pass before it is spoken to.
pub(crate) struct Listeners {
    first: TcpListener,
    /// The other loopback address. `None` for a team's page, and on a machine without IPv6.
    second: Option<TcpListener>,
    tls: Option<TlsAcceptor>,
    /// Whether only programs of this user come in: where people elsewhere sign in, the kernel knows nobody's user.
    only_neighbours: bool,
    places: Arc<Places>,
}

impl Listeners {
    /// Takes the sockets of a page.
    pub(crate) async fn bind(place: &Place) -> Result<Self, WebError> {
        match &place.door {
            None => Self::here(place.origin.port()).await,
            Some(door) => Self::team(door).await,
        }
    }

    /// Takes the port on 127.0.0.1 and ::1: whoever had the other one could imitate the page.
    async fn here(port: u16) -> Result<Self, WebError> {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| failed(port, error))?;
        let second = match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
            Ok(second) => Some(second),
            Err(error) if has_no_ipv6(&error) => None,
            Err(error) => return Err(failed(port, error)),
        };
        let places = Places::new(MAX_CONNECTIONS, MAX_CONNECTIONS);
        Ok(Self { first, second, tls: None, only_neighbours: true, places })
    }

    async fn team(door: &Door) -> Result<Self, WebError> {
        let address = door.address;
        let first = TcpListener::bind(address).await.map_err(|error| WebError::Address { address, error })?;
        // Behind a proxy everybody has its address.
        let each = if door.tls.is_some() { MAX_PER_ADDRESS } else { MAX_TEAM_CONNECTIONS };
        let places = Places::new(MAX_TEAM_CONNECTIONS, each);
        Ok(Self { first, second: None, tls: door.tls.clone(), only_neighbours: false, places })
    }

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match &self.second {
            Some(second) => tokio::select! {
                accepted = self.first.accept() => accepted,
                accepted = second.accept() => accepted,
            },
            None => self.first.accept().await,
        }
    }

    /// A place for whoever may have one.
    fn seat(&self, stream: &TcpStream, peer: SocketAddr) -> Option<Seat> {
        // One too many is closed at once; those that wait for nothing time out.
        let seat = self.places.take(peer.ip())?;
        let welcome = || stream.local_addr().is_ok_and(|here| neighbour::is_welcome(peer, here));
        (!self.only_neighbours || welcome()).then_some(seat)
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
        let Some(seat) = listeners.seat(&stream, peer) else { continue };
        // An answer is one small write: waiting for more of it costs 40 ms.
        let _as_it_is = stream.set_nodelay(true);
        let routes = routes.clone().layer(Extension(Peer(peer.ip())));
        let (tls, watcher) = (listeners.tls.clone(), open.watcher());
        tokio::spawn(async move {
            let _seat = seat;
            match tls {
                None => speak(stream, routes, watcher).await,
                Some(tls) => {
                    // Whoever does not finish in time, or not at all, is no browser of ours.
                    let shaken = tokio::time::timeout(HANDSHAKE_TIME, tls.accept(stream)).await;
                    if let Ok(Ok(stream)) = shaken {
                        speak(stream, routes, watcher).await;
                    }
                }
            }
        });
    }
    // Pages that listen for events never end by themselves.
    let _cut = tokio::time::timeout(GRACE, open.shutdown()).await;
}

/// Speaks HTTP/1.1 on one connection.
pub(crate) async fn speak<S>(stream: S, routes: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    // A connection that breaks is its client's own affair.
    let _broken = watcher.watch(connection).await;
}
