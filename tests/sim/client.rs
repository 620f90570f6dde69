//! One request on a connection of its own, for the simulator that asks an issuer and for the tests here.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::running::Stream;

/// Opens a connection, plain without `tls`.
pub(crate) async fn connect(addr: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect(addr).await?;
    let Some(config) = tls else { return Ok(Box::new(stream)) };
    let name = ServerName::IpAddress(addr.ip().into());
    Ok(Box::new(TlsConnector::from(Arc::clone(config)).connect(name, stream).await?))
}

/// Sends one request and reads the whole answer.
pub(crate) async fn send(
    addr: SocketAddr,
    tls: Option<&Arc<ClientConfig>>,
    mut request: Request<Full<Bytes>>,
) -> io::Result<Response<Bytes>> {
    let host = http::HeaderValue::from_str(&addr.to_string()).map_err(io::Error::other)?;
    request.headers_mut().entry(http::header::HOST).or_insert(host);
    let stream = TokioIo::new(connect(addr, tls).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.map_err(io::Error::other)?;
    let task = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    task.abort();
    Ok(Response::from_parts(parts, body))
}
