//! Resolve once, check every address, connect to one that was checked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use claviger_grant::EndpointPlan;
use claviger_manifest::{Host, OriginScheme};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;

use crate::body::OutBody;
use crate::client_certificate::Identity;
use crate::failure::FailureKind;
use crate::trust::{self, Trust};
use crate::{address, tls_failure};

/// How long one address may take to accept a connection: three initial retransmissions of TCP (RFC 6298: 1, 2, 4 s).
const CONNECT_TIME: Duration = Duration::from_secs(8);

/// The most bytes of a response head. Common servers send below 8 KiB; a flood of headers must not become memory.
const MAX_HEAD: usize = 64 * 1024;

/// One HTTP/1.1 connection. Dropping it closes the socket at once: nothing waits for a slow peer to say goodbye.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<OutBody>,
    task: JoinHandle<Option<&'static str>>,
}

impl Connection {
    /// What the peer said when it ended a connection that did not take a request. Waits for the connection's end, which
    /// has come.
    pub(crate) async fn refusal(mut self) -> Option<&'static str> {
        (&mut self.task).await.ok().flatten()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Opens a connection to an endpoint and speaks HTTP/1.1 on it. No proxy, no second resolution, no other address. The
/// certificate of an identity is presented to an endpoint that asks for one.
pub(crate) async fn open(
    endpoint: &EndpointPlan,
    trust: &Trust,
    identity: Option<&Identity>,
) -> Result<Connection, FailureKind> {
    let addresses = checked_addresses(endpoint).await?;
    let stream = dial(&addresses).await?;
    // Small requests must not wait for an acknowledgement (Nagle).
    stream.set_nodelay(true).map_err(|error| FailureKind::Connect(error.kind()))?;
    match endpoint.origin.scheme {
        OriginScheme::Http => handshake(stream).await,
        OriginScheme::Https => {
            let config = trust.config(endpoint.ca.as_deref(), &endpoint.pins)?;
            let config = identity.map_or_else(|| Arc::clone(&config), |identity| identity.config(&config));
            handshake(secured(&endpoint.origin.host, stream, config).await?).await
        }
    }
}

/// TLS on a connection, for HTTP/1.1 and nothing else. A peer that names no protocol speaks HTTP/1.1 (RFC 9112).
async fn secured(
    host: &Host,
    stream: TcpStream,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, FailureKind> {
    let connector = tokio_rustls::TlsConnector::from(config);
    let tls = tokio::time::timeout(CONNECT_TIME, connector.connect(server_name(host)?, stream)).await;
    let tls = tls.map_err(|_| FailureKind::Slow(CONNECT_TIME.as_secs()))?;
    let tls = tls.map_err(|error| FailureKind::Tls(tls_failure::reason(&error)))?;
    match tls.get_ref().1.alpn_protocol() {
        None | Some(trust::ALPN) => Ok(tls),
        Some(_) => Err(FailureKind::Tls("the upstream chose another protocol than HTTP/1.1")),
    }
}

/// Every address is checked before any is dialled: one forbidden address in the answer refuses them all, since which of
/// them is dialled must not depend on luck.
async fn checked_addresses(endpoint: &EndpointPlan) -> Result<Vec<SocketAddr>, FailureKind> {
    let addresses = match endpoint.connect {
        Some(address) => vec![address],
        None => resolve(&endpoint.origin.host, endpoint.origin.port).await?,
    };
    for address in &addresses {
        address::check(address.ip(), &endpoint.networks)?;
        if endpoint.origin.scheme == OriginScheme::Http && !address.ip().to_canonical().is_loopback() {
            return Err(FailureKind::Plaintext);
        }
    }
    Ok(addresses)
}

async fn resolve(host: &Host, port: u16) -> Result<Vec<SocketAddr>, FailureKind> {
    let found: Vec<SocketAddr> = match host {
        Host::Ip(ip) => vec![SocketAddr::new(*ip, port)],
        Host::Name(name) => {
            tokio::net::lookup_host((name.as_str(), port)).await.map_err(|_| FailureKind::Unresolved)?.collect()
        }
    };
    if found.is_empty() { Err(FailureKind::Unresolved) } else { Ok(found) }
}

async fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, FailureKind> {
    let mut last = FailureKind::Unresolved;
    for address in addresses {
        match tokio::time::timeout(CONNECT_TIME, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = FailureKind::Connect(error.kind()),
            Err(_) => last = FailureKind::Slow(CONNECT_TIME.as_secs()),
        }
    }
    Err(last)
}

fn server_name(host: &Host) -> Result<ServerName<'static>, FailureKind> {
    match host {
        Host::Ip(ip) => Ok(ServerName::IpAddress((*ip).into())),
        Host::Name(name) => {
            ServerName::try_from(name.clone()).map_err(|_| FailureKind::Tls("the host is not a DNS name"))
        }
    }
}

async fn handshake<S>(stream: S) -> Result<Connection, FailureKind>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Hyper reads at most 100 header lines unless it is told otherwise.
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| FailureKind::Http("the connection could not be set up"))?;
    // The connection's error is the same one that the request reports, unless it ended before there was a request.
    let task = tokio::spawn(async move { connection.await.err().and_then(|error| tls_failure::alert(&error)) });
    Ok(Connection { sender, task })
}
