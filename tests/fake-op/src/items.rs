//! How `op` finds vaults, items and fields, and how it prints them.

use std::io::Read;

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::state::{Field, Item, State, Vault};

/// Characters of an identifier.
const IDENTIFIER_LENGTH: usize = 26;
/// The alphabet of identifiers.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl State {
    pub(crate) fn vault(&self, wanted: &str) -> Result<&Vault, Failure> {
        let by_id = self.vaults.iter().find(|vault| vault.id == wanted);
        by_id
            .or_else(|| self.vaults.iter().find(|vault| same(&vault.name, wanted)))
            .ok_or_else(|| Failure::no_vault(wanted))
    }

    /// The one item of this identifier or title that is not archived.
    pub(crate) fn item(&self, wanted: &str, vault: Option<&Vault>) -> Result<&Item, Failure> {
        let there = |item: &&Item| vault.is_none_or(|vault| item.vault == vault.id);
        if let Some(item) = self.items.iter().filter(there).find(|item| item.id == wanted) {
            return Ok(item);
        }
        let named = |item: &&Item| !item.archived && same(&item.title, wanted);
        let found: Vec<&Item> = self.items.iter().filter(there).filter(named).collect();
        match found.as_slice() {
            [] => Err(Failure::no_item(wanted, vault.map(|vault| vault.name.as_str()))),
            [item] => Ok(item),
            several => {
                let place = |item: &&Item| (self.name_of(&item.vault), item.id.clone());
                Err(Failure::several_items(wanted, &several.iter().map(place).collect::<Vec<_>>()))
            }
        }
    }

    fn name_of(&self, vault: &str) -> String {
        self.vaults.iter().find(|known| known.id == vault).map_or_else(String::new, |known| known.name.clone())
    }

    /// An item as `op item list` prints it.
    pub(crate) fn summary(&self, item: &Item) -> Value {
        json!({
            "id": item.id, "title": item.title, "version": item.version,
            "vault": {"id": item.vault, "name": self.name_of(&item.vault)},
            "category": item.category, "last_edited_by": "RZ4FJUYDXBEPBBOOUNAHDDXDZE",
            "created_at": "2031-04-05T06:07:08Z", "updated_at": "2031-04-05T06:07:08Z",
        })
    }

    /// An item as `op item get` and `op item create` print it: concealed values in clear.
    pub(crate) fn whole(&self, item: &Item) -> Value {
        let mut whole = self.summary(item);
        let vault = self.name_of(&item.vault);
        let fields = item.fields.iter().map(|field| {
            let name = field.label.as_deref().filter(|label| !label.is_empty()).unwrap_or(&field.id);
            let mut shown = json!(field);
            if let Value::Object(shown) = &mut shown {
                shown.insert("reference".to_owned(), json!(format!("op://{vault}/{}/{name}", item.title)));
            }
            shown
        });
        let fields: Vec<Value> = fields.collect();
        if let Value::Object(whole) = &mut whole {
            whole.insert("fields".to_owned(), Value::Array(fields));
        }
        whole
    }
}

/// The field of an item that a reference means, by identifier or label, in its section or anywhere.
pub(crate) fn field<'a>(item: &'a Item, section: Option<&str>, wanted: &str) -> Option<&'a Field> {
    let label_is = |label: &Option<String>, wanted: &str| label.as_deref().is_some_and(|label| same(label, wanted));
    item.fields.iter().find(|field| {
        let placed = section.is_none_or(|wanted| {
            field.section.as_ref().is_some_and(|section| section.id == wanted || label_is(&section.label, wanted))
        });
        placed && (field.id == wanted || label_is(&field.label, wanted))
    })
}

/// A new identifier.
pub(crate) fn identifier() -> Result<String, Failure> {
    let mut random = [0_u8; IDENTIFIER_LENGTH];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut random));
    read.map_err(|error| Failure::plain(9, &format!("fake-op: no randomness: {error}\n")))?;
    let letter = |byte: u8| ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or(b'a');
    Ok(random.into_iter().map(|byte| char::from(letter(byte))).collect())
}

fn same(left: &str, right: &str) -> bool {
    left.to_lowercase() == right.to_lowercase()
}
