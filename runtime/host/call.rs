//! One tool call: arguments in, a fresh guest, a result out, both held against the schemas of the signed package.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use claviger_grant::{Caller, Policy};
use claviger_manifest::{Effect, Name, ToolName};
use claviger_pipeline::{Call, Hallway, HumanClock};
use serde_json::Value;

use crate::console::{Console, Listener};
use crate::errand::Hallside as _;
use crate::error::CallError;
use crate::run;
use crate::sandbox::{Prepared, Schemas};

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

    /// The tools of which `principal` may use every operation and write-back rule, with what their manifests say of them.
    pub fn granted_tools(&self, principal: &str) -> Vec<ToolDescription> {
        let policy = self.hallway.policy();
        let mut granted = Vec::new();
        for (connection, prepared) in &self.plugins {
            let tools = prepared.tools.iter().filter(|(tool, _)| policy.grants_tool(principal, connection, tool));
            granted.extend(tools.filter_map(|(tool, schemas)| description(&policy, connection, tool, schemas)));
        }
        granted
    }

    /// Begins one tool call. Nothing runs yet.
    ///
    /// # Errors
    /// [`CallError::UnknownConnection`], [`CallError::UnknownTool`].
    pub fn begin(&self, caller: Caller) -> Result<ToolCall<'_>, CallError> {
        let prepared = self.plugins.get(&caller.connection).ok_or(CallError::UnknownConnection)?;
        let schemas = prepared.tools.get(&caller.tool).ok_or(CallError::UnknownTool)?;
        let listener = Arc::clone(&self.listener);
        let console = Console::new(caller.connection.clone(), caller.tool.clone(), listener, prepared.limits.log_lines);
        let tool = caller.tool.clone();
        Ok(ToolCall { prepared, schemas, tool, console, call: self.hallway.begin(caller) })
    }

    /// Runs one tool. Dropping the future stops the plugin; a request that is out by then is in the audit log as open.
    ///
    /// # Errors
    /// [`CallError`]; the host goes on serving after every one of them.
    pub async fn call(&self, caller: Caller, arguments: Value) -> Result<ToolResult, CallError> {
        self.begin(caller)?.run(arguments).await
    }
}

/// What a client is told of a tool. All of it comes from the signed package and the operator's own files.
#[derive(Clone, Debug)]
pub struct ToolDescription {
    /// The connection.
    pub connection: Name,
    /// The client of the service provider that the connection is for.
    pub client: Option<String>,
    /// The tool.
    pub tool: ToolName,
    /// What it does.
    pub description: String,
    /// What it does to the world.
    pub effect: Effect,
    /// The JSON Schema of its arguments.
    pub input: Value,
    /// The JSON Schema of its results.
    pub output: Option<Value>,
}

fn description(policy: &Policy, connection: &Name, name: &ToolName, schemas: &Schemas) -> Option<ToolDescription> {
    let tool = policy.package(connection)?.manifest().tools.get(name)?;
    Some(ToolDescription {
        connection: connection.clone(),
        client: policy.connection(connection)?.client.clone(),
        tool: name.clone(),
        description: tool.description.clone(),
        effect: tool.effect,
        input: schemas.input.document().clone(),
        output: schemas.output.as_ref().map(|schema| schema.document().clone()),
    })
}

/// One tool call that has not run yet.
pub struct ToolCall<'host> {
    prepared: &'host Prepared,
    schemas: &'host Schemas,
    tool: ToolName,
    console: Console,
    call: Call,
}

impl ToolCall<'_> {
    /// How long this call has waited for people; for whoever tells them that it waits.
    pub fn human(&self) -> Arc<HumanClock> {
        self.call.human()
    }

    /// Runs it. Dropping the future stops the plugin; a request that is out by then is in the audit log as open.
    ///
    /// # Errors
    /// [`CallError`]; the host goes on serving after every one of them.
    pub async fn run(mut self, arguments: Value) -> Result<ToolResult, CallError> {
        self.call.admit().await.map_err(CallError::Refused)?;
        self.schemas.input.check(&arguments).map_err(CallError::Arguments)?;
        let waited = self.call.waited();
        let text = arguments.to_string();
        let answered = run::run(self.prepared, self.tool.as_str(), &text, self.console, &mut self.call).await?;
        let value: Value = serde_json::from_str(&answered.text).map_err(|_| CallError::ResultNotJson)?;
        if let Some(output) = &self.schemas.output {
            output.check(&value).map_err(CallError::Result)?;
        }
        Ok(ToolResult { value, cpu: answered.cpu, human: waited() })
    }
}
