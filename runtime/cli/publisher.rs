//! Publishers that an operator decides to trust.

use std::path::{Path, PathBuf};

use claviger_audit::OperatorAction;
use claviger_manifest::TrustStore;

use crate::book::Book;
use crate::error::Failure;
use crate::state::{self, State};

/// A publisher's verification key, read from a file.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) key: String,
    /// Whether this very key is trusted already.
    pub(crate) is_known: bool,
    name: String,
    kept: PathBuf,
}

impl Publisher {
    /// Reads a key. A publisher who has another key here already is refused: a changed key is an operator's business.
    pub(crate) fn read(state: &State, file: &Path) -> Result<Self, Failure> {
        let key = state::read(file)?.trim().to_owned();
        TrustStore::default().add_key(&key).map_err(|error| Failure::state(format!("{}: {error}", file.display())))?;
        // A key's text begins with its name, which `add_key` has checked (C2SP signed-note).
        let name = key.split('+').next().unwrap_or_default().to_owned();
        let kept = state.trust().join(format!("{}.pub", hex::encode(&name)));
        let is_known = kept.exists();
        if is_known && state::read(&kept)?.trim() != key {
            return Err(Failure::state(format!(
                "publisher {name} has another key here already; if the publisher really changed it, remove {} first",
                kept.display()
            )));
        }
        Ok(Self { key, is_known, name, kept })
    }

    /// Trusts it from now on.
    pub(crate) fn trust(&self, book: &mut Book) -> Result<(), Failure> {
        book.note_now(OperatorAction::PublisherTrusted, &self.name, Some(&self.key))?;
        state::write(&self.kept, format!("{}\n", self.key).as_bytes())
    }
}
