//! `claviger audit report`: what was used, by whom, approved how; and how often people were asked.

use std::collections::{BTreeMap, BTreeSet};

use claviger_audit::{Entry, Kind, Text};
use serde::Serialize;
use serde_json::Value;

use crate::entry::method_of;

/// What one plugin did for one client.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Use {
    /// Requests that were approved, by effect.
    pub(crate) effects: BTreeMap<String, u64>,
    /// How they ended: verdicts, `unknown`, or `open` while they are out.
    pub(crate) ended: BTreeMap<String, u64>,
    /// Who asked.
    pub(crate) principals: BTreeMap<String, u64>,
    /// Who approved, with the kind of approver, and by which method where only the host asserts it; uses of a lease are
    /// counted as `lease`.
    pub(crate) approved: BTreeMap<String, u64>,
    /// References that were used.
    pub(crate) secrets: BTreeSet<String>,
    /// What no human approved.
    pub(crate) refused: u64,
}

/// How often people were asked in one session.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Prompts {
    /// Approvals that took a gesture, and refusals.
    pub(crate) asked: u64,
    /// Requests that a lease covered, so that nobody was asked.
    pub(crate) leased: u64,
    /// Gestures for a read of what was approved in this session before: a lease would have covered them.
    pub(crate) spared_by_a_lease: u64,
    #[serde(skip)]
    seen: BTreeSet<String>,
}

/// All of it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// The first and the last entry's time that it covers.
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    /// By client (`-` where there is none), then by plugin.
    pub(crate) clients: BTreeMap<String, BTreeMap<String, Use>>,
    /// By session.
    pub(crate) sessions: BTreeMap<String, Prompts>,
    /// Gestures by day.
    pub(crate) days: BTreeMap<String, u64>,
    /// Requests that were not declared or not granted, by principal.
    pub(crate) denied: BTreeMap<String, u64>,
    /// Client and plugin of intents without outcome.
    #[serde(skip)]
    open: BTreeMap<u64, (String, String)>,
}

/// A text out of an entry, on one line and bounded: plugins and models wrote many of them.
fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(|text| Text::new(text).to_string())
}

fn named(value: &Value, pointer: &str) -> String {
    text(value, pointer).unwrap_or_else(|| "-".to_owned())
}

fn count(in_map: &mut BTreeMap<String, u64>, name: impl Into<String>) {
    *in_map.entry(name.into()).or_default() += 1;
}

impl Report {
    /// Adds the next entry.
    pub(crate) fn add(&mut self, entry: &Entry) {
        let at = entry.at.to_string();
        self.from.get_or_insert_with(|| at.clone());
        self.to = Some(at);
        match entry.kind {
            Kind::Intent => self.intent(entry),
            Kind::Outcome => self.end(entry, &named(&entry.value, "/outcome/verdict")),
            Kind::OutcomeUnknown => self.end(entry, "unknown"),
            Kind::Denied => count(&mut self.denied, named(&entry.value, "/refusal/principal")),
            Kind::Refused => self.refused(entry),
            Kind::Event => {}
        }
    }

    fn used(&mut self, client: &str, plugin: &str) -> &mut Use {
        self.clients.entry(client.to_owned()).or_default().entry(plugin.to_owned()).or_default()
    }

    fn intent(&mut self, entry: &Entry) {
        let value = &entry.value;
        let (client, plugin) = (named(value, "/request/client"), named(value, "/request/plugin/name"));
        let by = approvers(value);
        let used = self.used(&client, &plugin);
        count(&mut used.effects, named(value, "/request/effect"));
        count(&mut used.ended, "open");
        count(&mut used.principals, named(value, "/request/principal"));
        if by.is_empty() {
            count(&mut used.approved, "lease");
        }
        by.iter().for_each(|approver| count(&mut used.approved, approver));
        used.secrets.extend(secrets(value));
        self.asked(entry, by.len());
        self.open.insert(entry.index, (client, plugin));
    }

    /// Counts the gestures of an intent. A read like one before it in the same session could have had a lease.
    fn asked(&mut self, entry: &Entry, gestures: usize) {
        let value = &entry.value;
        let like = ["connection", "action/operation"].map(|name| named(value, &format!("/request/{name}"))).join(" ");
        let is_read = text(value, "/request/effect").as_deref() == Some("read");
        let prompts = self.sessions.entry(named(value, "/request/session")).or_default();
        if gestures == 0 {
            prompts.leased += 1;
            return;
        }
        let gestures = u64::try_from(gestures).unwrap_or(u64::MAX);
        prompts.asked += gestures;
        if is_read && !prompts.seen.insert(like) {
            prompts.spared_by_a_lease += gestures;
        }
        *self.days.entry(entry.at.strftime("%F").to_string()).or_default() += gestures;
    }

    fn end(&mut self, entry: &Entry, how: &str) {
        let intent = entry.value.pointer("/intent").and_then(Value::as_u64);
        let Some((client, plugin)) = intent.and_then(|intent| self.open.remove(&intent)) else { return };
        let ended = &mut self.used(&client, &plugin).ended;
        count(ended, how);
        if let Some(open) = ended.get_mut("open") {
            *open -= 1;
        }
        ended.retain(|_, count| *count > 0);
    }

    fn refused(&mut self, entry: &Entry) {
        let value = &entry.value;
        let (client, plugin) = (named(value, "/refusal/client"), named(value, "/refusal/plugin"));
        self.used(&client, &plugin).refused += 1;
        // Somebody was asked unless nobody could be.
        if text(value, "/refusal/code").as_deref() == Some("denied") {
            self.sessions.entry(named(value, "/refusal/session")).or_default().asked += 1;
            count(&mut self.days, entry.at.strftime("%F").to_string());
        }
    }

    /// For people.
    pub(crate) fn told(&self) -> String {
        let mut told = String::new();
        let list = |counts: &BTreeMap<String, u64>| {
            let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
            if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
        };
        if let (Some(from), Some(to)) = (&self.from, &self.to) {
            told.push_str(&format!("from {from} to {to}\n"));
        }
        for (client, plugins) in &self.clients {
            for (plugin, used) in plugins {
                told.push_str(&format!("\n{client}, {plugin}\n"));
                told.push_str(&format!("  requests  {}\n  ended     {}\n", list(&used.effects), list(&used.ended)));
                told.push_str(&format!(
                    "  asked by  {}\n  approved  {}\n",
                    list(&used.principals),
                    list(&used.approved)
                ));
                if used.refused > 0 {
                    told.push_str(&format!("  refused   {}\n", used.refused));
                }
                used.secrets.iter().for_each(|secret| told.push_str(&format!("  used      {secret}\n")));
            }
        }
        if !self.denied.is_empty() {
            told.push_str(&format!("\ndenied before anybody was asked: {}\n", list(&self.denied)));
        }
        told.push_str("\nprompts\n");
        for (session, prompts) in &self.sessions {
            let Prompts { asked, leased, spared_by_a_lease: spared, .. } = prompts;
            told.push_str(&format!(
                "  session {session}: asked {asked} times, {leased} requests under a lease, {spared} reads that a lease would have covered\n"
            ));
        }
        told
    }
}

/// Who approved an intent by a gesture, with the kind and the method: one, or several for a quorum. None for a use of a lease.
fn approvers(intent: &Value) -> Vec<String> {
    let several = intent.pointer("/proof/receipts").and_then(Value::as_array).into_iter().flatten();
    let told = |receipt: &Value| {
        // Every method, a word on the terminal too: who reads a report has no other line that says it.
        let method = method_of(receipt).map(|method| format!(" by {method}")).unwrap_or_default();
        format!("{} ({}{method})", named(receipt, "/approver"), named(receipt, "/kind"))
    };
    several.map(told).collect()
}

/// The references that a request's credential rests on.
fn secrets(intent: &Value) -> Vec<String> {
    let all = intent.pointer("/request/action/credential/secrets").and_then(Value::as_object);
    let texts = all.into_iter().flat_map(|all| all.values()).filter_map(Value::as_str);
    texts.filter(|text| text.contains("op://")).map(|text| Text::new(text).to_string()).collect()
}

#[cfg(test)]
#[path = "audit_report_tests.rs"]
mod tests;
