//! The log's format, version 1. `docs/audit-format.md` describes all of it, exactly enough to write a verifier from that
//! page; `tests/verifier` follows it. What is here must say the same.

use jiff::Timestamp;

use crate::canonical::{integer, member, members, string};
use crate::error::Why;

/// The entries, or the first segment of them.
pub const LOG_FILE: &str = "log.jsonl";
/// The leaf hashes.
pub const HASHES_FILE: &str = "tree.hashes";
/// The signed head.
pub const CHECKPOINT_FILE: &str = "checkpoint";
/// The last signed head that witnesses signed too.
pub const COSIGNED_FILE: &str = "cosigned";
/// The next signed head, until it is renamed.
pub(crate) const CHECKPOINT_NEXT_FILE: &str = "checkpoint.next";
/// What is remembered at the start of the last segment.
pub(crate) const SEGMENT_FILE: &str = "segment";
/// The next of it, until it is renamed.
pub(crate) const SEGMENT_NEXT_FILE: &str = "segment.next";
/// The lock.
pub(crate) const LOCK_FILE: &str = "lock";
/// Set-aside tails are named with this and a number.
pub(crate) const TORN_PREFIX: &str = "torn-";

/// The version of this format, member `v`.
pub const VERSION: u64 = 1;

/// The longest line, in bytes without the newline. An intent has its request twice, as it is and as the text that was
/// signed: the largest body that a manifest may allow (16 MiB) twice, and half as much again for its escapes.
pub const MAX_LINE: usize = 48 * 1024 * 1024;

/// Bytes that [`line()`] adds to an entry's own members: time, index (16 digits), version and punctuation.
pub(crate) const FRAME: usize = 80;

/// Bytes of a time, `2026-11-23T21:30:00.123Z`.
const STAMP: usize = 24;

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request is about to be done.
    Intent,
    /// How it ended.
    Outcome,
    /// Nobody knows how it ended.
    OutcomeUnknown,
    /// Not declared or not granted.
    Denied,
    /// Not approved.
    Refused,
    /// An operator, or the host itself, did something to the state.
    Event,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Intent, Self::Outcome, Self::OutcomeUnknown, Self::Denied, Self::Refused, Self::Event];

    /// The word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Outcome => "outcome",
            Self::OutcomeUnknown => "outcome-unknown",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Event => "event",
        }
    }

    /// Its members, in canonical order.
    fn members(self) -> &'static [&'static str] {
        match self {
            Self::Intent => &["at", "index", "kind", "proof", "request", "v"],
            Self::Outcome => &["at", "index", "intent", "kind", "outcome", "v"],
            Self::OutcomeUnknown => &["at", "index", "intent", "kind", "reason", "v"],
            Self::Denied | Self::Refused => &["at", "index", "kind", "refusal", "v"],
            Self::Event => &["at", "index", "kind", "note", "v"],
        }
    }
}

/// One line, taken apart. Values are slices of it, in canonical form.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) index: u64,
    pub(crate) at: &'a str,
    pub(crate) time: Timestamp,
    pub(crate) kind: Kind,
    members: Vec<(&'a str, &'a str)>,
}

impl<'a> Line<'a> {
    /// Reads a line; everything that can be said of it alone is checked.
    pub(crate) fn parse(line: &'a [u8]) -> Result<Self, Why> {
        let text = std::str::from_utf8(line).map_err(|_| Why::NotJson)?;
        let members = members(text).map_err(|error| not_canonical(text, error.into()))?;
        let kind = member(&members, "kind").and_then(string).ok_or(Why::Members)?;
        let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or(Why::Members)?;
        let versioned = member(&members, "v").and_then(integer) == Some(VERSION);
        if !versioned || !members.iter().map(|(name, _)| name).eq(kind.members()) {
            return Err(Why::Members);
        }
        let index = member(&members, "index").and_then(integer).ok_or(Why::Members)?;
        let at = member(&members, "at").and_then(|at| at.strip_prefix('"')?.strip_suffix('"')).ok_or(Why::Time)?;
        let time = time(at).ok_or(Why::Time)?;
        Ok(Self { index, at, time, kind, members })
    }

    /// A member's canonical text. Empty for a member that this kind does not have.
    pub(crate) fn member(&self, name: &str) -> &'a str {
        member(&self.members, name).unwrap_or_default()
    }

    /// The intent that an outcome closes.
    pub(crate) fn intent(&self) -> Result<u64, Why> {
        integer(self.member("intent")).ok_or(Why::Members)
    }
}

/// The time, if it is written as this format writes times.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    let time: Timestamp = text.parse().ok()?;
    (stamp(time) == text).then_some(time)
}

/// The time of a line that [`line()`] wrote; its place is fixed.
pub(crate) fn time_of(line: &[u8]) -> Option<&str> {
    let at = line.strip_prefix(b"{\"at\":\"")?.get(..STAMP)?;
    std::str::from_utf8(at).ok()
}

/// RFC 3339, UTC, milliseconds.
pub(crate) fn stamp(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// Puts an entry's own members (a canonical object whose members all sort between `index` and `v`) into a line.
pub(crate) fn line(into: &mut Vec<u8>, at: Timestamp, index: u64, own: &str) {
    let own = own.strip_prefix('{').and_then(|own| own.strip_suffix('}')).unwrap_or_default();
    let at = stamp(at);
    for part in ["{\"at\":\"", &at, "\",\"index\":", &index.to_string(), ",", own, ",\"v\":1}\n"] {
        into.extend_from_slice(part.as_bytes());
    }
}

fn not_canonical(text: &str, why: Why) -> Why {
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_or(Why::NotJson, |_| why)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use jiff::Timestamp;

    use super::{Kind, Line, line, stamp, time};
    use crate::error::Why;

    fn at() -> Timestamp {
        "2026-11-23T21:30:00.123456789Z".parse().unwrap()
    }

    #[test]
    fn a_line_is_canonical_and_comes_apart_again() {
        let mut bytes = Vec::new();
        line(&mut bytes, at(), 7, r#"{"kind":"event","note":{"action":"x"}}"#);
        let text = std::str::from_utf8(&bytes).unwrap();
        let expected = r#"{"at":"2026-11-23T21:30:00.123Z","index":7,"kind":"event","note":{"action":"x"},"v":1}"#;
        assert_eq!(text, format!("{expected}\n"));
        assert_eq!(serde_json_canonicalizer::pipe(expected).unwrap(), expected);
        let parsed = Line::parse(expected.as_bytes()).unwrap();
        assert_eq!((parsed.index, parsed.at, parsed.kind), (7, "2026-11-23T21:30:00.123Z", Kind::Event));
        assert_eq!(parsed.member("note"), r#"{"action":"x"}"#);
    }

    #[test]
    fn lines_that_are_no_entries_say_why() {
        let good = r#"{"at":"2026-11-23T21:30:00.123Z","index":7,"intent":3,"kind":"outcome","outcome":{},"v":1}"#;
        assert_eq!(Line::parse(good.as_bytes()).unwrap().intent(), Ok(3));
        for (from, to, why) in [
            ("\"v\":1", "\"v\":2", Why::Members),
            ("\"intent\":3,", "", Why::Members),
            ("\"intent\":3,", "\"intent\":3,\"jam\":1,", Why::Members),
            ("\"kind\":\"outcome\"", "\"kind\":\"outcomes\"", Why::Members),
            ("\"index\":7", "\"index\":\"7\"", Why::Members),
            (".123Z", ".1230Z", Why::Time),
            (".123Z", ".123+00:00", Why::Time),
            ("2026-11-23", "2026-13-23", Why::Time),
            ("\"v\":1}", "\"v\":1", Why::NotJson),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            assert_eq!(Line::parse(bad.as_bytes()).unwrap_err(), why, "{bad}");
        }
        assert_eq!(Line::parse(b"\xff{}").unwrap_err(), Why::NotJson);
        assert!(matches!(Line::parse(b"{ }").unwrap_err(), Why::NotCanonical(_)));
    }

    #[test]
    fn times_have_one_form() {
        assert_eq!(stamp(at()), "2026-11-23T21:30:00.123Z");
        assert_eq!(stamp(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
        assert_eq!(stamp(time("2026-11-23T21:30:00.000Z").unwrap()), "2026-11-23T21:30:00.000Z");
        assert!(time("2026-11-23 21:30:00.000Z").is_none());
        assert!(time("2026-11-23t21:30:00.000z").is_none());
    }
}
