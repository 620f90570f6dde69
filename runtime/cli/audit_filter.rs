//! Which entries of the log somebody wants to see.

use std::collections::BTreeSet;

use clap::Args;
use claviger_audit::{Entry, Kind};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

/// What is said of a text that is no time.
const NO_TIME: &str = "that is no time; write 2026-11-23, 2026-11-23T21:30:00Z, or 90m, 8h, 7d for how long ago";

/// Every option narrows. Who, what and where are the request's: its outcome is shown with it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct LogFilter {
    /// Not before this: a date, a time (RFC 3339), or how long ago, as in 90m, 8h, 7d
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Before this
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,
    /// Requests of this plugin
    #[arg(long)]
    pub(crate) plugin: Option<String>,
    /// Requests for this client
    #[arg(long)]
    pub(crate) client: Option<String>,
    /// Requests of this principal
    #[arg(long)]
    pub(crate) principal: Option<String>,
    /// Requests with this effect: read, write, destroy, mint
    #[arg(long)]
    pub(crate) effect: Option<String>,
    /// Requests of this session
    #[arg(long)]
    pub(crate) session: Option<String>,
    /// What ended so: answered, stored, leak, failed, unknown, denied, refused
    #[arg(long)]
    pub(crate) verdict: Option<String>,
}

/// Lets entries through, in the order of the log.
#[derive(Debug)]
pub(crate) struct Sieve {
    filter: LogFilter,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    /// Intents that matched and have no outcome yet.
    matched: BTreeSet<u64>,
}

impl Sieve {
    /// A sieve; `now` is what "ago" counts from.
    pub(crate) fn new(filter: &LogFilter, now: Timestamp) -> Result<Self, String> {
        let when = |text: &Option<String>| text.as_deref().map(|text| moment(text, now)).transpose();
        let (since, until) = (when(&filter.since)?, when(&filter.until)?);
        known("--effect", filter.effect.as_deref(), &["read", "write", "destroy", "mint"])?;
        let verdicts = ["answered", "stored", "leak", "failed", "unknown", "denied", "refused"];
        known("--verdict", filter.verdict.as_deref(), &verdicts)?;
        Ok(Self { filter: filter.clone(), since, until, matched: BTreeSet::new() })
    }

    /// Whether this entry is one of them. Every entry must pass by, so that outcomes find their intents.
    pub(crate) fn passes(&mut self, entry: &Entry) -> bool {
        let is_meant = self.is_meant(entry);
        let in_time =
            self.since.is_none_or(|since| entry.at >= since) && self.until.is_none_or(|until| entry.at < until);
        is_meant && in_time && self.filter.verdict.as_deref().is_none_or(|wanted| verdict(entry) == Some(wanted))
    }

    fn is_meant(&mut self, entry: &Entry) -> bool {
        match entry.kind {
            Kind::Intent => {
                let matches = self.matches(entry.value.pointer("/request"));
                if matches {
                    self.matched.insert(entry.index);
                }
                matches
            }
            Kind::Outcome | Kind::OutcomeUnknown => {
                let intent = entry.value.pointer("/intent").and_then(Value::as_u64);
                intent.is_some_and(|intent| self.matched.remove(&intent))
            }
            Kind::Denied | Kind::Refused => self.matches(entry.value.pointer("/refusal")),
            Kind::Event => self.matches(None),
        }
    }

    /// Holds a request, or what is known of one that was turned back, against the filter. What is not known is no match.
    fn matches(&self, request: Option<&Value>) -> bool {
        let text = |pointer: &str| request.and_then(|request| request.pointer(pointer)).and_then(Value::as_str);
        let filter = &self.filter;
        [
            (&filter.plugin, text("/plugin/name").or_else(|| text("/plugin"))),
            (&filter.client, text("/client")),
            (&filter.principal, text("/principal")),
            (&filter.effect, text("/effect")),
            (&filter.session, text("/session")),
        ]
        .iter()
        .all(|(wanted, found)| wanted.is_none() || wanted.as_deref() == *found)
    }
}

/// How something ended, in the filter's words; an intent and an event have not ended.
fn verdict(entry: &Entry) -> Option<&str> {
    match entry.kind {
        Kind::Outcome => entry.value.pointer("/outcome/verdict").and_then(Value::as_str),
        Kind::OutcomeUnknown => Some("unknown"),
        Kind::Denied => Some("denied"),
        Kind::Refused => Some("refused"),
        Kind::Intent | Kind::Event => None,
    }
}

fn known(option: &str, given: Option<&str>, words: &[&str]) -> Result<(), String> {
    match given {
        Some(given) if !words.contains(&given) => Err(format!("{option} is one of {}", words.join(", "))),
        _ => Ok(()),
    }
}

/// A time as people write it.
pub(crate) fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    // A date is the midnight, UTC, that it begins with.
    if text.parse::<Date>().is_ok() {
        return format!("{text}T00:00:00Z").parse().map_err(|_| NO_TIME.to_owned());
    }
    ago(text)
        .and_then(|seconds| Timestamp::from_second(now.as_second().checked_sub(seconds)?).ok())
        .ok_or_else(|| NO_TIME.to_owned())
}

fn ago(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u32>().ok().map(|number| i64::from(number) * seconds)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_audit::{Entry, Kind};
    use serde_json::{Value, json};

    use super::{LogFilter, Sieve, moment};

    fn entry(index: u64, kind: Kind, value: Value) -> Entry {
        Entry { index, at: format!("2026-11-23T21:30:{index:02}Z").parse().unwrap(), kind, value }
    }

    /// Two calls that overlap, a denial, a refusal, an event.
    fn log() -> Vec<Entry> {
        let request = |plugin: &str, client: &str, effect: &str| {
            json!({ "request": { "plugin": { "name": plugin }, "client": client, "principal": "alex", "session": "s1",
                "effect": effect } })
        };
        vec![
            entry(0, Kind::Intent, request("psa", "Acme", "read")),
            entry(1, Kind::Intent, request("pax8", "Birch", "write")),
            entry(2, Kind::Outcome, json!({ "intent": 1, "outcome": { "verdict": "answered" } })),
            entry(3, Kind::OutcomeUnknown, json!({ "intent": 0 })),
            entry(4, Kind::Denied, json!({ "refusal": { "principal": "mallory", "session": "s2" } })),
            entry(5, Kind::Refused, json!({ "refusal": { "principal": "alex", "plugin": "psa", "effect": "write" } })),
            entry(6, Kind::Event, json!({ "note": {} })),
        ]
    }

    fn kept(change: impl FnOnce(&mut LogFilter)) -> Vec<u64> {
        let mut filter = LogFilter::default();
        change(&mut filter);
        let mut sieve = Sieve::new(&filter, "2026-11-23T21:31:00Z".parse().unwrap()).unwrap();
        log().iter().filter(|entry| sieve.passes(entry)).map(|entry| entry.index).collect()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn outcomes_go_with_their_intents() {
        assert_eq!(kept(|_| {}), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(kept(|filter| filter.plugin = some("psa")), [0, 3, 5]);
        assert_eq!(kept(|filter| filter.client = some("Birch")), [1, 2]);
        assert_eq!(kept(|filter| filter.principal = some("mallory")), [4]);
        assert_eq!(kept(|filter| filter.effect = some("write")), [1, 2, 5]);
        assert_eq!(kept(|filter| filter.session = some("s1")), [0, 1, 2, 3]);
        assert_eq!(kept(|filter| filter.verdict = some("unknown")), [3]);
        assert_eq!(kept(|filter| filter.verdict = some("denied")), [4]);
    }

    #[test]
    fn an_outcome_in_time_is_shown_although_its_intent_was_before() {
        assert_eq!(kept(|filter| (filter.since, filter.until) = (some("2026-11-23T21:30:02Z"), some("56s"))), [2, 3]);
    }

    #[test]
    fn times_are_written_as_people_write_them() {
        let now = "2026-11-23T21:30:00Z".parse().unwrap();
        for (text, told) in [
            ("2026-11-22", "2026-11-22T00:00:00Z"),
            ("2026-11-22T10:00:00+01:00", "2026-11-22T09:00:00Z"),
            ("90m", "2026-11-23T20:00:00Z"),
            ("7d", "2026-11-16T21:30:00Z"),
        ] {
            assert_eq!(moment(text, now).unwrap().to_string(), told);
        }
        for wrong in ["", "d", "-3d", "3w", "yesterday", "2026-02-30", "é"] {
            assert!(moment(wrong, now).is_err(), "{wrong}");
        }
        let unknown = LogFilter { effect: some("reads"), ..LogFilter::default() };
        assert!(Sieve::new(&unknown, now).unwrap_err().contains("read, write, destroy, mint"));
    }
}
