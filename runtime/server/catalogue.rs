//! The tools that a principal may see, under names that every client accepts.

use std::collections::BTreeMap;
use std::sync::Arc;

use claviger_grant::Caller;
use claviger_host::{Host, ToolDescription};
use claviger_manifest::{Effect, Name, ToolName};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::Value;

/// The granted tools of one principal, fixed for the life of the session: a description cannot change under the model.
pub(crate) struct Catalogue {
    entries: BTreeMap<String, Entry>,
}

struct Entry {
    connection: Name,
    tool: ToolName,
    shown: Tool,
}

impl Catalogue {
    /// The tools that are granted to `principal`.
    pub(crate) fn of(host: &Host, principal: &str) -> Self {
        let entries = host.granted_tools(principal).map(|description| {
            let name = name(&description.connection, &description.tool);
            let shown = shown(&name, &description);
            (name, Entry { connection: description.connection, tool: description.tool, shown })
        });
        Self { entries: entries.collect() }
    }

    /// The tools as clients list them, in a fixed order.
    pub(crate) fn shown(&self) -> Vec<Tool> {
        self.entries.values().map(|entry| entry.shown.clone()).collect()
    }

    /// One tool as clients see it.
    pub(crate) fn get(&self, name: &str) -> Option<&Tool> {
        self.entries.get(name).map(|entry| &entry.shown)
    }

    /// The caller of a tool by its shown name.
    pub(crate) fn caller(&self, name: &str, principal: &str, session: &str) -> Option<Caller> {
        let entry = self.entries.get(name)?;
        Some(Caller {
            principal: principal.to_owned(),
            session: session.to_owned(),
            connection: entry.connection.clone(),
            tool: entry.tool.clone(),
        })
    }
}

/// `connection_tool` in `[a-z0-9_]`: two widely used clients rewrite anything else. A connection's name has no `_` of its
/// own, so the first one that comes from a hyphen cannot make two pairs collide unless two connections differ only there.
fn name(connection: &Name, tool: &ToolName) -> String {
    format!("{}_{tool}", connection.as_str().replace('-', "_"))
}

fn shown(name: &str, description: &ToolDescription) -> Tool {
    let text = match &description.client {
        Some(client) => format!("{} (client: {client})", description.description),
        None => description.description.clone(),
    };
    let tool = Tool::new(name.to_owned(), text, object(&description.input));
    let tool = match &description.output {
        Some(output) => tool.with_raw_output_schema(object(output)),
        None => tool,
    };
    tool.with_annotations(annotations(description.effect))
}

fn object(schema: &Value) -> Arc<JsonObject> {
    Arc::new(schema.as_object().cloned().unwrap_or_default())
}

/// Hints for clients. The enforcement is the grant's, not theirs.
fn annotations(effect: Effect) -> ToolAnnotations {
    ToolAnnotations::new()
        .read_only(effect == Effect::Read)
        .destructive(effect == Effect::Destroy)
        .idempotent(effect == Effect::Read)
        .open_world(true)
}
