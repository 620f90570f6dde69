//! Secret references: `op://vault/item/[section/]field[?attribute=… | ?ssh-format=openssh]`.
//!
//! The grammar is the one that 1Password's own SDK accepts, plus the field and file attributes that its command line
//! documents, minus what can only fail later: empty segments, blank edges and absurd lengths. There is no
//! percent-decoding, no quoting and no variable in it, so one text means one place.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

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

/// What is asked of the field, if not just its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Query {
    /// `?attribute=…`
    Attribute(Attribute),
    /// `?ssh-format=…`
    SshFormat(SshFormat),
}

/// An attribute of a field or of a file attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// The current one-time password. `otp`
    Otp,
    /// The current one-time password, by its other name. `totp`
    Totp,
    /// The type of the field or file. `type`
    Type,
    /// The value, as without any attribute. `value`
    Value,
    /// The identifier. `id`
    Id,
    /// The purpose of the field. `purpose`
    Purpose,
    /// The title of the field. `title`
    Title,
    /// The content of the file. `content`
    Content,
    /// The size of the file. `size`
    Size,
    /// The name of the file. `name`
    Name,
}

/// The format of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SshFormat {
    /// OpenSSH's own format. `openssh`
    Openssh,
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

impl Attribute {
    /// Every attribute, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Otp,
        Self::Totp,
        Self::Type,
        Self::Value,
        Self::Id,
        Self::Purpose,
        Self::Title,
        Self::Content,
        Self::Size,
        Self::Name,
    ];

    /// The word in the reference.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Totp => "totp",
            Self::Type => "type",
            Self::Value => "value",
            Self::Id => "id",
            Self::Purpose => "purpose",
            Self::Title => "title",
            Self::Content => "content",
            Self::Size => "size",
            Self::Name => "name",
        }
    }

    /// Whether 1Password's command line knows it and its SDKs do not.
    pub fn is_cli_only(self) -> bool {
        !matches!(self, Self::Otp | Self::Totp)
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.as_str() == word)
    }
}

impl SshFormat {
    /// The word in the reference.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Openssh => "openssh",
        }
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
