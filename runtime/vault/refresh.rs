//! Refresh tokens that rotate (RFC 6749 §6, RFC 9700 §4.14.2): whoever uses one gets the next one with the answer, and the
//! old one is dead. Used twice, it kills the whole family.
//!
//! So refreshes are made one at a time on a machine, and the next token is durable before the access token that came with
//! it is used: sealed in the journal first, then in the place of the old one, if its provider can do that. Until it can,
//! the journal's value is the successor of what the provider holds, in every process; and it is the successor of every
//! value that was there before, should one of them come back. A refresh that has begun goes on when
//! the call that needed it is cancelled. What is lost by nature is a token that an issuer made and whose answer never
//! arrived, or arrived in a process that was killed before the disk had it.

use std::sync::Arc;
use std::time::Duration;

use claviger_manifest::{Name, SecretReference};
use subtle::ConstantTimeEq as _;

use crate::exchange::OwnRoute;
use crate::failure::FailureKind;
use crate::journal::{Journal, Succession};
use crate::private_file::Lock;
use crate::provider::{ProviderError, Resolved};
use crate::providers::Providers;
use crate::reveal::Secret;
use crate::token::{self, Client, Granted, Token};

/// What a refresh needs besides its client.
pub(crate) struct Refresh {
    pub(crate) connection: Name,
    /// The refresh token's name in the manifest.
    pub(crate) name: Name,
    pub(crate) reference: SecretReference,
    pub(crate) providers: Providers,
    pub(crate) journal: Journal,
}

/// What a provider holds, and what is used.
struct Current {
    held: Resolved,
    /// The entry of what is used, if there is one: of what has taken the place of what is held, or of that itself.
    entry: Option<u64>,
    value: Arc<Secret>,
}

impl Refresh {
    /// Refreshes, and keeps what came of it.
    pub(crate) async fn mint(
        self,
        client: Client,
        path: String,
        mut route: OwnRoute,
    ) -> Result<(Token, Option<Duration>), FailureKind> {
        let _alone = self.alone().await?;
        let current = self.current().await?;
        let Granted { access, life, refresh } = token::mint(&client, Some(&current.value), &path, &mut route).await?;
        let mut refreshed = vec![Arc::clone(&current.value)];
        // Some issuers give the same token again: that is no rotation, and nothing has to be stored.
        if let Some(next) = refresh.filter(|next| !same(next, &current.value)).map(Arc::new) {
            refreshed.push(Arc::clone(&next));
            self.rotate(&current, &next).await?;
        }
        Ok((Token { access, refreshed }, life))
    }

    /// Nobody else on this machine refreshes while this is held. Waits on a thread that may.
    async fn alone(&self) -> Result<Lock, FailureKind> {
        self.journalled(Journal::refresh_lock).await.map_err(|()| FailureKind::Successor(self.name.clone()))
    }

    /// The token to use. What another process has made of it meanwhile is what counts, not what this call resolved earlier;
    /// and the journal's successor counts more than what the provider holds.
    async fn current(&self) -> Result<Current, FailureKind> {
        let held = self.providers.resolve(&self.reference).await;
        let held = held.map_err(|why| FailureKind::Secret { secret: self.name.clone(), why })?;
        let value = Arc::new(held.value.duplicate());
        let found = self.journalled({
            let value = Arc::clone(&value);
            move |journal| journal.succession(&value)
        });
        let found = found.await.map_err(|()| FailureKind::Successor(self.name.clone()))?;
        let Succession { newest, own, followed } = found;
        // Killed between storing and saying so, or somebody stored it: the provider has what the entry says.
        self.settle(own, followed).await;
        Ok(match newest {
            Some((entry, successor)) => Current { held, entry: Some(entry), value: Arc::new(successor) },
            None => Current { held, entry: own, value },
        })
    }

    /// Durable first. Then into the place of the old one; where that does not work, the journal goes on holding it.
    async fn rotate(&self, current: &Current, next: &Arc<Secret>) -> Result<(), FailureKind> {
        let write = {
            let (connection, name, follows) = (self.connection.clone(), self.name.clone(), current.entry);
            let (held, next) = (current.held.value.duplicate(), Arc::clone(next));
            move |journal: &Journal| journal.succeed(&connection, &name, &held, follows, &next)
        };
        let entry = self.journalled(write).await.ok();
        let stored = self.store(&current.held.version, next).await.is_ok();
        if entry.is_none() && !stored {
            return Err(FailureKind::Rotated(self.name.clone()));
        }
        // The entry before this one is not needed, whichever of the two has the token now.
        self.settle(entry.filter(|_| stored), current.entry.into_iter().collect()).await;
        Ok(())
    }

    async fn store(&self, version: &str, next: &Secret) -> Result<(), ProviderError> {
        self.providers.replace(&self.reference, version, next).await?;
        let read = self.providers.resolve(&self.reference).await?;
        if same(&read.value, next) { Ok(()) } else { Err(ProviderError::Unknown) }
    }

    /// Says of an entry that the provider has it, and forgets others. What does not work is found by the next refresh.
    async fn settle(&self, stored: Option<u64>, followed: Vec<u64>) {
        let settled = move |journal: &Journal| {
            stored.map_or(Ok(()), |number| journal.stored(number))?;
            journal.done(&followed)
        };
        let _kept = self.journalled(settled).await;
    }

    /// Works on the journal, on a thread that may wait for the disk.
    async fn journalled<T: Send + 'static, E: Send + 'static>(
        &self,
        work: impl FnOnce(&Journal) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ()> {
        let journal = self.journal.clone();
        let done = tokio::task::spawn_blocking(move || work(&journal));
        done.await.map_err(|_| ())?.map_err(|_| ())
    }
}

/// Whether two tokens are the same, in a time that tells nothing but their lengths.
fn same(one: &Secret, other: &Secret) -> bool {
    // EXPOSE: compared in constant time, and the bytes go nowhere.
    one.expose().ct_eq(other.expose()).into()
}
