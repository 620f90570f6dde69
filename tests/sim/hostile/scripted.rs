//! An upstream that says exactly what a test tells it to: bytes, pauses, an end, a reset.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::AsyncWriteExt as _;

use crate::raw::read_request;
use crate::running::{Site, Stream, Witness};
use crate::{Identity, Running, SeenRequest, TestCa};

/// One thing that a [`Scripted`] upstream does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Writes bytes, in a segment of their own.
    Say(Vec<u8>),
    /// Writes one byte again and again with a pause between: slow on purpose, until the caller hangs up.
    Drip(u8, Duration),
    /// Writes a block again and again, as fast as it is taken, so many times.
    Flood(Vec<u8>, usize),
    /// Says nothing for so long.
    Wait(Duration),
    /// Ends the connection as it should be ended.
    Close,
    /// Cuts the connection off: TLS says nothing of an end.
    Cut,
}

/// What is done for a request. A script without an end keeps the connection for the next request.
pub type Script = Vec<Act>;

/// Chooses the script for a request.
type Answer = Box<dyn Fn(&SeenRequest) -> Script + Send + Sync>;

/// How a [`Scripted`] upstream is reached.
#[derive(Debug)]
pub enum Door<'a> {
    /// With a certificate of this authority for 127.0.0.1, localhost and these names.
    Trusted(&'a TestCa, &'a [String]),
    /// With this certificate.
    Showing(&'a Identity),
}

/// The scripted upstream. Its script can be changed while it runs, so that one server serves every vector of a table.
#[derive(Clone)]
pub struct Scripted(Arc<Mutex<Answer>>);

impl Scripted {
    /// An upstream that answers with what `answer` says.
    pub fn new(answer: impl Fn(&SeenRequest) -> Script + Send + Sync + 'static) -> Self {
        Self(Arc::new(Mutex::new(Box::new(answer))))
    }

    /// An upstream that answers nothing until [`then`](Self::then) says what.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(|_| vec![Act::Close])
    }

    /// From now on, requests are answered with this.
    pub fn then(&self, answer: impl Fn(&SeenRequest) -> Script + Send + Sync + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(answer);
    }

    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port is free or a certificate cannot be made.
    pub fn start(&self, door: &Door<'_>) -> io::Result<Running> {
        self.start_at((Ipv4Addr::LOCALHOST, 0).into(), door)
    }

    /// Starts it at an address of this machine.
    ///
    /// # Errors
    /// When the address is taken or a certificate cannot be made.
    pub fn start_at(&self, addr: SocketAddr, door: &Door<'_>) -> io::Result<Running> {
        let tls: Arc<ServerConfig> = match door {
            Door::Trusted(ca, names) => ca.server(names)?,
            Door::Showing(identity) => identity.server()?,
        };
        Running::start_at(addr, self.clone(), Some(tls))
    }

    fn script(&self, request: &SeenRequest) -> Script {
        let answer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answer(request)
    }

    async fn conversation(&self, stream: &mut dyn Stream, witness: &Witness) -> io::Result<()> {
        let mut early = Vec::new();
        while let Some(request) = read_request(stream, &mut early).await? {
            witness.saw(request.clone());
            for act in self.script(&request) {
                match act {
                    Act::Close => return stream.shutdown().await,
                    Act::Cut => return Ok(()),
                    act => perform(stream, act).await?,
                }
            }
        }
        stream.shutdown().await
    }
}

async fn perform(stream: &mut dyn Stream, act: Act) -> io::Result<()> {
    match act {
        Act::Say(bytes) => stream.write_all(&bytes).await?,
        Act::Drip(byte, pause) => loop {
            stream.write_all(&[byte]).await?;
            stream.flush().await?;
            tokio::time::sleep(pause).await;
        },
        Act::Flood(block, times) => {
            for _ in 0..times {
                stream.write_all(&block).await?;
            }
        }
        Act::Wait(time) => tokio::time::sleep(time).await,
        Act::Close | Act::Cut => {}
    }
    stream.flush().await
}

impl Site for Scripted {
    async fn serve(&self, mut stream: Box<dyn Stream>, witness: &Witness) {
        // A caller that hangs up in the middle is what many scripts are for.
        let _gone = self.conversation(stream.as_mut(), witness).await;
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scripted").finish_non_exhaustive()
    }
}
