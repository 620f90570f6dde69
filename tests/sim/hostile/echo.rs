//! What came, written back in every manner that may escape a scan.

use std::io;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use tokio::io::AsyncWriteExt as _;

use super::{After, gzip, whole};
use crate::SeenRequest;
use crate::running::Stream;

const TEXT: &str = "Content-Type: text/plain\r\n";
const JSON: &str = "Content-Type: application/json\r\n";

/// Answers with the source in its form.
pub(super) async fn answer(
    stream: &mut dyn Stream,
    request: &SeenRequest,
    echoed: &str,
    (source, form, part): (&str, &str, &str),
) -> io::Result<After> {
    let Some(secret) = source_of(request, echoed, source).and_then(|value| part_of(&value, part)) else {
        return whole(stream, "400 Bad Request", TEXT, b"no such source or part").await;
    };
    let text = String::from_utf8_lossy(&secret).into_owned();
    match form {
        "reason" => whole(stream, &format!("200 {text}"), JSON, b"{}").await,
        "header" => whole(stream, "200 OK", &format!("{JSON}X-Echo: {text}\r\n"), b"{}").await,
        "cookie" => whole(stream, "200 OK", &format!("{JSON}Set-Cookie: session={text}; Secure\r\n"), b"{}").await,
        "location" => whole(stream, "302 Found", &format!("Location: /next?key={text}\r\n"), b"").await,
        "trailer" => trailer(stream, &text).await,
        "split" => split(stream, &secret).await,
        "gzip" => {
            let body = gzip::compress(&[b"{\"echo\":\"", secret.as_slice(), b"\"}"].concat());
            whole(stream, "200 OK", &format!("{JSON}Content-Encoding: gzip\r\n"), &body).await
        }
        form => match encoded(form, &secret) {
            Some((headers, body)) => whole(stream, "200 OK", headers, &body).await,
            None => whole(stream, "400 Bad Request", TEXT, b"no such form").await,
        },
    }
}

fn source_of(request: &SeenRequest, echoed: &str, source: &str) -> Option<Vec<u8>> {
    let target = || match &request.query {
        Some(query) => format!("{}?{query}", request.path),
        None => request.path.clone(),
    };
    match source {
        "header" => request.header(echoed).map(|value| value.as_bytes().to_vec()),
        "body" => Some(request.body.clone()),
        "target" => Some(target().into_bytes()),
        "all" => {
            let lines = request.headers.iter().map(|(name, value)| format!("; {name}: {value}"));
            Some(format!("{} {}{}", request.method, target(), lines.collect::<String>()).into_bytes())
        }
        _ => None,
    }
}

fn part_of(value: &[u8], part: &str) -> Option<Vec<u8>> {
    let token = || value.rsplit(|byte| *byte == b' ').next().unwrap_or_default().to_vec();
    let basic = || BASE64_STANDARD.decode(token()).ok();
    match part {
        "value" => Some(value.to_vec()),
        "token" => Some(token()),
        "pad1" => Some([b"x".to_vec(), token()].concat()),
        "pad2" => Some([b"xy".to_vec(), token()].concat()),
        "basic" => basic(),
        "password" => basic().and_then(|pair| {
            let colon = pair.iter().position(|byte| *byte == b':')?;
            pair.get(colon + 1..).map(<[u8]>::to_vec)
        }),
        _ => None,
    }
}

fn encoded(form: &str, secret: &[u8]) -> Option<(&'static str, Vec<u8>)> {
    let text = String::from_utf8_lossy(secret);
    let quoted = |value: String| (JSON, format!("{{\"echo\":\"{value}\"}}").into_bytes());
    Some(match form {
        "raw" => (TEXT, [b"seen: ".as_slice(), secret, b"\n"].concat()),
        "base64" => quoted(BASE64_STANDARD.encode(secret)),
        "base64url" => quoted(BASE64_URL_SAFE_NO_PAD.encode(secret)),
        "hex" => quoted(hex::encode(secret)),
        "hex-upper" => quoted(hex::encode_upper(secret)),
        "percent" => quoted(secret.iter().map(|byte| format!("%{byte:02X}")).collect()),
        "percent-some" => quoted(percent_encode(secret, NON_ALPHANUMERIC).to_string()),
        "json" => quoted(text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()),
        "html" => {
            let escaped: String = text.chars().map(|letter| format!("&#{};", u32::from(letter))).collect();
            ("Content-Type: text/html\r\n", format!("<p>{escaped}</p>").into_bytes())
        }
        "utf16" => {
            let units = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            ("Content-Type: text/plain; charset=utf-16le\r\n", units)
        }
        _ => return None,
    })
}

/// One byte in each chunk, so that no read holds the whole.
async fn split(stream: &mut dyn Stream, secret: &[u8]) -> io::Result<After> {
    let head = format!("HTTP/1.1 200 OK\r\n{TEXT}Transfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    for byte in secret {
        stream.write_all(&[b"1\r\n".as_slice(), &[*byte], b"\r\n"].concat()).await?;
        stream.flush().await?;
    }
    stream.write_all(b"0\r\n\r\n").await?;
    Ok(After::Continue)
}

async fn trailer(stream: &mut dyn Stream, text: &str) -> io::Result<After> {
    let answer = format!(
        "HTTP/1.1 200 OK\r\n{JSON}Trailer: X-Echo\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\nX-Echo: {text}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok(After::Continue)
}
