//! The room as a whole, on real files.

mod agree;
mod approvals;
mod crash;
mod faults;
mod prove;
mod second;
mod segments;
mod tamper;
mod witness;
mod writing;
