//! The clock that gives control back to the host while a guest runs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// How often a running guest is interrupted. It is what a well-behaved call waits at most behind an endless loop on the
/// same thread, so it is short; each costs the guest about a microsecond.
const TICK: Duration = Duration::from_millis(2);
/// Idle ticks before the thread goes to sleep: one second, so that a busy host never pays for waking it.
const IDLE_TICKS: u32 = 500;
/// How long it sleeps before it looks whether the engine is still there.
const NAP: Duration = Duration::from_secs(5);

/// One thread for each engine, however many calls are running: a thread for each call would age all of them faster. It
/// rests while no call runs, so an idle host does not wake up 500 times a second.
pub(crate) struct Ticker {
    engine: Engine,
    running: AtomicUsize,
    resting: AtomicBool,
    thread: OnceLock<Thread>,
}

/// A call is running, until this is dropped.
pub(crate) struct Running<'a>(&'a Ticker);

impl Ticker {
    /// Starts the thread. It ends when the last reference to the ticker is gone.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Arc<Self>> {
        let ticker = Arc::new(Self {
            engine: engine.clone(),
            running: AtomicUsize::new(0),
            resting: AtomicBool::new(false),
            thread: OnceLock::new(),
        });
        let watched = Arc::downgrade(&ticker);
        let thread = thread::Builder::new().name("claviger-ticker".to_owned()).spawn(move || tick(&watched))?;
        ticker.thread.get_or_init(|| thread.thread().clone());
        Ok(ticker)
    }

    /// Makes sure that the clock runs while a call does.
    pub(crate) fn run(&self) -> Running<'_> {
        self.running.fetch_add(1, Ordering::SeqCst);
        if self.resting.load(Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
        Running(self)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

fn tick(ticker: &Weak<Ticker>) {
    let mut idle = 0;
    loop {
        let Some(strong) = ticker.upgrade() else { return };
        strong.engine.increment_epoch();
        idle = if strong.running.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
        if idle < IDLE_TICKS {
            drop(strong);
            thread::sleep(TICK);
            continue;
        }
        strong.resting.store(true, Ordering::SeqCst);
        // A call that started before `resting` was set did not wake us; one that starts after it does.
        let idle_still = strong.running.load(Ordering::SeqCst) == 0;
        drop(strong);
        if idle_still {
            thread::park_timeout(NAP);
        }
        let Some(strong) = ticker.upgrade() else { return };
        strong.resting.store(false, Ordering::SeqCst);
        if strong.running.load(Ordering::SeqCst) > 0 {
            idle = 0;
        }
    }
}
