//! Telling somebody who is elsewhere that a request waits.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::{Approver, ApproverKind, Ask, Decision, Notice};

/// The most notices in a minute: more than a person can look at, and far below what receivers take (Slack: one a second).
pub const MOST_NOTICES: u32 = 10;

/// The time in which notices are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// Takes a notice to whoever is told. It must return at once: the question is asked after it.
pub type Tell = Box<dyn Fn(Notice) + Send + Sync>;

/// An approver before whose question somebody is told that it waits. Only the approver decides: a notice has no answer, and
/// nothing waits for it.
pub struct Notifying {
    approver: Box<dyn Approver>,
    tell: Tell,
    page: Option<String>,
    budget: Mutex<Budget>,
}

/// How much may still be told.
struct Budget {
    since: Instant,
    told: u32,
    untold: u32,
}

impl Notifying {
    /// Puts `tell` before an approver. `page` is where people elsewhere can answer, if they can.
    pub fn new(approver: Box<dyn Approver>, page: Option<String>, tell: Tell) -> Self {
        let budget = Mutex::new(Budget { since: Instant::now(), told: 0, untold: 0 });
        Self { approver, tell, page, budget }
    }

    /// Once for a request: the second of several people is asked for the same one.
    fn notify(&self, ask: &Ask) {
        if ask.signed_by().is_empty()
            && let Some(untold) = self.may_tell(Instant::now())
        {
            (self.tell)(Notice::new(ask, self.page.as_deref(), untold));
        }
    }

    /// Whether one more may be told now, and how many were not since the last.
    fn may_tell(&self, now: Instant) -> Option<u32> {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(budget.since) >= WINDOW {
            (budget.since, budget.told) = (now, 0);
        }
        if budget.told >= MOST_NOTICES {
            budget.untold = budget.untold.saturating_add(1);
            return None;
        }
        budget.told += 1;
        Some(std::mem::take(&mut budget.untold))
    }
}

impl Approver for Notifying {
    fn kind(&self) -> ApproverKind {
        self.approver.kind()
    }

    fn decide<'a>(&'a self, ask: &'a Ask) -> Decision<'a> {
        self.notify(ask);
        self.approver.decide(ask)
    }
}

#[cfg(test)]
mod tests;
