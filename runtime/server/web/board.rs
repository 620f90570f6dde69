//! The questions that wait for a person, and what became of the others.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_approval::{Ask, Assertion, Refused};
use tokio::sync::{oneshot, watch};

use super::id::Id;

/// How many ended questions are remembered, to tell a second tab what became of one.
const MAX_ENDED: usize = 512;

/// How often somebody may mistype the digits before the question is denied: more is guessing.
const MAX_WRONG_CODES: u8 = 3;

/// How a question ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Somebody signed.
    Approved,
    /// Somebody said no.
    Denied,
    /// Nobody waits for the answer any more.
    Withdrawn,
}

impl Ending {
    /// The ending as scripts and style sheets read it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// What there is under a name.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// A question that waits.
    Open(Arc<Ask>),
    /// One that does not any more.
    Ended(Ending),
    /// Nothing.
    Nothing,
}

/// The answer to a question.
pub(crate) type Answer = Result<Assertion, Refused>;

/// Every question of this host.
#[derive(Debug)]
pub(crate) struct Board {
    state: Mutex<State>,
    /// Counts what happened, for pages that are open.
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    open: BTreeMap<Id, Pending>,
    ended: VecDeque<(Id, Ending)>,
    next: u64,
}

#[derive(Debug)]
struct Pending {
    ask: Arc<Ask>,
    answer: oneshot::Sender<Answer>,
    /// The order in which they came.
    place: u64,
    wrong_codes: u8,
}

impl Default for Board {
    fn default() -> Self {
        Self { state: Mutex::default(), changed: watch::channel(0).0 }
    }
}

impl Board {
    /// Puts a question up. Dropping what this returns takes it down again.
    pub(crate) fn put(self: &Arc<Self>, id: Id, ask: &Ask) -> Waiting {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.lock();
        let place = state.next;
        state.next += 1;
        state.open.insert(id.clone(), Pending { ask: Arc::new(ask.clone()), answer, place, wrong_codes: 0 });
        drop(state);
        self.tell();
        Waiting { board: Arc::clone(self), id, receiver }
    }

    /// What there is under a name.
    pub(crate) fn find(&self, id: &Id) -> Found {
        let state = self.lock();
        if let Some(pending) = state.open.get(id) {
            return Found::Open(Arc::clone(&pending.ask));
        }
        let ended = state.ended.iter().find(|(ended, _)| ended == id);
        ended.map_or(Found::Nothing, |(_, ending)| Found::Ended(*ending))
    }

    /// Every question that waits, oldest first.
    pub(crate) fn open(&self) -> Vec<(Id, Arc<Ask>)> {
        let state = self.lock();
        let mut open: Vec<_> = state.open.iter().collect();
        open.sort_by_key(|(_, pending)| pending.place);
        open.into_iter().map(|(id, pending)| (id.clone(), Arc::clone(&pending.ask))).collect()
    }

    /// Ends a question with its answer. Of several that try, one does; false for the others, and when nobody waits.
    pub(crate) fn answer(&self, id: &Id, answer: Answer) -> bool {
        let ending = if answer.is_ok() { Ending::Approved } else { Ending::Denied };
        let taken = self.end(id, |pending| match pending.answer.send(answer) {
            Ok(()) => ending,
            Err(_unheard) => Ending::Withdrawn,
        });
        taken == Some(ending)
    }

    /// Counts a wrong code, and ends the question with a denial when there were too many.
    pub(crate) fn mistyped(&self, id: &Id, denial: Refused) {
        let mut state = self.lock();
        let Some(pending) = state.open.get_mut(id) else { return };
        pending.wrong_codes = pending.wrong_codes.saturating_add(1);
        let guessing = pending.wrong_codes >= MAX_WRONG_CODES;
        drop(state);
        if guessing {
            self.answer(id, Err(denial));
        }
    }

    /// Changes of the board.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn end(&self, id: &Id, how: impl FnOnce(Pending) -> Ending) -> Option<Ending> {
        let mut state = self.lock();
        let ending = how(state.open.remove(id)?);
        state.ended.push_front((id.clone(), ending));
        state.ended.truncate(MAX_ENDED);
        drop(state);
        self.tell();
        Some(ending)
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for an answer.
#[derive(Debug)]
pub(crate) struct Waiting {
    board: Arc<Board>,
    id: Id,
    receiver: oneshot::Receiver<Answer>,
}

impl Waiting {
    /// The answer. `None` when the board is gone.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        (&mut self.receiver).await.ok()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // An answer that is there already stays what it is: then nothing is open under this name.
        self.board.end(&self.id, |_| Ending::Withdrawn);
    }
}
