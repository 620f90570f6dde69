//! The rooms, joined.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use claviger_approval::Desk;
use claviger_audit::{Event, Log, OperatorAction};
use claviger_grant::{Caller, Policy};
use claviger_manifest::Name;
use claviger_vault::{OpenSession, SessionWatch, Vault};
use tokio::sync::watch::Sender;
use tokio::task::JoinSet;

use crate::{Call, Outside};

/// The most time that [`Hallway::close`] takes: a log-out may take five seconds, and what is minted when the host ends has
/// as much again. Container runtimes kill a program that does not end within ten (Docker's default).
const END_TIME: Duration = Duration::from_secs(9);

/// One of each room, for the life of the host.
pub struct Hallway {
    /// What may be done, as it is now.
    policy: Sender<Arc<Policy>>,
    pub(crate) desk: Desk,
    pub(crate) log: Log,
    pub(crate) vault: Vault,
    pub(crate) outside: Outside,
    /// Log-outs under way. Each gives what did not work.
    log_outs: Mutex<JoinSet<Option<String>>>,
    /// What did not work so far.
    trouble: Mutex<Vec<String>>,
    watched: AtomicBool,
}

impl Hallway {
    /// Joins the rooms.
    pub fn new(policy: Policy, desk: Desk, log: Log, vault: Vault, outside: Outside) -> Arc<Self> {
        let policy = Sender::new(Arc::new(policy));
        let (log_outs, trouble, watched) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        Arc::new(Self { policy, desk, log, vault, outside, log_outs, trouble, watched })
    }

    /// Begins one tool call. What it opens ends with it.
    pub fn begin(self: &Arc<Self>, caller: Caller) -> Call {
        Call::new(Arc::clone(self), caller)
    }

    /// Ends the host: no session is opened any more, those that are open are logged out, side by side, and the keys of the
    /// vault are wiped. A call that still runs fails at what it asks for next. Takes no longer than nine seconds, and tells
    /// what did not work since the host began.
    pub async fn close(self: &Arc<Self>) -> Vec<String> {
        self.vault.stop();
        let done = tokio::time::timeout(END_TIME, async {
            // Waits for what is being minted.
            self.log_out(self.vault.take_sessions().await);
            // Those that were begun beside a call are waited for too.
            let mut log_outs = std::mem::take(&mut *held(&self.log_outs));
            while let Some(done) = log_outs.join_next().await {
                held(&self.trouble).extend(done.ok().flatten());
            }
        });
        if done.await.is_err() {
            let seconds = END_TIME.as_secs();
            held(&self.trouble).push(format!(
                "sessions were not ended within {seconds} seconds; they end at the upstream by themselves"
            ));
        }
        self.vault.lock();
        std::mem::take(&mut *held(&self.trouble))
    }

    /// Ends the sessions that others have replaced, and those whose life is over, beside the calls: no call waits for a
    /// log-out, and an upstream that counts sessions would run out of them before the host ends.
    pub(crate) fn end_replaced(self: &Arc<Self>) {
        if !self.watched.swap(true, Ordering::Relaxed) {
            tokio::spawn(watch(Arc::downgrade(self), self.vault.watch_sessions()));
        }
        if self.vault.has_replaced_sessions() {
            self.log_out(self.vault.take_replaced_sessions());
        }
    }

    fn log_out(self: &Arc<Self>, sessions: Vec<OpenSession>) {
        let mut log_outs = held(&self.log_outs);
        while let Some(done) = log_outs.try_join_next() {
            held(&self.trouble).extend(done.ok().flatten());
        }
        for session in sessions {
            let hallway = Arc::clone(self);
            log_outs.spawn(async move { hallway.end(session).await });
        }
    }

    /// No record, no act: a log-out that cannot be noted is not sent, and the session ends at the upstream by itself.
    async fn end(&self, session: OpenSession) -> Option<String> {
        let what = format!("{} of {}", session.credential(), session.connection());
        let (subject, detail) = (session.connection().as_str(), session.credential().as_str());
        let event = Event::operator(OperatorAction::SessionEnded, subject, Some(detail));
        let done = match self.log.note(event, (self.outside.now)()).await {
            Ok(_) => self.vault.end_session(session).await.map_err(|failure| failure.to_string()),
            Err(error) => Err(error.to_string()),
        };
        done.err().map(|why| format!("the session {what} was not ended: {why}"))
    }

    /// The connections and their plugins, as they are now.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.borrow())
    }

    /// Goes by another policy from now on. On each connection that is not the same in both, what waits for people is
    /// denied, no earlier yes stands, what is asked next is held against the new grant, and sessions are logged out of, beside
    /// everything else. Needs a tokio runtime.
    pub fn follow(self: &Arc<Self>, policy: Policy) {
        let changed = self.replace(policy);
        let hallway = Arc::clone(self);
        tokio::spawn(async move {
            for name in &changed {
                hallway.vault.release(name).await;
            }
            hallway.end_replaced();
        });
    }

    /// Allows nothing any more, for the rest of this host's life: what waits for people is denied, no lease stands, sessions
    /// are logged out and keys wiped. Takes as long as [`Hallway::close`], and tells the same.
    pub async fn lock(self: &Arc<Self>) -> Vec<String> {
        // Sessions are not let go of one by one: closing takes them all, and waits for them before the keys are gone.
        self.replace(Policy::locked());
        self.close().await
    }

    /// Puts another policy in the place of this one, with no earlier yes on what changed; gives what did.
    fn replace(&self, policy: Policy) -> Vec<Name> {
        let policy = Arc::new(policy);
        let before = self.policy.send_replace(Arc::clone(&policy));
        let changed: Vec<Name> = before.names().filter(|name| !before.agrees(&policy, name)).cloned().collect();
        changed.iter().for_each(|name| self.desk.void_connection(name));
        changed
    }

    /// Returns when a connection is not what it was under this policy; often never.
    pub(crate) async fn changed(&self, since: &Policy, connection: &Name) {
        let mut policy = self.policy.subscribe();
        // An error would mean that the sender is gone, which is this hallway's own.
        let _gone = policy.wait_for(|now| !now.agrees(since, connection)).await;
    }

    /// The desk, for what is not a call: whose yes counts.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The audit log, for what is not a call: installs, operators' actions, its own counters.
    pub fn log(&self) -> &Log {
        &self.log
    }
}

/// Ends sessions whose life is over while no call runs, for as long as there is a host.
async fn watch(hallway: Weak<Hallway>, sessions: SessionWatch) {
    loop {
        sessions.ended().await;
        let Some(hallway) = hallway.upgrade() else { return };
        hallway.end_replaced();
    }
}

fn held<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
