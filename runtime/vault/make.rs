//! What the host itself makes for a request: a token that it mints, a session that it opens.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use claviger_grant::{EndpointPlan, Outbound, Source};
use claviger_manifest::{Name, Oauth, OauthGrant, Reply, Session};

use crate::body;
use crate::call::CallScope;
use crate::client_certificate::Identity;
use crate::exchange::{Message, OwnRoute};
use crate::failure::FailureKind;
use crate::inject;
use crate::kept::Minted;
use crate::pool::Pool;
use crate::probe;
use crate::refresh::Refresh;
use crate::reveal::Secret;
use crate::session::{self, Opened, Opening};
use crate::short;
use crate::token::{self, Client, Token};
use crate::vault::{Ready, Vault};

/// What the host itself makes for a request.
pub(crate) enum Made {
    Nothing,
    Token(Minted<Token>),
    Session(Minted<Opened>),
}

impl Made {
    /// Whether it was kept from before, and the upstream may know better.
    pub(crate) fn is_stale(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Token(token) => !token.fresh,
            Self::Session(session) => !session.fresh,
        }
    }

    /// Refuses what is too short for the answer. It stays: it may go with other operations.
    fn fits(&self, credential: &Name, reply: &Reply) -> Result<(), FailureKind> {
        let values: Vec<&Secret> = match self {
            Self::Nothing => Vec::new(),
            Self::Token(token) => {
                token.value.refreshed.iter().chain([&token.value.access]).map(|value| &**value).collect()
            }
            Self::Session(session) => session.value.placed().iter().map(|(_, value)| &**value).collect(),
        };
        values.into_iter().try_for_each(|value| short::check_made(credential, value, reply))
    }
}

impl Vault {
    /// What the host itself makes for a credential. It is as secret as what it is made of.
    pub(crate) async fn make(
        &self,
        outbound: &Outbound,
        ready: &Ready<'_>,
        scope: &mut CallScope,
    ) -> Result<Made, FailureKind> {
        let made = match (token::declared(ready.plan), session::declared(&ready.plan.declaration)) {
            _ if outbound.probe => probe::made(ready.plan, &ready.secrets)?,
            (Some(oauth), _) => Made::Token(self.token(&outbound.connection, oauth, ready, scope).await?),
            (_, Some(session)) => Made::Session(self.session(outbound, session, ready, scope).await?),
            _ => Made::Nothing,
        };
        made.fits(&ready.plan.name, &outbound.reply)?;
        Ok(made)
    }

    /// Forgets what an upstream did not take.
    pub(crate) async fn unmake(&self, connection: &Name, credential: &Name, made: &Made) {
        match made {
            Made::Token(token) => self.tokens.forget(connection, credential, &token.value).await,
            Made::Session(session) => self.opened.forget(connection, credential, &session.value).await,
            Made::Nothing => {}
        }
    }

    async fn token(
        &self,
        connection: &Name,
        oauth: &Oauth,
        ready: &Ready<'_>,
        scope: &mut CallScope,
    ) -> Result<Minted<Token>, FailureKind> {
        let (plan, name) = (ready.plan, &ready.plan.name);
        let place = plan.token_endpoint.as_ref().ok_or(FailureKind::Body)?;
        let key = token::key(plan, oauth, &ready.versions, place);
        let client = Client { credential: name.clone(), oauth: oauth.clone(), secrets: ready.secrets.with(Vec::new()) };
        let limit = token::MAX_ANSWER;
        let mut route = self.own_route(&place.endpoint, ready.identity.as_ref(), &[], limit, &scope.pool);
        let path = place.path.clone();
        let minted = match &oauth.grant {
            OauthGrant::ClientCredentials => {
                let mint = async move {
                    let granted = token::mint(&client, None, &path, &mut route).await?;
                    Ok((Token { access: granted.access, refreshed: Vec::new() }, granted.life))
                };
                self.tokens.get(connection, name, key, mint).await?
            }
            OauthGrant::RefreshToken(secret) => {
                let refresh = self.refresh(connection, secret, plan.sources.get(secret))?;
                self.tokens.get(connection, name, key, refresh.mint(client, path, route)).await?
            }
        };
        scope.live.add(&minted.value.access, ready.secrets.names());
        if let OauthGrant::RefreshToken(secret) = &oauth.grant {
            minted.value.refreshed.iter().for_each(|value| scope.live.add(value, [secret]));
        }
        Ok(minted)
    }

    fn refresh(&self, connection: &Name, name: &Name, source: Option<&Source>) -> Result<Refresh, FailureKind> {
        // A refresh token is a secret with a place to put the next one into: neither a name nor a value of this call.
        let Some(Source::Reference(reference)) = source else { return Err(FailureKind::Body) };
        Ok(Refresh {
            connection: connection.clone(),
            name: name.clone(),
            reference: reference.clone(),
            providers: self.providers.clone(),
            journal: self.journal.clone(),
        })
    }

    /// The session that is open, or a new one. Its values are leaks of what it logs in with.
    async fn session(
        &self,
        outbound: &Outbound,
        session: &Session,
        ready: &Ready<'_>,
        scope: &mut CallScope,
    ) -> Result<Minted<Opened>, FailureKind> {
        let login = ready.plan.login.as_deref().ok_or(FailureKind::Body)?;
        let plan = login.credential.as_ref().ok_or(FailureKind::Body)?;
        // Resolved for every call: the version of what logs in decides whether the session is still its own.
        let mut with = self.resolve(plan, &outbound.reply, scope).await?;
        // Who presents a certificate with the session logs in with it too.
        with.identity = with.identity.or_else(|| ready.identity.clone());
        let mut key = vec![format!("{}{}", login.endpoint.origin, login.path)];
        key.extend(with.versions.iter().chain(&ready.versions).cloned());
        let opening = self.opening(login, session, ready, &with, scope)?;
        let opened = self.opened.get(&outbound.connection, &ready.plan.name, key, opening).await?;
        opened.value.values().for_each(|value| scope.live.add(value, with.secrets.names()));
        Ok(opened)
    }

    /// The log-in, complete and not sent yet.
    fn opening(
        &self,
        login: &Outbound,
        session: &Session,
        ready: &Ready<'_>,
        with: &Ready<'_>,
        scope: &mut CallScope,
    ) -> Result<impl Future<Output = Result<(Opened, Option<Duration>), FailureKind>> + Send + use<>, FailureKind> {
        let fields = inject::fields(&with.plan.declaration.scheme, &with.secrets, &mut scope.live)?;
        let body = body::encode(login, fields, scope)?;
        let placement = with.place(login, &Made::Nothing, body.as_ref(), &mut scope.live)?;
        // A secret that answers could not be scanned for is not sent.
        scope.live.admitted()?;
        let (identity, statuses) = (with.identity.as_ref(), &session.login_status);
        let mut route = self.own_route(&login.endpoint, identity, statuses, login.response_limit, &scope.pool);
        let (method, path, query, headers) =
            (login.method, login.path.clone(), login.query.clone(), login.headers.clone());
        let opening = Opening::of(ready.plan, session, with.plan);
        Ok(async move {
            let body = body.as_ref();
            let message =
                Message { method, path: &path, query: &query, headers: &headers, body, placement: &placement };
            let raw = route.send(&message).await?;
            opening.opened(&raw)
        })
    }

    /// A route for a request of the host's own.
    pub(crate) fn own_route(
        &self,
        endpoint: &EndpointPlan,
        identity: Option<&Arc<Identity>>,
        redirects: &[u16],
        limit: u64,
        pool: &Pool,
    ) -> OwnRoute {
        OwnRoute {
            endpoint: endpoint.clone(),
            trust: Arc::clone(&self.trust),
            identity: identity.cloned(),
            pool: pool.clone(),
            redirects: redirects.to_vec(),
            limit,
            time: self.time,
        }
    }
}
