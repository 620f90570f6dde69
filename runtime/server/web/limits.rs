//! How much of this server anybody gets.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest body of a request, in bytes. An assertion has about one thousand.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// The longest head of a request, in bytes: all that hyper keeps of one. Browsers send two thousand.
pub(crate) const MAX_HEAD: usize = 32 * 1024;

/// The most header lines. Browsers send twenty.
pub(crate) const MAX_HEADERS: usize = 64;

/// Connections at once. A browser opens six, and each open tab holds one for its events.
pub(crate) const MAX_CONNECTIONS: usize = 64;

/// How long a head may take to arrive, and a connection may lie idle.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(10);

/// How long a request may take from its head to its answer. Nothing here waits for an upstream.
pub(crate) const REQUEST_TIME: Duration = Duration::from_secs(10);

/// Sections of the console that are read at once. Each may verify thousands of signatures; the agent's calls go first.
pub(crate) const MAX_READINGS: usize = 2;

/// Requests that change something, in one window. A person makes three for an approval.
const MAX_POSTS: u32 = 120;

/// The window that they are counted in.
const WINDOW: Duration = Duration::from_secs(10);

/// Counts what wants to change something, whoever wants it: all of it comes from one machine.
#[derive(Debug, Default)]
pub(crate) struct Rate(Mutex<Option<(Instant, u32)>>);

impl Rate {
    /// Counts one more; false when it is too many.
    pub(crate) fn allows(&self, now: Instant) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (begin, count) = window.filter(|(begin, _)| now.duration_since(*begin) < WINDOW).unwrap_or((now, 0));
        *window = Some((begin, count.saturating_add(1)));
        count < MAX_POSTS
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{MAX_POSTS, Rate, WINDOW};

    #[test]
    fn a_flood_is_refused_until_its_window_has_passed() {
        let (rate, start) = (Rate::default(), Instant::now());
        assert!((0..MAX_POSTS).all(|_| rate.allows(start)));
        assert!(!rate.allows(start + WINDOW / 2));
        assert!(rate.allows(start + WINDOW));
    }
}
