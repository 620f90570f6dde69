//! One generation of the embedded store, and what a single change does to it.

use std::sync::Arc;

use claviger_manifest::SecretReference;

use crate::embedded_error::EmbeddedError;
use crate::embedded_file::Head;
use crate::embedded_index::{FieldEntry, Index, ItemEntry, identifier};
use crate::private_file::Pinned;
use crate::provider::{Created, NewItem, ProviderError, Resolved};
use crate::reveal::Secret;
use crate::seal::{Key, bind};

/// The longest value, bytes: a private key or a certificate chain is below 64 KiB.
const VALUE_MAX: usize = 1024 * 1024;
/// What an operator reads who gives a reference with `?`.
const NO_ATTRIBUTES: ProviderError = ProviderError::Unsupported("an attribute; the embedded vault has values only");

/// One generation of the store.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) head: Head,
    pub(crate) index: Index,
    /// The file that it was read from or written to.
    pub(crate) file: Pinned,
}

/// One field of the store, without its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// The vault's name.
    pub vault: String,
    /// The item's title.
    pub title: String,
    /// The field's section, where it has one.
    pub section: Option<String>,
    /// The field's label.
    pub label: String,
    /// The version of the item that gave the field its value, from 1.
    pub version: u64,
}

/// What one change works on: a copy of the generation before it.
pub(crate) struct Draft<'a> {
    pub(crate) head: Head,
    pub(crate) index: Index,
    pub(crate) master: &'a Key,
}

impl State {
    /// Opens the one value that a reference points to.
    pub(crate) fn resolve(&self, master: &Key, reference: &SecretReference) -> Result<Resolved, EmbeddedError> {
        if reference.attribute().is_some() {
            return Err(NO_ATTRIBUTES.into());
        }
        let (item, field) = self.index.find(reference)?;
        let (key, place) = value_key(master, &self.head.store, item, &field.id, field.version)?;
        let value = key.open(&place, &field.sealed)?;
        Ok(Resolved { value, version: version(item, field) })
    }

    /// The version of the value that a reference points to.
    pub(crate) fn version(&self, reference: &SecretReference) -> Result<String, EmbeddedError> {
        let (item, field) = self.index.find(reference)?;
        Ok(version(item, field))
    }

    /// Every field, in the order of its names.
    pub(crate) fn list(&self) -> Vec<Listed> {
        let mut listed = Vec::new();
        for item in &self.index.items {
            let vault = self.index.vaults.iter().find(|vault| vault.id == item.vault);
            listed.extend(item.fields.iter().map(|field| Listed {
                vault: vault.map_or_else(|| item.vault.clone(), |vault| vault.name.clone()),
                title: item.title.clone(),
                section: field.section.clone(),
                label: field.label.clone(),
                version: field.version,
            }));
        }
        listed.sort();
        listed
    }
}

impl Draft<'_> {
    /// Puts a value where a reference points.
    pub(crate) fn put(&mut self, place: &SecretReference, value: &Secret, replace: bool) -> Result<(), EmbeddedError> {
        if place.attribute().is_some() {
            return Err(NO_ATTRIBUTES.into());
        }
        let vault = self.index.vault_or_new(place.vault())?;
        let mut item = match self.index.item(&vault, place.item()) {
            Ok(item) => item.clone(),
            Err(ProviderError::ItemNotFound) => new_item(&vault.id, place.item())?,
            Err(error) => return Err(error.into()),
        };
        let field = match item.field(place) {
            Ok(_) if !replace => return Err(ProviderError::FieldExists.into()),
            Ok(field) => field.id.clone(),
            Err(ProviderError::FieldNotFound) => add_field(&mut item, place.section(), place.field())?,
            Err(error) => return Err(error.into()),
        };
        self.hold(&mut item, &[(field, value)])?;
        self.keep(item);
        Ok(())
    }

    /// Puts a value in the place of one that is held in this version.
    pub(crate) fn replace(
        &mut self,
        place: &SecretReference,
        version: &str,
        value: &Secret,
    ) -> Result<(), EmbeddedError> {
        let vault = self.index.vault_or_new(place.vault())?;
        let item = self.index.item(&vault, place.item())?;
        if self::version(item, item.field(place)?) == version {
            self.put(place, value, true)
        } else {
            Err(ProviderError::Conflict.into())
        }
    }

    /// Creates an item. One with the same title, or two, and nothing happens.
    pub(crate) fn create(&mut self, new: &NewItem) -> Result<Created, EmbeddedError> {
        let vault = self.index.vault_or_new(&new.vault)?;
        match self.index.item(&vault, &new.title) {
            Err(ProviderError::ItemNotFound) => {}
            Ok(_) | Err(_) => return Err(ProviderError::Exists.into()),
        }
        let mut item = new_item(&vault.id, &new.title)?;
        let mut values = Vec::with_capacity(new.fields.len());
        for (label, value) in &new.fields {
            values.push((add_field(&mut item, None, label)?, value));
        }
        self.hold(&mut item, &values)?;
        let references = item.fields.iter().map(|field| {
            let names = [vault.name.as_str(), &item.title, &field.label];
            Created::reference(names, [&vault.id, &item.id, &field.id])
        });
        let references = references.collect::<Result<_, _>>()?;
        self.keep(item);
        Ok(Created { references })
    }

    /// Seals values into fields of an item, as its next version.
    fn hold(&self, item: &mut ItemEntry, values: &[(String, &Secret)]) -> Result<(), EmbeddedError> {
        item.version = item.version.checked_add(1).ok_or(EmbeddedError::TooLarge)?;
        let version = item.version;
        for (id, value) in values {
            match value.len() {
                0 => return Err(ProviderError::Empty.into()),
                1..=VALUE_MAX => {}
                _ => return Err(EmbeddedError::TooLarge),
            }
            let (key, place) = value_key(self.master, &self.head.store, item, id, version)?;
            // EXPOSE: sealed at once; what leaves this line is ciphertext.
            let sealed = key.seal(&place, value.expose())?;
            item.fields.iter_mut().filter(|field| field.id == *id).for_each(|field| field.hold(version, &sealed));
        }
        Ok(())
    }

    /// Puts an item in the place of its earlier version, or behind the others.
    fn keep(&mut self, item: ItemEntry) {
        match self.index.items.iter_mut().find(|earlier| earlier.id == item.id) {
            Some(earlier) => *earlier = item,
            None => self.index.items.push(item),
        }
    }
}

/// A version in words: which item, and which of its versions gave the field this value.
fn version(item: &ItemEntry, field: &FieldEntry) -> String {
    format!("{}.{}", item.id, field.version)
}

/// The key of one version of an item, and what binds a value to its place: a sealed value that was moved to another
/// store, vault, item, version or field does not open.
fn value_key(
    master: &Key,
    store: &str,
    item: &ItemEntry,
    field: &str,
    version: u64,
) -> Result<(Key, Vec<u8>), EmbeddedError> {
    let version = version.to_be_bytes();
    let key = master.derive("claviger/vault/item/v1", &[store.as_bytes(), item.id.as_bytes(), &version])?;
    let place = [store.as_bytes(), item.vault.as_bytes(), item.id.as_bytes(), &version, field.as_bytes()];
    Ok((key, bind("claviger/vault/value/v1", &place)))
}

fn new_item(vault: &str, title: &str) -> Result<ItemEntry, EmbeddedError> {
    let (vault, title) = (vault.to_owned(), title.to_owned());
    Ok(ItemEntry { id: identifier()?, vault, title, version: 0, fields: Vec::new() })
}

/// Adds a field that has no value yet, and gives its identifier.
fn add_field(item: &mut ItemEntry, section: Option<&str>, label: &str) -> Result<String, EmbeddedError> {
    let id = identifier()?;
    let (section, label) = (section.map(str::to_owned), label.to_owned());
    let (digest, sealed) = (String::new(), Arc::from([]));
    item.fields.push(FieldEntry { id: id.clone(), section, label, version: 0, length: 0, digest, sealed });
    Ok(id)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Key, new_item, value_key};

    /// Whoever cannot open the index cannot move a value, so this is a second line: it holds where the first has failed.
    #[test]
    fn a_value_is_bound_to_its_store_vault_item_version_and_field() {
        let master = Key::random().unwrap();
        let (item, other) = (new_item("v1", "title").unwrap(), new_item("v1", "title").unwrap());
        let mut elsewhere = item.clone();
        elsewhere.vault = "v2".to_owned();
        let (key, place) = value_key(&master, "store", &item, "field", 1).unwrap();
        let sealed = key.seal(&place, b"value").unwrap();
        assert!(key.open(&place, &sealed).is_ok());
        let others = [
            ("another store", value_key(&master, "stor", &item, "field", 1)),
            ("another vault", value_key(&master, "store", &elsewhere, "field", 1)),
            ("another item", value_key(&master, "store", &other, "field", 1)),
            ("another field", value_key(&master, "store", &item, "fiel", 1)),
            ("another version", value_key(&master, "store", &item, "field", 2)),
        ];
        for (what, other) in others {
            let (key, place) = other.unwrap();
            assert!(key.open(&place, &sealed).is_err(), "it opens in {what}");
        }
    }
}
