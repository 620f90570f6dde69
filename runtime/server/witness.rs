//! A witness that is asked over HTTP: C2SP tlog-witness, `POST /add-checkpoint`, and nothing else.
//!
//! Whoever reaches it may ask: what is signed is public, and the answer depends on the log's own signature alone. How much
//! anybody gets of it is bounded.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use crate::web::speak;

/// The path of the one thing that a witness is asked (C2SP tlog-witness).
const ADD_CHECKPOINT: &str = "/add-checkpoint";

/// The longest request: 63 hashes and a checkpoint with its signatures.
const MAX_REQUEST: usize = 128 * 1024;

/// How long a request may take to arrive.
const REQUEST_TIME: Duration = Duration::from_secs(10);

/// Connections at once. A log asks now and then.
const MAX_CONNECTIONS: usize = 64;

/// How long to wait when the system gives no more sockets.
const PAUSE: Duration = Duration::from_millis(100);

/// How long answers may still take when it ends.
const GRACE: Duration = Duration::from_millis(300);

/// What a witness says to one request (C2SP tlog-witness, "add-checkpoint").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WitnessSays {
    /// It signed: lines of cosignatures.
    Signed(String),
    /// That is no request, or it begins after its own checkpoint.
    Malformed,
    /// The log's key did not sign that.
    Unsigned,
    /// It knows no such log.
    UnknownLog,
    /// The request begins elsewhere than this size, at which the witness stands.
    Conflict(u64),
    /// The history is another one.
    Inconsistent,
    /// It cannot keep what it would sign, so it does not sign.
    Unable,
}

impl WitnessSays {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Signed(lines) => return lines.into_response(),
            Self::Conflict(size) => {
                let kind = [(header::CONTENT_TYPE, "text/x.tlog.size")];
                return (StatusCode::CONFLICT, kind, format!("{size}\n")).into_response();
            }
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unsigned => StatusCode::FORBIDDEN,
            Self::UnknownLog => StatusCode::NOT_FOUND,
            Self::Inconsistent => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unable => StatusCode::INTERNAL_SERVER_ERROR,
        };
        status.into_response()
    }
}

/// Answers one request. It may wait for the disk: it runs on a thread of its own.
pub type Witnessing = Arc<dyn Fn(&str) -> WitnessSays + Send + Sync>;

/// A witness that is served until this is closed or dropped.
pub struct WitnessServer {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl WitnessServer {
    /// Serves on an address. Needs a tokio runtime.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start(address: SocketAddr, witnessing: Witnessing) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let routes = Router::new().route(ADD_CHECKPOINT, post(add_checkpoint)).with_state(witnessing);
        let (stop, stopped) = oneshot::channel();
        Ok(Self { address, stop, serving: tokio::spawn(serve(listener, routes, stopped)) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it. Answers that are on their way are sent.
    pub async fn close(self) {
        // Whoever serves is gone already when nobody hears this.
        let _gone = self.stop.send(());
        let _ended = self.serving.await;
    }
}

async fn add_checkpoint(State(witnessing): State<Witnessing>, body: Body) -> Response {
    let Ok(body) = tokio::time::timeout(REQUEST_TIME, to_bytes(body, MAX_REQUEST)).await else {
        return StatusCode::REQUEST_TIMEOUT.into_response();
    };
    let Ok(body) = body else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let says = tokio::task::spawn_blocking(move || match std::str::from_utf8(&body) {
        Ok(text) => witnessing(text),
        Err(_) => WitnessSays::Malformed,
    });
    says.await.unwrap_or(WitnessSays::Unable).into_response()
}

async fn serve(listener: TcpListener, routes: Router, mut stop: oneshot::Receiver<()>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let open = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stop => break,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // One too many is closed at once; those that wait for nothing time out.
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            let (routes, watcher) = (routes.clone(), open.watcher());
            tokio::spawn(async move {
                speak(stream, routes, watcher).await;
                drop(place);
            });
        }
    }
    let _cut = tokio::time::timeout(GRACE, open.shutdown()).await;
}
