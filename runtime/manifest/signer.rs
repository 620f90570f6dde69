//! Credentials that sign a request instead of sending a secret with it.

use std::fmt;

use serde::Deserialize;

use crate::{FieldValue, Name};

/// AWS Signature Version 4.
#[derive(Clone, Debug, PartialEq)]
pub struct AwsSigv4 {
    /// The secret or setting that holds the access key's identifier.
    pub access_key_id: Name,
    /// The secret that holds the access key.
    pub secret_access_key: Name,
    /// The secret that holds the session token of temporary credentials.
    pub session_token: Option<Name>,
    /// The region, as `eu-central-1`.
    pub region: FieldValue,
    /// The service, as `s3`.
    pub service: String,
}

/// A keyed hash (HMAC, RFC 2104) over a text that describes the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hmac {
    /// The hash.
    pub algorithm: HmacAlgorithm,
    /// The secret that is the key.
    pub key: Name,
    /// How the key is written in the vault.
    pub key_encoding: Encoding,
    /// What is signed.
    pub message: Message,
    /// How the signature is written.
    pub signature: Encoding,
    /// How the time is written.
    pub timestamp: Timestamp,
}

impl Hmac {
    /// What the headers of the credential name besides secrets and settings.
    pub const MADE: [&str; 2] = ["signature", "timestamp"];
}

/// The hash of a keyed signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HmacAlgorithm {
    /// SHA-256 (FIPS 180-4).
    #[default]
    Sha256,
    /// SHA-512 (FIPS 180-4).
    Sha512,
}

/// How bytes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As they are. Not for signatures.
    Text,
    /// RFC 4648 §4, with padding.
    #[default]
    Base64,
    /// RFC 4648 §8, lower case.
    Hex,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timestamp {
    /// Seconds since 1970.
    #[default]
    Unix,
    /// Milliseconds since 1970.
    UnixMilliseconds,
    /// RFC 3339, UTC, whole seconds.
    Rfc3339,
    /// IMF-fixdate of RFC 9110 §5.6.7.
    HttpDate,
}

/// A text with pieces of the request in single braces: `{method}\n{path}\n{timestamp}\n{body-sha256}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Message(Vec<MessagePart>);

/// A piece of what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessagePart {
    /// Text as it is; line feeds are allowed.
    Literal(String),
    /// The method.
    Method,
    /// Host, and port unless it is the scheme's own.
    Host,
    /// The encoded path.
    Path,
    /// The encoded query without `?`; empty when there is none.
    Query,
    /// The time, written as `timestamp` says.
    Timestamp,
    /// SHA-256 of the body, lower-case hexadecimal.
    BodySha256,
    /// The body itself.
    Body,
}

/// Why a text is not a message to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Unknown piece.
    #[error(
        "a message names pieces of the request in single braces: {{method}}, {{host}}, {{path}}, {{query}}, {{timestamp}}, {{body-sha256}}, {{body}}"
    )]
    Piece,
    /// Too little is signed.
    #[error(
        "a signature covers at least {{method}}, {{path}}, {{query}} and {{body-sha256}} or {{body}}; what it leaves out can be changed on the way"
    )]
    Uncovered,
    /// A character that is none of plain text.
    #[error("a message holds visible ASCII characters, spaces and line feeds, 1024 bytes at most")]
    Text,
}

/// The longest message template, in bytes.
const MAX_MESSAGE: usize = 1024;

impl Message {
    /// The pieces in their order.
    pub fn parts(&self) -> &[MessagePart] {
        &self.0
    }

    fn covers(&self) -> bool {
        let has = |part: &MessagePart| self.0.contains(part);
        has(&MessagePart::Method)
            && has(&MessagePart::Path)
            && has(&MessagePart::Query)
            && (has(&MessagePart::BodySha256) || has(&MessagePart::Body))
    }
}

impl TryFrom<String> for Message {
    type Error = MessageError;

    fn try_from(text: String) -> Result<Self, MessageError> {
        let plain = text.bytes().all(|byte| byte == b' ' || byte == b'\n' || byte.is_ascii_graphic());
        if text.len() > MAX_MESSAGE || !plain {
            return Err(MessageError::Text);
        }
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            literal(before, &mut parts)?;
            let (piece, behind) = after.split_once('}').ok_or(MessageError::Piece)?;
            parts.push(part(piece).ok_or(MessageError::Piece)?);
            rest = behind;
        }
        literal(rest, &mut parts)?;
        let message = Self(parts);
        if message.covers() { Ok(message) } else { Err(MessageError::Uncovered) }
    }
}

fn literal(text: &str, parts: &mut Vec<MessagePart>) -> Result<(), MessageError> {
    if text.contains('}') {
        return Err(MessageError::Piece);
    }
    if !text.is_empty() {
        parts.push(MessagePart::Literal(text.to_owned()));
    }
    Ok(())
}

fn part(piece: &str) -> Option<MessagePart> {
    Some(match piece {
        "method" => MessagePart::Method,
        "host" => MessagePart::Host,
        "path" => MessagePart::Path,
        "query" => MessagePart::Query,
        "timestamp" => MessagePart::Timestamp,
        "body-sha256" => MessagePart::BodySha256,
        "body" => MessagePart::Body,
        _ => return None,
    })
}

impl fmt::Display for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            MessagePart::Literal(text) => formatter.write_str(text),
            MessagePart::Method => formatter.write_str("{method}"),
            MessagePart::Host => formatter.write_str("{host}"),
            MessagePart::Path => formatter.write_str("{path}"),
            MessagePart::Query => formatter.write_str("{query}"),
            MessagePart::Timestamp => formatter.write_str("{timestamp}"),
            MessagePart::BodySha256 => formatter.write_str("{body-sha256}"),
            MessagePart::Body => formatter.write_str("{body}"),
        })
    }
}

impl AwsSigv4 {
    /// Headers that the signature itself brings. Others of AWS, such as `x-amz-target`, may be constants, and are covered.
    pub(crate) const SETS: [&str; 4] = ["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];

    pub(crate) fn names(&self) -> Vec<&Name> {
        let mut names = vec![&self.access_key_id, &self.secret_access_key];
        names.extend(&self.session_token);
        names.extend(self.region.names());
        names
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Message, MessageError, MessagePart};

    fn parse(text: &str) -> Result<Message, MessageError> {
        Message::try_from(text.to_owned())
    }

    #[test]
    fn pieces_come_back_as_written() {
        let text = "v1\n{method} {host}{path}?{query}\n{timestamp}\n{body-sha256}";
        let message = parse(text).unwrap();
        assert_eq!(message.to_string(), text);
        assert_eq!(message.parts().first(), Some(&MessagePart::Literal("v1\n".to_owned())));
    }

    #[test]
    fn each_way_to_go_wrong_has_its_reason() {
        for (text, reason) in [
            ("{method}{path}{query}{nonce}{body}", MessageError::Piece),
            ("{method}{path}{query}{body", MessageError::Piece),
            ("{method}{path}{query}{body}}", MessageError::Piece),
            ("{method}{path}{query}", MessageError::Uncovered),
            ("{path}{query}{body}", MessageError::Uncovered),
            ("{method}{query}{body}", MessageError::Uncovered),
            ("{method}{path}{body}", MessageError::Uncovered),
            ("", MessageError::Uncovered),
            ("{method}{path}{query}{body}\r\n", MessageError::Text),
            ("{method}{path}{query}{body}\u{e9}", MessageError::Text),
        ] {
            assert_eq!(parse(text).unwrap_err(), reason, "{text:?}");
        }
        let long = format!("{{method}}{{path}}{{query}}{{body}}{}", "x".repeat(1024));
        assert_eq!(parse(&long).unwrap_err(), MessageError::Text);
    }
}
