//! Refresh tokens that rotate (RFC 6749 §6, RFC 9700 §4.14.2): whoever uses one gets the next one with the answer, and the
//! old one is dead. Used twice, it kills the whole family.
//!
//! So refreshes are made one at a time on a machine, and the next token is durable before the access token that came with
//! it is used: sealed in the journal first, then in the place of the old one, if its provider can do that. Until it can,
//! the journal's value is the successor of what the provider holds, in every process. What is lost by nature is a token
//! that an upstream issued and whose answer never arrived.

use std::sync::Arc;
use std::time::Duration;

use claviger_grant::Source;
use claviger_manifest::{Name, SecretReference};

use crate::exchange::Route;
use crate::failure::FailureKind;
use crate::journal::Journal;
use crate::private_file::Lock;
use crate::provider::{ProviderError, Resolved};
use crate::providers::Providers;
use crate::reveal::Secret;
use crate::scan::Live;
use crate::token::{self, Client, Granted};

/// What a refresh needs besides its client.
pub(crate) struct Refresh<'a> {
    pub(crate) connection: &'a Name,
    /// The refresh token's name in the manifest.
    pub(crate) name: &'a Name,
    pub(crate) source: &'a Source,
    pub(crate) providers: &'a Providers,
    pub(crate) journal: &'a Journal,
    pub(crate) live: &'a mut Live,
}

impl Refresh<'_> {
    /// Refreshes, and keeps what came of it.
    pub(crate) async fn mint(
        mut self,
        client: &Client<'_>,
        path: &str,
        route: &mut Route<'_>,
    ) -> Result<(Secret, Option<Duration>), FailureKind> {
        let Source::Reference(reference) = self.source else { return Err(FailureKind::Body) };
        let _alone = alone(self.journal).await.map_err(|_| FailureKind::Journal(self.name.clone()))?;
        // What another process has made of it meanwhile is what counts, not what this call resolved earlier.
        let held = self.providers.resolve(reference).await;
        let held = held.map_err(|why| FailureKind::Secret { secret: self.name.clone(), why })?;
        let (current, superseded) = self.current(held)?;
        self.live.add(&current.value, [self.name]);
        let granted = token::mint(client, Some(&current.value), path, route).await?;
        let Granted { access, life, refresh } = granted;
        if let Some(next) = refresh {
            self.rotate(reference, &current.version, superseded, next).await?;
        }
        Ok((access, life))
    }

    /// The token to use: the journal's successor of what the provider holds, if there is one, with its entry.
    fn current(&self, held: Resolved) -> Result<(Current, Option<u64>), FailureKind> {
        let successor = self.journal.successor(self.connection, self.name, &held.version);
        let successor = successor.map_err(|_| FailureKind::Journal(self.name.clone()))?;
        let version = held.version;
        Ok(match successor {
            Some((entry, value)) => (Current { value: Arc::new(value), version }, Some(entry)),
            None => (Current { value: Arc::new(held.value), version }, None),
        })
    }

    /// Durable first. Then into the place of the old one; where that does not work, the journal goes on holding it.
    async fn rotate(
        &mut self,
        reference: &SecretReference,
        version: &str,
        superseded: Option<u64>,
        next: Secret,
    ) -> Result<(), FailureKind> {
        let next = Arc::new(next);
        self.live.add(&next, [self.name]);
        let failed = |_| FailureKind::Journal(self.name.clone());
        let entry = succeed(self.journal, self.connection, self.name, version, &next).await.map_err(failed)?;
        let stored = self.store(reference, version, &next).await;
        // An entry too many is found and replaced by the next refresh.
        let done = if stored.is_ok() { vec![Some(entry), superseded] } else { vec![superseded] };
        let _kept = self.journal.done(&done.into_iter().flatten().collect::<Vec<_>>());
        Ok(())
    }

    async fn store(&self, reference: &SecretReference, version: &str, next: &Secret) -> Result<(), ProviderError> {
        self.providers.replace(reference, version, next).await?;
        let read = self.providers.resolve(reference).await?;
        // EXPOSE: compared in constant time with what was to be stored.
        let same = bool::from(subtle::ConstantTimeEq::ct_eq(read.value.expose(), next.expose()));
        if same { Ok(()) } else { Err(ProviderError::Unknown) }
    }
}

struct Current {
    value: Arc<Secret>,
    /// The version of what the provider holds.
    version: String,
}

/// Nobody else on this machine refreshes while this is held. Waits on a thread that may.
async fn alone(journal: &Journal) -> Result<Lock, ()> {
    let journal = journal.clone();
    let waiting = tokio::task::spawn_blocking(move || journal.refresh_lock());
    waiting.await.map_err(|_| ())?.map_err(|_| ())
}

async fn succeed(
    journal: &Journal,
    connection: &Name,
    name: &Name,
    version: &str,
    next: &Arc<Secret>,
) -> Result<u64, ()> {
    let (journal, connection, name) = (journal.clone(), connection.clone(), name.clone());
    let (version, next) = (version.to_owned(), Arc::clone(next));
    // It runs to its end even if the tool call is cancelled meanwhile.
    let writing = tokio::task::spawn_blocking(move || journal.succeed(&connection, &name, &version, &next));
    writing.await.map_err(|_| ())?.map_err(|_| ())
}
