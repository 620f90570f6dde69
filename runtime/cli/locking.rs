//! `claviger vault lock`: an end to everything that a host may do, without ending it.

use serde_json::json;

use crate::book::Line;
use crate::error::Failure;
use crate::open;
use crate::output::{self, Output};
use crate::state::State;

/// Locks the host that runs. Where none does, nothing is open.
pub(crate) fn lock(state: &State) -> Result<Output, Failure> {
    if open::log_unless_held(state)?.is_some() {
        return Output::new("no host runs; the vault is locked", &json!({ "locked": true, "host": false }));
    }
    for trouble in Line::begin(state)?.lock()? {
        output::notice(&trouble);
    }
    let said =
        "the host that runs is locked: no keys, no leases, no sessions; it denies everything until it is started again";
    Output::new(said, &json!({ "locked": true, "host": true }))
}
