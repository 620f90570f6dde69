//! Origins: scheme, host and port, parsed once.

use std::fmt;
use std::net::IpAddr;

use crate::Name;

/// The longest host name, in bytes (RFC 1035 §2.3.4).
const MAX_HOST: usize = 253;

/// The longest label of a host name, in bytes (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// Where requests of an endpoint go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// With or without TLS.
    pub scheme: OriginScheme,
    /// The host.
    pub host: Host,
    /// The port, the scheme's own one included.
    pub port: u16,
}

/// With or without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginScheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

/// A host: a name in lower case, or an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A host name, ASCII, in lower case, without a trailing dot.
    Name(String),
    /// An address.
    Ip(IpAddr),
}

/// Why a text is not an origin, or does not become one. Values of settings are not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Another scheme, or none.
    #[error("an origin starts with https:// or http://")]
    Scheme,
    /// User, path, query, fragment or a character that no host has.
    #[error("an origin is a scheme, a host and perhaps a port, and nothing else: no user, path, query or fragment")]
    Structure,
    /// Braces that do not enclose the name of a setting.
    #[error("braces in an origin enclose the name of a setting, as in `https://{{host}}:8006`")]
    Braces,
    /// The host is not one.
    #[error("the host is neither a host name nor an address in its usual form")]
    Host,
    /// The port is not one.
    #[error("the port is a number from 1 to 65535")]
    Port,
    /// A setting has no value.
    #[error("setting {0} has no value")]
    Missing(Name),
    /// A setting would change more than its place.
    #[error("setting {setting} must be {expected}")]
    Setting {
        /// The setting.
        setting: Name,
        /// What its place takes.
        expected: &'static str,
    },
}

impl OriginScheme {
    /// The scheme as it stands in an origin.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that goes without saying (RFC 9110 §4.2).
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Origin {
    /// Builds an origin from a host text, which the WHATWG rules must read exactly as it is meant here. They read many
    /// odd texts as addresses (`1.2`, `0x7f.1`, `2130706433`): those are refused, since two readers could disagree.
    pub(crate) fn new(scheme: OriginScheme, host: &str, port: u16) -> Result<Self, OriginError> {
        let meant = parse_host(host)?;
        let origin = Self { scheme, host: meant, port };
        let parsed = url::Url::parse(&origin.to_string()).map_err(|_| OriginError::Host)?;
        let read = match parsed.host().ok_or(OriginError::Host)? {
            url::Host::Domain(name) => Host::Name(name.to_owned()),
            url::Host::Ipv4(ip) => Host::Ip(ip.into()),
            url::Host::Ipv6(ip) => Host::Ip(ip.into()),
        };
        if read != origin.host {
            return Err(OriginError::Host);
        }
        let same = parsed.port_or_known_default() == Some(port) && parsed.path() == "/" && parsed.username().is_empty();
        if same { Ok(origin) } else { Err(OriginError::Structure) }
    }
}

/// `[…]` is an IPv6 address, four decimal numbers are an IPv4 address, everything else is a name.
fn parse_host(text: &str) -> Result<Host, OriginError> {
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse().map(|ip| Host::Ip(IpAddr::V6(ip))).map_err(|_| OriginError::Host);
    }
    if let Ok(ip) = text.parse() {
        return Ok(Host::Ip(IpAddr::V4(ip)));
    }
    if is_host_name(text) { Ok(Host::Name(text.to_ascii_lowercase())) } else { Err(OriginError::Host) }
}

/// Letters, digits and hyphens in labels (RFC 1123 §2.1); no trailing dot, which would be a second spelling.
pub(crate) fn is_host_name(text: &str) -> bool {
    text.len() <= MAX_HOST && text.split('.').all(is_label)
}

/// One label of a host name.
fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => write!(formatter, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(formatter, "[{ip}]"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(formatter, ":{}", self.port) }
    }
}
