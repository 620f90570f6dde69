//! The proof that it is written.

use std::fmt;
use std::sync::Arc;

use claviger_approval::Approved;
use jiff::Timestamp;

use crate::entry::{Body, Unknown};
use crate::outcome::Outcome;
use crate::queue::{Mark, Queue};

/// A value whose entry is durable in the log.
///
/// `Recorded<Approved>` is what the vault room needs to act. `Recorded<T>` of an outcome still holds its answer back:
/// only [`Log::close`](crate::Log::close) gives it out, once the outcome is durable. It cannot be copied or rebuilt.
#[must_use = "an intent that is dropped is logged as one whose outcome nobody knows"]
pub struct Recorded<T> {
    value: T,
    intent: OpenIntent,
}

/// An intent that has no outcome yet. Dropped without one, it is logged as `outcome-unknown`.
#[must_use = "an intent that is dropped is logged as one whose outcome nobody knows"]
pub struct OpenIntent {
    index: u64,
    queue: Arc<Queue>,
    settled: bool,
}

impl<T> Recorded<T> {
    pub(crate) fn new(value: T, intent: OpenIntent) -> Self {
        Self { value, intent }
    }

    pub(crate) fn into_parts(self) -> (T, OpenIntent) {
        (self.value, self.intent)
    }

    /// The index of the intent's entry.
    pub fn index(&self) -> u64 {
        self.intent.index
    }
}

impl Recorded<Approved> {
    /// Takes the proof apart, once, for the room that acts on it. The intent stays open until an outcome seals it.
    pub fn begin(self) -> (Approved, OpenIntent) {
        self.into_parts()
    }
}

impl OpenIntent {
    pub(crate) fn new(index: u64, queue: Arc<Queue>) -> Self {
        queue.begun();
        Self { index, queue, settled: false }
    }

    /// Binds what was done to the intent that announced it. Nobody reads it until its outcome is durable.
    pub fn seal<T: Outcome>(self, value: T) -> Recorded<T> {
        Recorded { value, intent: self }
    }

    pub(crate) fn index(&self) -> u64 {
        self.index
    }

    pub(crate) fn belongs_to(&self, queue: &Arc<Queue>) -> bool {
        Arc::ptr_eq(&self.queue, queue)
    }

    /// An outcome is on its way to the disk, or never will be.
    pub(crate) fn settle(mut self) {
        self.settled = true;
    }
}

impl Drop for OpenIntent {
    /// Nobody waits for this entry and nothing depends on it. If it cannot be written, opening the log writes it. There is
    /// no clock here, so it takes the time of the entry before it.
    fn drop(&mut self) {
        self.queue.ended();
        if self.settled {
            return;
        }
        let body = Body::OutcomeUnknown { intent: self.index, reason: Unknown::Abandoned };
        if let Ok(own) = body.canonical() {
            drop(self.queue.append_marked(&own, Timestamp::UNIX_EPOCH, Mark::Closes(self.index)));
        }
    }
}

impl<T> fmt::Debug for Recorded<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Recorded").field(&self.intent.index).finish()
    }
}

impl fmt::Debug for OpenIntent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("OpenIntent").field(&self.index).finish()
    }
}
