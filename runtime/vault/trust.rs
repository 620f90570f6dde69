//! Whom TLS trusts: the public roots, or one private authority for one endpoint and nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::failure::FailureKind;

/// TLS configurations by private authority. Kept for the life of the host, so that a second call resumes its session
/// and saves a round trip; connections themselves end with the tool call.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    public: OnceLock<Arc<ClientConfig>>,
    private: Mutex<HashMap<String, Arc<ClientConfig>>>,
}

impl Trust {
    /// The configuration for an endpoint: the PEM text of its private authority, or none for the public roots.
    pub(crate) fn config(&self, authority: Option<&str>) -> Result<Arc<ClientConfig>, FailureKind> {
        let Some(pem) = authority else {
            if let Some(config) = self.public.get() {
                return Ok(Arc::clone(config));
            }
            let config = Arc::new(build(None)?);
            return Ok(Arc::clone(self.public.get_or_init(|| config)));
        };
        let mut private = self.private.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = private.get(pem) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(build(Some(pem))?);
        private.insert(pem.to_owned(), Arc::clone(&config));
        Ok(config)
    }
}

fn build(authority: Option<&str>) -> Result<ClientConfig, FailureKind> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| FailureKind::Tls("no usable protocol version"))?
        .with_root_certificates(roots(authority)?)
        .with_no_client_auth();
    // HTTP/1.1 only: HTTP/2 keeps a compressed copy of every header, and with it of the credential.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

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

    use super::Trust;

    fn authority() -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap().pem()
    }

    #[test]
    fn a_configuration_is_made_once_for_each_authority_and_shared_with_no_other() {
        let (trust, first, second) = (Trust::default(), authority(), authority());
        let config = |authority: Option<&str>| trust.config(authority).unwrap();
        assert!(Arc::ptr_eq(&config(Some(&first)), &config(Some(&first))));
        assert!(Arc::ptr_eq(&config(None), &config(None)));
        assert!(!Arc::ptr_eq(&config(Some(&first)), &config(Some(&second))));
        assert!(!Arc::ptr_eq(&config(Some(&first)), &config(None)));
    }

    #[test]
    fn http_2_is_never_offered() {
        assert_eq!(Trust::default().config(None).unwrap().alpn_protocols, [b"http/1.1".to_vec()]);
    }

    #[test]
    fn text_without_a_certificate_is_no_authority() {
        for text in ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(Trust::default().config(Some(text)).is_err(), "{text}");
        }
    }
}
