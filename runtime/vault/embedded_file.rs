//! The embedded store's file: what stands where, and what authenticates it.
//!
//! ```text
//! "claviger vault 1\n"
//! length of the head, 4 bytes big endian     head: JSON, in clear, because it says how to get the key
//! length of the index, 4 bytes big endian    index: JSON, sealed; head and magic are its associated data
//! the sealed values, one behind the other, in the order of the index, to the end of the file
//! ```
//!
//! The index holds length and SHA-256 of each sealed value, so opening the index authenticates every byte of the file
//! without opening a single value: a bit that flips, an item taken from an older file, two that change places and a file
//! cut short are all seen.

use serde::{Deserialize, Serialize};

use crate::embedded_error::EmbeddedError;
use crate::embedded_index::Index;
use crate::key_slots::KeySlot;
use crate::seal::{Key, bind};

/// What every version of the format begins with.
const MAGIC: &[u8] = b"claviger vault ";
/// The version that is written and read, and the end of the first line.
const VERSION: &[u8] = b"1\n";
/// Bytes of a length.
const LENGTH_BYTES: usize = 4;
/// The longest head, bytes: sixteen slots of less than 8 KiB.
const HEAD_MAX: usize = 128 * 1024;

/// What is in clear: enough to find the key, authenticated once the key is there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// Identifies this store among all others; part of every key and of all associated data.
    pub(crate) store: String,
    /// Counts saves. A file whose generation is lower than one already seen was rolled back.
    pub(crate) generation: u64,
    /// Who can open it.
    pub(crate) slots: Vec<KeySlot>,
}

/// A file taken apart, nothing of it authenticated yet.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) head: Head,
    head_bytes: &'a [u8],
    index: &'a [u8],
    values: &'a [u8],
}

/// Takes a file apart.
pub(crate) fn parse(bytes: &[u8]) -> Result<Parts<'_>, EmbeddedError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(EmbeddedError::Damaged("its first line"))?;
    // Another version may need another reading; guessing is how data is lost.
    let rest = rest.strip_prefix(VERSION).ok_or(EmbeddedError::Version)?;
    let (head_bytes, rest) = take(rest).ok_or(EmbeddedError::Damaged("its head"))?;
    let (index, values) = take(rest).ok_or(EmbeddedError::Damaged("its index"))?;
    if head_bytes.len() > HEAD_MAX {
        return Err(EmbeddedError::Damaged("its head"));
    }
    let head = serde_json::from_slice(head_bytes).map_err(|_| EmbeddedError::Damaged("its head"))?;
    Ok(Parts { head, head_bytes, index, values })
}

impl Parts<'_> {
    /// Authenticates everything and opens the index. No value is opened.
    pub(crate) fn open(&self, master: &Key) -> Result<Index, EmbeddedError> {
        let damaged = EmbeddedError::Damaged("its head or its index");
        let plain = index_key(master, &self.head.store)?
            .open(&index_place(self.head_bytes), self.index)
            .map_err(|_| damaged.clone())?;
        // EXPOSE: the index holds names and digests, no values; the buffer is wiped when it goes out of scope.
        let mut index: Index = serde_json::from_slice(plain.expose()).map_err(|_| damaged)?;
        let mut rest = self.values;
        for field in index.items.iter_mut().flat_map(|item| &mut item.fields) {
            let length = usize::try_from(field.length).unwrap_or(usize::MAX);
            let (sealed, behind) = rest.split_at_checked(length).ok_or(EmbeddedError::Damaged("the end of it"))?;
            if !field.recognise(sealed) {
                return Err(EmbeddedError::Damaged("one of its values"));
            }
            rest = behind;
        }
        if rest.is_empty() { Ok(index) } else { Err(EmbeddedError::Damaged("the end of it")) }
    }
}

/// The bytes of a file with this head and this index.
pub(crate) fn encode(head: &Head, index: &Index, master: &Key) -> Result<Vec<u8>, EmbeddedError> {
    let head_bytes = serde_json::to_vec(head).map_err(|_| EmbeddedError::TooLarge)?;
    let plain = serde_json::to_vec(index).map_err(|_| EmbeddedError::TooLarge)?;
    let sealed = index_key(master, &head.store)?.seal(&index_place(&head_bytes), &plain)?;
    let mut bytes = [MAGIC, VERSION].concat();
    for part in [&head_bytes, &sealed] {
        let length = u32::try_from(part.len()).map_err(|_| EmbeddedError::TooLarge)?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    for field in index.items.iter().flat_map(|item| &item.fields) {
        bytes.extend_from_slice(&field.sealed);
    }
    Ok(bytes)
}

fn index_key(master: &Key, store: &str) -> Result<Key, EmbeddedError> {
    Ok(master.derive("claviger/vault/index/v1", &[store.as_bytes()])?)
}

fn index_place(head_bytes: &[u8]) -> Vec<u8> {
    bind("claviger/vault/index/v1", &[MAGIC, VERSION, head_bytes])
}

/// A length, and as many bytes.
fn take(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}
