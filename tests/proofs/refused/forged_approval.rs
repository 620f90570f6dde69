//! A grant and somebody's evidence do not make an approval.

use claviger::approval::{Approved, Evidence};
use claviger::grant::Granted;

fn forge(granted: Granted, evidence: Evidence) -> Approved {
    Approved { granted, evidence }
}

fn main() {
    let _ = forge;
}
