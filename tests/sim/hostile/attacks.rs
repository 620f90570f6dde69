//! Answers that no honest server gives.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::{After, gzip, whole};
use crate::SeenRequest;
use crate::running::Stream;

const JSON: &str = "Content-Type: application/json\r\n";
const OK: &[u8] = b"{\"ok\":true}";
/// Between two bytes of a slow answer.
const DRIP: Duration = Duration::from_millis(100);
/// Bytes of a slow answer: a minute, longer than any deadline of these tests.
const DRIPS: usize = 600;
/// How long a silent upstream stays silent.
const HANG: Duration = Duration::from_secs(60);
/// A block of a large body.
const BLOCK: usize = 64 * 1024;
/// Where even an endless body ends, should nobody hang up: 4 GiB.
const BLOCKS: usize = 65_536;

/// Answers by path.
pub(super) async fn answer(
    stream: &mut dyn Stream,
    request: &SeenRequest,
    path: &[&str],
    elsewhere: SocketAddr,
) -> io::Result<After> {
    match path {
        ["redirect", status, kind] => redirect(stream, request, (status, kind), elsewhere).await,
        ["gzip"] => whole(stream, "200 OK", &format!("{JSON}Content-Encoding: gzip\r\n"), &gzip::compress(OK)).await,
        ["bomb", size] => {
            let headers = format!("{JSON}Content-Encoding: gzip\r\n");
            whole(stream, "200 OK", &headers, &gzip::bomb(number(size))).await
        }
        ["encoding", name] => whole(stream, "200 OK", &format!("{JSON}Content-Encoding: {name}\r\n"), OK).await,
        ["length", kind] => length(stream, kind).await,
        ["slow"] => slow(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n", b' ').await,
        ["slow-head"] => slow(stream, b"HTTP/1.1 200 OK\r\nX-Slow: ", b's').await,
        ["hang"] => {
            tokio::time::sleep(HANG).await;
            Ok(After::Close)
        }
        ["endless"] => endless(stream).await,
        ["huge", size] => huge(stream, number(size)).await,
        ["headers", count] => {
            let flood: String = (0..number(count)).map(|index| format!("X-Flood-{index}: {index}\r\n")).collect();
            whole(stream, "200 OK", &flood, OK).await
        }
        ["header-size", size] => {
            whole(stream, "200 OK", &format!("X-Large: {}\r\n", "l".repeat(number(size))), OK).await
        }
        ["truncated"] => cut(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"ok\":").await,
        ["truncated", "length"] => cut(stream, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":").await,
        ["invalid-json"] => whole(stream, "200 OK", JSON, b"{\"data\": [1, 2,").await,
        ["deep-json", depth] => {
            let depth = number(depth);
            whole(stream, "200 OK", JSON, format!("{}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes()).await
        }
        ["duplicate-json"] => whole(stream, "200 OK", JSON, b"{\"data\":1,\"data\":2}").await,
        ["no-content"] => cutless(stream, "HTTP/1.1 204 No Content\r\n\r\n").await,
        ["no-content", "body"] => whole(stream, "204 No Content", JSON, OK).await,
        ["status", code] => whole(stream, &format!("{code} Told"), JSON, b"{}").await,
        ["hints"] => {
            stream.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </next>; rel=preload\r\n\r\n").await?;
            whole(stream, "200 OK", JSON, OK).await
        }
        ["switch"] => {
            stream
                .write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n")
                .await?;
            cut(stream, "and now something else").await
        }
        ["close"] => Ok(After::Close),
        ["garbage"] => cut(stream, "\u{16}\u{3}\u{1}SSH-2.0-nothing\r\n\r\n").await,
        _ => whole(stream, "200 OK", JSON, OK).await,
    }
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_default()
}

/// Writes and leaves the connection open.
async fn cutless(stream: &mut dyn Stream, text: &str) -> io::Result<After> {
    stream.write_all(text.as_bytes()).await?;
    Ok(After::Continue)
}

/// Writes and cuts the connection off.
async fn cut(stream: &mut dyn Stream, text: &str) -> io::Result<After> {
    stream.write_all(text.as_bytes()).await?;
    Ok(After::Cut)
}

async fn redirect(
    stream: &mut dyn Stream,
    request: &SeenRequest,
    (status, kind): (&str, &str),
    elsewhere: SocketAddr,
) -> io::Result<After> {
    let host = request.header("host").unwrap_or_default();
    let location = match kind {
        "relative" => "/redirected".to_owned(),
        "absolute" => format!("https://{host}/redirected"),
        "protocol-relative" => format!("//{elsewhere}/redirected"),
        "port" => format!("https://{elsewhere}/redirected"),
        "plain" => format!("http://{elsewhere}/redirected"),
        "credentials" => format!("https://user:word@{elsewhere}/redirected"),
        _ => return whole(stream, &format!("{status} Moved"), "", b"").await,
    };
    whole(stream, &format!("{status} Moved"), &format!("Location: {location}\r\n"), b"").await
}

/// Bodies whose announced length is a lie.
async fn length(stream: &mut dyn Stream, kind: &str) -> io::Result<After> {
    let long = "x".repeat(50);
    match kind {
        "short" => cut(stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{long}")).await,
        "long" => {
            stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{long}").as_bytes()).await?;
            Ok(After::Close)
        }
        "twice" => {
            cut(stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 50\r\n\r\n{long}")).await
        }
        "both" => {
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
            cut(stream, &format!("{head}32\r\n{long}\r\n0\r\n\r\n")).await
        }
        _ => cut(stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{long}")).await,
    }
}

async fn slow(stream: &mut dyn Stream, head: &[u8], byte: u8) -> io::Result<After> {
    stream.write_all(head).await?;
    for _ in 0..DRIPS {
        stream.write_all(&[byte]).await?;
        stream.flush().await?;
        tokio::time::sleep(DRIP).await;
    }
    Ok(After::Close)
}

async fn endless(stream: &mut dyn Stream) -> io::Result<After> {
    stream.write_all(format!("HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).await?;
    let chunk = [format!("{BLOCK:x}\r\n").into_bytes(), vec![b' '; BLOCK], b"\r\n".to_vec()].concat();
    for _ in 0..BLOCKS {
        stream.write_all(&chunk).await?;
    }
    Ok(After::Close)
}

/// A JSON string of exactly `size` bytes, or an empty object when that is too little for one.
async fn huge(stream: &mut dyn Stream, size: usize) -> io::Result<After> {
    let Some(mut left) = size.checked_sub(2) else { return whole(stream, "200 OK", JSON, b"{}").await };
    stream.write_all(format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: {size}\r\n\r\n\"").as_bytes()).await?;
    let block = [b'h'; BLOCK];
    while left > 0 {
        let now = left.min(BLOCK);
        stream.write_all(block.get(..now).unwrap_or_default()).await?;
        left -= now;
    }
    stream.write_all(b"\"").await?;
    Ok(After::Continue)
}
