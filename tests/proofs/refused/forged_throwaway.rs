//! Simulated approvals need the proof of a throw-away directory, and nobody writes that proof.

use claviger::approval::Throwaway;

fn forge() -> Throwaway {
    Throwaway { directory: "/".into() }
}

fn main() {
    let _ = forge;
}
