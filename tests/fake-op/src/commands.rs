//! The commands.

use std::io::Read;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::items::{field, identifier};
use crate::record;
use crate::state::{Behaviour, Field, Item, Mode, State, Vault, World};

/// The categories that `op item template list` knows, as far as an API has use for them.
const CATEGORIES: [&str; 8] =
    ["API_CREDENTIAL", "DATABASE", "LOGIN", "PASSWORD", "SECURE_NOTE", "SERVER", "SOFTWARE_LICENSE", "SSH_KEY"];

/// An item as somebody wants it.
#[derive(Deserialize)]
struct Template {
    title: String,
    category: String,
    #[serde(default)]
    fields: Vec<Field>,
}

pub(crate) fn run(world: &World, state: &State, arguments: &Arguments) -> Result<Vec<u8>, Failure> {
    let words: Vec<&str> = arguments.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["vault", "list"] => print(&json!(
            state
                .vaults
                .iter()
                .map(|vault| json!({
                    "id": vault.id, "name": vault.name, "content_version": 7,
                }))
                .collect::<Vec<_>>()
        )),
        ["item", "list"] => list(state, arguments),
        ["item", "get", wanted] => {
            let vault = vault(state, arguments)?;
            print(&state.whole(state.item(wanted, vault)?))
        }
        ["item", "create", "-"] => create(world, state, arguments),
        ["read", reference] => read(state, arguments, reference),
        // What it says under the desktop app's integration, although everything else works.
        ["whoami"] if state.mode == Mode::Desktop => Err(Failure::error("account is not signed in")),
        ["whoami"] => print(&json!({"URL": state.account, "ServiceAccountType": "SERVICE_ACCOUNT"})),
        [command, ..] => Err(Failure::error(&format!("unknown command \"{command}\" for \"op\""))),
        [] => Err(Failure::error("no command")),
    }
}

/// The vault of `--vault`, without which a service account may do nothing to items.
fn vault<'a>(state: &'a State, arguments: &Arguments) -> Result<Option<&'a Vault>, Failure> {
    match arguments.value("vault") {
        Some(wanted) => state.vault(wanted).map(Some),
        None if state.mode == Mode::ServiceAccount => Err(Failure::vault_needed()),
        None => Ok(None),
    }
}

fn list(state: &State, arguments: &Arguments) -> Result<Vec<u8>, Failure> {
    let vault = vault(state, arguments)?;
    let there = |item: &&Item| vault.is_none_or(|vault| item.vault == vault.id);
    let shown = |item: &&Item| !item.archived || arguments.has("include-archive");
    print(&json!(state.items.iter().filter(there).filter(shown).map(|item| state.summary(item)).collect::<Vec<_>>()))
}

fn read(state: &State, arguments: &Arguments, reference: &str) -> Result<Vec<u8>, Failure> {
    let value = resolve(state, reference).map_err(|failure| failure.reading(reference))?;
    let end = if arguments.has("no-newline") { "" } else { "\n" };
    Ok(format!("{value}{end}").into_bytes())
}

fn resolve(state: &State, reference: &str) -> Result<String, Failure> {
    let path = reference
        .strip_prefix("op://")
        .ok_or_else(|| Failure::error("secret reference is not prefixed with \"op://\""))?;
    let (path, attribute) = path.split_once("?attribute=").unwrap_or((path, "value"));
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-_./ ".contains(character);
    if let Some(bad) = path.chars().find(|character| !allowed(*character)) {
        return Err(Failure::error(&format!("invalid character in secret reference: '{bad}'")));
    }
    let parts: Vec<&str> = path.split('/').collect();
    let (vault, item, section, wanted) = match parts.as_slice() {
        [vault, item, field] => (*vault, *item, None, *field),
        [vault, item, section, field] => (*vault, *item, Some(*section), *field),
        [_, _, _, _, ..] => {
            return Err(Failure::error(
                "too many '/': secret references should match op://<vault>/<item>[/<section>]/<field>",
            ));
        }
        _ => return Err(Failure::error("secret reference has invalid format")),
    };
    let item_found = state.item(item, Some(state.vault(vault)?))?;
    let named = section.map_or_else(|| wanted.to_owned(), |section| format!("{section}.{wanted}"));
    let missing = || Failure::no_field(vault, item, &named);
    let found = field(item_found, section, wanted).ok_or_else(missing)?;
    let value = match attribute {
        "value" => Some(found.value.clone().unwrap_or_default()),
        "otp" | "totp" => found.totp.clone(),
        "type" => Some(found.kind.clone()),
        "id" => Some(found.id.clone()),
        "purpose" => found.purpose.clone(),
        "title" => found.label.clone(),
        _ => None,
    };
    value.ok_or_else(missing)
}

fn create(world: &World, state: &State, arguments: &Arguments) -> Result<Vec<u8>, Failure> {
    if record::stdin() != "pipe" {
        return Err(Failure::error("expected data on stdin but none found"));
    }
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).map_err(|_| Failure::error("expected data on stdin but none found"))?;
    let template: Template = serde_json::from_str(&input).map_err(|_| Failure::error("invalid JSON in piped input"))?;
    if !CATEGORIES.contains(&template.category.as_str()) {
        return Err(Failure::bad_request());
    }
    let vault = vault(state, arguments)?.or(state.vaults.first()).ok_or_else(|| Failure::no_vault("Private"))?;
    let (title, category) = (template.title, template.category);
    let fields = template.fields.into_iter().map(|field| finished(field, state.behaviour)).collect::<Result<_, _>>()?;
    let item =
        Item { id: identifier()?, title, vault: vault.id.clone(), version: 1, category, archived: false, fields };
    // Two items of one title are nothing that 1Password minds.
    world.change(|state| state.items.push(item.clone()))?;
    if arguments.json() { print(&state.whole(&item)) } else { Ok(format!("ID: {}\n", item.id).into_bytes()) }
}

fn finished(mut field: Field, behaviour: Behaviour) -> Result<Field, Failure> {
    if field.id.is_empty() {
        field.id = identifier()?;
    }
    if behaviour == Behaviour::Mangles {
        field.value = field.value.map(|value| format!("{value} "));
    }
    Ok(field)
}

fn print(value: &Value) -> Result<Vec<u8>, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|_| Failure::error("cannot print"))?;
    Ok(format!("{text}\n").into_bytes())
}
