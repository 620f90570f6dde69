//! New secrets out of an answer, before anybody sees it.
//!
//! A value that a rule names is written to the journal, durably, before anything else happens to the answer: the upstream
//! will not show it a second time. What the guest gets in its place is a fixed text and a handle.

pub(crate) mod once;

use claviger_grant::{Outbound, SlotHandle};
use claviger_manifest::{BodyPattern, CaptureSource, Name};
use http::{HeaderMap, HeaderName};
use serde_json::Value;

use crate::call::CallScope;
use crate::exchange::Raw;
use crate::failure::FailureKind;
use crate::journal::Journal;
use crate::response::Report;
use crate::reveal::Secret;

/// Runs the capture rules of a successful answer, and the strip rules of any answer.
///
/// Every value that is found is kept, also when another one is missing: a credential that was made must not be lost.
pub(crate) async fn take(
    outbound: &Outbound,
    raw: &mut Raw,
    scope: &mut CallScope,
    journal: &Journal,
    report: &mut Report,
) -> Result<Vec<SlotHandle>, FailureKind> {
    for header in &outbound.strip_headers {
        raw.headers.remove(header.as_str());
        raw.trailers.remove(header.as_str());
    }
    let rules = if raw.status.is_success() { outbound.captures.as_slice() } else { &[] };
    if rules.is_empty() && outbound.strip.is_empty() {
        return Ok(Vec::new());
    }
    // Text that is not JSON, or says two things at once, has no pointers; it is scanned as it is.
    let mut json = once::parse(&raw.body);
    let found: Vec<(Name, Option<Secret>)> = rules
        .iter()
        .map(|(slot, source)| (slot.clone(), find(source, slot, json.as_mut(), &mut raw.headers)))
        .collect();
    if let Some(json) = &mut json {
        strip(json, &mut String::new(), &outbound.strip);
        raw.body = serde_json::to_vec(json).map_err(|_| FailureKind::Body)?.into();
    }
    keep(found, scope, journal, report).await
}

/// Durable first, then alive. The first thing that went wrong is told once everything else is safe.
async fn keep(
    found: Vec<(Name, Option<Secret>)>,
    scope: &mut CallScope,
    journal: &Journal,
    report: &mut Report,
) -> Result<Vec<SlotHandle>, FailureKind> {
    let mut failed =
        found.iter().find(|(_, value)| value.is_none()).map(|(slot, _)| FailureKind::Capture(slot.clone()));
    let mut taken = Vec::new();
    for (slot, value, entry) in write(found, scope.connection().clone(), journal.clone()).await {
        match entry.and_then(|entry| scope.fill(&slot, value, entry)) {
            Ok(handle) => {
                report.captured.push(slot);
                taken.push(handle);
            }
            Err(kind) => failed = failed.or(Some(kind)),
        }
    }
    failed.map_or(Ok(taken), Err)
}

/// Writes the values to the journal on a thread that may wait for the disk. It runs to its end even if the tool call is
/// cancelled meanwhile.
async fn write(
    found: Vec<(Name, Option<Secret>)>,
    connection: Name,
    journal: Journal,
) -> Vec<(Name, Secret, Result<u64, FailureKind>)> {
    let values: Vec<(Name, Secret)> = found.into_iter().filter_map(|(slot, value)| Some((slot, value?))).collect();
    if values.is_empty() {
        return Vec::new();
    }
    let writing = tokio::task::spawn_blocking(move || {
        let append = |(slot, value): (Name, Secret)| {
            let entry = journal.append(&connection, &slot, &value);
            let entry = entry.map_err(|_| FailureKind::Journal(slot.clone()));
            (slot, value, entry)
        };
        values.into_iter().map(append).collect()
    });
    // The thread does nothing that panics; if it did, there would be no values, and no handles.
    writing.await.unwrap_or_default()
}

/// Takes the value out of its place.
fn find(source: &CaptureSource, slot: &Name, json: Option<&mut Value>, headers: &mut HeaderMap) -> Option<Secret> {
    let found = match source {
        CaptureSource::Pointer(pointer) => match json?.pointer_mut(pointer)? {
            Value::String(text) => std::mem::replace(text, format!("[captured:{slot}]")).into_bytes(),
            _ => return None,
        },
        CaptureSource::Header(header) => only(header, headers)?,
    };
    // An empty value is no credential.
    if found.is_empty() { None } else { Some(Secret::new(found)) }
}

/// The value of a header that occurs once. It does not stay in the answer either way.
fn only(header: &str, headers: &mut HeaderMap) -> Option<Vec<u8>> {
    let name = HeaderName::from_bytes(header.as_bytes()).ok()?;
    let single = headers.get_all(&name).iter().count() == 1;
    let value = headers.remove(&name)?;
    single.then(|| value.as_bytes().to_vec())
}

/// Removes every value at a place that the patterns name. `at` is the way to this value.
fn strip(value: &mut Value, at: &mut String, patterns: &[BodyPattern]) {
    let length = at.len();
    let mut goes = |token: &str, child: &mut Value| {
        at.push('/');
        at.push_str(token);
        let named = patterns.iter().any(|pattern| pattern.matches(at));
        if !named && (child.is_object() || child.is_array()) {
            strip(child, at, patterns);
        }
        at.truncate(length);
        named
    };
    match value {
        Value::Object(fields) => {
            fields.retain(|key, child| !goes(&key.replace('~', "~0").replace('/', "~1"), child));
        }
        Value::Array(items) => {
            let mut index = 0_usize;
            items.retain_mut(|child| {
                let named = goes(&index.to_string(), child);
                index += 1;
                !named
            });
        }
        _ => {}
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_manifest::CaptureSource;
    use http::HeaderMap;
    use serde_json::json;

    use super::{find, strip};

    #[test]
    fn a_pointer_takes_one_string_and_leaves_its_place_marked() {
        let slot = "token".parse().unwrap();
        let mut answer = json!({"data": {"value": "kR7vQ2pXw9Lm", "n": 7, "empty": "", "list": ["Zt4Yb8NcJ6Hf"]}});
        let mut take = |pointer: &str| {
            let source = CaptureSource::Pointer(pointer.to_owned());
            find(&source, &slot, Some(&mut answer), &mut HeaderMap::new()).map(|secret| secret.expose().to_vec())
        };
        assert_eq!(take("/data/value").unwrap(), b"kR7vQ2pXw9Lm");
        assert_eq!(take("/data/list/0").unwrap(), b"Zt4Yb8NcJ6Hf");
        for pointer in ["/data/n", "/data/empty", "/data/none", "/data", "/data/list"] {
            assert_eq!(take(pointer), None, "{pointer}");
        }
        assert_eq!(answer.pointer("/data/value").unwrap(), "[captured:token]");
    }

    #[test]
    fn a_header_is_taken_only_when_it_occurs_once_and_removed_always() {
        let slot = "token".parse().unwrap();
        let source = CaptureSource::Header("X-Auth-Token".to_owned());
        let mut headers = HeaderMap::new();
        headers.append("x-auth-token", "kR7vQ2pXw9Lm".parse().unwrap());
        assert_eq!(find(&source, &slot, None, &mut headers).unwrap().expose(), b"kR7vQ2pXw9Lm");
        assert!(headers.is_empty());
        headers.append("x-auth-token", "one".parse().unwrap());
        headers.append("x-auth-token", "two".parse().unwrap());
        assert!(find(&source, &slot, None, &mut headers).is_none());
        assert!(headers.is_empty());
    }

    #[test]
    fn strip_removes_fields_and_items_and_nothing_else() {
        let mut answer =
            json!({"a": {"b/c": 1, "keep": 2}, "list": [1, 2, 3], "rows": [{"url": 1, "id": 2}, {"url": 3}]});
        let patterns = ["/a/b~1c", "/list/1", "/list/01", "/list/9", "/none/x", "/a/none", "/rows/*/url"];
        strip(&mut answer, &mut String::new(), &patterns.map(|text| text.parse().unwrap()));
        assert_eq!(answer, json!({"a": {"keep": 2}, "list": [1, 3], "rows": [{"id": 2}, {}]}));
    }
}
