//! A destination that nobody may reach.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::Running;
use crate::running::{Site, Stream, Witness};

/// How much of a connection is kept: enough for a request with every credential in it.
const KEPT: u64 = 64 * 1024;
/// How long a caller may take to say something.
const PATIENCE: Duration = Duration::from_millis(500);

/// A plain TCP listener that takes what it is given and hangs up. As the upstream of a TLS client it is a server that
/// breaks off the handshake; as the target of a redirect it shows whether anybody followed.
#[derive(Debug)]
pub struct Recorder;

/// A running [`Recorder`].
#[derive(Debug)]
pub struct Recorded {
    /// The server; [`Running::connections`] is what matters.
    pub running: Running,
    bytes: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Recorder {
    /// Starts to listen.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start() -> io::Result<Recorded> {
        Self::saying((Ipv4Addr::LOCALHOST, 0).into(), b"")
    }

    /// Starts to listen at an address of this machine, and says something to whoever says something first: the beginning of
    /// another protocol, for example.
    ///
    /// # Errors
    /// When the address is taken.
    pub fn saying(addr: SocketAddr, words: &'static [u8]) -> io::Result<Recorded> {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let running = Running::start_at(addr, Tape { bytes: Arc::clone(&bytes), words }, None)?;
        Ok(Recorded { running, bytes })
    }
}

impl Recorded {
    /// What each finished connection sent.
    #[must_use]
    pub fn received(&self) -> Vec<Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Tape {
    bytes: Arc<Mutex<Vec<Vec<u8>>>>,
    words: &'static [u8],
}

impl Site for Tape {
    async fn serve(&self, mut stream: Box<dyn Stream>, _: &Witness) {
        let mut got = Vec::with_capacity(1024);
        if !self.words.is_empty() {
            // Whoever hangs up without a word is not told anything.
            let _silent = tokio::time::timeout(PATIENCE, stream.read_buf(&mut got)).await;
            let _gone = stream.write_all(self.words).await;
        }
        // A caller who says nothing is recorded as one who said nothing.
        let _silent = tokio::time::timeout(PATIENCE, (&mut stream).take(KEPT).read_to_end(&mut got)).await;
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).push(got);
        // The caller may have hung up first.
        let _gone = stream.shutdown().await;
    }
}
