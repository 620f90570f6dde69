//! How long to wait for an upstream that throttles.

use crate::Failure;

/// How often a request is sent in all before the model is told to come back later.
pub(crate) const TRIES: u32 = 3;

/// The longest single wait, in seconds: a call has a deadline of its own, and a model that is told the number of seconds
/// can do something else meanwhile.
const LONGEST_WAIT: u32 = 10;

/// The first wait when the upstream does not say how long, in seconds. It doubles each time.
const FIRST_WAIT: u32 = 1;

/// The waits of one request.
pub(crate) struct Patience {
    left: u32,
    unasked: u32,
}

impl Patience {
    /// Patience for this many tries in all.
    pub(crate) fn new(tries: u32) -> Self {
        Self { left: tries, unasked: FIRST_WAIT }
    }

    /// How long to wait before the next try, in milliseconds; `retry_after` is the header's value, if there was one.
    pub(crate) fn milliseconds(&mut self, retry_after: Option<&str>) -> Result<u32, Failure> {
        let seconds = retry_after.and_then(seconds).unwrap_or(self.unasked);
        self.unasked = self.unasked.saturating_mul(2);
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || seconds > LONGEST_WAIT {
            return Err(Failure::RateLimited(seconds));
        }
        Ok(seconds.saturating_mul(1_000))
    }
}

/// Whole seconds (RFC 9110 §10.2.3). A date is treated as absent: comparing it would need two clocks to agree.
fn seconds(header: &str) -> Option<u32> {
    header.trim().parse().ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Patience, TRIES};
    use crate::Failure;

    #[test]
    fn the_upstream_says_how_long() {
        let mut patience = Patience::new(TRIES);
        assert_eq!(patience.milliseconds(Some("2")).unwrap(), 2_000);
        assert_eq!(patience.milliseconds(Some(" 10 ")).unwrap(), 10_000);
        assert!(matches!(patience.milliseconds(Some("1")), Err(Failure::RateLimited(1))), "three tries in all");
    }

    #[test]
    fn without_a_hint_the_wait_doubles() {
        let mut patience = Patience::new(4);
        let waits =
            [None, Some("Wed, 21 Oct 2026 07:28:00 GMT"), None].map(|hint| patience.milliseconds(hint).unwrap());
        assert_eq!(waits, [1_000, 2_000, 4_000]);
        assert!(matches!(patience.milliseconds(None), Err(Failure::RateLimited(8))));
    }

    #[test]
    fn a_long_wait_is_passed_on_and_one_try_is_one_try() {
        assert!(matches!(Patience::new(TRIES).milliseconds(Some("11")), Err(Failure::RateLimited(11))));
        assert!(matches!(Patience::new(TRIES).milliseconds(Some("4294967295")), Err(Failure::RateLimited(u32::MAX))));
        assert!(matches!(Patience::new(1).milliseconds(Some("1")), Err(Failure::RateLimited(1))));
    }
}
