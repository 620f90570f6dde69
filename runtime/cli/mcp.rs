//! `claviger mcp`.

use std::path::Path;
use std::sync::Arc;

use claviger_server::ServeError;

use crate::arguments::Mcp;
use crate::error::{Code, Failure};
use crate::state::State;
use crate::{keys, open};

/// Serves the granted tools until the client closes standard input. Standard output belongs to the protocol.
pub(crate) fn run(state: &State, identity: Option<&Path>, mcp: &Mcp) -> Result<(), Failure> {
    let config = state.config()?;
    let principal = mcp.principal.clone().unwrap_or(config.principal);
    let session = format!("mcp-{}", hex::encode(keys::random()?.get(..8).unwrap_or_default()));
    crate::block_on(async {
        let host = Arc::new(open::host(state, identity, None).await?);
        let hallway = Arc::clone(host.hallway());
        let served = claviger_server::stdio(host, principal, session).await.map_err(|error| failure(&error));
        crate::end_sessions(&hallway).await;
        served
    })?
}

fn failure(error: &ServeError) -> Failure {
    let code = match error {
        ServeError::Handshake => Code::Usage,
        ServeError::Broken => Code::Failed,
    };
    Failure::new(code, error)
}
