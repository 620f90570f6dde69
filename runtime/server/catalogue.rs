//! The tools that a principal may see, under names that every client accepts.

use std::collections::BTreeMap;
use std::sync::Arc;

use claviger_grant::Caller;
use claviger_host::{Host, ToolDescription};
use claviger_manifest::{Digest, Effect, Name, ToolName};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::Value;

/// The longest shown name, in characters. Clients put `mcp__claviger__` before it, and the model APIs behind them take 64.
const MAX_NAME: usize = 48;

/// Hexadecimal digits that tell names apart which would otherwise be the same.
const MARK: usize = 8;

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
        Self::new(host.granted_tools(principal))
    }

    fn new(descriptions: Vec<ToolDescription>) -> Self {
        let mut plain: BTreeMap<String, usize> = BTreeMap::new();
        for description in &descriptions {
            *plain.entry(plain_name(description)).or_default() += 1;
        }
        let mut entries: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for description in descriptions {
            let is_alone = plain.get(&plain_name(&description)) == Some(&1);
            let name = name(&description, is_alone);
            let shown = shown(&name, &description);
            let entry = Entry { connection: description.connection, tool: description.tool, shown };
            entries.entry(name).or_default().push(entry);
        }
        // No tool ever stands in for another: two that still have one name are not shown at all.
        let entries = entries.into_iter().filter(|(_, same)| same.len() == 1);
        Self { entries: entries.filter_map(|(name, mut same)| Some((name, same.pop()?))).collect() }
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

/// `connection_tool` in `[a-z0-9_]`: two widely used clients rewrite anything else.
fn plain_name(description: &ToolDescription) -> String {
    format!("{}_{}", description.connection.as_str().replace('-', "_"), description.tool)
}

/// The plain name where it is short and nobody else's: `a-b` with tool `c` and `a` with tool `b_c` have the same. Those get
/// a mark that depends on their own names alone, so it is the same in every session.
fn name(description: &ToolDescription, is_alone: bool) -> String {
    let plain = plain_name(description);
    if is_alone && plain.len() <= MAX_NAME {
        return plain;
    }
    let whole = Digest::of(format!("{}.{}", description.connection, description.tool).as_bytes()).to_string();
    let mark: String = whole.chars().rev().take(MARK).collect();
    let kept: String = plain.chars().take(MAX_NAME - MARK - 1).collect();
    format!("{kept}_{mark}")
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

/// Hints for clients. The enforcement is the grant's, not theirs. In the protocol's words only an addition is not
/// destructive; a write may overwrite, and a tool that mints may revoke what it replaces.
fn annotations(effect: Effect) -> ToolAnnotations {
    let reads = effect == Effect::Read;
    ToolAnnotations::new().read_only(reads).destructive(!reads).idempotent(reads).open_world(true)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_host::ToolDescription;
    use claviger_manifest::Effect;
    use serde_json::json;

    use super::{Catalogue, MAX_NAME, name};

    fn description(connection: &str, tool: &str, effect: Effect) -> ToolDescription {
        ToolDescription {
            connection: connection.parse().unwrap(),
            client: Some("Acme".to_owned()),
            tool: tool.parse().unwrap(),
            description: "Looks".to_owned(),
            effect,
            input: json!({ "type": "object" }),
            output: None,
        }
    }

    fn names(catalogue: &Catalogue) -> Vec<String> {
        catalogue.shown().iter().map(|tool| tool.name.to_string()).collect()
    }

    #[test]
    fn a_tool_never_stands_in_for_another() {
        let pairs = [("a", "b_c"), ("a-b", "c"), ("a", "x")];
        let all = || pairs.iter().map(|(connection, tool)| description(connection, tool, Effect::Read));
        let forwards = Catalogue::new(all().collect());
        let backwards = Catalogue::new(all().rev().collect());
        assert_eq!(names(&forwards), names(&backwards), "the order of connections changes nothing");
        assert_eq!(names(&forwards).len(), 3);
        for shown in names(&forwards) {
            let caller = forwards.caller(&shown, "alex", "s").unwrap();
            let (connection, tool) = (caller.connection.as_str(), caller.tool.as_str());
            let is_alone = (connection, tool) == ("a", "x");
            assert_eq!(name(&description(connection, tool, Effect::Read), is_alone), shown);
        }
        assert!(forwards.caller("a_b_c", "alex", "s").is_none(), "the name that two would have is nobody's");
    }

    #[test]
    fn a_name_that_imitates_a_marked_one_shows_neither() {
        let marked = name(&description("a", "b_c", Effect::Read), false);
        let imitation = marked.strip_prefix("a_").unwrap().to_owned();
        let pairs = [("a", "b_c"), ("a-b", "c"), ("a", imitation.as_str())];
        let catalogue =
            Catalogue::new(pairs.map(|(connection, tool)| description(connection, tool, Effect::Read)).into());
        assert_eq!(names(&catalogue).len(), 1);
        assert!(catalogue.get(&marked).is_none());
    }

    #[test]
    fn names_are_short_enough_for_every_client() {
        let long = "x".repeat(63);
        let pairs = [(long.as_str(), "one"), (long.as_str(), "two"), ("a", long.as_str())];
        let catalogue =
            Catalogue::new(pairs.map(|(connection, tool)| description(connection, tool, Effect::Read)).into());
        assert_eq!(names(&catalogue).len(), 3);
        let fits = |name: &String| {
            name.len() <= MAX_NAME && name.bytes().all(|byte| b"abcdefghijklmnopqrstuvwxyz0123456789_".contains(&byte))
        };
        assert!(names(&catalogue).iter().all(fits), "{:?}", names(&catalogue));
    }

    #[test]
    fn hints_come_from_the_effect() {
        for effect in [Effect::Read, Effect::Write, Effect::Destroy, Effect::Mint] {
            let catalogue = Catalogue::new(vec![description("a", "b", effect)]);
            let hints = catalogue.get("a_b").unwrap().annotations.clone().unwrap();
            assert_eq!(hints.read_only_hint, Some(effect == Effect::Read));
            assert_eq!(hints.destructive_hint, Some(effect != Effect::Read));
            assert_eq!(catalogue.get("a_b").unwrap().description.as_deref(), Some("Looks (client: Acme)"));
        }
    }
}
