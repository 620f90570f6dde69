//! The rooms, joined.

use std::sync::Arc;

use claviger_approval::Desk;
use claviger_audit::{Event, Log, OperatorAction};
use claviger_grant::{Caller, Policy};
use claviger_vault::Vault;

use crate::{Call, Outside};

/// One of each room, for the life of the host.
pub struct Hallway {
    pub(crate) policy: Policy,
    pub(crate) desk: Desk,
    pub(crate) log: Log,
    pub(crate) vault: Vault,
    pub(crate) outside: Outside,
}

impl Hallway {
    /// Joins the rooms.
    pub fn new(policy: Policy, desk: Desk, log: Log, vault: Vault, outside: Outside) -> Arc<Self> {
        Arc::new(Self { policy, desk, log, vault, outside })
    }

    /// Begins one tool call. What it opens ends with it.
    pub fn begin(self: &Arc<Self>, caller: Caller) -> Call {
        Call::new(Arc::clone(self), caller)
    }

    /// Ends the sessions that requests opened at upstreams: to be called once, when no call runs any more. No record, no
    /// act: what cannot be noted is not sent, and ends at the upstream by itself. Tells what did not work.
    pub async fn end_sessions(&self) -> Vec<String> {
        let mut trouble = Vec::new();
        for session in self.vault.take_sessions().await {
            let what = format!("{} of {}", session.credential(), session.connection());
            let (subject, detail) = (session.connection().as_str(), session.credential().as_str());
            let event = Event::operator(OperatorAction::SessionEnded, subject, Some(detail));
            let done = match self.log.note(event, (self.outside.now)()).await {
                Ok(_) => self.vault.end_session(session).await.map_err(|failure| failure.to_string()),
                Err(error) => Err(error.to_string()),
            };
            trouble.extend(done.err().map(|why| format!("the session {what} was not ended: {why}")));
        }
        trouble
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
