//! An upstream that answers exactly what a test tells it to, byte for byte, over TCP or TLS.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::HandshakeKind;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::site::Site;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) head: String,
    pub(super) body: String,
}

impl Seen {
    /// The request line.
    pub(super) fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    /// Every value of a header.
    pub(super) fn header(&self, name: &str) -> Vec<&str> {
        let pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

/// What to answer: bytes, with pauses before each part; then close, or wait for the next request.
#[derive(Clone)]
pub(super) struct Reply {
    parts: Vec<(Duration, Vec<u8>)>,
    close: bool,
}

impl Reply {
    /// A usual answer.
    pub(super) fn json(status: u16, body: &str) -> Self {
        Self::with(status, "content-type: application/json\r\n", body.as_bytes())
    }

    /// An answer with further header lines.
    pub(super) fn with(status: u16, headers: &str, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 {status} Reason\r\n{headers}content-length: {}\r\n\r\n", body.len());
        Self { parts: vec![(Duration::ZERO, [head.as_bytes(), body].concat())], close: false }
    }

    /// Exactly these bytes, and then the end.
    pub(super) fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self { parts: vec![(Duration::ZERO, bytes.as_ref().to_vec())], close: true }
    }

    /// The same, after a pause.
    pub(super) fn late(mut self, pause: Duration) -> Self {
        self.parts.first_mut().unwrap().0 = pause;
        self
    }

    /// Further bytes after a pause.
    pub(super) fn then(mut self, pause: Duration, bytes: impl AsRef<[u8]>) -> Self {
        self.parts.push((pause, bytes.as_ref().to_vec()));
        self
    }

    /// Closes the connection after the answer without having said so.
    pub(super) fn closing(mut self) -> Self {
        self.close = true;
        self
    }
}

type Answer = Box<dyn Fn(&Seen) -> Reply + Send + Sync>;

/// A running upstream. It ends with the test.
pub(super) struct Upstream {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    resumed: Arc<AtomicUsize>,
    presented: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Upstream {
    /// Answers over TCP.
    pub(super) async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(Box::new(answer), None).await
    }

    /// Answers over TLS.
    pub(super) async fn tls(site: &Site, answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(Box::new(answer), Some(TlsAcceptor::from(site.config()))).await
    }

    async fn listen(answer: Answer, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, connections, answer) = (Arc::default(), Arc::new(AtomicUsize::new(0)), Arc::new(answer));
        let (log, count) = (Arc::clone(&seen), Arc::clone(&connections));
        let resumed = Arc::new(AtomicUsize::new(0));
        let presented = Arc::new(AtomicUsize::new(0));
        let counted = (Arc::clone(&resumed), Arc::clone(&presented));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (answer, log, tls) = (Arc::clone(&answer), Arc::clone(&log), tls.clone());
                let counted = counted.clone();
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &answer, &log).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                let session = stream.get_ref().1;
                                let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
                                counted.0.fetch_add(usize::from(resumed), Ordering::SeqCst);
                                let presented = session.peer_certificates().is_some();
                                counted.1.fetch_add(usize::from(presented), Ordering::SeqCst);
                                serve(stream, &answer, &log).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, seen, connections, resumed, presented, task }
    }

    /// Every request so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many connections were opened.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many connections came with a client's certificate.
    pub(super) fn presented(&self) -> usize {
        self.presented.load(Ordering::SeqCst)
    }

    /// How many connections resumed a session of an earlier one.
    pub(super) fn resumed(&self) -> usize {
        self.resumed.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &Answer, log: &Mutex<Vec<Seen>>) {
    let mut held = Vec::new();
    while let Some(seen) = request(&mut stream, &mut held).await {
        log.lock().unwrap().push(seen.clone());
        let reply = answer(&seen);
        for (pause, bytes) in reply.parts {
            tokio::time::sleep(pause).await;
            if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
        if reply.close {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

async fn request(stream: &mut (impl AsyncRead + Unpin), held: &mut Vec<u8>) -> Option<Seen> {
    loop {
        if let Some(end) = held.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(held.get(..end).unwrap().to_vec()).unwrap();
            let seen = Seen { head, body: String::new() };
            let length = seen.header("content-length").first().map_or(0, |length| length.parse().unwrap());
            if held.len() >= end + 4 + length {
                let body = String::from_utf8(held.get(end + 4..end + 4 + length).unwrap().to_vec()).unwrap();
                held.drain(..end + 4 + length);
                return Some(Seen { body, ..seen });
            }
        }
        if stream.read_buf(held).await.ok()? == 0 {
            return None;
        }
    }
}
