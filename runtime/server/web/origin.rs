//! Where the page is.

use std::fmt;

/// The only kind of host that a browser resolves to this machine and treats as a secure context without TLS
/// (RFC 6761 §6.3; Secure Contexts §3.1).
const SUFFIX: &str = ".localhost";

/// The longest host name, in bytes (RFC 1035 §2.3.4).
const MAX_HOST: usize = 253;

/// Host and port of the page, as a browser writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    host: String,
    port: u16,
}

/// The page cannot be there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Not a name of this machine.
    #[error(
        "{0:?} is no name under .localhost in small letters; passkeys need one, for example \"claviger.localhost\""
    )]
    Host(String),
    /// No port of its own.
    #[error("port {0} cannot be the approval page's; passkeys are bound to it, so name a fixed one from 1024 on")]
    Port(u16),
}

impl Origin {
    /// The origin `http://host:port`.
    ///
    /// # Errors
    /// [`OriginError`] for a host that is not under `.localhost`, and for ports that others may not take.
    pub fn new(host: &str, port: u16) -> Result<Self, OriginError> {
        let name = host.strip_suffix(SUFFIX).unwrap_or_default();
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if host.len() > MAX_HOST || !name.split('.').all(is_label) {
            return Err(OriginError::Host(host.to_owned()));
        }
        if port < 1_024 {
            return Err(OriginError::Port(port));
        }
        Ok(Self { host: host.to_owned(), port })
    }

    /// The relying party that passkeys are bound to: the host alone.
    pub fn rp_id(&self) -> &str {
        &self.host
    }

    /// The port, on 127.0.0.1 and on ::1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the `Host` header has to say.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Origin {
    /// The origin as a browser writes it, without a slash at its end.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "http://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Origin, OriginError};

    #[test]
    fn it_is_written_as_a_browser_writes_it() {
        let origin = Origin::new("claviger.localhost", 7443).unwrap();
        assert_eq!(origin.to_string(), "http://claviger.localhost:7443");
        assert_eq!((origin.rp_id(), origin.authority()), ("claviger.localhost", "claviger.localhost:7443".to_owned()));
    }

    #[test]
    fn other_hosts_and_ports_are_refused() {
        for host in [
            "localhost",
            ".localhost",
            "127.0.0.1",
            "claviger.example",
            "Claviger.localhost",
            "a..localhost",
            "-a.localhost",
            "a/b.localhost",
            "a@b.localhost",
            "clav\u{456}ger.localhost",
            "claviger.localhost.",
            "",
        ] {
            assert!(matches!(Origin::new(host, 7443), Err(OriginError::Host(_))), "{host}");
        }
        assert_eq!(Origin::new("claviger.localhost", 80), Err(OriginError::Port(80)));
    }
}
