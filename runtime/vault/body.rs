//! Request bodies with the secrets lent to them, and their disposal.

use bytes::Bytes;
use claviger_grant::Outbound;
use claviger_manifest::BodyType;
use http_body_util::Full;
use serde_json::{Map, Value};

use crate::call::CallScope;
use crate::failure::FailureKind;

/// The body type that every connection of the house carries.
pub(crate) type OutBody = Full<Bytes>;

/// A body ready to send with its content type.
pub(crate) struct EncodedBody {
    pub(crate) bytes: Bytes,
    pub(crate) content_type: &'static str,
}

/// Places lent values at their sites and encodes the body as the operation says.
pub(crate) fn encode(outbound: &Outbound, scope: &CallScope) -> Result<Option<EncodedBody>, FailureKind> {
    if outbound.body.is_none() && outbound.lent.is_empty() {
        return Ok(None);
    }
    let mut body = outbound.body.clone().unwrap_or_else(|| Value::Object(Map::new()));
    for (pointer, handle) in &outbound.lent {
        let secret = scope.value(handle).ok_or_else(|| FailureKind::EmptySlot(handle.slot.clone()))?;
        // EXPOSE: a lent value has to be in the body that is sent; the JSON tree is dropped below, and the allocator
        // wipes what it frees.
        let text = std::str::from_utf8(secret.expose()).map_err(|_| FailureKind::Unplaceable(handle.slot.clone()))?;
        insert(&mut body, pointer, text)?;
    }
    let (text, content_type) = match outbound.body_type {
        BodyType::Json => (serde_json::to_vec(&body).map_err(|_| FailureKind::Body)?, "application/json"),
        BodyType::Form => (form(&body)?, "application/x-www-form-urlencoded"),
    };
    Ok(Some(EncodedBody { bytes: Bytes::from(text), content_type }))
}

/// Inserts at a pointer whose parent exists and which itself does not: the grant room checked that the site is free.
fn insert(body: &mut Value, pointer: &str, text: &str) -> Result<(), FailureKind> {
    let (parent, key) = pointer.rsplit_once('/').ok_or(FailureKind::Body)?;
    let object = body.pointer_mut(parent).and_then(Value::as_object_mut).ok_or(FailureKind::Body)?;
    let key = key.replace("~1", "/").replace("~0", "~");
    match object.insert(key, Value::String(text.to_owned())) {
        None => Ok(()),
        Some(_) => Err(FailureKind::Body),
    }
}

fn form(body: &Value) -> Result<Vec<u8>, FailureKind> {
    let mut encoder = form_urlencoded::Serializer::new(String::new());
    for (name, value) in body.as_object().ok_or(FailureKind::Body)? {
        encoder.append_pair(name, value.as_str().ok_or(FailureKind::Body)?);
    }
    Ok(encoder.finish().into_bytes())
}
