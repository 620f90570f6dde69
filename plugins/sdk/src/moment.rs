//! Time, as upstreams write it.

use crate::bindings::claviger::plugin::clock;

/// Seconds since the Unix epoch, coarse.
pub fn now() -> u64 {
    clock::now()
}

/// Seconds since the Unix epoch of an RFC 3339 time in UTC: `2026-11-23T21:30:00Z`, fractions ignored. `None` for
/// anything else, also for times before 1970 and for offsets, which the supported vendors do not send.
pub fn unix_seconds(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = three(date, '-')?;
    let [hour, minute, second] = three(time.split('.').next()?, ':')?;
    let known = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !known || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

fn three(text: &str, between: char) -> Option<[u64; 3]> {
    let mut parts = text.split(between).map(|part| part.parse::<u64>().ok());
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

/// Days from 1970-01-01 in the Gregorian calendar. Years are counted from March, so that the leap day is their last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before_year = year * 365 + year / 4 - year / 100 + year / 400;
    let before_month = (month * 153 + 2) / 5;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    before_year + before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::unix_seconds;

    #[test]
    fn times_of_vendors_are_read() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-03-01T00:00:00Z", 5_097_600),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-23T21:30:00Z", 1_795_469_400),
            ("2026-11-23T21:30:00.123Z", 1_795_469_400),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(unix_seconds(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_times() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T21:30:00+01:00",
            "2026-13-01T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-23T21:30Z",
            "2026-11-23T21:30:00:00Z",
            "x-y-zTa:b:cZ",
        ] {
            assert_eq!(unix_seconds(text), None, "{text}");
        }
    }
}
