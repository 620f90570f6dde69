//! The protocol's two requests that exist here: list tools, call a tool.

use std::sync::Arc;

use claviger_host::{CallError, Host};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::progress;

/// One agent's session.
pub(crate) struct Session {
    host: Arc<Host>,
    catalogue: Catalogue,
    principal: String,
    session: String,
    page: Option<String>,
}

impl Session {
    pub(crate) fn new(host: Arc<Host>, principal: String, session: String, page: Option<String>) -> Self {
        let catalogue = Catalogue::of(&host, &principal);
        Self { host, catalogue, principal, session, page }
    }

    async fn run(&self, name: &str, arguments: Value, context: RequestContext<RoleServer>) -> Option<CallToolResult> {
        let caller = self.catalogue.caller(name, &self.principal, &self.session)?;
        let call = match self.host.begin(caller) {
            Ok(call) => call,
            Err(error) => return Some(failed(&error)),
        };
        let reports = progress::report(
            call.human(),
            context.meta.get_progress_token(),
            context.peer.clone(),
            self.page.as_deref(),
        );
        tokio::select! {
            done = call.run(arguments) => Some(match done {
                Ok(result) => CallToolResult::structured(result.value),
                Err(error) => failed(&error),
            }),
            () = reports => None,
            // Dropping the call drops its instance, its connections and a question to a human that nobody needs any more.
            () = context.ct.cancelled() => Some(CallToolResult::error(vec![ContentBlock::text("cancelled by the client")])),
        }
    }
}

/// A failure that the model can read and act on. Texts of the house are safe for a model.
fn failed(error: &CallError) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(error.to_string())])
}

impl ServerHandler for Session {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("claviger", env!("CARGO_PKG_VERSION")))
            .with_instructions(
                "Tools act on real systems. A human may be asked before a call goes out; wait for the answer. \
                 Results hold secret references (op://…), never secrets; there is no way to read one.",
            )
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.catalogue.shown()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.catalogue.get(name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let done = self.run(&request.name, arguments, context).await;
        let unknown = || ErrorData::invalid_params("no granted tool has this name; list the tools again", None);
        done.map(CallToolResponse::Complete).ok_or_else(unknown)
    }
}
