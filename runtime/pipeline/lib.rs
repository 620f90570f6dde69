//! In what order? One way through, and every step takes only what the step before it proves.
//!
//! [`Call::pass`] owns the order: grant, approval, durable intent, vault, durable outcome. It has no branch of its own
//! besides the refusals, and nothing else in the house calls two of these rooms.

mod call;
mod hallway;
mod human;
mod outside;
mod refusal;

pub use call::Call;
pub use hallway::Hallway;
pub use human::HumanClock;
pub use outside::{NoRandomness, Outside};
pub use refusal::{Reason, Refusal};
