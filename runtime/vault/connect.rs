//! Resolve once, check every address, connect to one that was checked.

use std::net::SocketAddr;
use std::time::Duration;

use claviger_grant::EndpointPlan;
use claviger_manifest::{Host, OriginScheme};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use crate::address;
use crate::body::OutBody;
use crate::failure::FailureKind;
use crate::trust::Trust;

/// How long one address may take to accept a connection: three initial retransmissions of TCP (RFC 6298: 1, 2, 4 s).
const CONNECT_TIME: Duration = Duration::from_secs(8);

/// The most bytes of a response head. Common servers send below 8 KiB; a flood of headers must not become memory.
const MAX_HEAD: usize = 64 * 1024;

/// One HTTP/1.1 connection. Dropping it closes the socket at once: nothing waits for a slow peer to say goodbye.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<OutBody>,
    task: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Opens a connection to an endpoint and speaks HTTP/1.1 on it. No proxy, no second resolution, no other address.
pub(crate) async fn open(endpoint: &EndpointPlan, trust: &Trust) -> Result<Connection, FailureKind> {
    let addresses = checked_addresses(endpoint).await?;
    let stream = dial(&addresses).await?;
    // Small requests must not wait for an acknowledgement (Nagle).
    stream.set_nodelay(true).map_err(|error| FailureKind::Connect(error.kind()))?;
    match endpoint.origin.scheme {
        OriginScheme::Http => handshake(stream).await,
        OriginScheme::Https => {
            let config = trust.config(endpoint.ca.as_deref())?;
            let name = server_name(&endpoint.origin.host)?;
            let connector = tokio_rustls::TlsConnector::from(config);
            let tls = tokio::time::timeout(CONNECT_TIME, connector.connect(name, stream)).await;
            let tls = tls.map_err(|_| FailureKind::Slow(CONNECT_TIME.as_secs()))?;
            handshake(tls.map_err(|error| FailureKind::Tls(tls_reason(&error)))?).await
        }
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
    // The connection's error is the same one that the request reports.
    let task = tokio::spawn(async move { drop(connection.await) }).abort_handle();
    Ok(Connection { sender, task })
}

/// Fixed words for TLS failures: the library's own texts can quote what the peer sent.
fn tls_reason(error: &std::io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(
            rustls::CertificateError::Expired | rustls::CertificateError::ExpiredContext { .. },
        )) => "the certificate has expired",
        Some(rustls::Error::InvalidCertificate(
            rustls::CertificateError::NotValidForName | rustls::CertificateError::NotValidForNameContext { .. },
        )) => "the certificate is for another host",
        // A bad signature is an authority of the same name with another key.
        Some(rustls::Error::InvalidCertificate(
            rustls::CertificateError::UnknownIssuer | rustls::CertificateError::BadSignature,
        )) => "the certificate comes from an authority that is not trusted here",
        Some(rustls::Error::InvalidCertificate(_)) => "the certificate is not valid",
        Some(rustls::Error::AlertReceived(_)) => "the upstream ended the handshake with an alert",
        Some(_) => "the handshake failed",
        None => "the upstream ended the connection during the handshake",
    }
}
