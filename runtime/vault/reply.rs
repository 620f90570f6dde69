//! What of a scanned answer reaches the guest.

use bytes::Bytes;
use claviger_manifest::{BodyPattern, FieldType, Reply};
use serde_json::{Map, Value};

use crate::capture::once;
use crate::failure::FailureKind;

/// All of the body, none of it, or the fields that have their type.
pub(crate) fn reduce(reply: &Reply, body: Bytes) -> Result<Bytes, FailureKind> {
    match reply {
        Reply::Full => Ok(body),
        Reply::Status => Ok(Bytes::new()),
        Reply::Projection(_) if body.is_empty() => Ok(body),
        Reply::Projection(fields) => {
            let value = once::parse(&body).ok_or(FailureKind::Projection)?;
            let kept = project(&value, &mut String::new(), fields).unwrap_or(Value::Null);
            Ok(serde_json::to_vec(&kept).map_err(|_| FailureKind::Projection)?.into())
        }
    }
}

/// What is left of a value: containers with something in them, and leaves that are listed and of their type. An array
/// keeps its length and its order: a place that fits nothing is `null`.
fn project(value: &Value, at: &mut String, fields: &[(BodyPattern, FieldType)]) -> Option<Value> {
    match value {
        Value::Object(members) => {
            let kept: Map<String, Value> = members
                .iter()
                .filter_map(|(key, member)| {
                    let key_token = key.replace('~', "~0").replace('/', "~1");
                    below(member, &key_token, at, fields).map(|kept| (key.clone(), kept))
                })
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(items) => {
            let kept: Vec<Option<Value>> =
                items.iter().enumerate().map(|(index, item)| below(item, &index.to_string(), at, fields)).collect();
            let some = kept.iter().any(Option::is_some);
            some.then(|| Value::Array(kept.into_iter().map(Option::unwrap_or_default).collect()))
        }
        leaf => {
            let mut wanted = fields.iter().filter(|(place, _)| place.matches(at)).map(|(_, kind)| kind);
            wanted.any(|kind| fits(kind, leaf)).then(|| leaf.clone())
        }
    }
}

/// Names in an answer are the upstream's text too: only those that a pattern leads through are kept.
fn below(value: &Value, token: &str, at: &mut String, fields: &[(BodyPattern, FieldType)]) -> Option<Value> {
    let length = at.len();
    at.push('/');
    at.push_str(token);
    let kept = fields.iter().any(|(place, _)| place.spells(at)).then(|| project(value, at, fields)).flatten();
    at.truncate(length);
    kept
}

fn fits(kind: &FieldType, leaf: &Value) -> bool {
    match kind {
        FieldType::Integer => leaf.is_i64() || leaf.is_u64(),
        FieldType::Number => leaf.is_number(),
        FieldType::Boolean => leaf.is_boolean(),
        FieldType::Time => leaf.as_str().is_some_and(is_time),
        FieldType::OneOf(words) => leaf.as_str().is_some_and(|text| words.iter().any(|word| word == text)),
    }
}

/// RFC 3339 §5.6 by its shape: digits and marks in their places leave no room for anything else.
fn is_time(text: &str) -> bool {
    let shape: String =
        text.chars().map(|character| if character.is_ascii_digit() { '0' } else { character }).collect();
    let Some(rest) = shape.strip_prefix("0000-00-00").and_then(|rest| rest.strip_prefix(['T', 't', ' '])) else {
        return false;
    };
    let Some(rest) = rest.strip_prefix("00:00:00") else { return false };
    let fraction = rest.strip_prefix('.').map(|digits| digits.trim_start_matches('0'));
    // Nanoseconds at most: more digits carry more than a time.
    let short = rest.len() - fraction.unwrap_or(rest).len() <= 10;
    short && matches!(fraction.unwrap_or(rest), "Z" | "z" | "+00:00" | "-00:00")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use bytes::Bytes;
    use claviger_manifest::{FieldType, Reply};
    use serde_json::{Value, json};

    use super::{is_time, reduce};

    fn projection(fields: &[(&str, FieldType)]) -> Reply {
        Reply::Projection(fields.iter().map(|(place, kind)| (place.parse().unwrap(), kind.clone())).collect())
    }

    fn reduced(reply: &Reply, answer: &Value) -> Value {
        serde_json::from_slice(&reduce(reply, Bytes::from(answer.to_string())).unwrap()).unwrap()
    }

    #[test]
    fn listed_fields_of_their_type_pass_and_nothing_else() {
        let states = FieldType::OneOf(vec!["running".to_owned(), "stopped".to_owned()]);
        let reply = projection(&[
            ("/data/*/vmid", FieldType::Integer),
            ("/data/*/status", states),
            ("/data/*/up", FieldType::Boolean),
            ("/data/*/load", FieldType::Number),
            ("/data/*/since", FieldType::Time),
        ]);
        let answer = json!({ "data": [
            { "vmid": 7, "status": "running", "up": true, "load": 0.5, "since": "2026-01-02T03:04:05Z", "name": "kR7vQ2pX" },
            { "vmid": "kR7vQ2pX", "status": "kR7vQ2pX", "up": "kR7vQ2pX", "load": null, "since": "kR7vQ2pX" },
            { "vmid": 8.5, "kR7vQ2pX": 7, "status": { "running": 1 } },
            { "vmid": 9 },
        ], "kR7vQ2pX": 1 });
        assert_eq!(
            reduced(&reply, &answer),
            json!({ "data": [
                { "vmid": 7, "status": "running", "up": true, "load": 0.5, "since": "2026-01-02T03:04:05Z" },
                null, null, { "vmid": 9 },
            ] })
        );
    }

    #[test]
    fn a_star_keeps_no_name_of_the_upstreams() {
        let reply = projection(&[("/*/id", FieldType::Integer)]);
        assert_eq!(reduced(&reply, &json!({ "kR7vQ2pX": { "id": 7 } })), Value::Null);
        assert_eq!(reduced(&reply, &json!([{ "id": 7 }])), json!([{ "id": 7 }]));
    }

    #[test]
    fn what_is_not_json_or_says_two_things_has_no_projection() {
        let reply = projection(&[("/id", FieldType::Integer)]);
        for body in ["<html>", "{\"id\":1,\"id\":2}", "{\"id\":1} x"] {
            assert!(reduce(&reply, Bytes::from(body)).is_err(), "{body}");
        }
        assert!(reduce(&reply, Bytes::new()).unwrap().is_empty());
    }

    #[test]
    fn a_status_has_no_body_and_full_has_all() {
        let body = Bytes::from_static(b"text");
        assert!(reduce(&Reply::Status, body.clone()).unwrap().is_empty());
        assert_eq!(reduce(&Reply::Full, body.clone()).unwrap(), body);
    }

    #[test]
    fn times_have_one_shape() {
        for text in ["2026-01-02T03:04:05Z", "2026-01-02t03:04:05.123456789z", "2026-01-02 03:04:05+01:30"] {
            assert!(is_time(text), "{text}");
        }
        for text in [
            "",
            "2026-01-02",
            "2026-01-02T03:04Z",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05.1234567890Z",
            "2026-01-02T03:04:05Zx",
            "2026-01-02T03:04:05+1:30",
            "kR7vQ2pX",
        ] {
            assert!(!is_time(text), "{text}");
        }
    }
}
