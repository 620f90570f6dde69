//! One human, one dialogue: the first call goes alone, and those that wait for it share what the human said.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::provider::ProviderError;

/// How long an authorisation of the desktop app lasts without use: ten minutes, less one, so that the call that renews it
/// goes alone again.
const IDLE: Duration = Duration::from_secs(9 * 60);
/// Runs at once, once a human has agreed: each is a process of some 50 MB.
const RUNS: usize = 4;

/// Lets one call through until it has come back, then all.
#[derive(Debug)]
pub(crate) struct Gate {
    turn: tokio::sync::Mutex<()>,
    runs: Semaphore,
    past: Mutex<Past>,
}

#[derive(Debug, Default)]
struct Past {
    /// The last time that the provider answered.
    answered: Option<Instant>,
    /// How often nobody let it answer, and why it was so the last time.
    refusals: u64,
    refusal: Option<ProviderError>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self { turn: tokio::sync::Mutex::default(), runs: Semaphore::new(RUNS), past: Mutex::default() }
    }

    /// Makes a call in its turn. One that waited while another was refused is refused with it, without asking anybody
    /// again.
    pub(crate) async fn pass<T>(
        &self,
        call: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let seen = self.past().refusals;
        let turn = if self.is_open() { None } else { Some(self.turn.lock().await) };
        if let Some(refusal) = self.refused_since(seen) {
            return Err(refusal);
        }
        // It may have opened meanwhile; then those behind need not wait for this call.
        let _turn = turn.filter(|_| !self.is_open());
        let _run = self.runs.acquire().await.map_err(|_| ProviderError::Unavailable("the host is shutting down"))?;
        let result = call.await;
        self.learn(&result);
        result
    }

    fn is_open(&self) -> bool {
        self.past().answered.is_some_and(|answered| answered.elapsed() < IDLE)
    }

    fn refused_since(&self, seen: u64) -> Option<ProviderError> {
        let past = self.past();
        (past.refusals > seen).then(|| past.refusal.clone()).flatten()
    }

    fn learn<T>(&self, result: &Result<T, ProviderError>) {
        let mut past = self.past();
        match result {
            Err(error) if error.is_closed() => {
                past.answered = None;
                past.refusals += 1;
                past.refusal = Some(error.clone());
            }
            // Any other answer, also "no such item", comes from a provider that somebody has unlocked.
            _ => past.answered = Some(Instant::now()),
        }
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::Gate;
    use crate::provider::ProviderError;

    /// Runs ten calls at once; gives how many were made before the first one came back, how many in all, and the results.
    async fn ten(
        gate: &Arc<Gate>,
        answer: Result<(), ProviderError>,
    ) -> (usize, usize, Vec<Result<(), ProviderError>>) {
        let (begun, early) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let (gate, begun, early, answer) = (gate.clone(), begun.clone(), early.clone(), answer.clone());
            calls.spawn(async move {
                gate.pass(async {
                    let first = begun.fetch_add(1, Ordering::SeqCst) == 0;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    if first {
                        early.store(begun.load(Ordering::SeqCst), Ordering::SeqCst);
                    }
                    answer
                })
                .await
            });
        }
        let results = calls.join_all().await;
        (early.load(Ordering::SeqCst), begun.load(Ordering::SeqCst), results)
    }

    #[tokio::test]
    async fn the_first_call_goes_alone_and_the_others_after_it() {
        let gate = Arc::new(Gate::new());
        let (early, all, results) = ten(&gate, Ok(())).await;
        assert_eq!((early, all), (1, 10));
        assert!(results.iter().all(Result::is_ok));
        let (early, _, _) = ten(&gate, Err(ProviderError::ItemNotFound)).await;
        assert!(early > 1, "an open gate lets calls through together");
    }

    #[tokio::test]
    async fn a_refusal_is_shared_by_those_who_waited_and_by_nobody_later() {
        let gate = Arc::new(Gate::new());
        for _ in 0..2 {
            let (_, all, results) = ten(&gate, Err(ProviderError::Dismissed)).await;
            assert_eq!(all, 1);
            assert!(results.iter().all(|result| *result == Err(ProviderError::Dismissed)));
        }
        let (_, all, _) = ten(&gate, Ok(())).await;
        assert_eq!(all, 10);
    }
}
