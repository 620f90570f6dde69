//! Write-back: a value goes into a vault as a new item, is read back, and only then leaves the journal.

use claviger_grant::StorePlan;
use claviger_manifest::SecretReference;
use subtle::ConstantTimeEq;

use crate::call::CallScope;
use crate::failure::FailureKind;
use crate::journal::{Journal, JournalError};
use crate::provider::{NewItem, ProviderError};
use crate::providers::Providers;
use crate::reveal::Secret;

/// Stores slot values of a call as the plan says. Create-only, with every field read back through the provider. On
/// failure the journal keeps the values.
pub(crate) async fn store(
    plan: &StorePlan,
    scope: &CallScope,
    providers: &Providers,
    journal: &Journal,
) -> Result<Vec<SecretReference>, FailureKind> {
    let mut fields = Vec::with_capacity(plan.fields.len());
    for (label, handle) in &plan.fields {
        let value = scope.value(handle).ok_or_else(|| FailureKind::EmptySlot(handle.slot.clone()))?;
        fields.push((label.clone(), value.duplicate()));
    }
    let pending = plan.fields.iter().filter_map(|(_, handle)| scope.journal_entry(handle)).collect();
    let item = NewItem { vault: plan.vault.clone(), title: plan.title.clone(), fields };
    keep(&item, pending, providers, journal).await.map_err(|error| match error {
        NotKept::Refused(why) => FailureKind::Store(why),
        NotKept::Different => FailureKind::ReadBack,
    })
}

/// Why a pending value was not recovered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoverError {
    /// The journal does not give it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The reference names more than a new item and its field.
    #[error("a recovered value goes into a new item: op://vault/title/field, without section and attribute")]
    Place,
    /// The provider refused.
    #[error("the value was not stored and stays in the journal: {0}")]
    Refused(ProviderError),
    /// It reads back differently.
    #[error("the value reads back differently from what was stored, and stays in the journal")]
    ReadBack,
}

/// Stores a value that an earlier call left in the journal, as a new item with one field; one that takes the place of
/// what a provider holds also in that place.
///
/// The journal goes on holding such a value when it went into a new item: as long as a connection is bound to the old
/// place, what is there must not be used. The next use says that it is stored, once the connection is bound to the new one;
/// the entry itself stays until the next token follows it, because it knows what must not be used any more.
pub async fn recover(
    number: u64,
    place: &SecretReference,
    providers: &Providers,
    journal: &Journal,
) -> Result<SecretReference, RecoverError> {
    if place.section().is_some() || place.attribute().is_some() {
        return Err(RecoverError::Place);
    }
    let value = journal.recover(number)?;
    let mut pending = vec![number];
    if journal.is_successor(number)? {
        if let Ok(held) = providers.resolve(place).await
            && journal.succeeds(number, &held.value)?
        {
            return succeed(number, place, &held.version, &value, providers, journal).await;
        }
        pending.clear();
    }
    let fields = vec![(place.field().to_owned(), value)];
    let item = NewItem { vault: place.vault().to_owned(), title: place.item().to_owned(), fields };
    let stored = keep(&item, pending, providers, journal).await.map_err(|error| match error {
        NotKept::Refused(why) => RecoverError::Refused(why),
        NotKept::Different => RecoverError::ReadBack,
    })?;
    stored.into_iter().next().ok_or(RecoverError::ReadBack)
}

/// Puts a value in the place of the one that it succeeds. Nobody refreshes meanwhile: what is stored would be old.
async fn succeed(
    number: u64,
    place: &SecretReference,
    version: &str,
    value: &Secret,
    providers: &Providers,
    journal: &Journal,
) -> Result<SecretReference, RecoverError> {
    let _alone = journal.refresh_lock()?;
    // Still there: whoever refreshed until now has forgotten it if it is old.
    journal.is_successor(number)?;
    providers.replace(place, version, value).await.map_err(RecoverError::Refused)?;
    let read = providers.resolve(place).await.map_err(RecoverError::Refused)?;
    if !same(&read.value, value) {
        return Err(RecoverError::ReadBack);
    }
    journal.stored(number)?;
    Ok(place.clone())
}

/// Why an item is not known to be kept.
enum NotKept {
    /// The provider created nothing, or does not say.
    Refused(ProviderError),
    /// It created something, and it is not what was to be stored.
    Different,
}

/// Create, read back, compare, forget: in this order.
async fn keep(
    item: &NewItem,
    pending: Vec<u64>,
    providers: &Providers,
    journal: &Journal,
) -> Result<Vec<SecretReference>, NotKept> {
    let created = providers.create(item).await.map_err(NotKept::Refused)?;
    if created.references.len() != item.fields.len() {
        return Err(NotKept::Different);
    }
    for (reference, (_, value)) in created.references.iter().zip(&item.fields) {
        let read = providers.resolve(reference).await.map_err(|_| NotKept::Different)?;
        if !same(&read.value, value) {
            return Err(NotKept::Different);
        }
    }
    let journal = journal.clone();
    // The values are safe in the vault by now. An entry that cannot be removed is listed as pending once more than
    // needed; failing the call for that would make the caller mint a second credential.
    let _ = tokio::task::spawn_blocking(move || journal.done(&pending)).await;
    Ok(created.references)
}

/// Whether two values are the same, in a time that tells nothing but their lengths.
fn same(left: &Secret, right: &Secret) -> bool {
    // EXPOSE: compared in constant time, and the bytes go nowhere.
    left.expose().ct_eq(right.expose()).into()
}

#[cfg(test)]
#[path = "write_back_tests.rs"]
mod tests;
