//! The order of things between an approved plan and its response.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use claviger_approval::Approved;
use claviger_audit::Recorded;
use claviger_grant::{CredentialPlan, Outbound, Plan, SlotHandle, Source, StorePlan};
use claviger_manifest::{Generate, Name, Reply, SecretReference};
use http::{HeaderMap, StatusCode};

use crate::body::{self, EncodedBody};
use crate::call::{self, CallScope, Versioned};
use crate::capture;
use crate::client_certificate::{self, Identity};
use crate::exchange::{self, EXCHANGE_TIME, Message, Raw, Route};
use crate::failure::{Failure, FailureKind};
use crate::inject::{self, Placement, Resolved};
use crate::journal::Journal;
use crate::kept::Kept;
use crate::leaks;
use crate::make::Made;
use crate::notify::Notifier;
use crate::probe;
use crate::providers::Providers;
use crate::quarantine::Quarantine;
use crate::reply;
use crate::response::{Answer, HttpAnswer, Report, Response};
use crate::scan::{Live, Sessions};
use crate::session::{self, Opened};
use crate::short;
use crate::sign::{self, Unsigned};
use crate::token::Token;
use crate::trust::Trust;
use crate::versions::{self, Seen};
use crate::write_back;

/// The room's one door: it acts on recorded approvals and on nothing else.
#[derive(Debug)]
pub struct Vault {
    pub(crate) providers: Providers,
    pub(crate) journal: Journal,
    quarantine: Quarantine,
    pub(crate) trust: Arc<Trust>,
    pub(crate) tokens: Kept<Token>,
    /// Sessions with upstreams.
    pub(crate) opened: Kept<Opened>,
    /// Sessions of agents, whose answers are scanned together.
    sessions: Sessions,
    calls: AtomicU64,
    /// Which versions of secrets were read last.
    seen: Seen,
    /// The most time for one exchange with an upstream.
    pub(crate) time: Duration,
}

/// A credential whose secrets are here.
pub(crate) struct Ready<'a> {
    pub(crate) plan: &'a CredentialPlan,
    pub(crate) secrets: Resolved,
    pub(crate) versions: Vec<String>,
    /// Who is presented to an endpoint that asks for a client certificate.
    pub(crate) identity: Option<Arc<Identity>>,
}

impl Vault {
    /// Joins the stores that resolve references, the journal of new secrets, and the list of quarantined ones.
    pub fn new(providers: Providers, journal: Journal, quarantine: Quarantine) -> Self {
        Self {
            providers,
            journal,
            quarantine,
            trust: Arc::default(),
            tokens: Kept::dropping(),
            opened: Kept::ending(),
            sessions: Sessions::default(),
            calls: AtomicU64::new(0),
            seen: Seen::default(),
            time: EXCHANGE_TIME,
        }
    }

    /// For tests of slow upstreams.
    #[cfg(test)]
    pub(crate) fn set_time(&mut self, time: Duration) {
        self.time = time;
    }

    /// Begins one tool call of a session on a connection. Dropping the scope closes its connections and wipes its secrets;
    /// the session's answers are scanned for them from then on, by fingerprints.
    pub fn begin(&self, connection: &Name, session: &str) -> CallScope {
        let live = self.sessions.open(session, connection);
        CallScope::new(self.calls.fetch_add(1, Ordering::Relaxed), connection.clone(), live)
    }

    /// The versions in which these references are held, of providers that tell them before a value is read. For the
    /// approval: no value is sent in another version than the approved one.
    pub async fn versions(&self, references: &[SecretReference]) -> BTreeMap<SecretReference, String> {
        versions::told(&self.providers, references).await
    }

    /// Does what was approved, and binds what came of it to its intent. It always comes back with a response: a failure
    /// is one too, and the log has to have it.
    pub async fn send(&self, approved: Recorded<Approved>, scope: &mut CallScope) -> Recorded<Response> {
        let (approved, intent) = approved.begin();
        let mut report = Report::default();
        let result = match approved.into_plan() {
            Plan::Send(outbound) => self.request(&outbound, scope, &mut report).await,
            Plan::Store(plan) => self.store(&plan, scope).await,
        };
        intent.seal(Response::new(result, report))
    }

    /// Generates a random value for a slot, and makes it durable before anyone can lend it. Waits for the disk.
    ///
    /// # Errors
    /// [`Failure`] when there is no randomness or the journal could not be written.
    pub fn generate(&self, scope: &mut CallScope, slot: &Name, rule: &Generate) -> Result<SlotHandle, Failure> {
        let mut fill = || {
            let value = call::random(slot, rule)?;
            let entry = self.journal.append(scope.connection(), slot, &value);
            scope.fill(slot, value, entry.map_err(|_| FailureKind::Journal(slot.clone()))?)
        };
        fill().map_err(FailureKind::before_sending)
    }

    /// What tells people elsewhere that a request waits.
    pub fn notifier(&self) -> Notifier {
        Notifier::new(self.providers.clone(), Arc::clone(&self.trust))
    }

    /// Wipes every key that stores and the journal work with. Nothing can be resolved or journalled after this.
    pub fn lock(&self) {
        self.providers.lock();
        self.journal.lock();
    }

    /// The list of quarantined secrets.
    pub fn quarantine(&self) -> &Quarantine {
        &self.quarantine
    }

    /// The journal of secrets that were captured or generated.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The stores that resolve references.
    pub fn providers(&self) -> &Providers {
        &self.providers
    }

    /// One request: resolve, place, send, capture, strip, scan. Nothing is given out that did not come this far.
    async fn request(
        &self,
        outbound: &Outbound,
        scope: &mut CallScope,
        report: &mut Report,
    ) -> Result<Answer, FailureKind> {
        self.admit(outbound, scope)?;
        let credential = match &outbound.credential {
            Some(plan) => Some(self.resolve(plan, &outbound.reply, scope).await?),
            None => None,
        };
        let fields = match &credential {
            Some(ready) => inject::fields(&ready.plan.declaration.scheme, &ready.secrets, &mut scope.live)?,
            None => Vec::new(),
        };
        let body = body::encode(outbound, fields, scope)?;
        let mut raw = self.exchange(outbound, credential.as_ref(), body.as_ref(), scope, report).await?;
        if outbound.probe {
            // Of a probe nobody gets the answer, so nothing is taken out of it and nothing can leak.
            let canaries = credential.as_ref().map(|ready| &ready.secrets);
            return Ok(Answer::Probed(probe::look(outbound.credential.as_ref(), canaries, &raw)));
        }
        let rules = !outbound.captures.is_empty() || !outbound.strip.is_empty();
        let whole = raw.packed.as_ref().filter(|_| rules).map(|_| raw.body.clone());
        let captured = capture::take(outbound, &mut raw, scope, &self.journal, report).await?;
        self.scan(&raw, whole.as_deref(), scope, report)?;
        let headers = passed(&raw.headers, &outbound.response_headers);
        let body = reply::reduce(&outbound.reply, raw.body)?;
        Ok(Answer::Http(HttpAnswer { status: raw.status.as_u16(), headers, body, captured }))
    }

    async fn store(&self, plan: &StorePlan, scope: &mut CallScope) -> Result<Answer, FailureKind> {
        if scope.connection() != &plan.connection {
            return Err(FailureKind::OtherConnection);
        }
        write_back::store(plan, scope, &self.providers, &self.journal).await.map(Answer::Stored)
    }

    /// The plan is for this call's connection, and none of its secrets is quarantined there.
    fn admit(&self, outbound: &Outbound, scope: &CallScope) -> Result<(), FailureKind> {
        if scope.connection() != &outbound.connection {
            return Err(FailureKind::OtherConnection);
        }
        let login = outbound.credential.as_ref().and_then(|plan| plan.login.as_ref());
        let plans = outbound.credential.iter().chain(login.and_then(|login| login.credential.as_ref()));
        let sources = plans.flat_map(|plan| plan.sources.keys());
        let mut names = sources.chain(outbound.lent.iter().map(|(_, value)| &value.slot));
        match names.find(|name| self.quarantine.is_quarantined(&outbound.connection, name)) {
            Some(secret) => {
                Err(FailureKind::Quarantined { connection: outbound.connection.clone(), secret: secret.clone() })
            }
            None => Ok(()),
        }
    }

    /// Every secret of a credential. From here on answers are scanned for it.
    pub(crate) async fn resolve<'a>(
        &self,
        plan: &'a CredentialPlan,
        reply: &Reply,
        scope: &mut CallScope,
    ) -> Result<Ready<'a>, FailureKind> {
        let mut ready = Ready { plan, secrets: Resolved::default(), versions: Vec::new(), identity: None };
        for (name, source) in &plan.sources {
            let Versioned { value, version } = match source {
                Source::Reference(reference) | Source::Identifier(reference) => {
                    let read = self.reference(name, reference, plan.versions.get(name), scope).await?;
                    self.seen.check(plan, name, reference, &read.version)?;
                    read
                }
                Source::Slot(slot) => scope.latest(slot).ok_or_else(|| FailureKind::EmptySlot(slot.clone()))?,
                Source::Setting(text) => Versioned::setting(text),
                Source::Canary => Versioned::canary(name)?,
            };
            let secret = matches!(source, Source::Reference(_) | Source::Slot(_))
                && !client_certificate::is_public(plan, name, &value);
            if secret {
                short::check(name, &value, reply)?;
                scope.live.add(&value, [name]);
            }
            ready.secrets.add(name.clone(), value, secret);
            ready.versions.push(version);
        }
        ready.identity = client_certificate::identity(plan, &ready.secrets, &ready.versions, scope)?;
        Ok(ready)
    }

    /// Asks a provider, once in a call, unless a human has agreed to another version meanwhile.
    pub(crate) async fn reference(
        &self,
        name: &Name,
        reference: &SecretReference,
        approved: Option<&String>,
        scope: &mut CallScope,
    ) -> Result<Versioned, FailureKind> {
        let is_approved = |known: &&Versioned| approved.is_none_or(|version| *version == known.version);
        if let Some(known) = scope.known(reference).filter(is_approved) {
            return Ok(known.clone());
        }
        let resolved = self.providers.resolve(reference).await;
        let resolved = resolved.map_err(|why| FailureKind::Secret { secret: name.clone(), why })?;
        let versioned = Versioned { value: Arc::new(resolved.value), version: resolved.version };
        scope.keep(reference.clone(), versioned.clone());
        Ok(versioned)
    }

    /// Sends, and sends once more when the upstream did not take a token or session that was kept: a 401 says that nothing
    /// was done.
    async fn exchange(
        &self,
        outbound: &Outbound,
        credential: Option<&Ready<'_>>,
        body: Option<&EncodedBody>,
        scope: &mut CallScope,
        report: &mut Report,
    ) -> Result<Raw, FailureKind> {
        let Some(ready) = credential else {
            return self.once(outbound, None, &Made::Nothing, body, scope, report).await;
        };
        let made = self.make(outbound, ready, scope).await?;
        let raw = self.once(outbound, credential, &made, body, scope, report).await?;
        if raw.status != StatusCode::UNAUTHORIZED || !made.is_stale() {
            return Ok(raw);
        }
        let (connection, name) = (&outbound.connection, &ready.plan.name);
        self.unmake(connection, name, &made).await;
        let made = self.make(outbound, ready, scope).await?;
        self.once(outbound, credential, &made, body, scope, report).await
    }

    /// Places and sends, once.
    async fn once(
        &self,
        outbound: &Outbound,
        credential: Option<&Ready<'_>>,
        made: &Made,
        body: Option<&EncodedBody>,
        scope: &mut CallScope,
        report: &mut Report,
    ) -> Result<Raw, FailureKind> {
        let placement = match credential {
            Some(ready) => ready.place(outbound, made, body, &mut scope.live)?,
            None => Placement::default(),
        };
        // A secret that answers could not be scanned for is not sent.
        scope.live.admitted()?;
        let message = Message {
            method: outbound.method,
            path: &outbound.path,
            query: &outbound.query,
            headers: &outbound.headers,
            body,
            placement: &placement,
        };
        let mut route = Route {
            endpoint: &outbound.endpoint,
            trust: &self.trust,
            identity: credential.and_then(|ready| ready.identity.as_ref()),
            pool: &scope.pool,
            redirects: &[],
            limit: outbound.response_limit,
            time: self.time,
        };
        route.send(&message, report).await
    }

    /// Looks for every secret of the session in everything that came. A hit drops the answer whole and quarantines what was
    /// found, on the connection that each belongs to.
    fn scan(&self, raw: &Raw, whole: Option<&[u8]>, scope: &CallScope, report: &mut Report) -> Result<(), FailureKind> {
        let (found, leaks) = leaks::look(raw, whole, &scope.live);
        report.leaks = leaks;
        for (connection, secret) in &found {
            // When the list cannot be written, it still holds in this process, and the log has the leak.
            let _ = self.quarantine.add(connection, secret);
        }
        if !found.is_empty() {
            return Err(FailureKind::Leak);
        }
        // A captured value may have been the one too many.
        scope.live.admitted()
    }
}

impl Ready<'_> {
    /// What the credential adds to the request, which is complete but for that: a signature covers all of it.
    pub(crate) fn place(
        &self,
        outbound: &Outbound,
        made: &Made,
        body: Option<&EncodedBody>,
        live: &mut Live,
    ) -> Result<Placement, FailureKind> {
        let declared = &self.plan.declaration;
        let host = exchange::authority(&outbound.endpoint)?;
        let request = Unsigned {
            scheme: outbound.endpoint.origin.scheme.as_str(),
            method: outbound.method,
            host: &host,
            path: &outbound.path,
            query: &outbound.query,
            headers: &outbound.headers,
            body: body.map_or(&[], |body| &body.bytes),
        };
        let signed = sign::sign(&declared.scheme, &self.secrets, &request, SystemTime::now(), live)?;
        let (token, values) = match made {
            Made::Nothing => (None, Vec::new()),
            Made::Token(token) => (Some(&*token.value.access), Vec::new()),
            Made::Session(session) => (None, session.value.placed().to_vec()),
        };
        let secrets = self.secrets.with(signed.values.into_iter().chain(values).collect());
        let mut placement = inject::place(&declared.scheme, &declared.headers, &secrets, token, live)?;
        placement.headers.extend(signed.headers);
        if let Some(session) = session::declared(declared) {
            placement.headers.extend(session::places(session, outbound.method, &secrets, live)?);
        }
        Ok(placement)
    }
}

/// The headers that an operation lets through, as text.
fn passed(headers: &HeaderMap, allowed: &[String]) -> Vec<(String, String)> {
    if allowed.is_empty() {
        return Vec::new();
    }
    let let_through = headers.iter().filter(|(name, _)| allowed.iter().any(|allowed| allowed == name.as_str()));
    let_through
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

#[cfg(test)]
#[path = "send_tests/mod.rs"]
mod tests;
