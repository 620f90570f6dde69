//! The log in the forms that other systems read: OCSF API Activity, and OpenTelemetry logs as OTLP/JSON.
//!
//! They are for searching and alerting and prove nothing: whoever wants proof takes the bundle. Every text in them is
//! bounded and on one line.

use clap::ValueEnum;
use claviger_audit::{Entry, Kind, Text};
use serde_json::{Map, Value, json};

use crate::entry;

/// In which form the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// A directory that verifies with public keys alone
    #[default]
    Bundle,
    /// A file of OCSF API Activity events, one a line
    Ocsf,
    /// A file of OpenTelemetry logs, one OTLP/JSON request a line
    Otel,
}

/// The version of the Open Cybersecurity Schema Framework whose names are used.
const OCSF_VERSION: &str = "1.5.0";
/// API Activity (OCSF class 6003, category 6, Application Activity).
const API_ACTIVITY: u64 = 6003;
/// OpenTelemetry's severity numbers: INFO and WARN (logs data model, SeverityNumber).
const INFO: u64 = 9;
const WARN: u64 = 13;

/// One entry with what its intent said, so that an outcome can be read by itself.
pub(crate) struct Told<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) intent: Option<&'a Value>,
}

impl Told<'_> {
    /// The request: the entry's own, its intent's, or what is known of one that was turned back.
    fn request(&self, pointer: &str) -> Option<String> {
        let own = ["/request", "/refusal"].iter().find_map(|at| self.entry.value.pointer(at));
        let intent = self.intent.filter(|_| self.entry.value.get("intent").is_some());
        text(own.or(intent)?, pointer)
    }

    fn own(&self, pointer: &str) -> Option<String> {
        text(&self.entry.value, pointer)
    }

    fn plugin(&self) -> Option<String> {
        self.request("/plugin/name").or_else(|| self.request("/plugin"))
    }

    fn operation(&self) -> Option<String> {
        let note = self.own("/note/action");
        note.or_else(|| self.request("/action/operation"))
            .or_else(|| self.request("/action/write_back"))
            .or_else(|| self.request("/action"))
            .or_else(|| self.request("/tool"))
    }

    fn is_failure(&self) -> bool {
        let leak_or_failure = matches!(self.own("/outcome/verdict").as_deref(), Some("leak" | "failed"));
        leak_or_failure || matches!(self.entry.kind, Kind::Denied | Kind::Refused | Kind::OutcomeUnknown)
    }

    fn said(&self) -> String {
        entry::row(self.entry).pop().unwrap_or_default()
    }

    /// The form's line.
    pub(crate) fn line(&self, form: Form) -> String {
        match form {
            Form::Otel => self.otel().to_string(),
            Form::Ocsf | Form::Bundle => self.ocsf().to_string(),
        }
    }

    fn ocsf(&self) -> Value {
        let (activity_id, activity_name) = match self.request("/effect").as_deref() {
            Some("read") => (2, "Read"),
            Some("write") => (3, "Update"),
            Some("destroy") => (4, "Delete"),
            Some("mint") => (1, "Create"),
            _ => (99, "Other"),
        };
        let (status_id, status) = match self.entry.kind {
            Kind::Intent => (0, "Unknown"),
            _ if self.is_failure() => (2, "Failure"),
            _ => (1, "Success"),
        };
        let intent = self.entry.value.pointer("/intent").and_then(Value::as_u64).unwrap_or(self.entry.index);
        let mut event = json!({
            "category_uid": 6, "category_name": "Application Activity",
            "class_uid": API_ACTIVITY, "class_name": "API Activity",
            "activity_id": activity_id, "activity_name": activity_name, "type_uid": API_ACTIVITY * 100 + activity_id,
            "time": self.entry.at.as_millisecond(), "severity_id": if self.is_failure() { 3 } else { 1 },
            "status_id": status_id, "status": status, "message": self.said(),
            "metadata": { "version": OCSF_VERSION, "sequence": self.entry.index, "correlation_uid": intent.to_string(),
                "log_name": "claviger audit", "event_code": self.entry.kind.as_str(),
                "product": { "name": "Claviger", "vendor_name": "Claviger", "version": env!("CARGO_PKG_VERSION") } },
            "actor": present([("user", named("name", self.request("/principal"))), ("session", named("uid", self.request("/session")))]),
            "api": present([("operation", self.operation().map(Value::from)), ("service", named("name", self.plugin())),
                ("response", named("error", self.own("/outcome/code").or_else(|| self.own("/refusal/code"))))]),
            "src_endpoint": { "name": "claviger" },
        });
        if let Some(event) = event.as_object_mut() {
            event.extend(named("hostname", self.host()).map(|host| ("dst_endpoint".to_owned(), host)));
            event.extend(self.http_request().map(|request| ("http_request".to_owned(), request)));
            event.extend(
                self.entry
                    .value
                    .pointer("/outcome/status")
                    .map(|code| ("http_response".to_owned(), json!({ "code": code }))),
            );
            event.extend(named("client", self.request("/client")).map(|client| ("unmapped".to_owned(), client)));
        }
        event
    }

    fn host(&self) -> Option<String> {
        let origin = self.request("/action/origin")?;
        origin.split_once("://").map(|(_, host)| host.to_owned())
    }

    fn http_request(&self) -> Option<Value> {
        let (method, origin) = (self.request("/action/method")?, self.request("/action/origin")?);
        let path = self.request("/action/path").unwrap_or_default();
        Some(json!({ "http_method": method, "url": { "path": path, "url_string": format!("{origin}{path}") } }))
    }

    fn otel(&self) -> Value {
        let (number, severity) = if self.is_failure() { (WARN, "WARN") } else { (INFO, "INFO") };
        let nanoseconds = self.entry.at.as_nanosecond().to_string();
        let record = json!({
            "timeUnixNano": nanoseconds, "observedTimeUnixNano": nanoseconds,
            "severityNumber": number, "severityText": severity, "body": { "stringValue": self.said() },
            "eventName": format!("claviger.{}", self.entry.kind.as_str()), "attributes": self.attributes(),
        });
        let service = attribute("service.name", "claviger");
        let scope = json!({ "name": "claviger.audit", "version": env!("CARGO_PKG_VERSION") });
        json!({ "resourceLogs": [{ "resource": { "attributes": [service] },
            "scopeLogs": [{ "scope": scope, "logRecords": [record] }] }] })
    }

    /// The names of OpenTelemetry's semantic conventions where they have one.
    fn attributes(&self) -> Vec<Value> {
        let status = self.entry.value.pointer("/outcome/status").map(ToString::to_string);
        let intent = self.entry.value.pointer("/intent").map(ToString::to_string);
        let named = [
            ("claviger.entry", Some(self.entry.index.to_string())),
            ("claviger.intent", intent),
            ("claviger.plugin", self.plugin()),
            ("claviger.operation", self.operation()),
            ("claviger.client", self.request("/client")),
            ("claviger.effect", self.request("/effect")),
            ("claviger.verdict", self.own("/outcome/verdict")),
            ("error.type", self.own("/outcome/code").or_else(|| self.own("/refusal/code"))),
            ("user.name", self.request("/principal")),
            ("session.id", self.request("/session")),
            ("http.request.method", self.request("/action/method")),
            ("http.response.status_code", status),
            ("server.address", self.host()),
            ("url.path", self.request("/action/path")),
        ];
        named.iter().filter_map(|(name, value)| Some(attribute(name, value.as_deref()?))).collect()
    }
}

fn attribute(name: &str, value: &str) -> Value {
    json!({ "key": name, "value": { "stringValue": value } })
}

fn named(name: &str, value: Option<String>) -> Option<Value> {
    value.map(|value| json!({ name: value }))
}

fn present<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// A text that others may have written, on one line and bounded.
fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(|text| Text::new(text).to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use claviger_audit::{Entry, Kind};
    use serde_json::{Value, json};

    use super::{Form, Told};

    fn request() -> Value {
        let action = json!({ "kind": "send", "operation": "get-ticket", "method": "GET", "origin": "https://psa.example", "path": "/7\u{1b}" });
        json!({ "principal": "alex", "session": "s1", "client": "Acme", "effect": "read", "plugin": { "name": "psa" }, "tool": "t", "action": action })
    }

    fn line(kind: Kind, value: Value, form: Form) -> Value {
        let entry = Entry { index: 7, at: "2026-11-23T21:30:00.123Z".parse().unwrap(), kind, value };
        let request = request();
        let line = Told { entry: &entry, intent: Some(&request) }.line(form);
        assert!(!line.contains('\n') && !line.contains('\u{1b}'));
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn an_outcome_is_an_api_activity() {
        let outcome = json!({ "intent": 6, "outcome": { "verdict": "failed", "code": "tls", "status": 502 } });
        let event = line(Kind::Outcome, outcome, Form::Ocsf);
        for (pointer, value) in [
            ("/class_uid", json!(6003)),
            ("/type_uid", json!(600_302)),
            ("/time", json!(1_795_469_400_123_u64)),
            ("/status_id", json!(2)),
            ("/metadata/sequence", json!(7)),
            ("/metadata/correlation_uid", json!("6")),
            ("/actor/user/name", json!("alex")),
            ("/actor/session/uid", json!("s1")),
            ("/api/operation", json!("get-ticket")),
            ("/api/service/name", json!("psa")),
            ("/api/response/error", json!("tls")),
            ("/dst_endpoint/hostname", json!("psa.example")),
            ("/http_request/url/path", json!("/7\\u{1b}")),
            ("/http_response/code", json!(502)),
            ("/unmapped/client", json!("Acme")),
        ] {
            assert_eq!(event.pointer(pointer), Some(&value), "{pointer} of {event}");
        }
    }

    #[test]
    fn what_was_turned_back_and_what_operators_did_are_records_too() {
        let refusal =
            json!({ "refusal": { "principal": "mallory", "tool": "t", "code": "not-granted", "text": "no" } });
        let request = line(Kind::Denied, refusal, Form::Otel);
        let record = request.pointer("/resourceLogs/0/scopeLogs/0/logRecords/0").unwrap();
        assert_eq!((&record["severityNumber"], &record["timeUnixNano"]), (&json!(13), &json!("1795469400123000000")));
        assert_eq!(record["eventName"], "claviger.denied");
        let attributes = record["attributes"].as_array().unwrap();
        let value =
            |name: &str| attributes.iter().find(|one| one["key"] == name).map(|one| &one["value"]["stringValue"]);
        assert_eq!((value("user.name"), value("error.type")), (Some(&json!("mallory")), Some(&json!("not-granted"))));
        assert_eq!(value("claviger.client"), None, "what is not known is not said");
        let event =
            line(Kind::Event, json!({ "note": { "action": "secret-put", "subject": "op://a/b/c" } }), Form::Ocsf);
        assert_eq!((&event["activity_id"], &event["api"]["operation"]), (&json!(99), &json!("secret-put")));
    }
}
