//! CPU time of one guest, measured on the thread that runs it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of CPU time that one guest, and the copying done for it, have used. Time spent in the hallway, waiting for
/// an upstream or for a human, is not in it: neither takes the guest's CPU.
pub(crate) struct Meter {
    budget: u64,
    spent: AtomicU64,
    /// The thread's CPU time when the guest was last resumed.
    resumed: AtomicU64,
}

impl Meter {
    pub(crate) fn new(budget: Duration) -> Self {
        let budget = u64::try_from(budget.as_nanos()).unwrap_or(u64::MAX);
        Self { budget, spent: AtomicU64::new(0), resumed: AtomicU64::new(0) }
    }

    /// Runs a guest's future under the meter: each poll is a stretch on one thread.
    pub(crate) async fn run<F: Future>(&self, mut guest: Pin<&mut F>) -> F::Output {
        poll_fn(|context| {
            self.resumed.store(thread_time(), Ordering::Relaxed);
            let state = guest.as_mut().poll(context);
            self.spent.store(self.so_far(), Ordering::Relaxed);
            state
        })
        .await
    }

    /// Whether the budget is used up. Asked while the guest is running, on its thread.
    pub(crate) fn is_over(&self) -> bool {
        self.so_far() > self.budget
    }

    /// CPU time up to the last pause.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    fn so_far(&self) -> u64 {
        let stretch = thread_time().saturating_sub(self.resumed.load(Ordering::Relaxed));
        self.spent.load(Ordering::Relaxed).saturating_add(stretch)
    }
}

/// CPU time of the current thread, in nanoseconds.
fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::{Duration, Instant};

    use super::Meter;

    #[tokio::test(flavor = "current_thread")]
    async fn sleeping_costs_nothing_and_spinning_does() {
        let meter = Meter::new(Duration::from_millis(20));
        meter.run(pin!(tokio::time::sleep(Duration::from_millis(60)))).await;
        assert!(meter.spent() < Duration::from_millis(20), "{:?}", meter.spent());
        let mut over = false;
        meter
            .run(pin!(async {
                let start = Instant::now();
                while !over && start.elapsed() < Duration::from_secs(20) {
                    over = meter.is_over();
                }
            }))
            .await;
        assert!(over && meter.spent() >= Duration::from_millis(20));
    }
}
