//! Limits: what one tool call may use. A manifest asks, up to a hard maximum that no manifest can raise.

use std::time::Duration;

use serde::Deserialize;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// A limit's default and the most that a manifest can ask for.
struct Bound<T> {
    key: &'static str,
    default: T,
    max: T,
}

/// Linear memory, in bytes. The default holds a parsed answer of the default response size several times; the maximum
/// leaves a host of a few GiB room for others.
const MEMORY: Bound<u64> = Bound { key: "memory", default: 64 * MIB, max: GIB };

/// Time on the processor. A tool shuffles JSON: a second is much, a minute is a mistake.
const CPU: Bound<Duration> = Bound { key: "cpu", default: Duration::from_secs(1), max: Duration::from_secs(60) };

/// Time on the wall, without the time that people take. Models and their clients give up after some minutes.
const DEADLINE: Bound<Duration> =
    Bound { key: "deadline", default: Duration::from_secs(30), max: Duration::from_secs(600) };

/// Time that people may take to answer, in all. Two minutes find a phone; half an hour later nobody knows what was asked.
const APPROVAL: Bound<Duration> =
    Bound { key: "approval", default: Duration::from_secs(120), max: Duration::from_secs(1800) };

/// Handles open at once. A tool needs one credential, a response and a few secrets.
const HANDLES: Bound<u32> = Bound { key: "handles", default: 64, max: 1024 };

/// Bytes that cross between guest and host, in bytes. Twice the default response size; the maximum bounds the copying.
const HOST_BYTES: Bound<u64> = Bound { key: "host-bytes", default: 16 * MIB, max: 256 * MIB };

/// Requests to upstreams. The default pages through some thousand rows; the maximum stops runaway loops.
const REQUESTS: Bound<u32> = Bound { key: "requests", default: 64, max: 10_000 };

/// The longest request body, in bytes. A mebibyte is a long article.
const REQUEST: Bound<u64> = Bound { key: "request", default: MIB, max: 16 * MIB };

/// The longest answer, in bytes. Every answer is scanned whole, so it is held in memory whole.
const RESPONSE: Bound<u64> = Bound { key: "response", default: 8 * MIB, max: 64 * MIB };

/// Log lines. A hundred tell what a call did; more hide it.
const LOG_LINES: Bound<u32> = Bound { key: "log-lines", default: 100, max: 10_000 };

/// `[limits]`: what one tool call may use.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Limits {
    /// Linear memory of the guest, in bytes.
    pub memory: u64,
    /// Time on the processor.
    pub cpu: Duration,
    /// Time on the wall, without the time that people take.
    pub deadline: Duration,
    /// Time that people may take to answer, in all.
    pub approval: Duration,
    /// Handles open at once.
    pub handles: u32,
    /// Bytes that cross between guest and host.
    pub host_bytes: u64,
    /// Requests to upstreams.
    pub requests: u32,
    /// The longest request body, in bytes.
    pub request: u64,
    /// The longest answer, in bytes.
    pub response: u64,
    /// Log lines.
    pub log_lines: u32,
}

/// Why limits are not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// Not an amount of bytes.
    #[error("an amount of bytes is a whole number and B, KiB, MiB or GiB without a space, as in \"64MiB\"")]
    Bytes,
    /// Not a time.
    #[error("a time is a whole number and ms, s or m without a space, as in \"30s\"")]
    Time,
    /// Nothing at all.
    #[error("{0} must be more than nothing")]
    Zero(&'static str),
    /// More than the hard maximum.
    #[error("{key} is above the hard maximum of {max}{unit}")]
    TooMuch {
        /// The limit.
        key: &'static str,
        /// The hard maximum.
        max: u64,
        /// What it counts.
        unit: &'static str,
    },
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    memory: Option<Bytes>,
    cpu: Option<Time>,
    deadline: Option<Time>,
    approval: Option<Time>,
    handles: Option<u32>,
    host_bytes: Option<Bytes>,
    requests: Option<u32>,
    request: Option<Bytes>,
    response: Option<Bytes>,
    log_lines: Option<u32>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Bytes(u64);

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Time(pub(crate) Duration);

/// A whole number and its unit. No sign, no leading zero but for zero itself, no space.
fn split_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit())?;
    let (digits, unit) = text.split_at(end);
    if digits.len() > 1 && digits.starts_with('0') { None } else { Some((digits.parse().ok()?, unit)) }
}

impl TryFrom<String> for Bytes {
    type Error = LimitsError;

    fn try_from(text: String) -> Result<Self, LimitsError> {
        let (number, unit) = split_unit(&text).ok_or(LimitsError::Bytes)?;
        let factor = match unit {
            "B" => 1,
            "KiB" => KIB,
            "MiB" => MIB,
            "GiB" => GIB,
            _ => return Err(LimitsError::Bytes),
        };
        number.checked_mul(factor).map(Self).ok_or(LimitsError::Bytes)
    }
}

impl TryFrom<String> for Time {
    type Error = LimitsError;

    fn try_from(text: String) -> Result<Self, LimitsError> {
        let (number, unit) = split_unit(&text).ok_or(LimitsError::Time)?;
        let milliseconds = match unit {
            "ms" => Some(number),
            "s" => number.checked_mul(1_000),
            "m" => number.checked_mul(60_000),
            _ => None,
        };
        milliseconds.map(|count| Self(Duration::from_millis(count))).ok_or(LimitsError::Time)
    }
}

fn bytes(given: Option<Bytes>, bound: &Bound<u64>) -> Result<u64, LimitsError> {
    match given {
        None => Ok(bound.default),
        Some(Bytes(0)) => Err(LimitsError::Zero(bound.key)),
        Some(Bytes(count)) if count > bound.max => {
            Err(LimitsError::TooMuch { key: bound.key, max: bound.max / MIB, unit: "MiB" })
        }
        Some(Bytes(count)) => Ok(count),
    }
}

fn time(given: Option<Time>, bound: &Bound<Duration>) -> Result<Duration, LimitsError> {
    match given {
        None => Ok(bound.default),
        Some(Time(span)) if span.is_zero() => Err(LimitsError::Zero(bound.key)),
        Some(Time(span)) if span > bound.max => {
            Err(LimitsError::TooMuch { key: bound.key, max: bound.max.as_secs(), unit: "s" })
        }
        Some(Time(span)) => Ok(span),
    }
}

fn count(given: Option<u32>, bound: &Bound<u32>) -> Result<u32, LimitsError> {
    match given {
        None => Ok(bound.default),
        Some(0) => Err(LimitsError::Zero(bound.key)),
        Some(number) if number > bound.max => {
            Err(LimitsError::TooMuch { key: bound.key, max: bound.max.into(), unit: "" })
        }
        Some(number) => Ok(number),
    }
}

impl TryFrom<Raw> for Limits {
    type Error = LimitsError;

    fn try_from(raw: Raw) -> Result<Self, LimitsError> {
        Ok(Self {
            memory: bytes(raw.memory, &MEMORY)?,
            cpu: time(raw.cpu, &CPU)?,
            deadline: time(raw.deadline, &DEADLINE)?,
            approval: time(raw.approval, &APPROVAL)?,
            handles: count(raw.handles, &HANDLES)?,
            host_bytes: bytes(raw.host_bytes, &HOST_BYTES)?,
            requests: count(raw.requests, &REQUESTS)?,
            request: bytes(raw.request, &REQUEST)?,
            response: bytes(raw.response, &RESPONSE)?,
            log_lines: count(raw.log_lines, &LOG_LINES)?,
        })
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: MEMORY.default,
            cpu: CPU.default,
            deadline: DEADLINE.default,
            approval: APPROVAL.default,
            handles: HANDLES.default,
            host_bytes: HOST_BYTES.default,
            requests: REQUESTS.default,
            request: REQUEST.default,
            response: RESPONSE.default,
            log_lines: LOG_LINES.default,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::time::Duration;

    use super::Limits;

    fn parse(text: &str) -> Result<Limits, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn nothing_said_means_the_defaults() {
        assert_eq!(parse("").unwrap(), Limits::default());
        assert_eq!(Limits::default().memory, 64 << 20);
        assert_eq!(Limits::default().deadline, Duration::from_secs(30));
    }

    #[test]
    fn amounts_are_read_in_their_units() {
        let limits =
            parse("memory = \"1GiB\"\nrequest = \"8KiB\"\nresponse = \"1B\"\ncpu = \"500ms\"\napproval = \"15m\"");
        let limits = limits.unwrap();
        assert_eq!((limits.memory, limits.request, limits.response), (1 << 30, 8192, 1));
        assert_eq!((limits.cpu, limits.approval), (Duration::from_millis(500), Duration::from_secs(900)));
    }

    #[test]
    fn the_hard_maximum_is_allowed_and_more_is_not() {
        let edges = [
            ("memory", "\"1024MiB\"", "\"1025MiB\"", "1024MiB"),
            ("cpu", "\"60s\"", "\"60001ms\"", "60s"),
            ("deadline", "\"10m\"", "\"601s\"", "600s"),
            ("approval", "\"30m\"", "\"31m\"", "1800s"),
            ("handles", "1024", "1025", "1024"),
            ("host-bytes", "\"256MiB\"", "\"257MiB\"", "256MiB"),
            ("requests", "10000", "10001", "10000"),
            ("request", "\"16MiB\"", "\"17MiB\"", "16MiB"),
            ("response", "\"64MiB\"", "\"65MiB\"", "64MiB"),
            ("log-lines", "10000", "10001", "10000"),
        ];
        for (key, most, more, named) in edges {
            assert!(parse(&format!("{key} = {most}")).is_ok(), "{key}");
            let error = parse(&format!("{key} = {more}")).unwrap_err();
            assert_eq!(error, format!("{key} is above the hard maximum of {named}"));
        }
    }

    #[test]
    fn nothing_at_all_and_odd_spellings_are_refused() {
        for (key, value) in [("memory", "\"0B\""), ("cpu", "\"0s\""), ("handles", "0")] {
            assert_eq!(parse(&format!("{key} = {value}")).unwrap_err(), format!("{key} must be more than nothing"));
        }
        for value in
            ["64", "64 MiB", "64MB", "64mib", "+1MiB", "-1MiB", "064MiB", "MiB", "", "1.5GiB", "99999999999GiB"]
        {
            assert!(parse(&format!("memory = \"{value}\"")).unwrap_err().starts_with("an amount of bytes"), "{value}");
        }
        for value in ["30", "30 s", "1h", "s", "0.5s", "99999999999999999999s", "18446744073709551615m"] {
            assert!(parse(&format!("cpu = \"{value}\"")).unwrap_err().starts_with("a time"), "{value}");
        }
    }
}
