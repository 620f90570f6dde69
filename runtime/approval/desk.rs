//! Where a granted request becomes an approved one.

use std::future::pending;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use claviger_grant::{Facts, Granted, Terms};
use claviger_manifest::{Effect, Name};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout};

use crate::ask::Question;
use crate::change::History;
use crate::clock::{Clock, Stopwatch};
use crate::lease::Leases;
use crate::sessions::{DENIALS_TO_LOCK, RequestDigest, Seat, Sessions, Turn};
use crate::{
    Approved, Approver, ApproverKind, Ask, Assertion, Cover, Enrolled, Evidence, Receipt, Refused, Throwaway,
    VerifiedReceipt, verify,
};

/// Separates the nonces of the second and further people from each other and from the first's.
const ROUND_DOMAIN: &[u8] = b"claviger/round/v1\0";

/// When a request is approved, from outside: this room reads no calendar and makes no randomness.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Wall-clock time, in seconds of Unix time.
    pub now: u64,
    /// 256 random bits, fresh for each request: they make each challenge one that was never signed before.
    pub nonce: [u8; 32],
    /// How long a human is waited for. The caller keeps the sum for a tool call.
    pub wait: Duration,
}

impl Moment {
    /// The moment at which the next of several people is asked: later by what has passed, and with a nonce of its own.
    fn after(&self, passed: Duration, round: u8) -> Option<Self> {
        let wait = self.wait.checked_sub(passed).filter(|wait| !wait.is_zero())?;
        let nonce = match round {
            0 => self.nonce,
            _ => Sha256::new()
                .chain_update(ROUND_DOMAIN)
                .chain_update(self.nonce)
                .chain_update([round])
                .finalize()
                .into(),
        };
        Some(Self { now: self.now.saturating_add(passed.as_secs()), nonce, wait })
    }
}

/// Is told of each question before it is asked, with the match code that is to be shown where the call was made.
pub type Announce<'a> = dyn Fn(&Ask) + Send + Sync + 'a;

/// Asks, verifies, and remembers leases.
pub struct Desk {
    approver: Box<dyn Approver>,
    /// Whose yes counts now.
    enrolled: RwLock<Arc<Enrolled>>,
    throwaway: Option<Throwaway>,
    leases: Leases,
    sessions: Sessions,
    history: History,
    clock: Clock,
}

/// What came of a question.
enum Answer {
    Signed(Assertion),
    /// A lease that was given meanwhile, for another question, covers this one.
    Covered(Evidence),
}

/// Whose turn it is to ask.
enum Ready<'a> {
    Covered(Evidence),
    Ask(Seat<'a>),
}

impl Desk {
    /// A desk at which only people count: simulated answers are refused, whoever gives them.
    pub fn new(approver: Box<dyn Approver>, enrolled: Enrolled) -> Self {
        let (leases, sessions, history) = (Leases::default(), Sessions::default(), History::default());
        let enrolled = RwLock::new(Arc::new(enrolled));
        Self { approver, enrolled, throwaway: None, leases, sessions, history, clock: Clock::default() }
    }

    /// A desk of a throw-away directory, at which simulated answers count too.
    pub fn throwaway(approver: Box<dyn Approver>, enrolled: Enrolled, proof: Throwaway) -> Self {
        Self { throwaway: Some(proof), ..Self::new(approver, enrolled) }
    }

    /// The desk, knowing what people approved before the host started: what is different from that is shown. A receipt that
    /// does not verify against a key that is enrolled now is passed over.
    #[must_use]
    pub fn recalling(self, receipts: impl IntoIterator<Item = Receipt>) -> Self {
        Self { history: History::recalling(receipts), ..self }
    }

    /// Turns a granted request into an approved one: by a lease that covers it, or by asking as many people as its terms
    /// say. Needs a tokio runtime with timers. Dropping the future withdraws the question.
    ///
    /// # Errors
    /// [`Refused`] when somebody disagreed, nobody was there, the session asks too much, or the answer does not verify.
    /// Each is a denial.
    pub async fn approve(
        &self,
        granted: Granted,
        moment: Moment,
        announce: &Announce<'_>,
    ) -> Result<Approved, Refused> {
        let watch = Stopwatch::start();
        let evidence = match self.turn(&granted, &moment).await? {
            Ready::Covered(evidence) => evidence,
            Ready::Ask(seat) => {
                let done = self.ask_people(&granted, &moment, &watch, announce).await;
                seat.end(&done);
                if self.sessions.is_locked(&granted.facts().session) {
                    self.leases.end_session(&granted.facts().session);
                }
                done?
            }
        };
        self.history.remember(granted.facts());
        Ok(Approved::new(granted, evidence))
    }

    /// Voids every lease of a session that has ended, and forgets it.
    pub fn end_session(&self, session: &str) {
        self.leases.end_session(session);
        self.sessions.end(session);
    }

    /// Voids every lease of a session in which something happened that should not, and gives it no other: from now on
    /// each of its requests is asked by itself.
    pub fn taint(&self, session: &str) {
        self.sessions.taint(session);
        self.leases.end_session(session);
    }

    /// Voids every lease of a connection: one of its secrets is not the one any more that people agreed to.
    pub fn void_connection(&self, connection: &Name) {
        self.leases.void_connection(connection);
    }

    /// Goes by these keys from now on. Whose key is not among them any more has given no lease that stands.
    pub fn recognise(&self, enrolled: Enrolled) {
        let enrolled = Arc::new(enrolled);
        let before = std::mem::replace(
            &mut *self.enrolled.write().unwrap_or_else(PoisonError::into_inner),
            Arc::clone(&enrolled),
        );
        let gone = before.keys().iter().filter(|key| enrolled.find(key.credential_id()) != Some(key));
        gone.for_each(|key| self.leases.void_approver(key.name()));
    }

    /// The keys that count now.
    pub fn enrolled(&self) -> Arc<Enrolled> {
        Arc::clone(&self.enrolled.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a lease for this request would cover, if one may answer it.
    fn cover(&self, granted: &Granted) -> Option<Cover> {
        let facts = granted.facts();
        let may = granted.terms().lease && !self.sessions.is_tainted(&facts.session);
        Cover::of(facts).filter(|_| may)
    }

    fn draw(&self, cover: &Cover, now: u64) -> Option<Evidence> {
        self.leases.draw(cover, self.clock.observe(now, Instant::now()))
    }

    /// Waits until this may be asked. Two identical looks are one question; two identical changes are a mistake, or a trick.
    async fn turn(&self, granted: &Granted, moment: &Moment) -> Result<Ready<'_>, Refused> {
        let facts = granted.facts();
        let request = digest_of(facts)?;
        let waiting = async {
            loop {
                self.locked(&facts.session)?;
                if let Some(evidence) = self.cover(granted).and_then(|cover| self.draw(&cover, moment.now)) {
                    return Ok(Ready::Covered(evidence));
                }
                let mut same = match self.sessions.sit(&facts.session, request)? {
                    Turn::Mine(seat) => return Ok(Ready::Ask(seat)),
                    Turn::Same(_) if facts.effect != Effect::Read => return Err(Refused::AlreadyWaiting),
                    Turn::Same(same) => same,
                };
                // An error is a question that was taken back; this one is asked then.
                if same.changed().await.is_ok()
                    && let Some(refused) = same.borrow().clone()
                {
                    return Err(refused);
                }
            }
        };
        timeout(moment.wait, waiting).await.map_err(|_| nobody(moment.wait))?
    }

    async fn ask_people(
        &self,
        granted: &Granted,
        moment: &Moment,
        watch: &Stopwatch,
        announce: &Announce<'_>,
    ) -> Result<Evidence, Refused> {
        let cover = self.cover(granted);
        let terms = Terms { lease: cover.is_some(), ..granted.terms() };
        let changes = self.history.changes(granted.facts(), &self.enrolled());
        let (mut receipts, mut signed_by) = (Vec::new(), Vec::new());
        for round in 0..terms.people.get() {
            let moment = moment.after(watch.elapsed(), round).ok_or_else(|| nobody(moment.wait))?;
            let (facts, changes) = (granted.facts(), changes.as_deref());
            let ask = Ask::new(&Question { facts, terms, moment: &moment, signed_by: &signed_by, changes })?;
            announce(&ask);
            let answer = self.ask(&ask, cover.as_ref(), moment.now).await?;
            // Somebody may have ended the session while this was answered.
            self.locked(&facts.session)?;
            let assertion = match answer {
                Answer::Covered(evidence) => return Ok(evidence),
                Answer::Signed(assertion) => assertion,
            };
            let verified = self.check(&ask, assertion)?;
            let name = verified.receipt().approver.clone();
            if signed_by.contains(&name) {
                return Err(Refused::SamePerson { name, need: ask.need() });
            }
            self.leases.open(&verified, self.clock.observe(moment.now, Instant::now()));
            receipts.push(verified.into_receipt());
            signed_by.push(name);
        }
        Ok(Evidence::Receipts(receipts))
    }

    async fn ask(&self, ask: &Ask, cover: Option<&Cover>, now: u64) -> Result<Answer, Refused> {
        // Before anybody is bothered; `check` looks again at the key that really signed.
        self.allow(self.approver.kind())?;
        let watch = Stopwatch::start();
        let answer = async {
            tokio::select! { biased;
                signed = self.approver.decide(ask) => signed.map(Answer::Signed),
                ended = self.decided_meanwhile(&ask.facts().session, cover, now) => ended.map(Answer::Covered),
            }
        };
        let answer = timeout(ask.wait(), answer).await;
        let answer = answer.map_err(|_| nobody(ask.wait()))??;
        if watch.elapsed() > ask.wait() { Err(Refused::Expired) } else { Ok(answer) }
    }

    /// Returns when a lease is there that covers this, or when people have ended the session; often never.
    async fn decided_meanwhile(&self, session: &str, cover: Option<&Cover>, now: u64) -> Result<Evidence, Refused> {
        let mut changed = self.leases.subscribe();
        loop {
            self.locked(session)?;
            if let Some(evidence) = cover.and_then(|cover| self.draw(cover, now)) {
                return Ok(evidence);
            }
            if changed.changed().await.is_err() {
                return pending().await;
            }
        }
    }

    fn locked(&self, session: &str) -> Result<(), Refused> {
        let locked = Refused::SessionLocked { denials: DENIALS_TO_LOCK };
        if self.sessions.is_locked(session) { Err(locked) } else { Ok(()) }
    }

    /// The approver is not trusted: what counts is an enrolled key's signature over one of the two questions asked.
    fn check(&self, ask: &Ask, assertion: Assertion) -> Result<VerifiedReceipt, Refused> {
        let enrolled = self.enrolled();
        let key = enrolled.find(&assertion.credential_id).ok_or(Refused::NotEnrolled)?;
        self.allow(key.kind())?;
        let chosen = ask.as_lease().filter(|lease| assertion.names(lease)).unwrap_or(ask);
        Ok(verify(&Receipt::new(chosen, assertion, key), key)?)
    }

    fn allow(&self, kind: ApproverKind) -> Result<(), Refused> {
        let simulated = kind == ApproverKind::Simulated;
        if simulated && self.throwaway.is_none() { Err(Refused::Simulated) } else { Ok(()) }
    }
}

/// Rounded up: a part of a second passes before the question is asked.
fn nobody(waited: Duration) -> Refused {
    Refused::NoHuman { seconds: waited.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX) }
}

/// What makes two requests the same.
fn digest_of(facts: &Facts) -> Result<RequestDigest, Refused> {
    let canonical = serde_json_canonicalizer::to_vec(facts).map_err(|_| Refused::NoCanonicalForm)?;
    Ok(Sha256::digest(canonical).into())
}

#[cfg(test)]
mod people_tests;
#[cfg(test)]
mod tests;
