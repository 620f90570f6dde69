//! Does an answer hold a secret, in any spelling?
//!
//! Every secret that the session has touched is looked for in every answer that its calls get: resolved values, pairs and
//! tokens made of them, captured and generated values. A hit drops the whole answer. Nothing is ever cut out of a text:
//! what is missing from an answer would tell a guest which of its guesses was right.

mod echo;
mod escapes;
mod finds;
mod forms;
mod groups;
mod prints;
mod roll;
mod runs;
mod scanner;
mod session;
mod views;

pub use echo::{Echo, Place, Shown, Spelling, echoes};
pub use scanner::{Scanner, holds};
pub(crate) use session::{Live, Owner, Sessions};

/// The shortest value that answers are scanned for, in bytes. Shorter ones occur in ordinary text by chance, and would
/// block answers that hold nothing; that they are not looked for is a published non-goal.
pub(crate) const MIN_SCANNED: usize = 8;

#[cfg(test)]
#[path = "scan/ledger.rs"]
mod ledger;
#[cfg(test)]
#[path = "scan/tests.rs"]
mod tests;
