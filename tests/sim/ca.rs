//! A certificate authority that lives as long as a test.

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::crypto::ring::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};

/// What every certificate is for, beside the names that a caller adds.
const LOOPBACK: [&str; 2] = ["127.0.0.1", "localhost"];

/// A certificate authority made for one test, trusted by nobody else.
#[derive(Debug)]
pub struct TestCa {
    pem: String,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A server's certificate and key, both PEM.
#[derive(Debug)]
pub struct Identity {
    /// The certificate of the server, signed by the authority itself.
    pub certificate: String,
    /// Its private key, PKCS #8.
    pub key: String,
}

impl TestCa {
    /// Makes a new authority with a fresh P-256 key.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn new() -> io::Result<Self> {
        let mut params = CertificateParams::new(Vec::<String>::new()).map_err(io::Error::other)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Claviger test authority");
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;
        Ok(Self { pem: certificate.pem(), certificate: certificate.der().clone(), issuer: Issuer::new(params, key) })
    }

    /// The authority's own certificate, PEM: what a client has to trust.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Issues a server certificate for 127.0.0.1, localhost and `names`.
    ///
    /// # Errors
    /// When a name is no DNS name and no address.
    pub fn issue(&self, names: &[String]) -> io::Result<Identity> {
        let all: Vec<String> = LOOPBACK.iter().map(|name| (*name).to_owned()).chain(names.iter().cloned()).collect();
        self.sign(all)
    }

    /// Issues a server certificate for exactly `names`: a client that reaches it at 127.0.0.1 has to refuse it.
    ///
    /// # Errors
    /// When a name is no DNS name and no address.
    pub fn issue_only(&self, names: &[String]) -> io::Result<Identity> {
        self.sign(names.to_vec())
    }

    /// Issues a certificate for a client of this name.
    ///
    /// # Errors
    /// When the name is no DNS name.
    pub fn issue_client(&self, name: &str) -> io::Result<Identity> {
        let mut params = parameters(vec![name.to_owned()])?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.signed(&params)
    }

    /// Issues a server certificate for 127.0.0.1 and localhost that ended in 2001.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn issue_expired(&self) -> io::Result<Identity> {
        let mut params = parameters(LOOPBACK.map(str::to_owned).to_vec())?;
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        self.signed(&params)
    }

    /// A server certificate for 127.0.0.1 and localhost that nobody but its own key vouches for.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn self_signed() -> io::Result<Identity> {
        let params = parameters(LOOPBACK.map(str::to_owned).to_vec())?;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;
        Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    fn sign(&self, names: Vec<String>) -> io::Result<Identity> {
        self.signed(&parameters(names)?)
    }

    fn signed(&self, params: &CertificateParams) -> io::Result<Identity> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// TLS for a server: 1.2 and 1.3, no client certificate, HTTP/1.1.
    pub(crate) fn server(&self, names: &[String]) -> io::Result<Arc<ServerConfig>> {
        self.issue(names)?.server()
    }

    /// The same for a server that lets in clients with a certificate of this authority, and nobody else.
    pub(crate) fn server_for_clients(&self, identity: &Identity) -> io::Result<Arc<ServerConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).map_err(io::Error::other)?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()));
        identity.configured(Some(verifier.build().map_err(io::Error::other)?))
    }

    /// TLS for a client that trusts this authority alone.
    pub(crate) fn client(&self) -> io::Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).map_err(io::Error::other)?;
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
    }
}

impl Identity {
    /// The pin of its key, as operators write it.
    #[must_use]
    pub fn spki_pin(&self) -> String {
        use rcgen::PublicKeyData as _;
        let key = KeyPair::from_pem(&self.key).map(|key| key.subject_public_key_info()).unwrap_or_default();
        format!("spki-sha256:{}", BASE64_STANDARD.encode(Sha256::digest(key)))
    }

    /// TLS for a server with this certificate.
    pub(crate) fn server(&self) -> io::Result<Arc<ServerConfig>> {
        self.configured(None)
    }

    fn configured(&self, clients: Option<Arc<dyn ClientCertVerifier>>) -> io::Result<Arc<ServerConfig>> {
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes()).map_err(io::Error::other)?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(io::Error::other)?;
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let builder = match clients {
            Some(clients) => builder.with_client_cert_verifier(clients),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(vec![certificate], key).map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// What every server certificate says.
fn parameters(names: Vec<String>) -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
    params.distinguished_name.push(DnType::CommonName, "Claviger test upstream");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}
