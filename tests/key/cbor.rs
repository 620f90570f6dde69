//! The few forms of CBOR that CTAP has, on `ciborium`.

use ciborium::Value;

use crate::ctap::Status;

/// Reads one value.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Status> {
    ciborium::from_reader(bytes).map_err(|_| Status::INVALID_CBOR)
}

/// Writes one value. Maps keep the order that they are given in, which is canonical everywhere here.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A vector takes whatever is written to it.
    let _whole = ciborium::into_writer(value, &mut bytes);
    bytes
}

/// A map with small integers as its keys.
pub(crate) fn map(members: impl IntoIterator<Item = (i64, Value)>) -> Value {
    Value::Map(members.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// A map with texts as its keys.
pub(crate) fn named<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::Map(members.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// A member of a map.
pub(crate) fn member(value: &Value, key: impl Into<Value>) -> Option<&Value> {
    let key = key.into();
    value.as_map()?.iter().find_map(|(name, value)| (*name == key).then_some(value))
}

/// A member that must be there.
pub(crate) fn needed(value: &Value, key: impl Into<Value>) -> Result<&Value, Status> {
    member(value, key).ok_or(Status::MISSING_PARAMETER)
}

/// A byte string that must be there.
pub(crate) fn needed_bytes(value: &Value, key: impl Into<Value>) -> Result<&[u8], Status> {
    needed(value, key)?.as_bytes().map(Vec::as_slice).ok_or(Status::INVALID_CBOR)
}

/// A text that must be there.
pub(crate) fn needed_text(value: &Value, key: impl Into<Value>) -> Result<&str, Status> {
    needed(value, key)?.as_text().ok_or(Status::INVALID_CBOR)
}

/// An option of a request: `up`, `uv`, `rk`.
pub(crate) fn option(options: Option<&Value>, name: &str) -> Option<bool> {
    member(options?, name)?.as_bool()
}
