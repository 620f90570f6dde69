//! One tool call: arguments in, a fresh guest, a result out, both held against the schemas of the signed package.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use claviger_grant::Caller;
use claviger_manifest::Name;
use claviger_pipeline::Hallway;
use serde_json::Value;

use crate::console::{Console, Listener};
use crate::errand::Hallside as _;
use crate::error::CallError;
use crate::run;
use crate::sandbox::Prepared;

/// The connections of this host, each with its loaded plugin, and the hallway that their requests take.
pub struct Host {
    hallway: Arc<Hallway>,
    plugins: BTreeMap<Name, Arc<Prepared>>,
    listener: Listener,
}

/// What a tool returned.
#[derive(Debug)]
pub struct ToolResult {
    /// The result. It fits the tool's output schema, if the manifest has one.
    pub value: Value,
    /// CPU time of the plugin.
    pub cpu: Duration,
    /// How long people were asked.
    pub human: Duration,
}

impl Host {
    /// Joins loaded plugins, by connection, with the hallway. The listener gets every line that a plugin logs.
    pub fn new(hallway: Arc<Hallway>, plugins: BTreeMap<Name, Arc<Prepared>>, listener: Listener) -> Self {
        Self { hallway, plugins, listener }
    }

    /// The hallway that requests take.
    pub fn hallway(&self) -> &Arc<Hallway> {
        &self.hallway
    }

    /// Runs one tool. Dropping the future stops the plugin; a request that is out by then is in the audit log as open.
    ///
    /// # Errors
    /// [`CallError`]; the host goes on serving after every one of them.
    pub async fn call(&self, caller: Caller, arguments: Value) -> Result<ToolResult, CallError> {
        let prepared = self.plugins.get(&caller.connection).ok_or(CallError::UnknownConnection)?;
        let schemas = prepared.tools.get(&caller.tool).ok_or(CallError::UnknownTool)?;
        schemas.input.check(&arguments).map_err(CallError::Arguments)?;
        let listener = Arc::clone(&self.listener);
        let console =
            Console::new(caller.connection.clone(), caller.tool.clone(), listener, prepared.limits.log_lines);
        let tool = caller.tool.clone();
        let mut call = self.hallway.begin(caller);
        let waited = call.waited();
        let answered = run::run(prepared, tool.as_str(), &arguments.to_string(), console, &mut call).await?;
        let value: Value = serde_json::from_str(&answered.text).map_err(|_| CallError::ResultNotJson)?;
        if let Some(output) = &schemas.output {
            output.check(&value).map_err(CallError::Result)?;
        }
        Ok(ToolResult { value, cpu: answered.cpu, human: waited() })
    }
}
