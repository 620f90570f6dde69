//! The certificate of a team's page, as its files have it now.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::ring::default_provider;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

/// Permissions of a file that somebody besides its owner has.
const OTHERS: u32 = 0o077;

/// The longest file that is read, in bytes. A chain with its key has some ten thousand.
const MAX_FILE: u64 = 256 * 1024;

/// HTTP/1.1 is all that the page speaks (RFC 7301 §6).
const HTTP_1_1: &[u8] = b"http/1.1";

/// No certificate that could be served.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It is not there, or not ours to read.
    #[error("{file} cannot be read: {error}")]
    File {
        /// Which.
        file: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The key is not private.
    #[error(
        "{file} is a private key, and others may read it or it is not yours; `chmod 600` a copy that belongs to this user"
    )]
    OpenToOthers {
        /// Which.
        file: String,
    },
    /// Not what it should be.
    #[error("{file} holds no {what} in PEM, not encrypted")]
    Pem {
        /// Which.
        file: String,
        /// What it should hold.
        what: &'static str,
    },
    /// Two halves of different things.
    #[error("the key in {key} is not the one of the certificate in {certificate}, or of a kind that TLS does not use")]
    Apart {
        /// The certificate's file.
        certificate: String,
        /// The key's.
        key: String,
    },
    /// A certificate for others.
    #[error("the certificate in {certificate} is not for {host}; have one issued for the host of `origin`")]
    OtherHost {
        /// The certificate's file.
        certificate: String,
        /// The origin's host.
        host: String,
    },
    /// The library takes no configuration.
    #[error("TLS cannot be configured: {0}")]
    Tls(rustls::Error),
}

/// A certificate with its key. The files are looked at for each handshake, and read again when they have changed; what does
/// not fit together is not taken, and the last that did is served on: whoever renews writes two files one after the other.
#[derive(Debug)]
pub(crate) struct Kept {
    host: String,
    certificate: PathBuf,
    key: PathBuf,
    served: Mutex<Served>,
}

#[derive(Debug)]
struct Served {
    pair: Arc<CertifiedKey>,
    stamp: Option<[Stamp; 2]>,
}

/// What changes with a file.
type Stamp = (u64, u64, SystemTime);

impl Kept {
    /// Reads both files.
    pub(crate) fn load(host: &str, certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let stamp = stamps(certificate, key);
        let pair = Arc::new(read(host, certificate, key)?);
        let served = Mutex::new(Served { pair, stamp });
        Ok(Self { host: host.to_owned(), certificate: certificate.to_owned(), key: key.to_owned(), served })
    }

    /// TLS 1.3 and 1.2 with it and nothing older, without client certificates.
    pub(crate) fn config(self) -> Result<ServerConfig, CertificateError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        // By name: what a library takes for safe is its own affair, and this is what people are told.
        let builder = builder.with_protocol_versions(&[&TLS13, &TLS12]).map_err(CertificateError::Tls)?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(self));
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(config)
    }

    fn current(&self) -> Arc<CertifiedKey> {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamps(&self.certificate, &self.key);
        if stamp.is_some() && stamp != served.stamp {
            // Tried once for each change.
            served.stamp = stamp;
            if let Ok(pair) = read(&self.host, &self.certificate, &self.key) {
                served.pair = Arc::new(pair);
            }
        }
        Arc::clone(&served.pair)
    }
}

impl ResolvesServerCert for Kept {
    /// Nothing for who asks for another name: whoever merely looks through addresses learns no name here.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        (hello.server_name() == Some(self.host.as_str())).then(|| self.current())
    }
}

fn stamps(certificate: &Path, key: &Path) -> Option<[Stamp; 2]> {
    let stamp = |path| fs::metadata(path).and_then(|found| Ok((found.ino(), found.len(), found.modified()?))).ok();
    Some([stamp(certificate)?, stamp(key)?])
}

fn read(host: &str, certificate: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let name = |path: &Path| path.display().to_string();
    let pem = |path, what| move |_| CertificateError::Pem { file: name(path), what };
    let text = contents(certificate, false)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(pem(certificate, "certificate"))?;
    let first = chain.first().ok_or_else(|| CertificateError::Pem { file: name(certificate), what: "certificate" })?;
    let is_for_host = ParsedCertificate::try_from(first)
        .and_then(|parsed| {
            let host = ServerName::try_from(host).map_err(|_| rustls::Error::General(String::new()))?;
            verify_server_name(&parsed, &host)
        })
        .is_ok();
    if !is_for_host {
        return Err(CertificateError::OtherHost { certificate: name(certificate), host: host.to_owned() });
    }
    let private = PrivateKeyDer::from_pem_slice(&contents(key, true)?).map_err(pem(key, "private key"))?;
    let pair = CertifiedKey::from_der(chain, private, &default_provider());
    pair.map_err(|_| CertificateError::Apart { certificate: name(certificate), key: name(key) })
}

/// A file, whole. Its permissions are those of what was opened, whatever stands under its name by then.
fn contents(path: &Path, is_private: bool) -> Result<Vec<u8>, CertificateError> {
    let failed = |error| CertificateError::File { file: path.display().to_string(), error };
    let file = File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    let is_ours = found.mode() & OTHERS == 0 && found.uid() == rustix::process::geteuid().as_raw();
    if is_private && !is_ours {
        return Err(CertificateError::OpenToOthers { file: path.display().to_string() });
    }
    let mut text = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut text).map_err(failed)?;
    Ok(text)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#[path = "certificate_tests.rs"]
mod tests;
