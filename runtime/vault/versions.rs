//! Which version of a secret a human has agreed to.
//!
//! A provider that can tell a version without reading the value is asked before the approval, and the version is approved
//! with the request. One that cannot is held to what it gave last: a value that was replaced since then needs a new yes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use claviger_grant::CredentialPlan;
use claviger_manifest::{Name, SecretReference};

use crate::failure::FailureKind;
use crate::providers::Providers;

/// The version of each reference that was read last, since the host started.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    last: Mutex<BTreeMap<SecretReference, String>>,
}

impl Seen {
    /// Whether the version that was read is the one that was approved. What the host itself replaces, a refresh token, is
    /// another value each time and has no version of its own.
    ///
    /// # Errors
    /// [`FailureKind::Replaced`]. The next call meets the new version as the one that was read last.
    pub(crate) fn check(
        &self,
        plan: &CredentialPlan,
        name: &Name,
        reference: &SecretReference,
        version: &str,
    ) -> Result<(), FailureKind> {
        if plan.declaration.scheme.rotates(name) {
            return Ok(());
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.insert(reference.clone(), version.to_owned());
        let approved = plan.versions.get(name).or(before.as_ref());
        if approved.is_none_or(|approved| approved == version) {
            Ok(())
        } else {
            Err(FailureKind::Replaced(name.clone()))
        }
    }
}

/// The versions that providers tell now. One that does not tell, or fails, is left out: reading the value will say why.
pub(crate) async fn told(providers: &Providers, references: &[SecretReference]) -> BTreeMap<SecretReference, String> {
    let mut versions = BTreeMap::new();
    for reference in references {
        if let Ok(Some(version)) = providers.version(reference).await {
            versions.insert(reference.clone(), version);
        }
    }
    versions
}
