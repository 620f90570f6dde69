//! The room as a whole, on real files.

mod agree;
mod approvals;
mod crash;
mod prove;
mod second;
mod segments;
mod tamper;
mod writing;
