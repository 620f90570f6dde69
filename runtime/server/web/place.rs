//! Where the page is and where it listens: on this machine alone, or for people elsewhere.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;

use super::certificate::{CertificateError, Kept};
use super::origin::Origin;

/// Who ends TLS for people elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsEnd {
    /// This program.
    Here {
        /// The certificate of the origin's host and those that vouch for it, PEM, in this order.
        certificate: PathBuf,
        /// Its private key, PEM, readable by its owner only.
        key: PathBuf,
    },
    /// A reverse proxy on this machine. Nothing that it adds to a request is believed; it has to hand on `Host` as it came.
    Proxy,
}

/// The page cannot be there.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Plain HTTP beyond this machine.
    #[error(
        "behind-proxy needs a listen address of this machine alone, and {0} is none: without TLS others could read and change what is approved; listen on 127.0.0.1, or give `certificate` and `key` instead"
    )]
    Open(SocketAddr),
    /// People elsewhere, and a page for this machine.
    #[error("{0} is reached from this machine alone; for people elsewhere give an `origin` that begins with https://")]
    NotTeam(String),
    /// No certificate that could be served.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// The page's origin, and the sockets behind it.
pub struct Place {
    pub(crate) origin: Origin,
    /// `None`: both loopback addresses, for programs of this user.
    pub(crate) door: Option<Door>,
}

/// The one socket of a team's page.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    /// `None` behind a proxy.
    pub(crate) tls: Option<TlsAcceptor>,
}

impl Place {
    /// A page for the person at this machine.
    pub fn here(origin: Origin) -> Self {
        Self { origin, door: None }
    }

    /// A page for people elsewhere.
    ///
    /// # Errors
    /// [`PlaceError`] when anything of it would go over a network without TLS, and when the certificate cannot be served.
    pub fn team(origin: Origin, address: SocketAddr, end: &TlsEnd) -> Result<Self, PlaceError> {
        if !origin.is_team() {
            return Err(PlaceError::NotTeam(origin.to_string()));
        }
        let tls = match end {
            TlsEnd::Here { certificate, key } => {
                let kept = Kept::load(origin.host(), certificate, key)?;
                Some(TlsAcceptor::from(Arc::new(kept.config()?)))
            }
            TlsEnd::Proxy if !address.ip().is_loopback() => return Err(PlaceError::Open(address)),
            TlsEnd::Proxy => None,
        };
        Ok(Self { origin, door: Some(Door { address, tls }) })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Origin, Place, PlaceError, TlsEnd};

    #[test]
    fn plain_http_stays_on_this_machine() {
        let origin = || Origin::team("https://approve.acme.example", None).unwrap();
        for open in ["0.0.0.0:7443", "192.0.2.7:7443", "[::]:7443"] {
            let refused = Place::team(origin(), open.parse().unwrap(), &TlsEnd::Proxy).err().unwrap();
            assert!(matches!(refused, PlaceError::Open(_)), "{open}: {refused}");
        }
        for closed in ["127.0.0.1:7443", "[::1]:7443"] {
            assert!(Place::team(origin(), closed.parse().unwrap(), &TlsEnd::Proxy).is_ok(), "{closed}");
        }
        let here = Origin::new("claviger.localhost", 7443).unwrap();
        let refused = Place::team(here, "127.0.0.1:7443".parse().unwrap(), &TlsEnd::Proxy).err().unwrap();
        assert!(matches!(refused, PlaceError::NotTeam(_)), "{refused}");
    }
}
