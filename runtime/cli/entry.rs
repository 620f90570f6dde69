//! A log entry as a line that people read: who did what with which tool, who allowed it, and how it ended.

use claviger_approval::{HostMethod, Receipt};
use claviger_audit::{Entry, Kind, Text};
use serde::Deserialize as _;
use serde_json::Value;

/// How much of a detail is shown, in characters; `--json` has all of it.
const SHOWN_DETAIL: usize = 160;

/// How the log writes a line break: details that have one (a whole connection file) are for `--json`.
const BREAK: &str = "\\u{a}";

/// The columns of [`row`].
pub(crate) const HEADER: [&str; 4] = ["ENTRY", "TIME", "KIND", "WHAT"];

/// One entry. Texts in it may come from a plugin or a model, so they are escaped and bounded once more.
pub(crate) fn row(entry: &Entry) -> Vec<String> {
    let told = Text::new(&said(entry)).to_string();
    vec![entry.index.to_string(), entry.at.strftime("%F %TZ").to_string(), entry.kind.as_str().to_owned(), told]
}

/// The same as it stands in the log, for whoever escapes and bounds it in a way of their own.
pub(crate) fn said(entry: &Entry) -> String {
    told(entry.kind, &Members(&entry.value))
}

fn told(kind: Kind, entry: &Members<'_>) -> String {
    match kind {
        Kind::Intent => format!("{}; {}", request(entry), approval(entry)),
        Kind::Outcome => format!("{}: {}", closed(entry), outcome(entry)),
        Kind::OutcomeUnknown => format!("{}: nobody knows how it ended, {}", closed(entry), why_unknown(entry)),
        Kind::Denied => {
            format!("{}: {}: {}", asker(entry, "/refusal"), entry.text("/refusal/code"), entry.text("/refusal/text"))
        }
        Kind::Refused => refused(entry),
        Kind::Event => event(entry),
    }
}

/// `alex psa.search_tickets`, and the client that it is for.
fn asker(entry: &Members<'_>, at: &str) -> String {
    let member = |name: &str| entry.text(&format!("{at}/{name}"));
    let client = entry.find(&format!("{at}/client")).map(|client| format!(" for {client}")).unwrap_or_default();
    format!("{} {}.{}{client}", member("principal"), member("connection"), member("tool"))
}

fn request(entry: &Members<'_>) -> String {
    let action = |name: &str| entry.text(&format!("/request/action/{name}"));
    let what = match entry.find("/request/action/kind").as_deref() {
        Some("store") => format!("store {:?} in vault {:?}", action("title"), action("vault")),
        _ => format!("{} {}{}", action("method"), action("origin"), action("path")),
    };
    format!("{} {}: {what}", asker(entry, "/request"), entry.text("/request/effect"))
}

fn approval(entry: &Members<'_>) -> String {
    // One receipt, or as many as people had to agree.
    let people: Vec<String> = (0_usize..)
        .map_while(|one| {
            let approver = entry.find(&format!("/proof/receipts/{one}/approver"))?;
            let kind = entry.text(&format!("/proof/receipts/{one}/kind"));
            Some(format!("{approver} ({kind}{})", method(entry, one)))
        })
        .collect();
    if !people.is_empty() {
        return format!("approved by {}", people.join(" and "));
    }
    format!("under a lease, use {}", entry.text("/proof/lease/use_number"))
}

/// By which method the host came to say that somebody agreed, where it was more than a word on the terminal; and which
/// authenticator signed, where it was no page's passkey.
fn method(entry: &Members<'_>, one: usize) -> String {
    let method = entry.0.pointer(&format!("/proof/receipts/{one}")).and_then(method_of);
    method
        .filter(|method| *method != HostMethod::Terminal.as_str())
        .map(|method| format!(" by {method}"))
        .unwrap_or_default()
}

/// The method of a receipt, if the host asserts it, or a security key signed it on the terminal.
pub(crate) fn method_of(receipt: &Value) -> Option<&'static str> {
    let receipt = Receipt::deserialize(receipt).ok()?;
    if receipt.is_by_security_key() { Some("security key") } else { receipt.method().map(HostMethod::as_str) }
}

fn closed(entry: &Members<'_>) -> String {
    format!("entry {}", entry.text("/intent"))
}

fn outcome(entry: &Members<'_>) -> String {
    let member = |name: &str| entry.find(&format!("/outcome/{name}"));
    let mut said = vec![member("verdict").unwrap_or_default()];
    said.extend(member("status").map(|status| format!("with {status}")));
    said.extend(member("code").map(|code| format!("at {code}")));
    said.extend(entry.list("/outcome/stored").map(|stored| format!("as {stored}")));
    said.extend(entry.list("/outcome/captured").map(|slots| format!("and kept {slots}")));
    let mut text = said.join(" ");
    if let Some(detail) = member("detail") {
        text.push_str(&format!(" ({detail})"));
    }
    if member("left_host").as_deref() == Some("false") && member("verdict").as_deref() == Some("failed") {
        text.push_str("; nothing left this host");
    }
    text
}

fn why_unknown(entry: &Members<'_>) -> &'static str {
    match entry.find("/reason").as_deref() {
        Some("abandoned") => "the call was given up",
        _ => "the host stopped while it was out",
    }
}

fn refused(entry: &Members<'_>) -> String {
    let member = |name: &str| entry.text(&format!("/refusal/{name}"));
    let asker = asker(entry, "/refusal");
    format!("{asker} {}: {}: {}: {}", member("effect"), member("target"), member("code"), member("text"))
}

fn event(entry: &Members<'_>) -> String {
    let detail = entry.find("/note/detail").filter(|detail| !detail.contains(BREAK));
    let detail = detail.map(|detail| format!(" ({})", shortened(&detail))).unwrap_or_default();
    format!("{} {}{detail}", entry.text("/note/action"), entry.text("/note/subject"))
}

fn shortened(text: &str) -> String {
    let kept: String = text.chars().take(SHOWN_DETAIL).collect();
    if kept.len() < text.len() { format!("{kept}…") } else { kept }
}

/// An entry's members, by their pointers.
struct Members<'a>(&'a Value);

impl Members<'_> {
    fn find(&self, pointer: &str) -> Option<String> {
        let value = self.0.pointer(pointer)?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    /// A member, or a mark where there is none: a log of another version is still shown.
    fn text(&self, pointer: &str) -> String {
        self.find(pointer).unwrap_or_else(|| "?".to_owned())
    }

    /// The strings of an array that has any.
    fn list(&self, pointer: &str) -> Option<String> {
        let items: Vec<&str> = self.0.pointer(pointer)?.as_array()?.iter().filter_map(Value::as_str).collect();
        (!items.is_empty()).then(|| items.join(" "))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_audit::{Entry, Kind};
    use serde_json::{Value, json};

    use super::row;

    fn line(kind: Kind, value: Value) -> String {
        let at = "2026-11-23T21:30:00.123Z".parse().unwrap();
        let row = row(&Entry { index: 7, at, kind, value });
        let (told, frame) = row.split_last().unwrap();
        assert_eq!(frame, ["7", "2026-11-23 21:30:00Z", kind.as_str()]);
        told.clone()
    }

    fn intent(action: &Value, proof: &Value) -> Value {
        json!({ "kind": "intent", "proof": proof, "request": { "principal": "alex", "connection": "psa", "tool": "get_ticket",
            "client": "Acme", "effect": "read", "action": action } })
    }

    #[test]
    fn an_intent_says_who_what_where_and_who_allowed_it() {
        let send = json!({ "kind": "send", "method": "GET", "origin": "https://psa.example", "path": "/tickets/7" });
        let sam = json!({ "approver": "sam", "kind": "host-asserted" });
        assert_eq!(
            line(Kind::Intent, intent(&send, &json!({ "receipts": [sam] }))),
            "alex psa.get_ticket for Acme read: GET https://psa.example/tickets/7; approved by sam (host-asserted)"
        );
        let both = json!({ "receipts": [sam, { "approver": "kim", "kind": "webauthn" }] });
        assert_eq!(
            line(Kind::Intent, intent(&send, &both)),
            "alex psa.get_ticket for Acme read: GET https://psa.example/tickets/7; approved by sam (host-asserted) and kim (webauthn)"
        );
        let store = json!({ "kind": "store", "vault": "MSP", "title": "pve api token" });
        let lease = json!({ "lease": { "receipt": "00", "use_number": 3 } });
        assert_eq!(
            line(Kind::Intent, intent(&store, &lease)),
            "alex psa.get_ticket for Acme read: store \"pve api token\" in vault \"MSP\"; under a lease, use 3"
        );
    }

    #[test]
    fn an_outcome_says_how_it_ended() {
        let outcome = |outcome: Value| line(Kind::Outcome, json!({ "intent": 4, "outcome": outcome }));
        assert_eq!(
            outcome(json!({ "verdict": "answered", "status": 200, "left_host": true })),
            "entry 4: answered with 200"
        );
        assert_eq!(
            outcome(json!({ "verdict": "stored", "left_host": false, "stored": ["op://a/b/c", "op://a/b/d"] })),
            "entry 4: stored as op://a/b/c op://a/b/d"
        );
        assert_eq!(
            outcome(json!({ "verdict": "failed", "code": "tls", "detail": "no trust", "left_host": false })),
            "entry 4: failed at tls (no trust); nothing left this host"
        );
        let unknown = |reason: &str| line(Kind::OutcomeUnknown, json!({ "intent": 4, "reason": reason }));
        assert!(unknown("interrupted").ends_with("the host stopped while it was out"));
        assert!(unknown("abandoned").ends_with("the call was given up"));
    }

    #[test]
    fn what_was_turned_back_says_why() {
        let asked = json!({ "principal": "alex", "connection": "psa", "tool": "x", "code": "denied", "text": "no",
            "effect": "write", "target": "PUT https://psa.example/7" });
        let refusal = json!({ "refusal": asked });
        assert_eq!(line(Kind::Denied, refusal.clone()), "alex psa.x: denied: no");
        assert_eq!(line(Kind::Refused, refusal), "alex psa.x write: PUT https://psa.example/7: denied: no");
    }

    #[test]
    fn an_event_shows_short_details_and_no_control_characters() {
        let event = |detail: &str| {
            line(
                Kind::Event,
                json!({ "note": { "action": "secret-put", "subject": "op://a/b/\u{1b}[2J", "detail": detail } }),
            )
        };
        assert_eq!(event("new"), "secret-put op://a/b/\\u{1b}[2J (new)");
        assert_eq!(event("plugin = \"psa\"\\u{a}"), "secret-put op://a/b/\\u{1b}[2J");
        assert!(event(&"x".repeat(161)).ends_with("xxx…)"));
    }

    #[test]
    fn what_is_missing_is_marked() {
        assert_eq!(line(Kind::Intent, json!({})), "? ?.? ?: ? ??; under a lease, use ?");
    }
}
