//! HTTP/1.1 without a library, for answers that no library would send.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::SeenRequest;

/// More than a request head of these tests ever has.
const HEAD: usize = 256 * 1024;

/// Where the head ends: the offset after its blank line.
pub(crate) fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|start| start + 4)
}

/// The length of the body that a head announces; chunked bodies are an error.
pub(crate) fn body_length(head: &[u8]) -> io::Result<usize> {
    let text = String::from_utf8_lossy(head);
    let mut length = 0;
    for (name, value) in text.split("\r\n").skip(1).filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "chunked requests are not read here"));
        }
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    Ok(length)
}

/// Reads one request; `None` when the peer hung up between requests. `buffer` keeps what came early.
pub(crate) async fn read_request(
    stream: &mut (impl AsyncRead + Unpin + ?Sized),
    buffer: &mut Vec<u8>,
) -> io::Result<Option<SeenRequest>> {
    let end = loop {
        if let Some(end) = head_end(buffer) {
            break end;
        }
        if buffer.len() > HEAD || stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let mut body = buffer.split_off(end);
    let head = std::mem::take(buffer);
    let length = body_length(&head)?;
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Ok(None);
        }
    }
    *buffer = body.split_off(length);
    parse(&head, body).map(Some)
}

fn parse(head: &[u8], body: Vec<u8>) -> io::Result<SeenRequest> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.trim_end().split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target)) = (first.next(), first.next()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no request line"));
    };
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query.to_owned())));
    let pairs = lines.filter_map(|line| line.split_once(':'));
    let headers = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    Ok(SeenRequest { method: method.to_owned(), path: path.to_owned(), query, headers, body })
}
