//! The rooms, joined.

use std::sync::Arc;

use claviger_approval::Desk;
use claviger_audit::{Event, Log, OperatorAction};
use claviger_grant::{Caller, Policy};
use claviger_vault::{OpenSession, Vault};
use tokio::sync::Mutex;

use crate::{Call, Outside};

/// One of each room, for the life of the host.
pub struct Hallway {
    pub(crate) policy: Policy,
    pub(crate) desk: Desk,
    pub(crate) log: Log,
    pub(crate) vault: Vault,
    pub(crate) outside: Outside,
    /// What did not work when sessions were ended. Whoever ends some holds the lock.
    ending: Mutex<Vec<String>>,
}

impl Hallway {
    /// Joins the rooms.
    pub fn new(policy: Policy, desk: Desk, log: Log, vault: Vault, outside: Outside) -> Arc<Self> {
        Arc::new(Self { policy, desk, log, vault, outside, ending: Mutex::default() })
    }

    /// Begins one tool call. What it opens ends with it.
    pub fn begin(self: &Arc<Self>, caller: Caller) -> Call {
        Call::new(Arc::clone(self), caller)
    }

    /// Ends the sessions that requests opened at upstreams: to be called once, when no call runs any more. Tells what did
    /// not work, since the host began.
    pub async fn end_sessions(&self) -> Vec<String> {
        // Whoever ends some already is waited for.
        let mut trouble = self.ending.lock().await;
        self.end(self.vault.take_sessions().await, &mut trouble).await;
        std::mem::take(&mut *trouble)
    }

    /// Ends the sessions that others have replaced, beside the call that replaced them: an upstream that counts them would
    /// run out before the host ends.
    pub(crate) fn end_replaced(self: &Arc<Self>) {
        if !self.vault.has_replaced_sessions() {
            return;
        }
        let hallway = Arc::clone(self);
        tokio::spawn(async move {
            let mut trouble = hallway.ending.lock().await;
            // Taken out now and not before: a host that ends meanwhile ends these too.
            hallway.end(hallway.vault.take_replaced_sessions(), &mut trouble).await;
        });
    }

    /// No record, no act: a log-out that cannot be noted is not sent, and the session ends at the upstream by itself.
    async fn end(&self, sessions: Vec<OpenSession>, trouble: &mut Vec<String>) {
        for session in sessions {
            let what = format!("{} of {}", session.credential(), session.connection());
            let (subject, detail) = (session.connection().as_str(), session.credential().as_str());
            let event = Event::operator(OperatorAction::SessionEnded, subject, Some(detail));
            let done = match self.log.note(event, (self.outside.now)()).await {
                Ok(_) => self.vault.end_session(session).await.map_err(|failure| failure.to_string()),
                Err(error) => Err(error.to_string()),
            };
            trouble.extend(done.err().map(|why| format!("the session {what} was not ended: {why}")));
        }
    }

    /// The connections and their plugins.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The audit log, for what is not a call: installs, operators' actions, its own counters.
    pub fn log(&self) -> &Log {
        &self.log
    }
}
