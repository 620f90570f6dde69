//! Sessions end at the upstream too, so that one that counts them does not run out.

use std::sync::Arc;
use std::time::Duration;

use claviger_grant::{LogoutPlan, Source};
use claviger_manifest::Name;
use http::StatusCode;
use tokio::sync::Notify;

use crate::call::{CallScope, Versioned};
use crate::client_certificate::Identity;
use crate::exchange::{Message, Route};
use crate::failure::{Failure, FailureKind};
use crate::inject::Resolved;
use crate::kept::Retired;
use crate::pool::Pool;
use crate::response::Report;
use crate::scan::Sessions;
use crate::session::Opened;
use crate::token;
use crate::vault::Vault;

/// How long a log-out may take: nobody waits for it, and the process wants to end.
const LOGOUT_TIME: Duration = Duration::from_secs(5);

/// A session with an upstream, taken out to be ended. Who drops it leaves it to the upstream.
#[must_use = "an upstream that counts sessions runs out of them"]
#[derive(Debug)]
pub struct OpenSession(Retired<Opened>);

impl OpenSession {
    /// The connection that it belongs to.
    pub fn connection(&self) -> &Name {
        &self.0.connection
    }

    /// The credential that opened it.
    pub fn credential(&self) -> &Name {
        &self.0.credential
    }
}

/// Tells when there is a session to be ended, also when no call runs.
#[derive(Debug)]
pub struct SessionWatch(Arc<Notify>);

impl SessionWatch {
    /// Waits for the next.
    pub async fn ended(&self) {
        self.0.notified().await;
    }
}

impl Vault {
    /// Opens no further session and mints no further token. A call that would need one fails, and says that the host ends.
    pub fn stop(&self) {
        self.tokens.stop();
        self.opened.stop();
    }

    /// Tells when [`Vault::take_replaced_sessions`] has something to take.
    pub fn watch_sessions(&self) -> SessionWatch {
        SessionWatch(self.opened.joined())
    }

    /// Every session with an upstream, taken out, and what is being minted has been. Ending one is an act of its own; see
    /// [`Vault::end_session`].
    pub async fn take_sessions(&self) -> Vec<OpenSession> {
        // Nobody ends a token, but a refresh that has begun must come to its end: the next token is in no other place.
        drop(self.tokens.take_all().await);
        ending(self.opened.take_all().await)
    }

    /// Lets go of what was minted for a connection: its tokens are wiped, and its sessions are there for
    /// [`Vault::take_replaced_sessions`].
    pub async fn release(&self, connection: &Name) {
        self.tokens.release(connection).await;
        self.opened.release(connection).await;
    }

    /// Whether there are sessions that were replaced, or whose life is over, and that no call uses any more.
    pub fn has_replaced_sessions(&self) -> bool {
        self.opened.has_retired()
    }

    /// These, taken out.
    pub fn take_replaced_sessions(&self) -> Vec<OpenSession> {
        ending(self.opened.take_retired())
    }

    /// Logs out of a session as its manifest says.
    ///
    /// # Errors
    /// [`Failure`] when the upstream could not be reached or refused: then the session ends there by itself.
    pub async fn end_session(&self, session: OpenSession) -> Result<(), Failure> {
        let mut report = Report::default();
        let ended = self.log_out(&session.0.value, &session.0.connection, &mut report).await;
        ended.map_err(|kind| Failure { kind, left_host: report.left_host })
    }

    async fn log_out(&self, opened: &Opened, connection: &Name, report: &mut Report) -> Result<(), FailureKind> {
        let Some(plan) = opened.logout() else { return Ok(()) };
        // Nobody reads the answer, so nothing is scanned for what goes out here.
        let mut scope = CallScope::new(0, connection.clone(), Sessions::default().open("log-out", connection));
        let (secrets, identity) = self.own_secrets(opened, &mut scope).await?;
        let (path, placement) = opened.ending(plan, &secrets, &mut scope.live)?;
        let LogoutPlan { endpoint, method, headers, .. } = plan;
        let message = Message { method, path: &path, query: "", headers, body: None, placement: &placement };
        let mut route = Route {
            endpoint,
            trust: &self.trust,
            identity: identity.as_ref(),
            pool: &Pool::default(),
            redirects: &[],
            limit: token::MAX_ANSWER,
            time: LOGOUT_TIME.min(self.time),
        };
        match route.send(&message, report).await?.status {
            // Whoever is not known has no session any more.
            StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => Ok(()),
            status if status.is_success() => Ok(()),
            status => Err(FailureKind::Logout(status.as_u16())),
        }
    }

    /// What the credential places beside the session's values. Resolved again: a session outlives the call that opened it,
    /// and secrets do not.
    async fn own_secrets(
        &self,
        opened: &Opened,
        scope: &mut CallScope,
    ) -> Result<(Resolved, Option<Arc<Identity>>), FailureKind> {
        let mut secrets = Resolved::default();
        for (name, source) in opened.sources() {
            let Versioned { value, .. } = match source {
                Source::Reference(reference) | Source::Identifier(reference) => {
                    self.reference(name, reference, None, scope).await?
                }
                Source::Setting(text) => Versioned::setting(text),
                Source::Slot(_) | Source::Canary => return Err(FailureKind::EmptySlot(name.clone())),
            };
            secrets.add(name.clone(), value, false);
        }
        let pair = opened.client_certificate();
        let identity = pair.map(|pair| Identity::new(pair, &secrets, &mut scope.live)).transpose()?;
        Ok((secrets, identity.map(Arc::new)))
    }
}

/// Those that there is a way to end.
fn ending(retired: Vec<Retired<Opened>>) -> Vec<OpenSession> {
    retired.into_iter().filter(|session| session.value.logout().is_some()).map(OpenSession).collect()
}
