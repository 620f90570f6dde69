//! Time that a call spends waiting for a human, kept apart from every other limit.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long one tool call has waited for people. An approval that takes a minute must not trip a deadline of thirty
/// seconds, so whoever enforces a deadline subtracts [`HumanClock::waited`].
#[derive(Debug, Default)]
pub struct HumanClock {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    total: Duration,
    since: Option<Instant>,
}

impl HumanClock {
    /// Time waited so far, the wait that is going on included.
    pub fn waited(&self) -> Duration {
        let state = self.lock();
        state.total + state.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// True while a human is being asked.
    pub fn is_waiting(&self) -> bool {
        self.lock().since.is_some()
    }

    /// Starts the clock; it stops when the guard is dropped, cancellation included.
    pub(crate) fn start(&self) -> Waiting<'_> {
        self.lock().since = Some(Instant::now());
        Waiting(self)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops the clock when dropped.
pub(crate) struct Waiting<'a>(&'a HumanClock);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if let Some(since) = state.since.take() {
            state.total += since.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::HumanClock;

    #[test]
    fn only_the_time_inside_counts() {
        let clock = HumanClock::default();
        assert_eq!(clock.waited(), Duration::ZERO);
        {
            let _waiting = clock.start();
            assert!(clock.is_waiting());
            std::thread::sleep(Duration::from_millis(5));
            assert!(clock.waited() >= Duration::from_millis(5));
        }
        let total = clock.waited();
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(clock.waited(), total);
        assert!(!clock.is_waiting());
    }
}
