//! How much one agent's session may ask of people.
//!
//! Somebody who is asked too often says yes without reading, so each session has a measure, and a session whose requests
//! people turn down ends.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::Refused;

/// Questions of one session that may wait at the same time. A person sees them on one page; more is a flood.
pub const MAX_WAITING: usize = 16;

/// Questions in a row that nobody answered, or that were taken back, after which a session may ask no more until a person
/// has answered one: an agent that asks into an empty room should stop.
pub const MAX_UNANSWERED: u32 = 8;

/// Denials after which a session may do nothing more that a human must approve.
pub const DENIALS_TO_LOCK: u32 = 3;

/// SHA-256 of a request's facts.
pub(crate) type RequestDigest = [u8; 32];

/// Why the first of two identical questions was refused; `None` while it waits, and after a yes.
type Ending = Option<Refused>;

/// The sessions that have asked. In memory alone: a session does not outlive its host.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: Mutex<BTreeMap<String, Session>>,
}

#[derive(Debug, Default)]
struct Session {
    waiting: BTreeMap<RequestDigest, watch::Receiver<Ending>>,
    denials: u32,
    unanswered: u32,
    is_tainted: bool,
}

/// Whether a question may be asked now.
#[derive(Debug)]
pub(crate) enum Turn<'a> {
    /// It may.
    Mine(Seat<'a>),
    /// The same question waits already; this tells how it ends.
    Same(watch::Receiver<Ending>),
}

impl Sessions {
    /// Takes a place for a question.
    ///
    /// # Errors
    /// [`Refused`] when the session is locked, or asks too much.
    pub(crate) fn sit(&self, session: &str, request: RequestDigest) -> Result<Turn<'_>, Refused> {
        let mut open = self.lock();
        let state = open.entry(session.to_owned()).or_default();
        if state.denials >= DENIALS_TO_LOCK {
            return Err(Refused::SessionLocked { denials: DENIALS_TO_LOCK });
        }
        if let Some(same) = state.waiting.get(&request) {
            return Ok(Turn::Same(same.clone()));
        }
        if state.unanswered >= MAX_UNANSWERED || state.waiting.len() >= MAX_WAITING {
            return Err(Refused::TooManyQuestions { waiting: state.waiting.len(), unanswered: state.unanswered });
        }
        let (ending, receiver) = watch::channel(None);
        state.waiting.insert(request, receiver);
        Ok(Turn::Mine(Seat { sessions: self, session: session.to_owned(), request, ending, has_ended: false }))
    }

    /// From now on the session gets no lease.
    pub(crate) fn taint(&self, session: &str) {
        self.lock().entry(session.to_owned()).or_default().is_tainted = true;
    }

    pub(crate) fn is_tainted(&self, session: &str) -> bool {
        self.lock().get(session).is_some_and(|state| state.is_tainted)
    }

    /// Whether people have turned down so much of it that it is over.
    pub(crate) fn is_locked(&self, session: &str) -> bool {
        self.lock().get(session).is_some_and(|state| state.denials >= DENIALS_TO_LOCK)
    }

    /// Forgets a session that has ended.
    pub(crate) fn end(&self, session: &str) {
        self.lock().remove(session);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a question that waits. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Seat<'a> {
    sessions: &'a Sessions,
    session: String,
    request: RequestDigest,
    ending: watch::Sender<Ending>,
    has_ended: bool,
}

impl Seat<'_> {
    /// Notes how the question ended, for its session and for those who asked the same.
    pub(crate) fn end<T>(mut self, outcome: &Result<T, Refused>) {
        self.has_ended = true;
        let mut open = self.sessions.lock();
        let state = open.entry(self.session.clone()).or_default();
        match outcome {
            Ok(_) => state.unanswered = 0,
            Err(Refused::Denied | Refused::DeniedBy { .. }) => {
                state.unanswered = 0;
                state.denials = state.denials.saturating_add(1);
            }
            Err(_) => state.unanswered = state.unanswered.saturating_add(1),
        }
        drop(open);
        // Nobody may have asked the same.
        let _ = self.ending.send(outcome.as_ref().err().cloned());
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut open = self.sessions.lock();
        let Some(state) = open.get_mut(&self.session) else { return };
        state.waiting.remove(&self.request);
        if !self.has_ended {
            // Taken back. Asking and taking back is a way to bother people too.
            state.unanswered = state.unanswered.saturating_add(1);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{DENIALS_TO_LOCK, MAX_UNANSWERED, MAX_WAITING, Seat, Sessions, Turn};
    use crate::Refused;

    fn request(number: usize) -> [u8; 32] {
        [u8::try_from(number).unwrap(); 32]
    }

    fn seat(sessions: &Sessions, number: usize) -> Result<Seat<'_>, Refused> {
        sessions.sit("s", request(number)).map(|turn| match turn {
            Turn::Mine(seat) => seat,
            Turn::Same(_) => unreachable!("every request here is another one"),
        })
    }

    #[test]
    fn so_many_wait_and_no_more() {
        let sessions = Sessions::default();
        let mut seats: Vec<Seat<'_>> = (0..MAX_WAITING).map(|number| seat(&sessions, number).unwrap()).collect();
        let refused = seat(&sessions, MAX_WAITING).unwrap_err();
        assert_eq!(refused, Refused::TooManyQuestions { waiting: MAX_WAITING, unanswered: 0 });
        assert!(sessions.sit("another", request(1)).is_ok(), "one session's flood is its own");
        seats.pop().unwrap().end(&Ok(()));
        assert!(seat(&sessions, MAX_WAITING).is_ok());
    }

    #[test]
    fn a_session_that_nobody_answers_stops_asking() {
        let sessions = Sessions::default();
        for number in 0..usize::try_from(MAX_UNANSWERED).unwrap() {
            // By turns timed out, and taken back.
            let seat = seat(&sessions, number).unwrap();
            if number % 2 == 0 { seat.end::<()>(&Err(Refused::NoHuman { seconds: 1 })) } else { drop(seat) }
        }
        assert!(matches!(
            seat(&sessions, 99),
            Err(Refused::TooManyQuestions { waiting: 0, unanswered: MAX_UNANSWERED })
        ));
    }

    #[test]
    fn an_answer_starts_the_count_anew() {
        let sessions = Sessions::default();
        for _ in 0..5 {
            for number in 1..usize::try_from(MAX_UNANSWERED).unwrap() {
                drop(seat(&sessions, number).unwrap());
            }
            seat(&sessions, 99).unwrap().end(&Ok(()));
        }
    }

    #[test]
    fn three_denials_lock_the_session_for_good() {
        let sessions = Sessions::default();
        for number in 0..usize::try_from(DENIALS_TO_LOCK).unwrap() {
            assert!(!sessions.is_locked("s"));
            // Yeses in between do not count against them: an agent could earn them with harmless questions.
            seat(&sessions, 50 + number).unwrap().end(&Ok(()));
            // Whether or not it is known whose no it was.
            let named = Refused::DeniedBy { name: "anna".to_owned() };
            let no = if number == 0 { Refused::Denied } else { named };
            seat(&sessions, number).unwrap().end::<()>(&Err(no));
        }
        assert!(sessions.is_locked("s") && !sessions.is_locked("another"));
        assert_eq!(seat(&sessions, 99).unwrap_err(), Refused::SessionLocked { denials: DENIALS_TO_LOCK });
    }

    #[tokio::test]
    async fn the_same_question_is_asked_once_and_its_end_is_told() {
        let sessions = Sessions::default();
        let first = seat(&sessions, 1).unwrap();
        let Turn::Same(mut ending) = sessions.sit("s", request(1)).unwrap() else { unreachable!("it waits") };
        first.end::<()>(&Err(Refused::Denied));
        ending.changed().await.unwrap();
        assert_eq!(*ending.borrow(), Some(Refused::Denied));
        assert!(matches!(sessions.sit("s", request(1)), Ok(Turn::Mine(_))));
        assert!(matches!(sessions.sit("t", request(1)), Ok(Turn::Mine(_))), "another session's is another question");
    }

    #[test]
    fn a_taint_stays_until_the_session_ends() {
        let sessions = Sessions::default();
        sessions.taint("s");
        assert!(sessions.is_tainted("s") && !sessions.is_tainted("another"));
        sessions.end("s");
        assert!(!sessions.is_tainted("s"));
    }
}
