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
            Some(Part::Setting(name)) => {
                parse_port(value(name, settings)?).ok_or_else(|| unfit(name, "a port number from 1 to 65535"))?
            }
        };
        Origin::new(self.scheme, &host, port)
    }

    /// Renders with one value for every setting of the host, and some port.
    fn sample(&self, host: &str) -> Result<Origin, OriginError> {
        let of = |part: &Part, value: &str| match part {
            Part::Setting(name) => Some((name.clone(), value.to_owned())),
            Part::Literal(_) => None,
        };
        let ports = self.port.iter().filter_map(|part| of(part, "1"));
        self.render(&self.host.iter().filter_map(|part| of(part, host)).chain(ports).collect())
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
        // Whatever an operator fills in, the manifest's own part must be able to become a host.
        ["a", "1"]
            .iter()
            .map(|sample| template.sample(sample))
            .find(Result::is_ok)
            .unwrap_or(Err(OriginError::Host))?;
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::OriginTemplate;
    use crate::{Host, Name, Origin, OriginError};

    fn render(template: &str, settings: &[(&str, &str)]) -> Result<Origin, OriginError> {
        let template: OriginTemplate = template.parse()?;
        let settings: BTreeMap<Name, String> =
            settings.iter().map(|(name, value)| (name.parse().unwrap(), (*value).to_owned())).collect();
        template.render(&settings)
    }

    fn shown(template: &str, host: &str) -> String {
        render(template, &[("host", host)]).unwrap().to_string()
    }

    #[test]
    fn origins_are_normal() {
        assert_eq!(shown("https://{host}:8006", "PVE1.Example.org"), "https://pve1.example.org:8006");
        assert_eq!(shown("https://{host}:443", "pve"), "https://pve");
        assert_eq!(shown("http://{host}", "192.0.2.7"), "http://192.0.2.7");
        assert_eq!(shown("https://{host}", "2001:DB8::1"), "https://[2001:db8::1]");
        assert_eq!(shown("https://{host}:8443", "[2001:db8::1]"), "https://[2001:db8::1]:8443");
        assert_eq!(shown("https://{host}.example.com", "acme"), "https://acme.example.com");
        assert_eq!(shown("https://api-{host}.example.com", "eu"), "https://api-eu.example.com");
        assert_eq!(shown("https://10.0.0.{host}", "5"), "https://10.0.0.5");
        assert_eq!(render("https://[::1]:8443", &[]).unwrap().to_string(), "https://[::1]:8443");
        assert_eq!(render("http://127.0.0.1:80", &[]).unwrap().port, 80);
        // A name in another script is written, and shown, in the letters that DNS has.
        assert_eq!(shown("https://{host}.example.com", "xn--pi-7kc"), "https://xn--pi-7kc.example.com");
        let both = render("https://{host}:{port}", &[("host", "h"), ("port", "1")]);
        assert_eq!(both.unwrap().to_string(), "https://h:1");
    }

    #[test]
    fn templates_that_are_no_origin_are_refused() {
        use OriginError::{Braces, Host, Port, Scheme, Structure};
        let cases = [
            ("", Scheme),
            ("ftp://h", Scheme),
            ("HTTPS://h", Scheme),
            ("{scheme}://h", Scheme),
            ("https://", Host),
            ("https://h/", Structure),
            ("https://h/path", Structure),
            ("https://h?q", Structure),
            ("https://h#f", Structure),
            ("https://user@h", Structure),
            ("https://h h", Structure),
            ("https://b\u{fc}cher.example", Structure),
            ("https://\u{430}pi.example.com", Structure),
            ("https://api\u{3002}example.com", Structure),
            ("https://\u{ff41}pi.example.com", Structure),
            ("https://a\u{ad}pi.example.com", Structure),
            ("https://*.example.com", Structure),
            ("https://*", Structure),
            ("https://xn--", Host),
            ("https://xn--a", Host),
            ("https://a%2eb", Structure),
            ("https://h:1:2", Structure),
            ("https://::1", Structure),
            ("https://{h", Braces),
            ("https://h}", Braces),
            ("https://{H}", Braces),
            ("https://h:", Port),
            ("https://h:0", Port),
            ("https://h:080", Port),
            ("https://h:65536", Port),
            ("https://h:8{port}", Port),
            ("https://1.2", Host),
            ("https://0x7f.1", Host),
            ("https://2130706433", Host),
            ("https://127.1", Host),
            ("https://010.0.0.1", Host),
            ("https://a..b", Host),
            ("https://a.", Host),
            ("https://-a", Host),
            ("https://xn--a", Host),
            ("https://[::1", Structure),
            ("https://[1.2.3.4]", Host),
            ("https://[{host}]", Host),
        ];
        for (text, reason) in cases {
            assert_eq!(text.parse::<OriginTemplate>().map(|_| ()), Err(reason), "{text:?}");
        }
    }

    #[test]
    fn settings_keep_to_their_place() {
        let hosts = [
            "evil.example/",
            "a:1",
            "a@b",
            "user:pw@b",
            "a/../b",
            "a?b",
            "a#b",
            "a b",
            "a\\b",
            "a\tb",
            "",
            ".",
            "a.",
            "[a]",
            "https://a",
            "0x7f000001",
            "127.1",
            "fe80::1%eth0",
            "a\u{3002}b",
            "\u{ff41}",
            "{host}",
        ];
        for host in hosts {
            assert!(render("https://{host}:8006", &[("host", host)]).is_err(), "{host:?}");
        }
        for label in ["a.b", "evil.example:443", "a/", "@", "", "-", "::1"] {
            assert!(render("https://{host}.example.com", &[("host", label)]).is_err(), "{label:?}");
        }
        for port in ["", "0", "+1", "-1", "65536", "80/x", "1@h", " 80", "080"] {
            assert!(render("https://h:{port}", &[("port", port)]).is_err(), "{port:?}");
        }
        let missing = render("https://{host}", &[]);
        assert_eq!(missing, Err(OriginError::Missing("host".parse().unwrap())));
    }

    #[test]
    fn errors_name_the_setting_and_not_its_value() {
        let error = render("https://{host}", &[("host", "Vq7ZrX2kT9nL/wB4p")]).unwrap_err().to_string();
        assert_eq!(error, "setting host must be a host name or an IP address, without scheme, port or path");
    }

    proptest! {
        #[test]
        fn a_whole_host_setting_is_the_host_and_nothing_else(host in "[a-zA-Z0-9.:/@?#%\\[\\]-]{0,24}|\\PC{0,16}") {
            if let Ok(origin) = render("https://{host}:8006", &[("host", host.as_str())]) {
                let url = url::Url::parse(&origin.to_string()).unwrap();
                prop_assert_eq!(url.port(), Some(8006));
                prop_assert_eq!((url.scheme(), url.path(), url.username(), url.query()), ("https", "/", "", None));
                let bare = host.trim_start_matches('[').trim_end_matches(']');
                match origin.host {
                    Host::Name(name) => prop_assert_eq!(name, host.to_ascii_lowercase()),
                    Host::Ip(ip) => prop_assert_eq!(Ok(ip), bare.parse()),
                }
            }
        }

        #[test]
        fn a_label_setting_stays_one_label(label in "[a-zA-Z0-9.:/@-]{0,12}|\\PC{0,8}") {
            if let Ok(origin) = render("https://{host}.example.com", &[("host", label.as_str())]) {
                let Host::Name(name) = origin.host else { unreachable!("it ends in .com") };
                prop_assert_eq!(name.split('.').count(), 3);
                prop_assert_eq!(name, format!("{}.example.com", label.to_ascii_lowercase()));
            }
        }

        #[test]
        fn whatever_template_is_accepted_comes_back(text in "https?://[a-z0-9.:{}-]{0,20}") {
            if let Ok(template) = text.parse::<OriginTemplate>() {
                prop_assert_eq!(template.to_string(), text);
            }
        }
    }
}
