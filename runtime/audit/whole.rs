//! The room as a whole, on real files.

mod approvals;
mod crash;
mod tamper;
mod writing;
