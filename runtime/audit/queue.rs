//! Where entries wait to be written together.
//!
//! A caller appends under a short lock, where the entry gets its index and time, and then waits. The one syncer takes
//! everything that waits, writes it, syncs once, and wakes all: one sync for as many entries as arrived during the last.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::error::Unrecorded;
use crate::format;

/// The longest that entries wait for others, when many calls are under way. A sync of a fast disk takes a fifth of this, so
/// it costs a call little; it saves most syncs, each of which takes CPU time from every call.
const GATHERING: Duration = Duration::from_millis(1);
/// Enough for one sync: more would save next to nothing.
const MOST_GATHERED: u64 = 64;

/// When an entry counts as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When the disk says that it has it.
    #[default]
    Synced,
    /// At once, from memory: a crash loses entries that callers were told are written, and "no record, no act" does not
    /// hold. For measuring what durability costs, and for nothing else.
    UnsyncedForBenchesOnly,
}

/// What the log has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries written.
    pub entries: u64,
    /// Syncs of the log file, each for all entries that waited.
    pub syncs: u64,
    /// Checkpoints signed.
    pub checkpoints: u64,
    /// Bytes of entries.
    pub bytes: u64,
}

/// The same, as it is counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) entries: AtomicU64,
    pub(crate) syncs: AtomicU64,
    pub(crate) checkpoints: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            entries: read(&self.entries),
            syncs: read(&self.syncs),
            checkpoints: read(&self.checkpoints),
            bytes: read(&self.bytes),
        }
    }
}

/// Tells one caller whether its entry is durable.
pub(crate) type Waiter = oneshot::Sender<Result<(), Unrecorded>>;

/// What an entry does to the intents that have no outcome yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It is one.
    Opens,
    /// It is the outcome of this one.
    Closes(u64),
    /// Nothing.
    Neither,
}

/// Entries that are written together.
#[derive(Default)]
pub(crate) struct Batch {
    /// Whole lines.
    pub(crate) bytes: Vec<u8>,
    /// How many lines.
    pub(crate) entries: u64,
    /// Intents among them and outcomes among them, by the intent's index.
    pub(crate) opened: Vec<u64>,
    pub(crate) closed: Vec<u64>,
    /// Who waits for them.
    pub(crate) waiters: Vec<Waiter>,
}

/// What the syncer is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Entries wait.
    Work,
    /// None came for a while.
    Quiet,
    /// No more will come.
    Closing,
}

struct State {
    batch: Batch,
    next: u64,
    last: Timestamp,
    refusal: Option<Unrecorded>,
}

pub(crate) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    durability: Durability,
    /// Intents without an outcome yet: how many calls are under way.
    under_way: AtomicU64,
    pub(crate) counters: Counters,
}

impl Queue {
    /// A queue whose next entry has this index and is not before this time.
    pub(crate) fn new(next: u64, last: Timestamp, durability: Durability) -> Self {
        let state = State { batch: Batch::default(), next, last, refusal: None };
        let (work, under_way, counters) = (Condvar::new(), AtomicU64::new(0), Counters::default());
        Self { state: Mutex::new(state), work, durability, under_way, counters }
    }

    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    /// Appends an entry that opens and closes no intent.
    pub(crate) fn append(&self, own: &str, at: Timestamp) -> Result<(u64, Pending), Unrecorded> {
        self.append_marked(own, at, Mark::Neither)
    }

    /// Appends an entry; gives its index and what to wait for.
    pub(crate) fn append_marked(&self, own: &str, at: Timestamp, mark: Mark) -> Result<(u64, Pending), Unrecorded> {
        let mut state = self.lock();
        if let Some(refusal) = &state.refusal {
            return Err(refusal.clone());
        }
        let index = state.next;
        let at = whole_milliseconds(at).max(state.last);
        format::line(&mut state.batch.bytes, at, index, own);
        state.next += 1;
        state.last = at;
        state.batch.entries += 1;
        match mark {
            Mark::Opens => state.batch.opened.push(index),
            Mark::Closes(intent) => state.batch.closed.push(intent),
            Mark::Neither => {}
        }
        Ok((index, self.pending(&mut state)))
    }

    fn pending(&self, state: &mut State) -> Pending {
        if self.durability == Durability::UnsyncedForBenchesOnly {
            return Pending(None);
        }
        let (waiter, pending) = oneshot::channel();
        state.batch.waiters.push(waiter);
        // The syncer sleeps until the first entry, and then until there are enough; in between it need not wake.
        if state.batch.entries == 1 || state.batch.entries >= self.enough() {
            self.work.notify_one();
        }
        Pending(Some(pending))
    }

    /// A call is under way from its intent on.
    pub(crate) fn begun(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    /// It has its outcome, or never will.
    pub(crate) fn ended(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many entries are worth a sync: a third of the calls under way, so that the others have work meanwhile. One
    /// call alone never waits for company.
    fn enough(&self) -> u64 {
        (self.under_way.load(Ordering::Relaxed) / 3).clamp(1, MOST_GATHERED)
    }

    /// Lets a few more entries come, when many calls are under way: a sync costs the same for all of them.
    fn gather<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let until = Instant::now() + GATHERING;
        while state.batch.entries < self.enough() && state.refusal.is_none() {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else { break };
            (state, _) = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// Waits for work, for at most `patience` if it is given; swaps what waits for the empty `batch`.
    pub(crate) fn next(&self, batch: &mut Batch, patience: Option<Duration>) -> Next {
        let mut state = self.lock();
        loop {
            if state.batch.entries > 0 {
                state = self.gather(state);
                if state.batch.entries == 0 {
                    continue; // The log failed meanwhile, and whoever waited was told.
                }
                std::mem::swap(batch, &mut state.batch);
                return Next::Work;
            }
            if state.refusal.is_some() {
                return Next::Closing;
            }
            let Some(patience) = patience else {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let (woken, waited) = self.work.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if waited.timed_out() && state.batch.entries == 0 && state.refusal.is_none() {
                return Next::Quiet;
            }
        }
    }

    /// Takes no more entries. The first reason stays.
    pub(crate) fn refuse(&self, reason: Unrecorded) {
        self.lock().refusal.get_or_insert(reason);
        self.work.notify_one();
    }

    /// As [`Queue::refuse`], after a failure: who waits is told, and the reason replaces an orderly close.
    pub(crate) fn fail(&self, reason: &Unrecorded) {
        let mut state = self.lock();
        if !matches!(state.refusal, Some(Unrecorded::Failed(_) | Unrecorded::Moved)) {
            state.refusal = Some(reason.clone());
        }
        let waiting = std::mem::take(&mut state.batch);
        drop(state);
        tell(waiting.waiters, &Err(reason.clone()));
    }

    /// Why no more entries are taken.
    pub(crate) fn refusal(&self) -> Option<Unrecorded> {
        self.lock().refusal.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An entry on its way to the disk.
#[must_use = "the entry is durable only once this says so"]
pub(crate) struct Pending(Option<oneshot::Receiver<Result<(), Unrecorded>>>);

impl Pending {
    /// Waits until the entry is durable.
    pub(crate) async fn durable(self) -> Result<(), Unrecorded> {
        match self.0 {
            None => Ok(()),
            Some(pending) => pending.await.unwrap_or(Err(Unrecorded::Closed)),
        }
    }
}

/// Wakes everyone who waits. Callers that have gone away are no matter: their entries are written all the same.
pub(crate) fn tell(waiters: Vec<Waiter>, result: &Result<(), Unrecorded>) {
    for waiter in waiters {
        drop(waiter.send(result.clone()));
    }
}

/// Cut to what a line holds, and never before 1970, where the format's fixed width begins to be true.
fn whole_milliseconds(at: Timestamp) -> Timestamp {
    let whole = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(Timestamp::UNIX_EPOCH);
    whole.max(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{Batch, Durability, Next, Queue};
    use crate::error::Unrecorded;

    const OWN: &str = r#"{"kind":"event","note":{}}"#;

    fn queue() -> Queue {
        Queue::new(5, "2026-01-01T00:00:00.500Z".parse().unwrap(), Durability::Synced)
    }

    #[test]
    fn indexes_have_no_gaps_and_times_never_run_backwards() {
        let queue = queue();
        let times = ["2026-01-01T00:00:01.9999Z", "2025-01-01T00:00:00Z", "-000001-01-01T00:00:00Z"];
        for (index, time) in (5..).zip(times) {
            assert_eq!(queue.append(OWN, time.parse().unwrap()).unwrap().0, index);
        }
        let mut batch = Batch::default();
        assert_eq!(queue.next(&mut batch, None), Next::Work);
        let text = String::from_utf8(batch.bytes).unwrap();
        assert_eq!(text.matches("2026-01-01T00:00:01.999Z").count(), 3, "{text}");
        assert_eq!((batch.entries, batch.waiters.len()), (3, 3));
    }

    #[test]
    fn a_failure_stays_and_everyone_is_told() {
        let queue = queue();
        let (_, pending) = queue.append(OWN, Timestamp::UNIX_EPOCH).unwrap();
        let failure = Unrecorded::Failed(ErrorKind::StorageFull);
        queue.fail(&failure);
        let told = pending.0.unwrap().blocking_recv().unwrap();
        assert_eq!(told, Err(failure.clone()));
        queue.refuse(Unrecorded::Closed);
        assert_eq!(queue.append(OWN, Timestamp::UNIX_EPOCH).err(), Some(failure));
    }

    #[test]
    fn what_waits_is_written_before_the_end() {
        let queue = queue();
        let mut batch = Batch::default();
        assert_eq!(queue.next(&mut batch, Some(Duration::from_millis(1))), Next::Quiet);
        let (_, _pending) = queue.append(OWN, Timestamp::UNIX_EPOCH).unwrap();
        queue.refuse(Unrecorded::Closed);
        assert_eq!(queue.next(&mut batch, None), Next::Work);
        batch = Batch::default();
        assert_eq!(queue.next(&mut batch, None), Next::Closing);
        assert!(queue.append(OWN, Timestamp::UNIX_EPOCH).is_err());
    }
}
