//! What does a desktop have that a test machine has not? A system bus of a test's own, Debian's real polkit on it, and an
//! agent at which a person sits.
//!
//! For tests alone: whatever cannot be set up ends the test with what is missing.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod agent;
mod bus;
mod polkit;

pub use agent::{Agent, Person};
pub use bus::{PATIENCE, PrivateBus, started};
pub use polkit::{NOBODY, Polkit, as_nobody};
