//! Standard input and output as the wire.

use std::sync::Arc;

use claviger_host::Host;
use rmcp::ServiceExt as _;

use crate::mcp::Session;

/// Why serving ended early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The client did not begin a session.
    #[error("the client did not begin an MCP session; run this command from an MCP client's configuration")]
    Handshake,
    /// The session broke.
    #[error("the MCP session ended abnormally; the client's own log says why")]
    Broken,
}

/// Serves one agent until it closes standard input. `page` is where a person approves, to be told while one is waited for.
///
/// # Errors
/// [`ServeError`] when there is no session or it breaks.
pub async fn stdio(
    host: Arc<Host>,
    principal: String,
    session: String,
    page: Option<String>,
) -> Result<(), ServeError> {
    let service = Session::new(host, principal, session, page).serve(rmcp::transport::stdio_pipes()).await;
    let service = service.map_err(|_| ServeError::Handshake)?;
    service.waiting().await.map(|_| ()).map_err(|_| ServeError::Broken)
}
