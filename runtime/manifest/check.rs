//! Does every name in a manifest mean something, and does the whole hold together?

use crate::check_credential::check_credential;
use crate::check_operation::check_operation;
use crate::origin::OriginError;
use crate::{Effect, Manifest, ManifestError, Name, Rule, Tool, ToolName, WriteBack, headers, reference, text};

/// The longest description, in characters: what a person reads before an approval, and a model in every turn.
const MAX_DESCRIPTION: usize = 1024;

/// The longest publisher name, in bytes.
const MAX_PUBLISHER: usize = 128;

/// The longest query parameter name, in bytes.
const MAX_QUERY_NAME: usize = 64;

type Checked = Result<(), ManifestError>;

/// Holds a parsed manifest against every rule.
pub(crate) fn check(manifest: &Manifest) -> Checked {
    check_head(manifest)?;
    check_sources(manifest)?;
    for (name, credential) in &manifest.credentials {
        check_credential(manifest, name, credential)?;
    }
    for (name, operation) in &manifest.operations {
        check_operation(manifest, name, operation)?;
    }
    for (name, rule) in &manifest.write_back {
        check_write_back(manifest, name, rule)?;
    }
    for (name, tool) in &manifest.tools {
        check_tool(manifest, name, tool)?;
    }
    if manifest.tools.is_empty() { Err(broken("[tools]", Rule::NoTool)) } else { Ok(()) }
}

/// A broken rule and its place.
pub(crate) fn broken(at: impl Into<String>, rule: Rule) -> ManifestError {
    ManifestError::Rule { at: at.into(), rule }
}

/// A name that a table must declare.
pub(crate) fn declared(found: bool, at: String, name: &Name, table: &'static str) -> Checked {
    if found { Ok(()) } else { Err(ManifestError::Undeclared { at, name: name.clone(), table }) }
}

/// No entry twice.
pub(crate) fn distinct<T: PartialEq>(list: &[T], at: &str) -> Checked {
    let repeated =
        list.iter().enumerate().any(|(index, entry)| list.iter().skip(index + 1).any(|other| other == entry));
    if repeated { Err(broken(at, Rule::Repeated)) } else { Ok(()) }
}

/// A description, where there is one.
pub(crate) fn description(words: Option<&String>, at: &str) -> Checked {
    match words {
        Some(words) if !text::is_shown_as_it_is(words, MAX_DESCRIPTION) => {
            Err(broken(format!("{at} description"), Rule::Text(MAX_DESCRIPTION)))
        }
        _ => Ok(()),
    }
}

/// A query parameter's name.
pub(crate) fn query_name(name: &str, at: &str) -> Checked {
    let fits = (1..=MAX_QUERY_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.$-[]".contains(&byte));
    if !fits {
        return Err(broken(at, Rule::QueryName));
    }
    if headers::overrides_method(name) { Err(broken(at, Rule::MethodOverride)) } else { Ok(()) }
}

fn check_head(manifest: &Manifest) -> Checked {
    let publisher = &manifest.plugin.publisher;
    if publisher.is_empty()
        || publisher.len() > MAX_PUBLISHER
        || !publisher.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+')
    {
        return Err(broken("[plugin] publisher", Rule::Publisher(MAX_PUBLISHER)));
    }
    description(manifest.plugin.description.as_ref(), "[plugin]")?;
    for (name, setting) in &manifest.settings {
        description(Some(&setting.description), &format!("[settings.{name}]"))?;
    }
    let defaults = manifest.settings.iter();
    let defaults = defaults.filter_map(|(name, setting)| Some((name.clone(), setting.default.clone()?))).collect();
    for (name, endpoint) in &manifest.endpoints {
        let at = format!("[endpoints.{name}] origin");
        for setting in endpoint.origin.settings() {
            declared(manifest.settings.contains_key(setting), at.clone(), setting, "settings")?;
        }
        match endpoint.origin.render(&defaults) {
            Ok(_) | Err(OriginError::Missing(_)) => {}
            Err(why) => return Err(broken(at, Rule::Origin(why))),
        }
    }
    Ok(())
}

fn check_sources(manifest: &Manifest) -> Checked {
    for (name, secret) in &manifest.secrets {
        description(secret.description.as_ref(), &format!("[secrets.{name}]"))?;
        if manifest.slots.contains_key(name) {
            return Err(ManifestError::SecretAndSlot(name.clone()));
        }
    }
    let sources = manifest.secrets.keys().chain(manifest.slots.keys());
    if let Some(name) = sources.into_iter().find(|name| manifest.settings.contains_key(*name)) {
        return Err(ManifestError::SettingAndSource(name.clone()));
    }
    for (name, slot) in &manifest.slots {
        let at = format!("[slots.{name}]");
        description(slot.description.as_ref(), &at)?;
        let captured = manifest.operations.values().any(|operation| operation.capture.contains_key(name));
        match (slot.generate.is_some(), captured) {
            (true, true) => return Err(broken(at, Rule::CaptureGenerated)),
            (false, false) => return Err(broken(at, Rule::Unfilled)),
            _ => {}
        }
    }
    Ok(())
}

fn check_write_back(manifest: &Manifest, name: &Name, rule: &WriteBack) -> Checked {
    let at = format!("[write-back.{name}]");
    description(rule.description.as_ref(), &at)?;
    let here = format!("{at} fields");
    if rule.fields.is_empty() {
        return Err(broken(here, Rule::NoField));
    }
    distinct(&rule.fields.iter().map(|field| &field.field).collect::<Vec<_>>(), &here)?;
    distinct(&rule.fields.iter().map(|field| &field.slot).collect::<Vec<_>>(), &here)?;
    for field in &rule.fields {
        reference::segment(&field.field).map_err(|_| broken(here.as_str(), Rule::FieldLabel))?;
        declared(manifest.slots.contains_key(&field.slot), here.clone(), &field.slot, "slots")?;
    }
    Ok(())
}

fn check_tool(manifest: &Manifest, name: &ToolName, tool: &Tool) -> Checked {
    let at = format!("[tools.{name}]");
    description(Some(&tool.description), &at)?;
    distinct(&tool.operations, &format!("{at} operations"))?;
    distinct(&tool.write_back, &format!("{at} write-back"))?;
    for operation in &tool.operations {
        let found = manifest.operations.get(operation);
        declared(found.is_some(), format!("{at} operations"), operation, "operations")?;
        let needed = found.map_or(Effect::Read, |operation| operation.effect);
        enough(name, tool, needed, || format!("[operations.{operation}]"))?;
    }
    for rule in &tool.write_back {
        declared(manifest.write_back.contains_key(rule), format!("{at} write-back"), rule, "write-back")?;
        enough(name, tool, Effect::Write, || format!("[write-back.{rule}]"))?;
    }
    schema_path(&tool.input, &format!("{at} input"))?;
    tool.output.iter().try_for_each(|output| schema_path(output, &format!("{at} output")))
}

fn enough(name: &ToolName, tool: &Tool, needed: Effect, because: impl FnOnce() -> String) -> Checked {
    if needed <= tool.effect {
        return Ok(());
    }
    Err(ManifestError::Understated { tool: name.clone(), declared: tool.effect, needed, because: because() })
}

fn schema_path(path: &str, at: &str) -> Checked {
    if is_schema_path(path) { Ok(()) } else { Err(broken(at, Rule::SchemaPath)) }
}

/// `schemas/<file>.json`: one folder, one plain file name that does not start with a dot.
pub(crate) fn is_schema_path(path: &str) -> bool {
    let file = path.strip_prefix("schemas/").and_then(|rest| rest.strip_suffix(".json"));
    file.is_some_and(|file| {
        (1..=128).contains(&file.len())
            && !file.starts_with('.')
            && file.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    })
}
