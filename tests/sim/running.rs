//! A server on a thread of its own, and what it saw.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// A client that does not finish its TLS handshake in this time is given up, as real servers do.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// One request as it came over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRequest {
    /// The method.
    pub method: String,
    /// The path, still percent-encoded.
    pub path: String,
    /// What stood after the `?`, still encoded; `None` without a `?`.
    pub query: Option<String>,
    /// Header names (lower case) and values, in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl SeenRequest {
    /// The value of the first header of this name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text, what is no UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What a server noticed.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    seen: Mutex<Vec<SeenRequest>>,
    connections: AtomicUsize,
    refused: AtomicUsize,
}

impl Witness {
    /// Keeps a request.
    pub(crate) fn saw(&self, request: SeenRequest) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    }
}

/// A byte stream, plain or TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What a server does with one connection.
pub(crate) trait Site: Send + Sync + 'static {
    /// Serves the connection until it ends.
    fn serve(&self, stream: Box<dyn Stream>, witness: &Witness) -> impl Future<Output = ()> + Send;
}

/// A running server. Dropping it stops it and closes its connections.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    tls: bool,
    witness: Arc<Witness>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts `site` on a free port of 127.0.0.1.
    pub(crate) fn start(site: impl Site, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), site, tls)
    }

    /// Starts `site` at an address of this machine.
    pub(crate) fn start_at(addr: SocketAddr, site: impl Site, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let witness = Arc::new(Witness::default());
        let (stop, stopped) = oneshot::channel();
        let server = Server { site: Arc::new(site), tls: tls.map(TlsAcceptor::from), witness: Arc::clone(&witness) };
        let with_tls = server.tls.is_some();
        let thread = std::thread::Builder::new().name("upstream".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = server.accept(listener) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { addr, tls: with_tls, witness, stop: Some(stop), thread: Some(thread) })
    }

    /// Every request seen so far, oldest first.
    #[must_use]
    pub fn seen(&self) -> Vec<SeenRequest> {
        self.witness.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connections accepted so far, those whose TLS handshake failed included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.witness.connections.load(Ordering::SeqCst)
    }

    /// Connections whose TLS handshake failed, for example because the client does not trust the authority.
    #[must_use]
    pub fn refused_handshakes(&self) -> usize {
        self.witness.refused.load(Ordering::SeqCst)
    }

    /// Scheme, address and port: `https://127.0.0.1:34567`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.addr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Nobody listens when the server has ended by itself: then there is nothing to stop.
            let _ended = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic of the server shows in the test that missed its answer.
            let _panicked = thread.join();
        }
    }
}

struct Server<S> {
    site: Arc<S>,
    tls: Option<TlsAcceptor>,
    witness: Arc<Witness>,
}

impl<S: Site> Server<S> {
    async fn accept(&self, listener: std::net::TcpListener) -> io::Result<()> {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            self.witness.connections.fetch_add(1, Ordering::SeqCst);
            // A caller may be gone already; its stream then ends by itself.
            let _gone = stream.set_nodelay(true);
            let (site, tls, witness) = (Arc::clone(&self.site), self.tls.clone(), Arc::clone(&self.witness));
            tokio::spawn(async move {
                if let Some(stream) = secured(stream, tls, &witness).await {
                    site.serve(stream, &witness).await;
                }
            });
        }
    }
}

async fn secured(stream: TcpStream, tls: Option<TlsAcceptor>, witness: &Witness) -> Option<Box<dyn Stream>> {
    let Some(acceptor) = tls else { return Some(Box::new(stream)) };
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(Box::new(stream)),
        Ok(Err(_)) | Err(_) => {
            witness.refused.fetch_add(1, Ordering::SeqCst);
            None
        }
    }
}
