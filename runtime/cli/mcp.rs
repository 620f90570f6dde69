//! `claviger mcp`.

use std::path::Path;
use std::sync::Arc;

use crate::arguments::Mcp;
use crate::error::Failure;
use crate::state::State;
use crate::{keys, open};

/// Serves the granted tools until the client closes standard input. Standard output belongs to the protocol.
pub(crate) fn run(state: &State, identity: Option<&Path>, mcp: &Mcp) -> Result<(), Failure> {
    let config = state.config()?;
    let principal = mcp.principal.clone().unwrap_or(config.principal);
    let session = format!("mcp-{}", hex::encode(keys::random()?.get(..8).unwrap_or_default()));
    crate::block_on(async {
        let host = Arc::new(open::host(state, identity).await?);
        claviger_server::stdio(host, principal, session).await.map_err(Failure::state)
    })?
}
