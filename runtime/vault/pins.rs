//! Is this the certificate, or the key, that the operator pinned?

use std::sync::Arc;
use std::time::Duration;

use claviger_grant::Pin;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest as _, Sha256};
use x509_cert::der::Decode as _;

/// Holds the certificate of an endpoint against its pins. Whatever is decided about the certificate, the library verifies
/// that the peer holds its key.
#[derive(Debug)]
pub(crate) struct Pinned {
    /// Verifies chains, names and signatures.
    chain: Arc<WebPkiServerVerifier>,
    pins: Vec<Pin>,
}

impl Pinned {
    pub(crate) fn new(chain: Arc<WebPkiServerVerifier>, pins: &[Pin]) -> Self {
        Self { chain, pins: pins.to_vec() }
    }

    fn pins_certificate(&self, certificate: &CertificateDer<'_>) -> bool {
        let digest: [u8; 32] = Sha256::digest(certificate).into();
        self.pins.contains(&Pin::Certificate(digest))
    }

    fn pins_key(&self, certificate: &CertificateDer<'_>) -> Result<bool, Error> {
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        let digest: [u8; 32] = Sha256::digest(&key).into();
        Ok(self.pins.contains(&Pin::Spki(digest)))
    }
}

impl ServerCertVerifier for Pinned {
    /// A pinned certificate is trusted for what it is; a pinned key only within a chain that is trusted anyway.
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.pins_certificate(certificate) {
            return dates(certificate, now).map(|()| ServerCertVerified::assertion());
        }
        // Without a pin of a key, a chain helps nobody: the reason that the operator reads is the pin.
        if !self.pins.iter().any(|pin| matches!(pin, Pin::Spki(_))) {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        let verified = self.chain.verify_server_cert(certificate, intermediates, name, ocsp, now)?;
        if self.pins_key(certificate)? {
            Ok(verified)
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// The validity of RFC 5280 §4.1.2.5: a certificate that is pinned still ends when it says so.
fn dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let parsed = x509_cert::Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let validity = parsed.tbs_certificate().validity();
    let now = Duration::from_secs(now.as_secs());
    if now < validity.not_before.to_unix_duration() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.to_unix_duration() {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}
