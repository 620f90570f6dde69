//! What of an answer reaches the plugin: all of it, its status, or typed fields.

use serde::Deserialize;

use crate::{BodyPattern, OperationError};

/// What of an answer reaches the plugin.
///
/// A secret of fewer than 8 bytes may stand in ordinary text by chance, and one of fewer than 16 may be a word; an answer
/// with free text would tell a plugin that guesses. So short secrets go only with answers that hold none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reply {
    /// All of it.
    #[default]
    Full,
    /// The status, and no body.
    Status,
    /// The listed fields where they have their type, and nothing else.
    Projection(Vec<(BodyPattern, FieldType)>),
}

/// The type of a field in a projection. None of them is free text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawType")]
pub enum FieldType {
    /// A whole number. `integer`
    Integer,
    /// Any number. `number`
    Number,
    /// `true` or `false`. `boolean`
    Boolean,
    /// An RFC 3339 time. `time`
    Time,
    /// One of these words.
    OneOf(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a type is `integer`, `number`, `boolean`, `time`, or a list of words")]
enum RawType {
    Word(Word),
    OneOf(Vec<String>),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Integer,
    Number,
    Boolean,
    Time,
}

impl TryFrom<RawType> for FieldType {
    type Error = OperationError;

    fn try_from(raw: RawType) -> Result<Self, OperationError> {
        Ok(match raw {
            RawType::Word(Word::Integer) => Self::Integer,
            RawType::Word(Word::Number) => Self::Number,
            RawType::Word(Word::Boolean) => Self::Boolean,
            RawType::Word(Word::Time) => Self::Time,
            RawType::OneOf(words) if words.is_empty() => return Err(OperationError::NoWords),
            RawType::OneOf(words) => Self::OneOf(words),
        })
    }
}
