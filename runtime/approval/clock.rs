//! Time that does not go backwards.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Wall-clock time that a set-back clock cannot stop: whichever is later of what the wall clock says and what the
/// monotonic clock says has passed since the latest reading.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    latest: Mutex<Option<Reading>>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    wall: u64,
    at: Instant,
}

impl Reading {
    fn then(&self, at: Instant) -> u64 {
        self.wall.saturating_add(at.saturating_duration_since(self.at).as_secs())
    }
}

impl Clock {
    /// Takes a wall-clock reading, in seconds of Unix time, and returns the time to reckon with.
    pub(crate) fn observe(&self, wall: u64, at: Instant) -> u64 {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        // An older reading stays the base as long as it is ahead; moving it would lose parts of a second each time.
        match *latest {
            Some(reading) if reading.then(at) >= wall => reading.then(at),
            _ => {
                *latest = Some(Reading { wall, at });
                wall
            }
        }
    }
}

/// How long something took, on the clock that says longer: the monotonic one stands still while a machine sleeps, the
/// wall clock can be set back.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    monotonic: Instant,
    wall: SystemTime,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        let wall = SystemTime::now().duration_since(self.wall).unwrap_or(Duration::ZERO);
        self.monotonic.elapsed().max(wall)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::time::{Duration, SystemTime};

    use tokio::time::Instant;

    use super::{Clock, Stopwatch};

    #[test]
    fn a_clock_that_is_set_back_does_not_stop_time() {
        let clock = Clock::default();
        let start = Instant::now();
        assert_eq!(clock.observe(10_000, start), 10_000);
        assert_eq!(clock.observe(400, start + Duration::from_secs(900)), 10_900);
    }

    #[test]
    fn parts_of_a_second_add_up_under_a_clock_that_is_set_back() {
        let clock = Clock::default();
        let start = Instant::now();
        clock.observe(10_000, start);
        let mut now = 0;
        for step in 1..=10 {
            now = clock.observe(0, start + Duration::from_millis(900) * step);
        }
        assert_eq!(now, 10_009);
    }

    #[test]
    fn a_machine_that_slept_is_believed_by_its_wall_clock() {
        let clock = Clock::default();
        let start = Instant::now();
        clock.observe(10_000, start);
        assert_eq!(clock.observe(20_000, start + Duration::from_secs(1)), 20_000);
    }

    #[test]
    fn the_stopwatch_takes_the_longer_of_two_clocks() {
        let slept = Stopwatch { monotonic: Instant::now(), wall: SystemTime::now() - Duration::from_secs(100) };
        assert!(slept.elapsed() >= Duration::from_secs(100));
        let set_back = Stopwatch {
            monotonic: Instant::now().checked_sub(Duration::from_secs(1)).unwrap(),
            wall: SystemTime::now() + Duration::from_secs(100),
        };
        assert!(set_back.elapsed() >= Duration::from_secs(1));
    }
}
