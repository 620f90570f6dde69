//! Secret references: `op://vault/item/[section/]field[?attribute=… | ?ssh-format=openssh]`.
//!
//! The grammar is the one that 1Password's own SDK accepts, plus the field and file attributes that its command line
//! documents, minus what can only fail later: empty segments, blank edges and absurd lengths. There is no
//! percent-decoding, no quoting and no variable in it, so one text means one place.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Attribute, Query, SshFormat};

const PREFIX: &str = "op://";

/// The longest segment, in characters: far above any name that people give, far below a pasted file.
const MAX_SEGMENT: usize = 1024;

/// A pointer to a secret. It says where a value is and nothing about it, so it may be shown and logged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretReference {
    vault: String,
    item: String,
    section: Option<String>,
    field: String,
    query: Option<Query>,
}

/// Why a text is not a secret reference. The text is never repeated: it may be a secret in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Another beginning.
    #[error("a secret reference starts with `op://`, in lower case and without quotes")]
    NotPrefixed,
    /// A character that the grammar has not.
    #[error(
        "a secret reference holds only ASCII letters, digits, `-`, `_`, `.` and spaces between its slashes; name anything else by its identifier"
    )]
    Character,
    /// Too few or too many segments, or a query that is not one `key=value`.
    #[error("a secret reference has the form op://<vault>/<item>/[<section>/]<field>[?attribute=<attribute>]")]
    Format,
    /// The query's key.
    #[error("the query of a secret reference is `attribute=…` or `ssh-format=openssh`")]
    QueryKey,
    /// The query's value.
    #[error(
        "unknown attribute; a field has otp, totp, type, value, id, purpose and title, a file has content, size, name, type and id; the only ssh-format is openssh"
    )]
    QueryValue,
    /// Nothing between two slashes.
    #[error("a segment of the secret reference is empty")]
    EmptySegment,
    /// A space at an edge.
    #[error("a segment of the secret reference starts or ends with a space")]
    BlankEdge,
    /// A segment is too long.
    #[error("a segment of the secret reference is longer than {MAX_SEGMENT} characters")]
    TooLong,
}

impl SecretReference {
    /// The vault, by name or identifier.
    pub fn vault(&self) -> &str {
        &self.vault
    }

    /// The item, by name or identifier.
    pub fn item(&self) -> &str {
        &self.item
    }

    /// The section, if one is named.
    pub fn section(&self) -> Option<&str> {
        self.section.as_deref()
    }

    /// The field, or the file.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is asked of the field, if not just its value.
    pub fn query(&self) -> Option<&Query> {
        self.query.as_ref()
    }

    /// The attribute, if one is asked for.
    pub fn attribute(&self) -> Option<&Attribute> {
        match &self.query {
            Some(Query::Attribute(attribute)) => Some(attribute),
            _ => None,
        }
    }

    /// The key format, if one is asked for.
    pub fn ssh_format(&self) -> Option<SshFormat> {
        match self.query {
            Some(Query::SshFormat(format)) => Some(format),
            _ => None,
        }
    }
}

/// Whether this can stand between two slashes of a reference: as a vault, an item, a section or a field.
pub(crate) fn segment(text: &str) -> Result<(), ReferenceError> {
    if !text.bytes().all(in_segment) {
        return Err(ReferenceError::Character);
    }
    if text.is_empty() {
        return Err(ReferenceError::EmptySegment);
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err(ReferenceError::BlankEdge);
    }
    if text.len() > MAX_SEGMENT { Err(ReferenceError::TooLong) } else { Ok(()) }
}

fn in_segment(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b' ')
}

impl FromStr for SecretReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let rest = text.strip_prefix(PREFIX).ok_or(ReferenceError::NotPrefixed)?;
        // The last `?`: an earlier one is a wrong character of the path, as it is for the SDK.
        let (path, query) = match rest.rsplit_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        if !path.bytes().all(|byte| in_segment(byte) || byte == b'/') {
            return Err(ReferenceError::Character);
        }
        let query = query.map(parse_query).transpose()?;
        let segments: Vec<&str> = path.split('/').collect();
        let (vault, item, section, field) = match segments.as_slice() {
            [vault, item, field] => (vault, item, None, field),
            [vault, item, section, field] => (vault, item, Some(section), field),
            _ => return Err(ReferenceError::Format),
        };
        for part in segments.iter() {
            segment(part)?;
        }
        let owned = |part: &&str| (*part).to_owned();
        Ok(Self { vault: owned(vault), item: owned(item), section: section.map(owned), field: owned(field), query })
    }
}

/// Exactly one `key=value`, both exact and case-sensitive.
fn parse_query(text: &str) -> Result<Query, ReferenceError> {
    let (key, value) = text.split_once('=').ok_or(ReferenceError::Format)?;
    let plain = |part: &str| !part.is_empty() && part.bytes().all(in_segment);
    if !plain(key) || !plain(value) {
        return Err(ReferenceError::Format);
    }
    match (key, value) {
        ("attribute", value) => Attribute::from_word(value).map(Query::Attribute).ok_or(ReferenceError::QueryValue),
        ("ssh-format", "openssh") => Ok(Query::SshFormat(SshFormat::Openssh)),
        ("ssh-format", _) => Err(ReferenceError::QueryValue),
        _ => Err(ReferenceError::QueryKey),
    }
}

impl TryFrom<String> for SecretReference {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, ReferenceError> {
        text.parse()
    }
}

impl From<SecretReference> for String {
    fn from(reference: SecretReference) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for SecretReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}/{}/", self.vault, self.item)?;
        if let Some(section) = &self.section {
            write!(formatter, "{section}/")?;
        }
        formatter.write_str(&self.field)?;
        match self.query {
            None => Ok(()),
            Some(Query::Attribute(attribute)) => write!(formatter, "?attribute={}", attribute.as_str()),
            Some(Query::SshFormat(format)) => write!(formatter, "?ssh-format={}", format.as_str()),
        }
    }
}

impl fmt::Debug for SecretReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::{ReferenceError, SecretReference};
    use crate::{Attribute, Query, SshFormat};

    fn parse(text: &str) -> Result<SecretReference, ReferenceError> {
        text.parse()
    }

    #[test]
    fn three_or_four_segments() {
        let reference = parse("op://MSP/Pax8/client id").unwrap();
        assert_eq!((reference.vault(), reference.item(), reference.section()), ("MSP", "Pax8", None));
        assert_eq!((reference.field(), reference.query()), ("client id", None));
        let reference = parse("op://v/i/Section_A0/one-time.code?attribute=otp").unwrap();
        assert_eq!((reference.section(), reference.field()), (Some("Section_A0"), "one-time.code"));
        assert_eq!(reference.attribute(), Some(&Attribute::Otp));
        let reference = parse("op://v/i/private key?ssh-format=openssh").unwrap();
        assert_eq!((reference.ssh_format(), reference.attribute()), (Some(SshFormat::Openssh), None));
    }

    #[test]
    fn every_attribute_is_known_and_only_two_work_everywhere() {
        for attribute in Attribute::ALL {
            let text = format!("op://v/i/f?attribute={}", attribute.as_str());
            assert_eq!(parse(&text).unwrap().query(), Some(&Query::Attribute(attribute)), "{text}");
        }
        let everywhere = Attribute::ALL.into_iter().filter(|attribute| !attribute.is_cli_only());
        assert_eq!(everywhere.collect::<Vec<_>>(), [Attribute::Otp, Attribute::Totp]);
    }

    #[test]
    fn each_way_to_go_wrong_has_its_reason() {
        use ReferenceError::{BlankEdge, Character, EmptySegment, Format, NotPrefixed, QueryKey, QueryValue, TooLong};
        let long = format!("op://v/{}/f", "x".repeat(1025));
        let cases = [
            ("", NotPrefixed),
            ("OP://v/i/f", NotPrefixed),
            (" op://v/i/f", NotPrefixed),
            ("\"op://v/i/f\"", NotPrefixed),
            ("{{ op://v/i/f }}", NotPrefixed),
            ("op:/v/i/f", NotPrefixed),
            ("op://My%20Vault/i/f", Character),
            ("op://v/i/f\n", Character),
            ("op://v/i/f\t", Character),
            ("op://v/i/$FIELD", Character),
            ("op://*/i/f", Character),
            ("op://v/*/f", Character),
            ("op://v/i/*", Character),
            ("op://v/i/caf\u{e9}", Character),
            ("op://v/i\u{a0}/f", Character),
            ("op://v/i/f#frag", Character),
            ("op://v/i/f??", Character),
            ("op://v/i/f?attribute=otp?attribute=otp", Character),
            ("op://v/i", Format),
            ("op://v", Format),
            ("op://", Format),
            ("op://v/i/s/f/x", Format),
            ("op://v/i/f?", Format),
            ("op://v/i/f?attribute", Format),
            ("op://v/i/f?attribute=", Format),
            ("op://v/i/f?attribute=otp&attribute=otp", Format),
            ("op://v/i/f?attribute=otp#x", Format),
            ("op://v/i/f?attribute=%6ftp", Format),
            ("op://v/i/f?foo=bar", QueryKey),
            ("op://v/i/f?attr=otp", QueryKey),
            ("op://v/i/f?Attribute=otp", QueryKey),
            ("op://v/i/f?attribute=OTP", QueryValue),
            ("op://v/i/f?attribute=password", QueryValue),
            ("op://v/i/f?ssh-format=pem", QueryValue),
            ("op:///i/f", EmptySegment),
            ("op://v//f", EmptySegment),
            ("op://v/i/", EmptySegment),
            ("op://v/i/f/", EmptySegment),
            ("op://v/i/ f", BlankEdge),
            ("op://v/i/f ", BlankEdge),
            (long.as_str(), TooLong),
        ];
        for (text, reason) in cases {
            assert_eq!(parse(text).unwrap_err(), reason, "{text:?}");
        }
    }

    #[test]
    fn dots_are_names_and_not_directions() {
        assert_eq!(parse("op://./../f").unwrap().item(), "..");
    }

    #[test]
    fn the_longest_segment_is_accepted() {
        assert!(parse(&format!("op://v/i/{}", "x".repeat(1024))).is_ok());
    }

    fn segment() -> impl Strategy<Value = String> {
        "[A-Za-z0-9_.-]([A-Za-z0-9_. -]{0,20}[A-Za-z0-9_.-])?"
    }

    proptest! {
        #[test]
        fn what_is_built_of_segments_comes_back(
            segments in proptest::collection::vec(segment(), 3..=4),
            attribute in proptest::option::of(proptest::sample::select(Attribute::ALL.to_vec())),
        ) {
            let query = attribute.map(|attribute| format!("?attribute={}", attribute.as_str()));
            let text = format!("op://{}{}", segments.join("/"), query.unwrap_or_default());
            let reference = parse(&text).unwrap();
            prop_assert_eq!(reference.to_string(), text);
            let parts = [Some(reference.vault()), Some(reference.item()), reference.section(), Some(reference.field())];
            prop_assert_eq!(parts.into_iter().flatten().collect::<Vec<_>>(), segments);
        }

        #[test]
        fn whatever_is_accepted_has_one_spelling(text in "op://[A-Za-z/ ?=&%.-]{0,30}|\\PC{0,40}") {
            if let Ok(reference) = parse(&text) {
                prop_assert_eq!(reference.to_string(), text);
            }
        }

        #[test]
        fn no_error_repeats_the_text(text in "(op://)?[A-Z0-9]{12,24}[%/?=&]?") {
            if let Err(error) = parse(&text) {
                prop_assert!(!error.to_string().contains(text.trim_start_matches("op://")));
            }
        }
    }
}
