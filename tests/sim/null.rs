//! The least that a server can do.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::raw::{body_length, head_end};
use crate::running::{Site, Stream, Witness};
use crate::{Running, TestCa};

/// What is answered to everything.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";
/// Where a buffer starts; a bench's request fits.
const BUFFER: usize = 8 * 1024;

/// A server that answers a small JSON to every request on a kept connection, and keeps no record: what a bench measures
/// beside it is the client.
#[derive(Debug)]
pub struct Null;

impl Null {
    /// Starts it, over TLS when there is an authority.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(ca: Option<&TestCa>) -> io::Result<Running> {
        let tls = ca.map(|ca| ca.server(&[])).transpose()?;
        Running::start(Self, tls)
    }
}

impl Site for Null {
    async fn serve(&self, stream: Box<dyn Stream>, _: &Witness) {
        // The client hangs up when it is done.
        let _done = answer(stream).await;
    }
}

async fn answer(mut stream: Box<dyn Stream>) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(BUFFER);
    loop {
        while let Some(end) = head_end(&buffer) {
            let head = buffer.get(..end).unwrap_or_default();
            let whole = end + body_length(head)?;
            while buffer.len() < whole {
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
            }
            buffer.drain(..whole);
            stream.write_all(ANSWER).await?;
            stream.flush().await?;
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use bytes::Bytes;
    use http::Request;
    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn it_answers_plain_and_over_tls() {
        let ca = TestCa::new().unwrap();
        for (ca, client) in [(None, None), (Some(&ca), Some(ca.client().unwrap()))] {
            let null = Null::start(ca).unwrap();
            let request = Request::post("/anything").body(Full::new(Bytes::from_static(b"{}"))).unwrap();
            let answer = crate::client::send(null.addr, client.as_ref(), request).await.unwrap();
            assert_eq!(answer.body(), "{\"ok\":true}");
            assert_eq!(null.connections(), 1);
        }
    }

    #[tokio::test]
    async fn requests_sent_together_are_answered_one_by_one() {
        let null = Null::start(None).unwrap();
        let mut stream = crate::client::connect(null.addr, None).await.unwrap();
        let one = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(&[one.as_slice(), one.as_slice()].concat()).await.unwrap();
        let mut answers = vec![0; ANSWER.len() * 2];
        stream.read_exact(&mut answers).await.unwrap();
        assert_eq!(answers, [ANSWER, ANSWER].concat());
    }
}
