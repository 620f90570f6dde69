//! Where a granted request becomes an approved one.

use std::time::Duration;

use claviger_grant::Granted;
use tokio::time::{Instant, timeout};

use crate::clock::{Clock, Stopwatch};
use crate::lease::Leases;
use crate::{
    Approved, Approver, ApproverKind, Ask, Assertion, Cover, Enrolled, Evidence, Receipt, Refused, Throwaway,
    VerifiedReceipt, verify,
};

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

/// Asks, verifies, and remembers leases.
pub struct Desk {
    approver: Box<dyn Approver>,
    enrolled: Enrolled,
    throwaway: Option<Throwaway>,
    leases: Leases,
    clock: Clock,
}

impl Desk {
    /// A desk at which only people count: simulated answers are refused, whoever gives them.
    pub fn new(approver: Box<dyn Approver>, enrolled: Enrolled) -> Self {
        Self { approver, enrolled, throwaway: None, leases: Leases::default(), clock: Clock::default() }
    }

    /// A desk of a throw-away directory, at which simulated answers count too.
    pub fn throwaway(approver: Box<dyn Approver>, enrolled: Enrolled, proof: Throwaway) -> Self {
        Self { throwaway: Some(proof), ..Self::new(approver, enrolled) }
    }

    /// Turns a granted request into an approved one: by a lease that covers it, or by asking. Needs a tokio runtime with
    /// timers. Dropping the future withdraws the question.
    ///
    /// # Errors
    /// [`Refused`] when nobody agreed, nobody was there, or the answer does not verify. Each is a denial.
    pub async fn approve(&self, granted: Granted, moment: Moment) -> Result<Approved, Refused> {
        if let Some(evidence) = self.covered(&granted, moment.now) {
            return Ok(Approved::new(granted, evidence));
        }
        let ask = Ask::new(granted.facts(), &moment)?;
        let assertion = self.ask(&ask).await?;
        let verified = self.check(&ask, assertion)?;
        self.leases.open(&verified, self.clock.observe(moment.now, Instant::now()));
        Ok(Approved::new(granted, Evidence::Receipt(Box::new(verified.into_receipt()))))
    }

    /// Voids every lease of a session that has ended.
    pub fn end_session(&self, session: &str) {
        self.leases.end_session(session);
    }

    fn covered(&self, granted: &Granted, now: u64) -> Option<Evidence> {
        let now = self.clock.observe(now, Instant::now());
        self.leases.draw(&Cover::of(granted.facts())?, now)
    }

    async fn ask(&self, ask: &Ask) -> Result<Assertion, Refused> {
        // Before anybody is bothered; `check` looks again at the key that really signed.
        self.allow(self.approver.kind())?;
        let watch = Stopwatch::start();
        let answer = timeout(ask.wait(), self.approver.decide(ask)).await;
        let assertion = answer.map_err(|_| Refused::NoHuman { seconds: ask.wait().as_secs() })??;
        if watch.elapsed() > ask.wait() { Err(Refused::Expired) } else { Ok(assertion) }
    }

    /// The approver is not trusted: what counts is an enrolled key's signature over one of the two questions asked.
    fn check(&self, ask: &Ask, assertion: Assertion) -> Result<VerifiedReceipt, Refused> {
        let key = self.enrolled.find(&assertion.credential_id).ok_or(Refused::NotEnrolled)?;
        self.allow(key.kind())?;
        let chosen = ask.as_lease().filter(|lease| assertion.names(lease)).unwrap_or(ask);
        Ok(verify(&Receipt::new(chosen, assertion, key), key)?)
    }

    fn allow(&self, kind: ApproverKind) -> Result<(), Refused> {
        let simulated = kind == ApproverKind::Simulated;
        if simulated && self.throwaway.is_none() { Err(Refused::Simulated) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
