//! How a log is kept.

use std::path::PathBuf;

use crate::queue::Durability;
use crate::segments::SegmentLimits;

/// What [`Log::open_with`](crate::Log::open_with) may be told; the default is what a host wants.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// When an entry counts as written.
    pub durability: Durability,
    /// When a file of entries is full.
    pub segments: SegmentLimits,
    /// A file in a second place, on another disk or machine if possible, that gets a copy of every checkpoint. Whoever
    /// rolls the log back must roll this back too.
    pub second: Option<PathBuf>,
}
