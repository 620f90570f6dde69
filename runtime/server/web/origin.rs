//! Where the page is, as a browser writes it.

use std::fmt;
use std::net::IpAddr;

/// The only kind of host that a browser resolves to this machine and treats as a secure context without TLS
/// (RFC 6761 §6.3; Secure Contexts §3.1).
const SUFFIX: &str = ".localhost";

/// The longest host name, in bytes (RFC 1035 §2.3.4).
const MAX_HOST: usize = 253;

/// The port that an address with https has when it names none (RFC 9110 §4.2.2).
const HTTPS: u16 = 443;

/// Scheme, host and port of the page, and the name that passkeys are bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    is_team: bool,
    host: String,
    port: u16,
    rp_id: String,
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
    /// Not an origin that others reach.
    #[error(
        "origin {0:?} is not \"https://\" and a host name in small letters, with a port if it is not 443 and nothing behind it; for example \"https://approve.acme.example\""
    )]
    Team(String),
    /// An address. Passkeys are bound to names.
    #[error("origin {0:?} has an address for a host, and passkeys are bound to names; give the machine a name in DNS")]
    Address(String),
    /// A name that no passkey of this page can be bound to.
    #[error(
        "relying-party {party:?} is neither {host:?} nor a name of two labels or more that {host:?} ends in; leave it out, or name a domain that is yours"
    )]
    RelyingParty {
        /// What was given.
        party: String,
        /// The host of the origin.
        host: String,
    },
}

impl Origin {
    /// The origin `http://host:port` of a page for this machine.
    ///
    /// # Errors
    /// [`OriginError`] for a host that is not under `.localhost`, and for ports that others may not take.
    pub fn new(host: &str, port: u16) -> Result<Self, OriginError> {
        let name = host.strip_suffix(SUFFIX).unwrap_or_default();
        if !is_name(host) || !is_name(name) {
            return Err(OriginError::Host(host.to_owned()));
        }
        if port < 1_024 {
            return Err(OriginError::Port(port));
        }
        Ok(Self { is_team: false, host: host.to_owned(), port, rp_id: host.to_owned() })
    }

    /// The origin of a page that people reach from elsewhere, exactly as a browser writes it. Passkeys are bound to its host,
    /// or to `relying_party`, a domain above it. Browsers refuse those under which anybody may register; none is known here.
    ///
    /// # Errors
    /// [`OriginError`] for anything but https, for addresses, and for a relying party of somebody else.
    pub fn team(text: &str, relying_party: Option<&str>) -> Result<Self, OriginError> {
        let wrong = || OriginError::Team(text.to_owned());
        let rest = text.strip_prefix("https://").ok_or_else(wrong)?;
        let address = || OriginError::Address(text.to_owned());
        if rest.starts_with('[') {
            return Err(address());
        }
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong())?),
            None => (rest, HTTPS),
        };
        if host.parse::<IpAddr>().is_ok() {
            return Err(address());
        }
        // A last label of digits alone makes a browser read an address (WHATWG URL, "ends in a number").
        let is_numeric = host.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        let rp_id = relying_party.unwrap_or(host).to_owned();
        let origin = Self { is_team: true, host: host.to_owned(), port, rp_id };
        // What is not written as a browser writes it would equal no `Origin` header.
        if !is_name(host) || !host.contains('.') || is_numeric || port == 0 || origin.to_string() != text {
            return Err(wrong());
        }
        if origin.rp_id_is_own() {
            return Ok(origin);
        }
        Err(OriginError::RelyingParty { party: origin.rp_id, host: origin.host })
    }

    /// The host, or a domain above it (WebAuthn Level 3 §5.1.3: "a registrable domain suffix of or equal").
    fn rp_id_is_own(&self) -> bool {
        let above = self.host.strip_suffix(&self.rp_id).is_some_and(|rest| rest.ends_with('.'));
        self.rp_id == self.host || (above && is_name(&self.rp_id) && self.rp_id.contains('.'))
    }

    /// Whether people reach it from elsewhere, over TLS.
    pub fn is_team(&self) -> bool {
        self.is_team
    }

    /// The host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The relying party that passkeys are bound to.
    pub fn rp_id(&self) -> &str {
        &self.rp_id
    }

    /// The port that browsers are told.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the `Host` header has to say: a browser leaves out the port that the scheme has anyway.
    pub(crate) fn authority(&self) -> String {
        let is_default = self.is_team && self.port == HTTPS;
        if is_default { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for Origin {
    /// The origin as a browser writes it, without a slash at its end.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_team { "https" } else { "http" };
        write!(formatter, "{scheme}://{}", self.authority())
    }
}

/// Labels of small letters, digits and hyphens, and dots between them.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.len() <= MAX_HOST && text.split('.').all(is_label)
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

    #[test]
    fn a_teams_origin_has_its_port_only_where_it_is_another() {
        let origin = Origin::team("https://approve.acme.example", None).unwrap();
        assert_eq!((origin.to_string().as_str(), origin.port()), ("https://approve.acme.example", 443));
        assert_eq!((origin.authority().as_str(), origin.rp_id()), ("approve.acme.example", "approve.acme.example"));
        let odd = Origin::team("https://approve.acme.example:8443", None).unwrap();
        assert_eq!(
            (odd.to_string().as_str(), odd.authority().as_str()),
            ("https://approve.acme.example:8443", "approve.acme.example:8443")
        );
    }

    #[test]
    fn what_a_browser_would_write_otherwise_is_refused() {
        for text in [
            "http://approve.acme.example",
            "https://approve.acme.example/",
            "https://approve.acme.example:443",
            "https://approve.acme.example:08443",
            "https://approve.acme.example:0",
            "https://approve.acme.example:",
            "https://approve.acme.example:99999",
            "https://Approve.acme.example",
            "https://approve.acme.example.",
            "https://approve.acme.example/page",
            "https://approve.acme.example?x",
            "https://me@approve.acme.example",
            "https://intranet",
            "https://1.2.3",
            "https://",
            "approve.acme.example",
            "",
        ] {
            assert!(matches!(Origin::team(text, None), Err(OriginError::Team(_))), "{text}");
        }
        for text in ["https://192.0.2.1", "https://192.0.2.1:8443", "https://[2001:db8::1]", "https://[::1]:8443"] {
            assert!(matches!(Origin::team(text, None), Err(OriginError::Address(_))), "{text}");
        }
    }

    #[test]
    fn passkeys_are_bound_to_the_host_or_to_a_domain_above_it() {
        let party = |name| Origin::team("https://approve.acme.example", Some(name));
        assert_eq!(party("acme.example").unwrap().rp_id(), "acme.example");
        assert_eq!(party("approve.acme.example").unwrap().rp_id(), "approve.acme.example");
        for other in ["example", "cme.example", "evil.example", "x.approve.acme.example", ".acme.example", ""] {
            assert!(matches!(party(other), Err(OriginError::RelyingParty { .. })), "{other}");
        }
    }
}
