//! The functions that mint proofs are their rooms' own.

use claviger::approval::{Approved, Evidence};
use claviger::audit::{OpenIntent, Recorded};
use claviger::grant::Granted;

fn construct(granted: Granted, evidence: Evidence, intent: OpenIntent) -> Recorded<Approved> {
    Recorded::new(Approved::new(granted, evidence), intent)
}

fn main() {
    let _ = construct;
}
