//! What the host keeps for one running guest. Made for one call and dropped with it.

use std::sync::Arc;

use claviger_pipeline::{Reason, Refusal};
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::{Resource, ResourceTable};

use crate::console::Console;
use crate::door::plugin::claviger::plugin::refusals;
use crate::errand::Errand;
use crate::limits::{Limit, Limiter, Reached};
use crate::meter::Meter;

/// The data of one store.
pub(crate) struct Guest {
    /// What the guest holds handles of.
    pub(crate) table: ResourceTable,
    /// Memory and tables, together.
    pub(crate) limiter: Limiter,
    /// CPU time.
    pub(crate) meter: Arc<Meter>,
    /// Log lines and what the standard streams say.
    pub(crate) console: Console,
    /// The last refusal that the guest was given: what the guest makes of it is hearsay, this is not.
    pub(crate) refused: Option<Refusal>,
    errands: mpsc::Sender<Errand>,
    requests: u32,
    requests_left: u32,
}

/// The call is being taken down while the guest still asks.
#[derive(Debug, thiserror::Error)]
#[error("the call is over")]
struct Over;

impl Guest {
    pub(crate) fn new(
        limits: &claviger_manifest::Limits,
        meter: Arc<Meter>,
        console: Console,
        errands: mpsc::Sender<Errand>,
    ) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(usize::try_from(limits.handles).unwrap_or(usize::MAX));
        Self {
            table,
            limiter: Limiter::new(limits.memory),
            meter,
            console,
            refused: None,
            errands,
            requests: limits.requests,
            requests_left: limits.requests,
        }
    }

    /// Asks the hallway, which answers outside the guest's stack, and waits for what it says.
    pub(crate) async fn ask<T>(&mut self, errand: impl FnOnce(oneshot::Sender<T>) -> Errand) -> wasmtime::Result<T> {
        let (reply, answer) = oneshot::channel();
        self.errands.send(errand(reply)).await.map_err(|_| Over)?;
        Ok(answer.await.map_err(|_| Over)?)
    }

    /// Gives the guest a handle, within its limit.
    pub(crate) fn hand_out<T: Send + 'static>(&mut self, thing: T) -> wasmtime::Result<Resource<T>> {
        // The table is full, or the guest holds 2³² handles; both are the same limit.
        Ok(self.table.push(thing).map_err(|_| Reached(Limit::Handles))?)
    }

    /// Counts what goes through the hallway. A refusal leaves a line in the audit log, so refused requests count too.
    pub(crate) fn count_request(&mut self) -> Result<(), refusals::Refusal> {
        if let Some(left) = self.requests_left.checked_sub(1) {
            self.requests_left = left;
            return Ok(());
        }
        let detail = format!(
            "this call has made its {} requests; the manifest's `[limits] requests = {}` allows no more",
            self.requests, self.requests
        );
        Err(self.refuse(Refusal::before_sending(Reason::Limit, detail)))
    }

    /// Remembers a refusal and puts it in the guest's words.
    pub(crate) fn refuse(&mut self, refusal: Refusal) -> refusals::Refusal {
        let told = refusals::Refusal {
            reason: reason(refusal.reason),
            detail: refusal.detail.clone(),
            left_host: refusal.left_host,
        };
        self.refused = Some(refusal);
        told
    }
}

fn reason(reason: Reason) -> refusals::Reason {
    match reason {
        Reason::Undeclared => refusals::Reason::Undeclared,
        Reason::NotGranted => refusals::Reason::NotGranted,
        Reason::InvalidRequest => refusals::Reason::InvalidRequest,
        Reason::NotApproved => refusals::Reason::NotApproved,
        Reason::NotRecorded => refusals::Reason::NotRecorded,
        Reason::SecretUnavailable => refusals::Reason::SecretUnavailable,
        Reason::Transport => refusals::Reason::Transport,
        Reason::Redirected => refusals::Reason::Redirected,
        Reason::LeakBlocked => refusals::Reason::LeakBlocked,
        Reason::CaptureFailed => refusals::Reason::CaptureFailed,
        Reason::StoreFailed => refusals::Reason::StoreFailed,
        Reason::Limit => refusals::Reason::Limit,
    }
}

/// Types only.
impl refusals::Host for Guest {}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::Guest;
    use crate::console::Console;
    use crate::limits::{Limit, Reached};
    use crate::meter::Meter;
    use crate::testkit::limits;

    /// The store counts too, but leaves room for what is the guest's own.
    #[test]
    fn the_last_handle_is_the_one_that_the_limit_names() {
        let limits = claviger_manifest::Limits { handles: 2, ..limits() };
        let console = Console::new("acme".parse().unwrap(), "look".parse().unwrap(), Arc::new(|_| ()), 0);
        let (errands, _nobody) = tokio::sync::mpsc::channel(1);
        let mut guest = Guest::new(&limits, Arc::new(Meter::new(Duration::ZERO)), console, errands);
        guest.hand_out(1).unwrap();
        let second = guest.hand_out(2).unwrap();
        let error = guest.hand_out(3).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Reached(Limit::Handles))), "{error}");
        // One that is given back makes room.
        guest.table.delete(second).unwrap();
        guest.hand_out(3).unwrap();
    }
}
