//! An upstream that attacks whoever calls it. The path says how, so that a manifest's operations can ask for each attack.
//!
//! | path | what is answered |
//! |---|---|
//! | `/echo/{source}/{form}[/{part}]` | what came, written back: see [`echo`](Hostile#echo) |
//! | `/redirect/{status}/{kind}` | `relative`, `absolute`, `protocol-relative`, `port`, `plain`, `credentials`, `none` |
//! | `/gzip`, `/bomb/{bytes}` | a compressed answer; one that grows a hundredfold and more |
//! | `/encoding/{name}` | `Content-Encoding: {name}` over bytes that are not |
//! | `/length/{kind}` | `short`, `long`, `twice`, `both` (with chunks), `negative` |
//! | `/slow`, `/slow-head`, `/hang` | a byte at a time, or none |
//! | `/endless`, `/huge/{bytes}` | a body without end, a body of that size |
//! | `/headers/{count}`, `/header-size/{bytes}` | a flood of headers, one large header |
//! | `/truncated`, `/truncated/length` | TLS cut off without `close_notify` |
//! | `/invalid-json`, `/deep-json/{depth}`, `/duplicate-json` | JSON that is none, or nearly |
//! | `/no-content`, `/no-content/body` | 204, and 204 with a body after all |
//! | `/status/{code}` | that status, an empty object |
//! | `/hints` | 103 before the answer |
//! | `/switch` | 101, another protocol |
//! | `/close`, `/garbage` | nothing, or what is no HTTP |
//! | anything else | `{"ok":true}` |

mod attacks;
mod echo;
mod gzip;
mod scripted;

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncWriteExt as _;

pub use scripted::{Act, Door, Script, Scripted};

use crate::raw::read_request;
use crate::running::{Site, Stream, Witness};
use crate::{Running, SeenRequest, TestCa};

/// How the hostile upstream is set up.
#[derive(Debug, Clone)]
pub struct HostileConfig {
    /// The header that `/echo/header/…` writes back.
    pub echoed: String,
    /// Where redirects to other origins lead: a [`Recorder`](crate::Recorder), which shows who followed.
    pub elsewhere: SocketAddr,
    /// DNS names of the certificate, beside 127.0.0.1 and localhost.
    pub names: Vec<String>,
}

/// The hostile upstream.
///
/// # Echo
///
/// *source*: `header` (the configured one), `body`, `target` (the request's path and query), `all` (the whole head).
///
/// *form*, where and how it comes back. In the body: `raw`, `base64`, `base64url`, `hex`, `hex-upper`, `percent`,
/// `percent-some` (only what is not a letter or digit), `json` (every character escaped), `html`, `utf16`, `gzip`, `split`
/// (one chunk per byte), `reason` (the status line), `header`, `cookie`, `location` (a redirect), `trailer`.
///
/// *part*: `value` (all of it, the default), `token` (what follows the last space), `pad1` and `pad2` (the token with one
/// or two bytes before it, which moves it to the other base64 alignments), `basic` (the token decoded from base64),
/// `password` (what follows the first colon of that).
#[derive(Debug)]
pub struct Hostile {
    config: HostileConfig,
}

impl Hostile {
    /// Starts it.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(ca: &TestCa, config: HostileConfig) -> io::Result<Running> {
        let tls = ca.server(&config.names)?;
        Running::start(Self { config }, Some(tls))
    }

    /// Starts it with a certificate that is good for `names` and not for 127.0.0.1.
    ///
    /// # Errors
    /// When no port is free or a name is none.
    pub fn start_as_another(ca: &TestCa, config: HostileConfig, names: &[String]) -> io::Result<Running> {
        let tls = ca.issue_only(names)?.server()?;
        Running::start(Self { config }, Some(tls))
    }

    async fn conversation(&self, stream: &mut dyn Stream, witness: &Witness) -> io::Result<After> {
        let mut early = Vec::new();
        while let Some(request) = read_request(stream, &mut early).await? {
            witness.saw(request.clone());
            let after = self.answer(stream, &request).await?;
            stream.flush().await?;
            let last = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
            if !matches!(after, After::Continue) || last {
                return Ok(after);
            }
        }
        Ok(After::Close)
    }

    async fn answer(&self, stream: &mut dyn Stream, request: &SeenRequest) -> io::Result<After> {
        let path: Vec<&str> = request.path.split('/').skip(1).collect();
        if let ["echo", source, form, part @ ..] = path.as_slice() {
            let part = part.first().copied().unwrap_or("value");
            return echo::answer(stream, request, &self.config.echoed, (source, form, part)).await;
        }
        attacks::answer(stream, request, &path, self.config.elsewhere).await
    }
}

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// The next request may come.
    Continue,
    /// It is closed as it should be.
    Close,
    /// It is cut off: TLS says nothing of an end.
    Cut,
}

impl Site for Hostile {
    async fn serve(&self, mut stream: Box<dyn Stream>, witness: &Witness) {
        let after = self.conversation(stream.as_mut(), witness).await;
        if matches!(after, Ok(After::Continue | After::Close)) {
            // The caller may have hung up first.
            let _gone = stream.shutdown().await;
        }
    }
}

/// Writes an answer with its length.
async fn whole(stream: &mut dyn Stream, status: &str, headers: &str, body: &[u8]) -> io::Result<After> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).await?;
    Ok(After::Continue)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
#[path = "hostile/tests.rs"]
mod tests;
