//! The JSON that `op` reads and prints, as far as it is used here.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::embedded_index::same_name;
use crate::provider::{Created, NewItem, ProviderError};

/// The category of new items. Its own fields are left out, so that an item holds what was asked for and nothing else.
const CATEGORY: &str = "API_CREDENTIAL";
/// The most that JSON makes of one byte of text: `\u0000`.
const ESCAPED: usize = 6;
/// Room for everything in a template that is not title, label or value.
const FRAME: usize = 256;

/// A vault in `op vault list`.
#[derive(Debug, Deserialize)]
pub(crate) struct VaultSummary {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// An item in `op item list`.
#[derive(Debug, Deserialize)]
pub(crate) struct ItemSummary {
    pub(crate) title: String,
}

/// An item as `op item create` prints it. Its values, which are printed too, are skipped.
#[derive(Debug, Deserialize)]
pub(crate) struct CreatedItem {
    id: String,
    #[serde(default)]
    fields: Vec<CreatedField>,
}

#[derive(Debug, Deserialize)]
struct CreatedField {
    id: String,
    #[serde(default)]
    label: Option<String>,
}

impl CreatedItem {
    /// One reference for each field that was asked for: by name, where the reference grammar has room for the names.
    pub(crate) fn references(&self, vault: &VaultSummary, new: &NewItem) -> Result<Created, ProviderError> {
        let references = new.fields.iter().map(|(label, _)| {
            let mut fields =
                self.fields.iter().filter(|field| field.label.as_deref().is_some_and(|name| same_name(name, label)));
            let field = fields.next().ok_or(ProviderError::FieldNotFound)?;
            if fields.next().is_some() {
                return Err(ProviderError::Ambiguous);
            }
            let names = [vault.name.as_str(), &new.title, label];
            Created::reference(names, [&vault.id, &self.id, &field.id])
        });
        Ok(Created { references: references.collect::<Result<_, _>>()? })
    }
}

/// What `op` printed. Nothing at all is an empty list.
pub(crate) fn parse<'a, T: Deserialize<'a>>(printed: &'a [u8]) -> Result<T, ProviderError> {
    let printed = if printed.trim_ascii().is_empty() { b"[]" } else { printed };
    serde_json::from_slice(printed).map_err(|_| ProviderError::Unavailable("op printed something that is not its JSON"))
}

#[derive(Serialize)]
struct Template<'a> {
    title: &'a str,
    category: &'a str,
    fields: Vec<TemplateField<'a>>,
}

#[derive(Serialize)]
struct TemplateField<'a> {
    /// The label too: a field that the category has anyway is then filled instead of added a second time.
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    label: &'a str,
    value: &'a str,
}

/// The template of an item, for the standard input of `op item create -`.
pub(crate) fn template(new: &NewItem) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
    let mut length = FRAME + ESCAPED * new.title.len();
    let mut fields = Vec::with_capacity(new.fields.len());
    for (label, value) in &new.fields {
        // EXPOSE: borrowed into the template below, which is wiped when it is dropped and goes into a pipe to `op` only.
        let value = std::str::from_utf8(value.expose())
            .map_err(|_| ProviderError::Unsupported("a value that is not UTF-8 text"))?;
        length += FRAME + ESCAPED * (2 * label.len() + value.len());
        fields.push(TemplateField { id: label, kind: "CONCEALED", label, value });
    }
    // Allocated once, at the largest size that it can get: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    let template = Template { title: &new.title, category: CATEGORY, fields };
    serde_json::to_writer(&mut *bytes, &template)
        .map_err(|_| ProviderError::Unsupported("a value that JSON cannot hold"))?;
    Ok(bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::{CreatedItem, FRAME, VaultSummary, parse, template};
    use crate::provider::{NewItem, ProviderError};
    use crate::reveal::Secret;

    fn item(title: &str, fields: &[(&str, &[u8])]) -> NewItem {
        let fields = fields.iter().map(|(label, value)| ((*label).to_owned(), Secret::new(value.to_vec()))).collect();
        NewItem { vault: "MSP".to_owned(), title: title.to_owned(), fields }
    }

    proptest! {
        #[test]
        fn a_template_holds_the_value_and_never_grows(title: String, label: String, value: String) {
            let bytes = template(&item(&title, &[(&label, value.as_bytes())])).unwrap();
            let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(json.pointer("/fields/0/value").unwrap(), &value);
            prop_assert_eq!(json.pointer("/fields/0/label").unwrap(), &label);
            let room = 2 * FRAME + 6 * (title.len() + 2 * label.len() + value.len());
            prop_assert!(bytes.len() <= room && bytes.capacity() == room);
        }
    }

    #[test]
    fn a_value_that_is_not_text_is_refused() {
        let refused = template(&item("title", &[("key", &[0xff, 0xfe])])).unwrap_err();
        assert_eq!(refused, ProviderError::Unsupported("a value that is not UTF-8 text"));
    }

    #[test]
    fn references_are_names_where_names_will_do_and_never_a_guess() {
        let vault = VaultSummary { id: "v2gk7mqw4x5p6r7t3d5f6h7jkn".to_owned(), name: "MSP".to_owned() };
        let printed = br#"{"id":"i3hk7mqw4x5p6r7t3d5f6h7jkn","title":"x","fields":[
            {"id":"f4hk7mqw4x5p6r7t3d5f6h7jkn","label":"key","value":"canary"},{"id":"notesPlain"}]}"#;
        let created: CreatedItem = parse(printed).unwrap();
        let named = created.references(&vault, &item("token", &[("key", b"x")])).unwrap();
        assert_eq!(named.references.first().unwrap().to_string(), "op://MSP/token/key");
        let numbered = created.references(&vault, &item("a/b", &[("key", b"x")])).unwrap();
        let expected = "op://v2gk7mqw4x5p6r7t3d5f6h7jkn/i3hk7mqw4x5p6r7t3d5f6h7jkn/f4hk7mqw4x5p6r7t3d5f6h7jkn";
        assert_eq!(numbered.references.first().unwrap().to_string(), expected);
        let missing = created.references(&vault, &item("token", &[("other", b"x")])).unwrap_err();
        assert_eq!(missing, ProviderError::FieldNotFound);
        assert!(!format!("{created:?}").contains("canary"));
    }

    #[test]
    fn an_empty_answer_is_an_empty_list_and_nonsense_is_not() {
        assert!(parse::<Vec<VaultSummary>>(b"\n").unwrap().is_empty());
        assert!(matches!(parse::<Vec<VaultSummary>>(b"<html>"), Err(ProviderError::Unavailable(_))));
    }
}
