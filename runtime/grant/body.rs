//! Request bodies: parsed once, only declared fields, sent as the host writes them.

use std::collections::BTreeMap;

use claviger_manifest::{BodyType, Operation};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::BodyFacts;
use crate::parameters::encode_pairs;
use crate::strict_json::{self, StrictJsonError};

/// Why a body does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON that means one thing.
    #[error(transparent)]
    Json(#[from] StrictJsonError),
    /// The operation takes none.
    #[error("it takes no body; the manifest's `body` lists nothing")]
    NotTaken,
    /// A field outside the allow-list.
    #[error("the body sets a field that the manifest's `body` does not list; it lists: {0}")]
    Field(String),
    /// Too long.
    #[error("the body is longer than the manifest's [limits] request allows ({0} bytes)")]
    TooLong(u64),
    /// A form takes an object of strings.
    #[error("a form body must be a JSON object whose values are strings")]
    NotAForm,
}

/// Parses the guest's body and holds every leaf against the operation's allow-list.
pub(crate) fn check(operation: &Operation, text: Option<&[u8]>, limit: u64) -> Result<Option<Value>, BodyError> {
    let Some(text) = text else { return Ok(None) };
    if operation.body.is_empty() && operation.lend.is_empty() {
        return Err(BodyError::NotTaken);
    }
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > limit {
        return Err(BodyError::TooLong(limit));
    }
    let value = strict_json::parse(text)?;
    for pointer in leaves(&value).keys() {
        let empty_container = pointer.is_empty() && (value.is_object() || value.is_array());
        if !empty_container && !operation.body.iter().any(|allowed| allowed.matches(pointer)) {
            let listed: Vec<String> = operation.body.iter().map(ToString::to_string).collect();
            return Err(BodyError::Field(listed.join(", ")));
        }
    }
    if operation.body_type == BodyType::Form {
        form_pairs(&value)?;
    }
    Ok(Some(value))
}

/// The facts of a body for the approver: every leaf, and the digest of what will be sent.
pub(crate) fn facts(body: &Value, body_type: BodyType) -> Result<BodyFacts, BodyError> {
    let encoded = match body_type {
        BodyType::Json => body.to_string(),
        BodyType::Form => encode_pairs(&form_pairs(body)?),
    };
    Ok(BodyFacts {
        encoding: match body_type {
            BodyType::Json => "json",
            BodyType::Form => "form",
        },
        sha256: hex::encode(Sha256::digest(encoded.as_bytes())),
        fields: leaves(body),
    })
}

/// The pairs of a form body.
pub(crate) fn form_pairs(body: &Value) -> Result<Vec<(String, String)>, BodyError> {
    let object = body.as_object().ok_or(BodyError::NotAForm)?;
    object
        .iter()
        .map(|(name, value)| Ok((name.clone(), value.as_str().ok_or(BodyError::NotAForm)?.to_owned())))
        .collect()
}

/// JSON pointer (RFC 6901) of every leaf, with the leaf's JSON text. Empty containers are leaves: they are sent too.
fn leaves(value: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(value, String::new(), &mut found);
    found
}

fn collect(value: &Value, pointer: String, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, inner) in map {
                let token = key.replace('~', "~0").replace('/', "~1");
                collect(inner, format!("{pointer}/{token}"), found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, inner) in items.iter().enumerate() {
                collect(inner, format!("{pointer}/{index}"), found);
            }
        }
        leaf => {
            found.insert(pointer, leaf.to_string());
        }
    }
}
