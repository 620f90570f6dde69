//! Origins with an operator's settings in them: `https://{host}:8006`, `https://{tenant}.example.com`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::origin::is_host_name;
use crate::{Name, Origin, OriginError, OriginScheme};

/// An origin with the names of settings in braces. The scheme, and whether there is a port, are always the manifest's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct OriginTemplate {
    scheme: OriginScheme,
    host: Vec<Part>,
    port: Option<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Setting(Name),
}

impl OriginTemplate {
    /// The settings it names.
    pub fn settings(&self) -> impl Iterator<Item = &Name> {
        self.host.iter().chain(&self.port).filter_map(|part| match part {
            Part::Setting(name) => Some(name),
            Part::Literal(_) => None,
        })
    }

    /// Fills in the settings. No value can change more than its own place.
    ///
    /// # Errors
    /// [`OriginError`] when a setting is missing, does not fit its place, or the outcome is not a usual host.
    pub fn render(&self, settings: &BTreeMap<Name, String>) -> Result<Origin, OriginError> {
        let host = match self.host.as_slice() {
            [Part::Setting(name)] => whole_host(name, settings)?,
            parts => parts.iter().map(|part| host_part(part, settings)).collect::<Result<String, _>>()?,
        };
        let port = match &self.port {
            None => self.scheme.default_port(),
            Some(Part::Literal(text)) => parse_port(text).ok_or(OriginError::Port)?,
            Some(Part::Setting(name)) => parse_port(value(name, settings)?)
                .ok_or_else(|| unfit(name, "a port number from 1 to 65535"))?,
        };
        Origin::new(self.scheme, &host, port)
    }
}

fn value<'a>(name: &Name, settings: &'a BTreeMap<Name, String>) -> Result<&'a str, OriginError> {
    settings.get(name).map(String::as_str).ok_or_else(|| OriginError::Missing(name.clone()))
}

fn unfit(setting: &Name, expected: &'static str) -> OriginError {
    OriginError::Setting { setting: setting.clone(), expected }
}

/// A setting that is the whole host: a host name or an address; an IPv6 address with or without its brackets.
fn whole_host(name: &Name, settings: &BTreeMap<Name, String>) -> Result<String, OriginError> {
    let text = value(name, settings)?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if bare.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok(format!("[{bare}]"));
    }
    if is_host_name(text) {
        Ok(text.to_owned())
    } else {
        Err(unfit(name, "a host name or an IP address, without scheme, port or path"))
    }
}

/// A setting inside a host: characters of one label, so that it can neither add nor end a label.
fn host_part<'a>(part: &'a Part, settings: &'a BTreeMap<Name, String>) -> Result<&'a str, OriginError> {
    let name = match part {
        Part::Literal(text) => return Ok(text),
        Part::Setting(name) => name,
    };
    let text = value(name, settings)?;
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits { Ok(text) } else { Err(unfit(name, "one label of a host name: letters, digits and hyphens, no dots")) }
}

/// Decimal digits without a sign or leading zero: one spelling per port.
fn parse_port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if digits { text.parse().ok() } else { None }
}

impl FromStr for OriginTemplate {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (OriginScheme::Https, rest),
            (_, Some(rest)) => (OriginScheme::Http, rest),
            _ => return Err(OriginError::Scheme),
        };
        let (host, port) = split_port(rest)?;
        let template = Self { scheme, host: parts(host)?, port: port.map(port_part).transpose()? };
        if template.host.is_empty() {
            return Err(OriginError::Host);
        }
        // Without settings in it the origin is complete: what is wrong with it is wrong now.
        if template.settings().next().is_none() {
            template.render(&BTreeMap::new())?;
        }
        Ok(template)
    }
}

/// The colon outside brackets parts host and port.
fn split_port(text: &str) -> Result<(&str, Option<&str>), OriginError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]{}".contains(&byte);
    if !text.bytes().all(allowed) {
        return Err(OriginError::Structure);
    }
    let host_end = text.rfind(']').map_or(0, |at| at + 1);
    let (inside, outside) = text.split_at(host_end);
    match outside.split_once(':') {
        None => Ok((text, None)),
        Some((_, port)) if port.contains(':') => Err(OriginError::Structure),
        Some((before, port)) => Ok((text.get(..inside.len() + before.len()).unwrap_or_default(), Some(port))),
    }
}

fn parts(text: &str) -> Result<Vec<Part>, OriginError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        literal(before, &mut parts)?;
        let (name, behind) = after.split_once('}').ok_or(OriginError::Braces)?;
        parts.push(Part::Setting(name.parse().map_err(|_| OriginError::Braces)?));
        rest = behind;
    }
    literal(rest, &mut parts)?;
    Ok(parts)
}

fn literal(text: &str, parts: &mut Vec<Part>) -> Result<(), OriginError> {
    if text.contains('}') {
        return Err(OriginError::Braces);
    }
    if !text.is_empty() {
        parts.push(Part::Literal(text.to_owned()));
    }
    Ok(())
}

fn port_part(text: &str) -> Result<Part, OriginError> {
    match parts(text)?.as_slice() {
        [Part::Setting(name)] => Ok(Part::Setting(name.clone())),
        [Part::Literal(digits)] if parse_port(digits).is_some() => Ok(Part::Literal(digits.clone())),
        _ => Err(OriginError::Port),
    }
}

impl TryFrom<String> for OriginTemplate {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, OriginError> {
        text.parse()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => formatter.write_str(text),
            Self::Setting(name) => write!(formatter, "{{{name}}}"),
        }
    }
}

impl fmt::Display for OriginTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://", self.scheme.as_str())?;
        self.host.iter().try_for_each(|part| write!(formatter, "{part}"))?;
        self.port.iter().try_for_each(|port| write!(formatter, ":{port}"))
    }
}
