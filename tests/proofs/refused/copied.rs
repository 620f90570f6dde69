//! Proofs have no copies.

use claviger::approval::Approved;
use claviger::audit::Recorded;
use claviger::grant::Granted;

fn copy(granted: &Granted, approved: &Approved, recorded: &Recorded<Approved>) -> (Granted, Approved, Recorded<Approved>) {
    (granted.clone(), approved.clone(), recorded.clone())
}

fn main() {
    let _ = copy;
}
