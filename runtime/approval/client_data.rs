//! What the client says about a signature: WebAuthn Level 3 §5.8.1.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

/// The longest client data, in bytes. Browsers write 120 to 300.
const MAX_CLIENT_DATA: usize = 4_096;

/// The members that decide. Others are allowed, as the standard demands; none may stand twice, because two parsers could
/// then read two different statements.
#[derive(Debug, Default)]
pub(crate) struct ClientData {
    pub(crate) kind: String,
    pub(crate) challenge: String,
    pub(crate) origin: String,
    pub(crate) cross_origin: bool,
    /// Present at all, whatever its value: the page was inside another one.
    pub(crate) embedded: bool,
}

/// Reads client data strictly.
pub(crate) fn parse(text: &[u8]) -> Result<ClientData, serde_json::Error> {
    if text.len() > MAX_CLIENT_DATA {
        return Err(serde_json::Error::custom("longer than client data is"));
    }
    serde_json::from_slice(text)
}

impl<'de> Deserialize<'de> for ClientData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = ClientData;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a client data object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ClientData, A::Error> {
        let mut data = ClientData::default();
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "type" => data.kind = map.next_value()?,
                "challenge" => data.challenge = map.next_value()?,
                "origin" => data.origin = map.next_value()?,
                "crossOrigin" => data.cross_origin = map.next_value()?,
                "topOrigin" => {
                    data.embedded = true;
                    map.next_value::<IgnoredAny>()?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            if !seen.insert(key) {
                return Err(A::Error::custom("a member stands twice"));
            }
        }
        let complete = ["type", "challenge", "origin"].iter().all(|name| seen.contains(*name));
        if complete { Ok(data) } else { Err(A::Error::custom("type, challenge or origin is missing")) }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{MAX_CLIENT_DATA, parse};

    #[test]
    fn unknown_members_are_allowed() {
        let text = br#"{"type":"t","challenge":"c","origin":"o","crossOrigin":false,"later":{"a":[1]}}"#;
        let data = parse(text).unwrap();
        assert_eq!((data.kind.as_str(), data.challenge.as_str(), data.origin.as_str()), ("t", "c", "o"));
        assert!(!data.cross_origin && !data.embedded);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for text in [
            r#"{"type":"t","challenge":"c","origin":"o","origin":"p"}"#,
            r#"{"type":"t","challenge":"c","origin":"o","x":1,"x":2}"#,
            r#"{"type":"t","challenge":"c","origin":"o","topOrigin":"a","topOrigin":"b"}"#,
            r#"{"type":"t","challenge":"c","origin":"o","\u006frigin":"p"}"#,
            r#"{"type":"t","challenge":"c"}"#,
            r#"{"type":"t","challenge":"c","origin":null}"#,
            r#"{"type":"t","challenge":"c","origin":"o","crossOrigin":"false"}"#,
            r#"{"type":"t","challenge":"c","origin":"o","crossOrigin":null}"#,
            r#"{"type":"t","challenge":"c","origin":"o"} {}"#,
            "\u{feff}{\"type\":\"t\",\"challenge\":\"c\",\"origin\":\"o\"}",
            r#"["t","c","o"]"#,
            "",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_null_top_origin_is_a_top_origin() {
        assert!(parse(br#"{"type":"t","challenge":"c","origin":"o","topOrigin":null}"#).unwrap().embedded);
    }

    #[test]
    fn length_is_bounded() {
        let long = format!(r#"{{"type":"t","challenge":"c","origin":"{}"}}"#, "o".repeat(MAX_CLIENT_DATA));
        assert!(parse(long.as_bytes()).is_err());
    }
}
