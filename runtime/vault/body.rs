//! Request bodies with the secrets lent to them.

use std::collections::BTreeMap;
use std::str::Utf8Error;
use std::sync::Arc;

use bytes::Bytes;
use claviger_grant::Outbound;
use claviger_manifest::{BodyType, Name};
use http_body_util::Full;
use serde_json::{Map, Value};
use zeroize::Zeroize as _;

use crate::call::CallScope;
use crate::failure::FailureKind;
use crate::reveal::Secret;

/// The body type that every connection of the house carries.
pub(crate) type OutBody = Full<Bytes>;

/// The most bytes that one byte of a lent value takes in JSON or in a form: `\u0000`.
const MAX_ESCAPE: usize = 6;

/// A body ready to send with its content type.
pub(crate) struct EncodedBody {
    pub(crate) bytes: Bytes,
    pub(crate) content_type: &'static str,
}

/// A value that goes into a body besides what the guest gave.
pub(crate) enum Placed {
    /// A secret, which is text.
    Secret(Name, Arc<Secret>),
    /// A constant of the manifest.
    Constant(Value),
}

/// Places lent values and a credential's fields at their sites, and encodes the body as the operation says.
pub(crate) fn encode(
    outbound: &Outbound,
    fields: Vec<(String, Placed)>,
    scope: &CallScope,
) -> Result<Option<EncodedBody>, FailureKind> {
    let lent = outbound.lent.iter().map(|(pointer, handle)| {
        let secret = scope.value(handle).ok_or_else(|| FailureKind::EmptySlot(handle.slot.clone()))?;
        Ok((pointer.clone(), Placed::Secret(handle.slot.clone(), Arc::clone(secret))))
    });
    let placed = lent.chain(fields.into_iter().map(Ok)).collect::<Result<Vec<_>, FailureKind>>()?;
    if placed.is_empty() {
        let Some(body) = &outbound.body else { return Ok(None) };
        return render(body, outbound.body_type, 0).map(Some);
    }
    let mut body = outbound.body.clone().unwrap_or_else(|| Value::Object(Map::new()));
    let mut room = 0;
    for (pointer, value) in &placed {
        room += pointer.len() + PAIR_ROOM;
        match value {
            Placed::Constant(value) => insert(&mut body, pointer, value.clone())?,
            Placed::Secret(name, secret) => {
                // EXPOSE: the value has to be in the body that is sent; its copy in the tree is wiped below.
                let text = std::str::from_utf8(secret.expose()).map_err(|_| FailureKind::Unplaceable(name.clone()))?;
                insert(&mut body, pointer, Value::String(text.to_owned()))?;
                room += text.len() * MAX_ESCAPE;
            }
        }
    }
    let encoded = render(&body, outbound.body_type, room);
    for (pointer, _) in &placed {
        if let Some(Value::String(copy)) = body.pointer_mut(pointer) {
            copy.zeroize();
        }
    }
    encoded.map(Some)
}

/// A value as the bytes that are sent, in a buffer that is wiped when the last part of the request lets go of it.
pub(crate) fn wiped(value: Secret) -> Bytes {
    struct Owner(Secret);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            // EXPOSE: only the HTTP library reads it, and only to write it to the connection.
            self.0.expose()
        }
    }
    Bytes::from_owner(Owner(value))
}

/// Inserts at a pointer that has no value yet. Objects on the way are made; anything else that stands there is not
/// touched. Sites are declared, and the grant room saw to it that the guest filled none of them.
fn insert(body: &mut Value, pointer: &str, value: Value) -> Result<(), FailureKind> {
    let (parent, key) = pointer.rsplit_once('/').ok_or(FailureKind::Body)?;
    let mut object = body.as_object_mut().ok_or(FailureKind::Body)?;
    for token in parent.split('/').skip(1) {
        let next = object.entry(unescaped(token)).or_insert_with(|| Value::Object(Map::new()));
        object = next.as_object_mut().ok_or(FailureKind::Body)?;
    }
    match object.insert(unescaped(key), value) {
        None => Ok(()),
        Some(_) => Err(FailureKind::Body),
    }
}

/// A reference token as the name it stands for (RFC 6901 §4).
fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// Encodes a body. `room` is what lent values may add, so that a buffer that holds one never grows and leaves a copy.
fn render(body: &Value, body_type: BodyType, room: usize) -> Result<EncodedBody, FailureKind> {
    let (text, content_type) = match body_type {
        BodyType::Json => (json(body, room)?, "application/json"),
        BodyType::Form => (form(body, room)?, "application/x-www-form-urlencoded"),
    };
    let bytes = if room == 0 { Bytes::from(text) } else { wiped(Secret::new(text)) };
    Ok(EncodedBody { bytes, content_type })
}

fn json(body: &Value, room: usize) -> Result<Vec<u8>, FailureKind> {
    let capacity = if room == 0 { SMALL } else { length(body) + room };
    let mut text = Vec::with_capacity(capacity);
    serde_json::to_writer(&mut text, body).map_err(|_| FailureKind::Body)?;
    Ok(text)
}

/// Where a buffer without secrets begins: most bodies are shorter.
const SMALL: usize = 256;

/// The number of bytes of a value as JSON.
fn length(body: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting cannot fail, and a wrong count costs a copy, not a request.
    drop(serde_json::to_writer(&mut count, body));
    count.0
}

fn form(body: &Value, room: usize) -> Result<Vec<u8>, FailureKind> {
    let capacity = if room == 0 { SMALL } else { length(body) * 3 + room };
    let mut text = Vec::with_capacity(capacity);
    for (name, value) in body.as_object().ok_or(FailureKind::Body)? {
        pair(name, value.as_str().ok_or(FailureKind::Body)?.as_bytes(), &mut text);
    }
    Ok(text)
}

/// A body of pairs, encoded as a manifest says: for the requests that the host itself makes. The values are secrets.
pub(crate) fn pairs(pairs: &[(&str, &Secret)], body_type: BodyType) -> Result<EncodedBody, FailureKind> {
    let room: usize = pairs.iter().map(|(name, value)| name.len() + value.len() * MAX_ESCAPE + PAIR_ROOM).sum();
    let mut text = Vec::with_capacity(room);
    // EXPOSE: the token endpoint authenticates the client by these values (RFC 6749 §2.3.1); the buffer is wiped after
    // sending and has its final size.
    let content_type = match body_type {
        BodyType::Json => {
            let values = pairs.iter().map(|(name, value)| Ok((*name, std::str::from_utf8(value.expose())?)));
            let map: BTreeMap<&str, &str> = values.collect::<Result<_, Utf8Error>>().map_err(|_| FailureKind::Body)?;
            serde_json::to_writer(&mut text, &map).map_err(|_| FailureKind::Body)?;
            "application/json"
        }
        BodyType::Form => {
            // EXPOSE: as above, and percent-encoded into the same buffer.
            pairs.iter().for_each(|(name, value)| pair(name, value.expose(), &mut text));
            "application/x-www-form-urlencoded"
        }
    };
    Ok(EncodedBody { bytes: wiped(Secret::new(text)), content_type })
}

/// What a pair takes besides its name and value: quotes, separators, braces.
const PAIR_ROOM: usize = 8;

/// Appends `name=value`, after `&` unless it is the first. The grant room encodes the same way, so the digest that a human
/// signed is the digest of these bytes.
pub(crate) fn pair(name: &str, value: &[u8], out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b'&');
    }
    percent(name.as_bytes(), out);
    out.push(b'=');
    percent(value, out);
}

/// Percent-encodes everything but the unreserved characters of RFC 3986 §2.3. At most three bytes for one.
pub(crate) fn percent(value: &[u8], out: &mut Vec<u8>) {
    for byte in value {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(*byte);
        } else {
            out.push(b'%');
            out.extend([byte >> 4, byte & 15].into_iter().filter_map(|digit| HEX.get(usize::from(digit))));
        }
    }
}

/// Upper case, as RFC 3986 §2.1 asks of whoever encodes.
const HEX: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{insert, pair, percent};

    #[test]
    fn a_site_is_made_and_never_replaced() {
        let mut body = json!({ "a": { "b": 1 }, "list": [1] });
        for (pointer, value) in [("/a/c", "x"), ("/auth/identity/key", "y"), ("/a~1b", "z")] {
            insert(&mut body, pointer, json!(value)).unwrap();
        }
        let filled =
            json!({ "a": { "b": 1, "c": "x" }, "list": [1], "auth": { "identity": { "key": "y" } }, "a/b": "z" });
        assert_eq!(body, filled);
        for pointer in ["/a/c", "/a/b", "/a", "/a/b/c", "/list/0", "/list/1", "", "x"] {
            assert!(insert(&mut body.clone(), pointer, json!(2)).is_err(), "{pointer}");
        }
        assert!(insert(&mut json!([]), "/0", json!(2)).is_err());
    }

    proptest! {
        #[test]
        fn a_pair_is_read_as_it_was_meant(name in "\\PC{1,20}", value in "\\PC{0,40}") {
            let mut text = Vec::new();
            pair("first", b"1", &mut text);
            pair(&name, value.as_bytes(), &mut text);
            let read: Vec<(String, String)> = form_urlencoded::parse(&text).into_owned().collect();
            prop_assert_eq!(read, [("first".to_owned(), "1".to_owned()), (name, value)]);
        }
    }

    #[test]
    fn only_unreserved_characters_stand_for_themselves() {
        let mut text = Vec::new();
        percent("aZ9-._~ +&=%/*\u{fc}".as_bytes(), &mut text);
        assert_eq!(text, b"aZ9-._~%20%2B%26%3D%25%2F%2A%C3%BC");
    }
}
