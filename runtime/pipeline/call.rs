//! One tool call on its way through the house.

use std::sync::Arc;

use claviger_approval::{Approved, Ask, Moment};
use claviger_audit::Event;
use claviger_grant::{
    Action, Caller, Denied, Granted, Policy, ProbeUpstream, Request, SendRequest, SlotHandle, StoreRequest,
};
use claviger_manifest::{Name, VerifiedPackage};
use claviger_vault::{Answer, CallScope, FailureKind};

use crate::refusal::{Reason, Refusal};
use crate::{Hallway, HumanClock};

/// One tool call: its caller, and what it has opened. Nothing in it survives into the next.
pub struct Call {
    hallway: Arc<Hallway>,
    caller: Caller,
    scope: CallScope,
    human: Arc<HumanClock>,
}

impl Call {
    pub(crate) fn new(hallway: Arc<Hallway>, caller: Caller) -> Self {
        let scope = hallway.vault.begin(&caller.connection, &caller.session);
        Self { hallway, caller, scope, human: Arc::default() }
    }

    /// How long this call has waited for people.
    pub fn human(&self) -> Arc<HumanClock> {
        Arc::clone(&self.human)
    }

    /// Whether this caller may use this tool at all. Asked before a guest runs: code is not run for a stranger, even though
    /// every request of it would be denied.
    ///
    /// # Errors
    /// [`Reason::NotGranted`] or [`Reason::Undeclared`]; the denial is in the log.
    pub async fn admit(&self) -> Result<(), Refusal> {
        match self.hallway.policy().admit(&self.caller) {
            Ok(()) => Ok(()),
            Err(denied) => {
                self.note(Event::denied(&self.caller, &denied)).await?;
                Err(Refusal::from(&denied))
            }
        }
    }

    /// Takes one action all the way: grant, approval, durable intent, vault, durable outcome.
    ///
    /// # Errors
    /// [`Refusal`]: which step turned it back, why, and whether the request may have reached the upstream.
    pub async fn pass(&mut self, action: Action) -> Result<Answer, Refusal> {
        let policy = self.hallway.policy();
        let granted = policy.check(Request { caller: self.caller.clone(), action });
        self.act(&policy, granted).await
    }

    /// Sends a declared operation with canaries in the place of every secret to an upstream that an operator names, and
    /// tells where they came back. It takes the same way as every other request.
    ///
    /// # Errors
    /// As [`Call::pass`].
    pub async fn probe(&mut self, request: SendRequest, upstream: &ProbeUpstream) -> Result<Answer, Refusal> {
        let Caller { principal, session, connection, .. } = &self.caller;
        let policy = self.hallway.policy();
        let granted = policy.probe(principal, session, connection, request, upstream);
        self.act(&policy, granted).await
    }

    async fn act(&mut self, policy: &Policy, granted: Result<Granted, Denied>) -> Result<Answer, Refusal> {
        let granted = self.noted(granted).await?;
        let approved = self.approve(policy, granted).await?;
        let log = &self.hallway.log;
        let intent = log.open_intent(approved, (self.hallway.outside.now)()).await;
        let intent = intent.map_err(|error| Refusal::unrecorded(&error, false))?;
        let done = self.hallway.vault.send(intent, &mut self.scope).await;
        self.hallway.end_replaced();
        let response = log.close(done, (self.hallway.outside.now)()).await;
        // The request may be out: without a durable outcome the answer stays here, and the caller is told so.
        let response = response.map_err(|error| Refusal::unrecorded(&error, true))?;
        let result = response.into_result();
        if let Err(failure) = &result {
            self.distrust(&failure.kind);
        }
        Ok(result?)
    }

    /// What a yes rests on may be gone: a secret that was replaced is another one, and a session in which a secret came
    /// back is not what people agreed to.
    fn distrust(&self, kind: &FailureKind) {
        match kind {
            FailureKind::Replaced(_) => self.hallway.desk.void_connection(&self.caller.connection),
            // A provider that is locked was not so when a lease was given: whoever opens it is asked anew.
            FailureKind::Secret { why, .. } if why.is_closed() => {
                self.hallway.desk.void_connection(&self.caller.connection);
            }
            FailureKind::Leak => self.hallway.desk.taint(&self.caller.session),
            _ => {}
        }
    }

    /// Sends one operation.
    ///
    /// # Errors
    /// As [`Call::pass`].
    pub async fn send(&mut self, request: SendRequest) -> Result<Answer, Refusal> {
        self.pass(Action::Send(request)).await
    }

    /// Stores values under a write-back rule.
    ///
    /// # Errors
    /// As [`Call::pass`].
    pub async fn store(&mut self, write_back: String, values: Vec<SlotHandle>) -> Result<Answer, Refusal> {
        let stamp = (self.hallway.outside.now)().strftime("%Y-%m-%d %H%M%S").to_string();
        self.pass(Action::Store(StoreRequest { write_back, values, stamp })).await
    }

    /// Whether the manifest declares a credential of this name. Placing it is decided when it is lent.
    ///
    /// # Errors
    /// [`Reason::Undeclared`].
    pub fn open_credential(&self, name: &str) -> Result<(), Refusal> {
        let package = self.package()?;
        let declared = package.manifest().credentials.keys().any(|declared| declared.as_str() == name);
        if declared { Ok(()) } else { Err(undeclared("credential of this name; [credentials] would have to have it")) }
    }

    /// Generates a value for a slot that the manifest declares as generated.
    ///
    /// # Errors
    /// [`Reason::Undeclared`], or [`Reason::SecretUnavailable`] when the value could not be made durable.
    pub fn generate(&mut self, slot: &str) -> Result<SlotHandle, Refusal> {
        let hallway = Arc::clone(&self.hallway);
        let package = self.package()?;
        let slots = package.manifest().slots.iter();
        let rule = slots.filter_map(|(name, slot)| Some((name, slot.generate.as_ref()?)));
        let found: Option<(&Name, _)> = rule.into_iter().find(|(name, _)| name.as_str() == slot);
        let (name, rule) = found
            .ok_or_else(|| undeclared("generated slot of this name; [slots.<name>] generate would have to say so"))?;
        Ok(hallway.vault.generate(&mut self.scope, name, rule)?)
    }

    async fn noted<T>(&self, checked: Result<T, Denied>) -> Result<T, Refusal> {
        match checked {
            Ok(granted) => Ok(granted),
            Err(denied) => {
                self.note(Event::denied(&self.caller, &denied)).await?;
                Err(Refusal::from(&denied))
            }
        }
    }

    /// People decide about the grant as it was when they were asked. One that changes meanwhile is another: the question is
    /// taken back, and a yes that comes at the same moment counts no more.
    async fn approve(&self, policy: &Policy, granted: Granted) -> Result<Approved, Refusal> {
        let (facts, connection) = (granted.facts().clone(), &self.caller.connection);
        let asked = tokio::select! { biased;
            () = self.hallway.changed(policy, connection) => Err(Denied::Changed { connection: connection.clone() }),
            asked = self.ask(granted) => Ok(asked),
        };
        match self.noted(asked).await?? {
            Ok(approved) => Ok(approved),
            Err(refused) => {
                self.note(Event::refused(&facts, &refused)).await?;
                Err(Refusal::from(&refused))
            }
        }
    }

    async fn ask(&self, granted: Granted) -> Result<Result<Approved, claviger_approval::Refused>, Refusal> {
        let limit = self.package()?.manifest().limits.approval;
        let left = limit.checked_sub(self.human.waited()).filter(|left| !left.is_zero()).ok_or_else(|| {
            let seconds = limit.as_secs();
            let detail = format!(
                "people were asked for {seconds} seconds in this call; the manifest's [limits] approval allows no more"
            );
            Refusal::before_sending(Reason::Limit, detail)
        })?;
        let now = u64::try_from((self.hallway.outside.now)().as_second()).unwrap_or_default();
        let moment = Moment { now, nonce: (self.hallway.outside.nonce)()?, wait: left };
        // Before anybody is asked: a yes is for the secrets as they are now.
        let granted = self.versioned(granted).await;
        let _waiting = self.human.start();
        let announce = |ask: &Ask| self.human.show(ask.match_code());
        Ok(self.hallway.desk.approve(granted, moment, &announce).await)
    }

    async fn versioned(&self, granted: Granted) -> Granted {
        let versions = self.hallway.vault.versions(&granted.references()).await;
        granted.with_versions(&versions)
    }

    /// A refusal that cannot be recorded is itself a refusal: the log is how an operator learns of attempts.
    async fn note(&self, event: Event) -> Result<(), Refusal> {
        let noted = self.hallway.log.note(event, (self.hallway.outside.now)()).await;
        noted.map(|_| ()).map_err(|error| Refusal::unrecorded(&error, false))
    }

    fn package(&self) -> Result<Arc<VerifiedPackage>, Refusal> {
        self.hallway.policy().package(&self.caller.connection).cloned().ok_or_else(gone)
    }
}

fn gone() -> Refusal {
    Refusal::before_sending(Reason::NotGranted, "no connection has this name; `claviger connection list` shows them")
}

fn undeclared(what: &str) -> Refusal {
    Refusal::before_sending(Reason::Undeclared, format!("the plugin's manifest declares no {what}"))
}
