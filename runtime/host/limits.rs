//! The limits of a call, and which line of the manifest sets each.

use std::time::Duration;

use claviger_manifest::Limits;
use wasmtime::ResourceLimiter;

use crate::pool::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLES};

/// A limit that ends a call. Requests and log lines have limits too, but a guest that reaches those is told, or its lines
/// are dropped, and it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Memory and tables of all instances of the call, together.
    Memory,
    /// CPU time.
    Cpu,
    /// Wall time, without the time spent waiting for a human.
    Deadline,
    /// Handles that the guest holds at once.
    Handles,
    /// Bytes that one call of the guest to the host, or its result, may carry.
    HostBytes,
}

impl Limit {
    /// The key in the manifest's `[limits]`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Deadline => "deadline",
            Self::Handles => "handles",
            Self::HostBytes => "host-bytes",
        }
    }

    /// The manifest's line that sets it: `[limits] memory = "64MiB"`.
    pub fn line(self, limits: &Limits) -> String {
        let value = match self {
            Self::Memory => size(limits.memory),
            Self::Cpu => time(limits.cpu),
            Self::Deadline => time(limits.deadline),
            Self::Handles => limits.handles.to_string(),
            Self::HostBytes => size(limits.host_bytes),
        };
        format!("[limits] {} = {value}", self.key())
    }
}

/// Travels through wasmtime as the reason why a guest was stopped.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("limit {} reached", .0.key())]
pub(crate) struct Reached(pub(crate) Limit);

fn size(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("\"{}{name}\"", bytes / unit);
        }
    }
    format!("\"{bytes}B\"")
}

fn time(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    if milliseconds.is_multiple_of(1000) {
        format!("\"{}s\"", milliseconds / 1000)
    } else {
        format!("\"{milliseconds}ms\"")
    }
}

/// One budget for every memory and table of a call: a limit for each memory would be multiplied by their number.
pub(crate) struct Limiter {
    left: usize,
    /// What the last permitted growth took; given back when the growth fails after all.
    pending: usize,
    /// A growth was denied. The guest sees only that its allocation failed and usually ends in `unreachable`.
    pub(crate) denied: bool,
}

/// An element of a table is a pointer.
const ELEMENT: usize = size_of::<usize>();

impl Limiter {
    pub(crate) fn new(budget: u64) -> Self {
        Self { left: usize::try_from(budget).unwrap_or(usize::MAX), pending: 0, denied: false }
    }

    fn take(&mut self, current: usize, desired: usize, unit: usize) -> bool {
        let growth = desired.saturating_sub(current).saturating_mul(unit);
        let Some(left) = self.left.checked_sub(growth) else {
            self.denied = true;
            return false;
        };
        self.left = left;
        self.pending = growth;
        true
    }

    fn give_back(&mut self) {
        self.left = self.left.saturating_add(std::mem::take(&mut self.pending));
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.take(current, desired, 1))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.give_back();
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.take(current, desired, ELEMENT))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.give_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        usize::try_from(MAX_CORE_INSTANCES).unwrap_or(usize::MAX)
    }

    fn tables(&self) -> usize {
        usize::try_from(MAX_TABLES).unwrap_or(usize::MAX)
    }

    fn memories(&self) -> usize {
        usize::try_from(MAX_MEMORIES).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::time::Duration;

    use wasmtime::ResourceLimiter as _;

    use super::{ELEMENT, Limiter, size, time};

    #[test]
    fn memories_and_tables_share_one_budget() {
        let mut limiter = Limiter::new(1 << 20);
        assert!(limiter.memory_growing(0, 512 << 10, None).unwrap());
        assert!(limiter.memory_growing(0, 256 << 10, None).unwrap());
        assert!(limiter.table_growing(0, (256 << 10) / ELEMENT, None).unwrap());
        assert!(!limiter.denied);
        assert!(!limiter.memory_growing(512 << 10, 576 << 10, None).unwrap());
        assert!(!limiter.table_growing(0, 1, None).unwrap());
        assert!(limiter.denied);
    }

    #[test]
    fn a_growth_that_fails_is_given_back_once() {
        let mut limiter = Limiter::new(1 << 20);
        assert!(limiter.memory_growing(0, 1 << 20, None).unwrap());
        limiter.memory_grow_failed(wasmtime::Error::msg("no")).unwrap();
        limiter.memory_grow_failed(wasmtime::Error::msg("no")).unwrap();
        assert!(limiter.memory_growing(0, 1 << 20, None).unwrap());
        assert!(!limiter.memory_growing(0, 1, None).unwrap());
    }

    #[test]
    fn settings_read_as_people_write_them() {
        assert_eq!(size(64 << 20), "\"64MiB\"");
        assert_eq!(size(1000), "\"1000B\"");
        assert_eq!(time(Duration::from_secs(30)), "\"30s\"");
        assert_eq!(time(Duration::from_millis(1500)), "\"1500ms\"");
    }
}
