//! New secrets out of an answer, before anybody sees it.
//!
//! A value that a rule names is written to the journal, durably, before anything else happens to the answer: the upstream
//! will not show it a second time. What the guest gets in its place is a fixed text and a handle.

mod once;

use claviger_grant::{Outbound, SlotHandle};
use claviger_manifest::{CaptureSource, Name};
use http::{HeaderMap, HeaderName};
use serde_json::Value;

use crate::call::CallScope;
use crate::exchange::Raw;
use crate::failure::FailureKind;
use crate::journal::Journal;
use crate::response::Report;
use crate::reveal::Secret;

/// Runs the capture rules of a successful answer, then the strip rules of any answer.
///
/// Every value that is found is kept, also when another one is missing: a credential that was made must not be lost.
pub(crate) fn take(
    outbound: &Outbound,
    raw: &mut Raw,
    scope: &mut CallScope,
    journal: &Journal,
    report: &mut Report,
) -> Result<Vec<SlotHandle>, FailureKind> {
    let captures = raw.status.is_success() && !outbound.captures.is_empty();
    if !captures && outbound.strip.is_empty() {
        return Ok(Vec::new());
    }
    // Text that is not JSON, or says two things at once, has no pointers; it is scanned as it is.
    let mut json = once::parse(&raw.body);
    let mut taken = Vec::new();
    let mut failed = None;
    for (slot, source) in outbound.captures.iter().filter(|_| captures) {
        let kept = find(source, slot, json.as_mut(), &mut raw.headers).and_then(|v| keep(slot, v, scope, journal));
        match kept {
            Ok(handle) => {
                report.captured.push(slot.clone());
                taken.push(handle);
            }
            Err(kind) => failed = failed.or(Some(kind)),
        }
    }
    if let Some(json) = &mut json {
        outbound.strip.iter().for_each(|pointer| strip(json, pointer));
        raw.body = serde_json::to_vec(json).map_err(|_| FailureKind::Body)?.into();
    }
    failed.map_or(Ok(taken), Err)
}

/// Durable first, then alive.
pub(crate) fn keep(slot: &Name, value: Secret, scope: &mut CallScope, journal: &Journal) -> Result<SlotHandle, FailureKind> {
    let entry = journal.append(scope.connection(), slot, &value).map_err(|_| FailureKind::Journal(slot.clone()))?;
    scope.fill(slot, value, entry)
}

/// Takes the value out of its place.
fn find(
    source: &CaptureSource,
    slot: &Name,
    json: Option<&mut Value>,
    headers: &mut HeaderMap,
) -> Result<Secret, FailureKind> {
    let found = match source {
        CaptureSource::Pointer(pointer) => json.and_then(|json| json.pointer_mut(pointer)).and_then(|place| {
            let Value::String(text) = place else { return None };
            Some(std::mem::replace(text, format!("[captured:{slot}]")).into_bytes())
        }),
        CaptureSource::Header(header) => only(header, headers),
    };
    // An empty value is no credential.
    found.filter(|value| !value.is_empty()).map(Secret::new).ok_or_else(|| FailureKind::Capture(slot.clone()))
}

/// The value of a header that occurs once. It does not stay in the answer either way.
fn only(header: &str, headers: &mut HeaderMap) -> Option<Vec<u8>> {
    let name = HeaderName::from_bytes(header.as_bytes()).ok()?;
    let single = headers.get_all(&name).iter().count() == 1;
    let value = headers.remove(&name)?;
    single.then(|| value.as_bytes().to_vec())
}

/// Removes what a pointer names, if it is there.
fn strip(json: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    let key = key.replace("~1", "/").replace("~0", "~");
    match json.pointer_mut(parent) {
        Some(Value::Object(fields)) => drop(fields.remove(&key)),
        Some(Value::Array(items)) => {
            // An index is digits without leading zeros (RFC 6901 §4).
            let canonical = key.parse::<usize>().ok().filter(|index| index.to_string() == key);
            if let Some(index) = canonical.filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}
