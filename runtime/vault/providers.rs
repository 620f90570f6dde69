//! Which provider answers for which vault: configuration, never a guess.

use std::collections::BTreeMap;
use std::sync::Arc;

use claviger_manifest::SecretReference;

use crate::provider::{Created, NewItem, Provider, ProviderError, Resolved};
use crate::reveal::Secret;

/// The providers of a host. A vault that the configuration does not name belongs to the default one; no second provider
/// is ever asked, so that a reference means the same secret tomorrow.
#[derive(Clone, Debug)]
pub struct Providers {
    default: Arc<dyn Provider>,
    vaults: BTreeMap<String, Arc<dyn Provider>>,
}

/// A vault was given to two providers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("vault {0:?} is given to two providers; names are compared without case, so keep one of the lines")]
pub struct VaultGivenTwice(pub String);

impl Providers {
    /// One provider for every vault.
    pub fn new(default: Arc<dyn Provider>) -> Self {
        Self { default, vaults: BTreeMap::new() }
    }

    /// Gives a vault to a provider.
    pub fn with(mut self, vault: &str, provider: Arc<dyn Provider>) -> Result<Self, VaultGivenTwice> {
        match self.vaults.insert(vault.to_lowercase(), provider) {
            None => Ok(self),
            Some(_) => Err(VaultGivenTwice(vault.to_owned())),
        }
    }

    /// Ends what every provider needs to open secrets.
    pub(crate) fn lock(&self) {
        std::iter::once(&self.default).chain(self.vaults.values()).for_each(|provider| provider.lock());
    }

    /// The provider of a vault.
    pub fn of_vault(&self, vault: &str) -> &dyn Provider {
        self.vaults.get(&vault.to_lowercase()).unwrap_or(&self.default).as_ref()
    }

    /// Resolves a reference through the provider of its vault.
    pub async fn resolve(&self, reference: &SecretReference) -> Result<Resolved, ProviderError> {
        self.of_vault(reference.vault()).resolve(reference).await
    }

    /// The version of a value, if the provider of its vault tells one before it is read.
    pub(crate) async fn version(&self, reference: &SecretReference) -> Result<Option<String>, ProviderError> {
        self.of_vault(reference.vault()).version(reference).await
    }

    /// Replaces a value through the provider of its vault, if that holds this version of it.
    pub(crate) async fn replace(
        &self,
        reference: &SecretReference,
        version: &str,
        value: &Secret,
    ) -> Result<(), ProviderError> {
        self.of_vault(reference.vault()).replace(reference, version, value).await
    }

    /// Creates an item through the provider of its vault.
    pub async fn create(&self, item: &NewItem) -> Result<Created, ProviderError> {
        self.of_vault(&item.vault).create(item).await
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::sync::Arc;

    use claviger_manifest::SecretReference;

    use super::{Providers, VaultGivenTwice};
    use crate::embedded::Embedded;
    use crate::identity_file::IdentityFile;
    use crate::provider::{NewItem, ProviderError};
    use crate::reveal::Secret;

    fn store(directory: &std::path::Path) -> Arc<Embedded> {
        let slot = IdentityFile::create(&directory.with_extension("identity")).unwrap();
        Arc::new(Embedded::create(directory, &[slot]).unwrap())
    }

    #[tokio::test]
    async fn a_vault_has_one_provider_and_nobody_else_is_asked() {
        let root = tempfile::tempdir().unwrap();
        let (first, second) = (store(&root.path().join("first")), store(&root.path().join("second")));
        let providers = Providers::new(first.clone()).with("Team", second.clone()).unwrap();
        let reference: SecretReference = "op://team/Pax8/key".parse().unwrap();
        // The default provider has a vault of this name; it is not asked.
        first.put(&reference, &Secret::new(b"J6w-gannet-07".to_vec()), false).unwrap();
        assert_eq!(providers.resolve(&reference).await.unwrap_err(), ProviderError::VaultNotFound);
        second.put(&reference, &Secret::new(b"Q2n-osprey-91".to_vec()), false).unwrap();
        assert_eq!(providers.resolve(&reference).await.unwrap().value.expose(), b"Q2n-osprey-91");
    }

    #[tokio::test]
    async fn write_back_goes_to_the_vaults_provider() {
        let root = tempfile::tempdir().unwrap();
        let (first, second) = (store(&root.path().join("first")), store(&root.path().join("second")));
        let providers = Providers::new(first.clone()).with("Team", second.clone()).unwrap();
        let fields = vec![("key".to_owned(), Secret::new(b"Q2n-osprey-91".to_vec()))];
        let item = NewItem { vault: "TEAM".to_owned(), title: "token".to_owned(), fields };
        providers.create(&item).await.unwrap();
        assert_eq!((first.list().unwrap().len(), second.list().unwrap().len()), (0, 1));
    }

    #[test]
    fn a_vault_given_twice_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let store = store(&root.path().join("only"));
        let providers = Providers::new(store.clone()).with("Team", store.clone()).unwrap();
        assert_eq!(providers.with("team", store).unwrap_err(), VaultGivenTwice("team".to_owned()));
    }
}
