//! `claviger mcp`.

use std::path::Path;
use std::sync::Arc;

use claviger_server::{ServeError, Web};

use crate::arguments::Mcp;
use crate::ending::{self, Signals};
use crate::error::{Code, Failure};
use crate::state::State;
use crate::{keys, open, witnessing};

/// Serves the granted tools until the client closes standard input or a signal asks for an end; sessions at upstreams are
/// logged out then. Standard output belongs to the protocol.
pub(crate) fn run(state: &State, identity: Option<&Path>, mcp: &Mcp) -> Result<(), Failure> {
    let config = state.config()?;
    let principal = mcp.principal.clone().unwrap_or_else(|| config.principal.clone());
    let session = format!("mcp-{}", hex::encode(keys::random()?.get(..8).unwrap_or_default()));
    let served = crate::block_on(async {
        let (host, web) = open::host(state, identity, None).await?;
        let host = Arc::new(host);
        let hallway = Arc::clone(host.hallway());
        let page = web.as_ref().map(Web::address);
        let signals = Signals::catch()?;
        let served = async {
            witnessing::begin(state, &config, &hallway).await?;
            claviger_server::stdio(host, principal, session, page).await.map_err(|error| failure(&error))
        };
        let served = tokio::select! {
            served = served => served,
            // To be asked to end is as good an end as any.
            () = signals.asked() => Ok(()),
        };
        ending::close(&hallway).await;
        crate::web::close(web).await;
        served
    })?;
    // The log is closed by now, and its last checkpoint signed.
    witnessing::end(state, &config);
    served
}

fn failure(error: &ServeError) -> Failure {
    let code = match error {
        ServeError::Handshake => Code::Usage,
        ServeError::Broken => Code::Failed,
    };
    Failure::new(code, error)
}
