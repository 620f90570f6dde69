//! Whom TLS trusts: the public roots, or one private authority, or a pin; for one endpoint and nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use claviger_grant::Pin;
use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::failure::FailureKind;
use crate::pins::Pinned;

/// What a TLS configuration depends on: the PEM text of a private authority, and pins.
type Key = (Option<String>, Vec<Pin>);

/// TLS configurations. Kept for the life of the host, so that a second call resumes its session and saves a round trip;
/// connections themselves end with the tool call. None of them holds a secret, and a session that was opened under one is
/// resumed under no other.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    configs: Mutex<HashMap<Key, Arc<ClientConfig>>>,
}

impl Trust {
    /// The configuration for an endpoint: the PEM text of its private authority, or none for the public roots, and its
    /// pins.
    pub(crate) fn config(&self, authority: Option<&str>, pins: &[Pin]) -> Result<Arc<ClientConfig>, FailureKind> {
        let key = (authority.map(str::to_owned), pins.to_vec());
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = configs.get(&key) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(build(authority, pins)?);
        configs.insert(key, Arc::clone(&config));
        Ok(config)
    }
}

fn build(authority: Option<&str>, pins: &[Pin]) -> Result<ClientConfig, FailureKind> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(authority)?), Arc::clone(&provider));
    let chain = chain.build().map_err(|_| FailureKind::Authority)?;
    let verifier: Arc<dyn ServerCertVerifier> =
        if pins.is_empty() { chain } else { Arc::new(Pinned::new(chain, pins)) };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| FailureKind::Tls("no usable protocol version"))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    // HTTP/1.1 only: HTTP/2 keeps a compressed copy of every header, and with it of the credential.
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

/// The one protocol that is offered (RFC 7301 §6).
pub(crate) const ALPN: &[u8] = b"http/1.1";

fn roots(authority: Option<&str>) -> Result<rustls::RootCertStore, FailureKind> {
    let mut roots = rustls::RootCertStore::empty();
    let Some(pem) = authority else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_| FailureKind::Authority)?;
        roots.add(certificate).map_err(|_| FailureKind::Authority)?;
    }
    if roots.is_empty() { Err(FailureKind::Authority) } else { Ok(roots) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::sync::Arc;

    use claviger_grant::Pin;

    use super::Trust;

    fn authority() -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap().pem()
    }

    #[test]
    fn a_configuration_is_made_once_for_each_authority_and_shared_with_no_other() {
        let (trust, first, second) = (Trust::default(), authority(), authority());
        let config = |authority: Option<&str>| trust.config(authority, &[]).unwrap();
        assert!(Arc::ptr_eq(&config(Some(&first)), &config(Some(&first))));
        assert!(Arc::ptr_eq(&config(None), &config(None)));
        assert!(!Arc::ptr_eq(&config(Some(&first)), &config(Some(&second))));
        assert!(!Arc::ptr_eq(&config(Some(&first)), &config(None)));
        let pinned = |pin| trust.config(None, &[pin]).unwrap();
        let (one, other) = (Pin::Spki([1; 32]), Pin::Certificate([1; 32]));
        assert!(Arc::ptr_eq(&pinned(one), &pinned(one)));
        assert!(!Arc::ptr_eq(&pinned(one), &pinned(other)) && !Arc::ptr_eq(&pinned(one), &config(None)));
    }

    #[test]
    fn http_2_is_never_offered() {
        assert_eq!(Trust::default().config(None, &[]).unwrap().alpn_protocols, [b"http/1.1".to_vec()]);
    }

    #[test]
    fn text_without_a_certificate_is_no_authority() {
        for text in ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(Trust::default().config(Some(text), &[]).is_err(), "{text}");
        }
    }
}
