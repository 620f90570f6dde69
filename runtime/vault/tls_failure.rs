//! Fixed words for TLS failures, with what to do: the library's own texts can quote what the peer sent.

use std::error::Error;

use rustls::{AlertDescription, CertificateError};

/// The reason of a failed handshake.
pub(crate) fn reason(error: &std::io::Error) -> &'static str {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(why)) => certificate(why),
        Some(rustls::Error::AlertReceived(alert)) => told(*alert),
        Some(_) => "the handshake failed",
        None => "the upstream ended the connection during the handshake",
    }
}

/// The alert behind the failure of an exchange. With TLS 1.3 a server looks at a client's certificate when the client's
/// part of the handshake is done, so its refusal comes where the answer is expected.
pub(crate) fn alert(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        // An I/O error gives out the source of what it holds, and not what it holds.
        let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let held = held.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::AlertReceived(alert)) = held.or_else(|| error.downcast_ref()) {
            return Some(told(*alert));
        }
        next = error.source();
    }
    None
}

fn certificate(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet; check the clocks"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is for another host"
        }
        // A bad signature is an authority of the same name with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the certificate comes from an authority that is not trusted here; a private one goes into the connection's [endpoints] ca"
        }
        CertificateError::ApplicationVerificationFailure => {
            "the certificate is none that the connection pins; if the operator of the upstream says that it was renewed, change the connection's [endpoints] pins"
        }
        _ => "the certificate is not valid",
    }
}

fn told(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::NoApplicationProtocol => "the upstream does not speak HTTP/1.1",
        AlertDescription::CertificateRequired => {
            "the upstream asks for a client certificate; the manifest's credential needs a `client-certificate`"
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError => {
            "the upstream refused the client's certificate; check that it is registered there and has not expired"
        }
        _ => "the upstream ended the connection with an alert",
    }
}
