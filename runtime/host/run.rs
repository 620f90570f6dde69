//! One guest, from a fresh instance to its result or the reason why there is none.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use wasmtime::{PoolConcurrencyLimitError, Store, StoreContextMut, Trap, UpdateDeadline};

use crate::console::Console;
use crate::door::plugin::Failure;
use crate::errand::{Errand, Hallside};
use crate::error::{CallError, PluginFailure};
use crate::guest::Guest;
use crate::limits::{Limit, Reached};
use crate::meter::Meter;
use crate::sandbox::Prepared;
use crate::text::tame;
use crate::wasi_cli::Exited;

/// The longest text of a failure that is passed on, in bytes.
const MAX_TEXT: usize = 4096;
/// How many handles the guest's own resources may take besides those that the host gives it.
const OWN_HANDLES: usize = 1024;
/// wasmtime's words for the two limits that it gives no type to. The tests of this file hold them.
const HOST_BYTES_TEXT: &str = "fuel allocated for hostcalls has been exhausted";
const HANDLES_TEXT: &str = "store handle limit exceeded";

/// What a guest that answered leaves behind.
pub(crate) struct Answered {
    /// The result, JSON text by the guest's word.
    pub(crate) text: String,
    /// CPU time used.
    pub(crate) cpu: Duration,
}

/// How a guest ended: its own result, or why it has none.
type Ended = wasmtime::Result<Result<String, Failure>>;

/// Runs one tool in a fresh instance.
pub(crate) async fn run(
    prepared: &Prepared,
    tool: &str,
    arguments: &str,
    console: Console,
    hallside: &mut impl Hallside,
) -> Result<Answered, CallError> {
    let deadline = Deadline::start(prepared.limits.deadline, hallside.waited());
    let expired = || error_of(prepared, Limit::Deadline);
    let slot = tokio::select! { biased;
        slot = prepared.slots.acquire() => slot.map_err(|_| CallError::Busy)?,
        () = deadline.passed() => return Err(CallError::Busy),
    };
    let running = prepared.ticker.run();
    let meter = Arc::new(Meter::new(prepared.limits.cpu));
    let (errands, inbox) = mpsc::channel(1);
    let mut store = store(prepared, Guest::new(&prepared.limits, Arc::clone(&meter), console, errands));
    let ended = {
        let guest = pin!(enter(prepared, &mut store, tool, arguments));
        tokio::select! { biased;
            ended = attend(guest, &meter, inbox, hallside) => Some(ended),
            () = deadline.passed() => None,
        }
    };
    let outcome = match ended {
        Some(ended) => explain(prepared, store.data_mut(), ended),
        None => Err(expired()),
    };
    // The instance is gone before its slot is free: its memory is wiped here.
    drop(store);
    drop((running, slot));
    outcome.map(|text| Answered { text, cpu: meter.spent() })
}

fn store(prepared: &Prepared, guest: Guest) -> Store<Guest> {
    let limits = &prepared.limits;
    let mut store = Store::new(prepared.pre.engine(), guest);
    store.limiter(|guest| &mut guest.limiter);
    store.set_hostcall_fuel(usize::try_from(limits.host_bytes).unwrap_or(usize::MAX));
    store.set_max_component_handles(usize::try_from(limits.handles).unwrap_or(usize::MAX).saturating_add(OWN_HANDLES));
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(on_tick);
    store
}

/// Every tick of a running guest: stop it when its CPU time is used up, otherwise let others run first.
fn on_tick(guest: StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    if guest.data().meter.is_over() {
        return Err(Reached(Limit::Cpu).into());
    }
    Ok(UpdateDeadline::Yield(1))
}

async fn enter(prepared: &Prepared, store: &mut Store<Guest>, tool: &str, arguments: &str) -> Ended {
    let plugin = prepared.pre.instantiate_async(&mut *store).await?;
    plugin.call_call(store, tool, arguments).await
}

/// Polls the guest, and between polls serves what it asks for, on this task's own stack.
async fn attend(
    mut guest: Pin<&mut impl Future<Output = Ended>>,
    meter: &Meter,
    mut inbox: mpsc::Receiver<Errand>,
    hallside: &mut impl Hallside,
) -> Ended {
    loop {
        tokio::select! { biased;
            ended = meter.run(guest.as_mut()) => return ended,
            Some(errand) = inbox.recv() => hallside.serve(errand).await,
        }
    }
}

/// Wall time that stands still while a human is asked.
struct Deadline<W> {
    started: Instant,
    limit: Duration,
    waited: W,
}

impl<W: Fn() -> Duration> Deadline<W> {
    fn start(limit: Duration, waited: W) -> Self {
        Self { started: Instant::now(), limit, waited }
    }

    /// Returns when it has passed.
    async fn passed(&self) {
        loop {
            let spent = self.started.elapsed().saturating_sub((self.waited)());
            let Some(left) = self.limit.checked_sub(spent).filter(|left| !left.is_zero()) else { return };
            tokio::time::sleep(left).await;
        }
    }
}

fn error_of(prepared: &Prepared, limit: Limit) -> CallError {
    CallError::Limit { limit, line: limit.line(&prepared.limits) }
}

fn explain(prepared: &Prepared, guest: &mut Guest, ended: Ended) -> Result<String, CallError> {
    let said_last = guest.console.finish();
    match ended {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(failure)) => Err(told(guest, failure)),
        Err(error) => match limit_of(guest, &error) {
            Some(limit) => Err(error_of(prepared, limit)),
            None if error.is::<PoolConcurrencyLimitError>() => Err(CallError::Busy),
            None => Err(CallError::Trapped { what: what(&error), said_last }),
        },
    }
}

/// Which limit stopped the guest, if one did.
fn limit_of(guest: &Guest, error: &wasmtime::Error) -> Option<Limit> {
    if let Some(Reached(limit)) = error.downcast_ref() {
        return Some(*limit);
    }
    let trap = error.downcast_ref::<Trap>();
    // An allocation that was denied ends in `unreachable`, or in no instance at all.
    if guest.limiter.denied && trap.is_none_or(|trap| *trap == Trap::UnreachableCodeReached) {
        return Some(Limit::Memory);
    }
    let text = format!("{error:#}");
    let texts = [(HOST_BYTES_TEXT, Limit::HostBytes), (HANDLES_TEXT, Limit::Handles)];
    texts.iter().find(|(words, _)| text.contains(words)).map(|(_, limit)| *limit)
}

fn what(error: &wasmtime::Error) -> String {
    if error.is::<Exited>() {
        return Exited.to_string();
    }
    match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => tame(&error.root_cause().to_string(), MAX_TEXT),
    }
}

/// A plugin's own failure. That the host refused is believed only when the host did.
fn told(guest: &mut Guest, failure: Failure) -> CallError {
    let tame = |text: String| tame(&text, MAX_TEXT);
    CallError::Plugin(match failure {
        Failure::Refused(text) => match guest.refused.take() {
            Some(refusal) => return CallError::Refused(refusal),
            None => PluginFailure::Refused(tame(text)),
        },
        Failure::InvalidArguments(text) => PluginFailure::InvalidArguments(tame(text)),
        Failure::NotFound(text) => PluginFailure::NotFound(tame(text)),
        Failure::Upstream(text) => PluginFailure::Upstream(tame(text)),
        Failure::RateLimited(seconds) => PluginFailure::RateLimited(Duration::from_secs(seconds.into())),
        Failure::Other(text) => PluginFailure::Other(tame(text)),
    })
}
