//! References to other records, as the vendor nests them.

use claviger_plugin_sdk::prelude::*;

/// Something with a name: a status, a board, a priority.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Named {
    name: Option<String>,
}

/// A company or a member.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Party {
    identifier: Option<String>,
    name: Option<String>,
}

/// The name of a reference that may be absent.
pub(crate) fn name(reference: Option<Named>) -> Option<String> {
    reference?.name
}

/// The name of a party, or its identifier when it has none.
pub(crate) fn party(reference: Option<Party>) -> Option<String> {
    let party = reference?;
    party.name.or(party.identifier)
}
