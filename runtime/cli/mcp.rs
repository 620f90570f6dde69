//! `claviger mcp`.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use crate::arguments::Mcp;
use crate::error::Failure;
use crate::output::Output;
use crate::state::State;
use crate::{keys, open};

/// Serves the granted tools until the client closes standard input.
pub(crate) fn run(state: &State, identity: Option<&Path>, mcp: &Mcp) -> Result<Output, Failure> {
    let config = state.config()?;
    let principal = mcp.principal.clone().unwrap_or(config.principal);
    let session = format!("mcp-{}", hex::encode(keys::random()?.get(..8).unwrap_or_default()));
    let host = Arc::new(open::host(state, identity)?);
    crate::block_on(claviger_server::stdio(host, principal, session))?.map_err(Failure::state)?;
    // Standard output belongs to the protocol: nothing is printed on it.
    Output::new("", &json!(null))
}
