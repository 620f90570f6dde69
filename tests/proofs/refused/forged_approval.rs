//! A plan out of a grant does not make an approval.

use claviger::approval::{Approved, Evidence};
use claviger::grant::Granted;

fn forge(granted: Granted, evidence: Evidence) -> Approved {
    Approved { facts: granted.facts().clone(), plan: granted.into_plan(), evidence }
}

fn main() {
    let _ = forge;
}
