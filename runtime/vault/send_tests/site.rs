//! Certificates for upstreams and for clients, from authorities of their own.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, PublicKeyData as _,
};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};

/// What an upstream may speak, one at a time: the versions differ in when a client's certificate is looked at.
pub(super) const VERSIONS: [&[&SupportedProtocolVersion]; 2] = [&[&rustls::version::TLS13], &[&rustls::version::TLS12]];

/// A certificate for an upstream, and the authority that signed it.
pub(super) struct Site {
    pub(super) authority: String,
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: KeyPair,
    /// Whose clients it lets in; none: it asks nobody for a certificate.
    pub(super) clients: Option<CertificateDer<'static>>,
    /// Whether it serves those who have none.
    pub(super) lets_others_in: bool,
    pub(super) versions: &'static [&'static SupportedProtocolVersion],
    pub(super) alpn: Vec<Vec<u8>>,
}

impl Site {
    /// A certificate for these names, from an authority of its own.
    pub(super) fn new(names: &[&str]) -> Self {
        Self::adjusted(names, |_| {})
    }

    /// One that ended in the last century.
    pub(super) fn expired(names: &[&str]) -> Self {
        Self::adjusted(names, ended)
    }

    /// One that begins in another century.
    pub(super) fn early(names: &[&str]) -> Self {
        Self::adjusted(names, |certificate| certificate.not_before = rcgen::date_time_ymd(2190, 1, 1))
    }

    fn adjusted(names: &[&str], adjust: impl FnOnce(&mut CertificateParams)) -> Self {
        let issuer = issuer();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(owned(names)).unwrap();
        adjust(&mut params);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        Self {
            authority: issuer.pem(),
            certificate: certificate.der().clone(),
            key,
            clients: None,
            lets_others_in: false,
            versions: rustls::ALL_VERSIONS,
            // It would rather speak HTTP/2.
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        }
    }

    /// A server's configuration. Each call makes one, with sessions of its own.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier: Option<Arc<dyn ClientCertVerifier>> = self.clients.as_ref().map(|authority| {
            let mut roots = RootCertStore::empty();
            roots.add(authority.clone()).unwrap();
            let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
            let builder = if self.lets_others_in { builder.allow_unauthenticated() } else { builder };
            builder.build().unwrap()
        });
        let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(self.versions).unwrap();
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        // Not checked to belong together: there are thieves among the sites.
        let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
        let shown = CertifiedKey::new(vec![self.certificate.clone()], key);
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
        config.alpn_protocols.clone_from(&self.alpn);
        Arc::new(config)
    }

    /// The pin of its key.
    pub(super) fn spki_pin(&self) -> String {
        format!("spki-sha256:{}", BASE64_STANDARD.encode(Sha256::digest(self.key.subject_public_key_info())))
    }

    /// The pin of its certificate.
    pub(super) fn certificate_pin(&self) -> String {
        format!("certificate-sha256:{}", hex::encode(Sha256::digest(&self.certificate)))
    }
}

/// An authority for clients.
pub(super) struct Clients(CertifiedIssuer<'static, KeyPair>);

impl Clients {
    pub(super) fn new() -> Self {
        Self(issuer())
    }

    pub(super) fn authority(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// A client's certificate and key, PEM text.
    pub(super) fn client(&self) -> (String, String) {
        self.adjusted(|_| {})
    }

    /// One whose certificate ended in the last century.
    pub(super) fn expired(&self) -> (String, String) {
        self.adjusted(ended)
    }

    fn adjusted(&self, adjust: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(owned(&["claviger"])).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        adjust(&mut params);
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

fn issuer() -> CertifiedIssuer<'static, KeyPair> {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap()
}

fn ended(certificate: &mut CertificateParams) {
    certificate.not_before = rcgen::date_time_ymd(1998, 1, 1);
    certificate.not_after = rcgen::date_time_ymd(1999, 1, 1);
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
