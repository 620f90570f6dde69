//! What the embedded store holds, without the values: the names, and how a reference finds its field.

use std::sync::Arc;

use claviger_manifest::SecretReference;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::embedded_error::EmbeddedError;
use crate::provider::ProviderError;
use crate::seal::SealError;

/// Characters of an identifier, as 1Password has them: a reference that holds one means the thing, however it is named.
const IDENTIFIER_LENGTH: usize = 26;
/// The alphabet of identifiers: 32 lower-case letters and digits, none of which looks like another. Five bits each make
/// 130 random bits.
const IDENTIFIER_ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Everything that the store knows about its values. Sealed as one blob, because names can be sensitive too.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Index {
    pub(crate) vaults: Vec<VaultEntry>,
    pub(crate) items: Vec<ItemEntry>,
}

/// A vault of the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VaultEntry {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// An item.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ItemEntry {
    pub(crate) id: String,
    /// The identifier of the vault that holds it.
    pub(crate) vault: String,
    pub(crate) title: String,
    /// Counts its changes from 1.
    pub(crate) version: u64,
    pub(crate) fields: Vec<FieldEntry>,
}

/// A field, and how to know its sealed value when one sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldEntry {
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) section: Option<String>,
    pub(crate) label: String,
    /// The version of the item that gave the field this value.
    pub(crate) version: u64,
    /// Bytes of the sealed value.
    pub(crate) length: u64,
    /// SHA-256 of the sealed value, hexadecimal. An older value pasted back does not have it.
    pub(crate) digest: String,
    /// The sealed value, which stands behind the index in the file.
    #[serde(skip)]
    pub(crate) sealed: Arc<[u8]>,
}

impl FieldEntry {
    /// Gives the field a sealed value.
    pub(crate) fn hold(&mut self, version: u64, sealed: &[u8]) {
        self.version = version;
        self.length = u64::try_from(sealed.len()).unwrap_or(u64::MAX);
        self.digest = digest(sealed);
        self.sealed = sealed.into();
    }

    /// Takes the sealed value as it was found, if it is the one that the index was written with.
    pub(crate) fn recognise(&mut self, found: &[u8]) -> bool {
        self.sealed = found.into();
        digest(found) == self.digest
    }
}

impl Index {
    /// The field that a reference means. An identifier comes before a name; a name is compared without case; two matches
    /// are never one.
    pub(crate) fn find(&self, reference: &SecretReference) -> Result<(&ItemEntry, &FieldEntry), ProviderError> {
        let vault = self.vault(reference.vault())?;
        let item = self.item(vault, reference.item())?;
        Ok((item, item.field(reference)?))
    }

    /// The vault of this identifier or name.
    pub(crate) fn vault(&self, wanted: &str) -> Result<&VaultEntry, ProviderError> {
        only(&self.vaults, wanted, |vault| (&vault.id, &vault.name), ProviderError::VaultNotFound)
    }

    /// The item of this identifier or title in a vault.
    pub(crate) fn item(&self, vault: &VaultEntry, wanted: &str) -> Result<&ItemEntry, ProviderError> {
        let items = self.items.iter().filter(|item| item.vault == vault.id);
        only(items, wanted, |item| (&item.id, &item.title), ProviderError::ItemNotFound)
    }

    /// The identifier of the vault of this name, which is added if it is not there.
    pub(crate) fn vault_or_new(&mut self, wanted: &str) -> Result<VaultEntry, EmbeddedError> {
        match self.vault(wanted) {
            Ok(vault) => Ok(vault.clone()),
            Err(ProviderError::VaultNotFound) => {
                let vault = VaultEntry { id: identifier()?, name: wanted.to_owned() };
                self.vaults.push(vault.clone());
                Ok(vault)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl ItemEntry {
    /// The field that a reference means: by identifier or label, in its section if it names one, else anywhere.
    pub(crate) fn field(&self, reference: &SecretReference) -> Result<&FieldEntry, ProviderError> {
        let wanted = reference.field();
        let mut matches = self.fields.iter().filter(|field| {
            let section = field.section.as_deref();
            reference.section().is_none_or(|wanted| section.is_some_and(|section| same_name(section, wanted)))
                && (field.id == wanted || same_name(&field.label, wanted))
        });
        let first = matches.next().ok_or(ProviderError::FieldNotFound)?;
        if matches.next().is_some() { Err(ProviderError::Ambiguous) } else { Ok(first) }
    }
}

/// The one entry that an identifier or a name means.
pub(crate) fn only<'a, T>(
    entries: impl IntoIterator<Item = &'a T>,
    wanted: &str,
    names: impl Fn(&T) -> (&str, &str),
    missing: ProviderError,
) -> Result<&'a T, ProviderError> {
    let mut named = None;
    let mut several = false;
    for entry in entries {
        let (id, name) = names(entry);
        if id == wanted {
            return Ok(entry);
        }
        if same_name(name, wanted) {
            several |= named.replace(entry).is_some();
        }
    }
    if several { Err(ProviderError::Ambiguous) } else { named.ok_or(missing) }
}

/// Whether two names are the same for a reference: case does not count, anything else does.
pub(crate) fn same_name(left: &str, right: &str) -> bool {
    left == right || left.chars().flat_map(char::to_lowercase).eq(right.chars().flat_map(char::to_lowercase))
}

/// A new random identifier.
pub(crate) fn identifier() -> Result<String, SealError> {
    let mut random = [0_u8; IDENTIFIER_LENGTH];
    getrandom::fill(&mut random).map_err(|_| SealError::Randomness)?;
    let letter = |byte: u8| IDENTIFIER_ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or(b'a');
    Ok(random.into_iter().map(|byte| char::from(letter(byte))).collect())
}

fn digest(sealed: &[u8]) -> String {
    hex::encode(Sha256::digest(sealed))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_manifest::SecretReference;

    use super::{FieldEntry, Index, ItemEntry, VaultEntry, identifier};
    use crate::provider::ProviderError;

    fn field(section: Option<&str>, label: &str) -> FieldEntry {
        let section = section.map(str::to_owned);
        let (digest, label, id) = (String::new(), label.to_owned(), identifier().unwrap());
        FieldEntry { id, section, label, version: 1, length: 0, digest, sealed: [].into() }
    }

    fn item(vault: &VaultEntry, title: &str, fields: Vec<FieldEntry>) -> ItemEntry {
        let (id, title) = (identifier().unwrap(), title.to_owned());
        ItemEntry { id, vault: vault.id.clone(), title, version: 1, fields }
    }

    fn vault(name: &str) -> VaultEntry {
        VaultEntry { id: identifier().unwrap(), name: name.to_owned() }
    }

    fn sample() -> Index {
        let (msp, other) = (vault("MSP"), vault("Other"));
        let items = vec![
            item(&msp, "Pax8", vec![field(None, "client id"), field(Some("Test"), "client secret")]),
            item(&msp, "Twice", vec![field(None, "key")]),
            item(&msp, "twice", vec![field(None, "key")]),
            item(&other, "Pax8", vec![field(Some("A"), "key"), field(Some("B"), "Key")]),
        ];
        Index { vaults: vec![msp, other], items }
    }

    fn find(index: &Index, text: &str) -> Result<String, ProviderError> {
        let reference: SecretReference = text.parse().unwrap();
        index.find(&reference).map(|(_, field)| field.id.clone())
    }

    #[test]
    fn names_match_without_case_and_sections_narrow() {
        let index = sample();
        assert!(find(&index, "op://msp/PAX8/Client ID").is_ok());
        assert!(find(&index, "op://MSP/Pax8/client secret").is_ok());
        assert!(find(&index, "op://MSP/Pax8/test/client secret").is_ok());
        assert!(find(&index, "op://Other/Pax8/b/key").is_ok());
    }

    #[test]
    fn what_is_missing_is_named() {
        let index = sample();
        assert_eq!(find(&index, "op://None/Pax8/client id").unwrap_err(), ProviderError::VaultNotFound);
        assert_eq!(find(&index, "op://MSP/None/client id").unwrap_err(), ProviderError::ItemNotFound);
        assert_eq!(find(&index, "op://MSP/Pax8/none").unwrap_err(), ProviderError::FieldNotFound);
        assert_eq!(find(&index, "op://MSP/Pax8/Test/client id").unwrap_err(), ProviderError::FieldNotFound);
        assert_eq!(find(&index, "op://MSP/Pax8/client-id").unwrap_err(), ProviderError::FieldNotFound);
    }

    #[test]
    fn two_matches_are_never_one() {
        let mut index = sample();
        assert_eq!(find(&index, "op://MSP/twice/key").unwrap_err(), ProviderError::Ambiguous);
        assert_eq!(find(&index, "op://Other/Pax8/key").unwrap_err(), ProviderError::Ambiguous);
        index.vaults.push(vault("msp"));
        assert_eq!(find(&index, "op://MSP/Pax8/client id").unwrap_err(), ProviderError::Ambiguous);
    }

    #[test]
    fn an_identifier_means_its_thing_whatever_has_its_name() {
        let mut index = sample();
        let wanted = index.items.get(1).unwrap().clone();
        let home = index.vaults.first().unwrap().clone();
        index.items.insert(0, item(&home, &wanted.id, vec![field(None, "key")]));
        let found = find(&index, &format!("op://{}/{}/key", home.id, wanted.id)).unwrap();
        assert_eq!(found, wanted.fields.first().unwrap().id);
        let by_field = format!("op://MSP/{}/{}", wanted.id, wanted.fields.first().unwrap().id);
        assert_eq!(find(&index, &by_field).unwrap(), found);
    }
}
