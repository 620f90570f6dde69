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
    code: Option<String>,
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

    /// The two digits that whoever is asked must type where they approve, while they are asked for something that needs
    /// them. To be shown where the call was made.
    pub fn match_code(&self) -> Option<String> {
        self.lock().code.clone()
    }

    pub(crate) fn show(&self, code: Option<&str>) {
        self.lock().code = code.map(str::to_owned);
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
        state.code = None;
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
    fn the_match_code_is_shown_while_somebody_is_asked() {
        let clock = HumanClock::default();
        {
            let _waiting = clock.start();
            clock.show(Some("07"));
            assert_eq!(clock.match_code().as_deref(), Some("07"));
        }
        assert_eq!(clock.match_code(), None);
    }

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
