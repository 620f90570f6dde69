//! Asking on the terminal, and having a security key sign.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use crate::security_key::{NewCredential, SecurityKey, SecurityKeyPlace};
use crate::terminal::{Conversation, Withdrawal};
use crate::{Approver, ApproverKind, Ask, Assertion, Decision, Enrolled, EnrolledKey, Refused, SecurityKeyError};

/// What a person is told once they typed a yes.
const INVITATION: &str = "Now your security key: its PIN if it is asked for, then touch it.";

/// Asks on the process's terminal; whoever typed a yes then touches their security key, which verifies them and signs for
/// exactly this. The typed yes tells which request the touch is for: a key shows nothing.
pub struct SecurityKeyPrompt {
    talk: Conversation,
    key: SecurityKey,
    roll: Roll,
}

/// Reads the keys that count now. `None` when that cannot be told: then none does.
pub type Roll = Arc<dyn Fn() -> Option<Enrolled> + Send + Sync>;

impl SecurityKeyPrompt {
    /// A prompt for those keys that sign on the terminal: of the roll as it is when something is asked.
    ///
    /// # Errors
    /// [`SecurityKeyError::Configuration`] when the place cannot be used.
    pub fn new(place: &SecurityKeyPlace, roll: Roll) -> Result<Self, SecurityKeyError> {
        Self::on(Conversation::here(), place, roll)
    }

    pub(crate) fn on(talk: Conversation, place: &SecurityKeyPlace, roll: Roll) -> Result<Self, SecurityKeyError> {
        let key = SecurityKey::new(place, talk.device().to_owned())?;
        Ok(Self { talk, key, roll })
    }

    /// Makes a credential on the security key that is plugged in, and gives how it is enrolled. It talks to the terminal, and
    /// returns when somebody has touched the key.
    ///
    /// # Errors
    /// [`SecurityKeyError`] when the key, its user or the programs would not.
    pub fn enrol(place: &SecurityKeyPlace, new: &NewCredential<'_>) -> Result<EnrolledKey, SecurityKeyError> {
        let terminal: PathBuf = Conversation::here().device().to_owned();
        SecurityKey::new(place, terminal)?.enrol(new)
    }

    /// The keys that may answer this: nobody's who has agreed already.
    fn candidates(&self, ask: &Ask) -> Result<Vec<EnrolledKey>, SecurityKeyError> {
        let enrolled = (self.roll)().unwrap_or_default();
        let keys = enrolled.keys().iter().filter(|key| key.signs_on_terminal());
        let has_agreed = |key: &EnrolledKey| ask.signed_by().iter().any(|name| name == key.name());
        let others: Vec<EnrolledKey> = keys.clone().filter(|key| !has_agreed(key)).cloned().collect();
        match (others.is_empty(), keys.count() > 0) {
            (false, _) => Ok(others),
            (true, false) => Err(SecurityKeyError::NotEnrolled),
            (true, true) => Err(SecurityKeyError::NobodyElse),
        }
    }

    async fn ask(&self, ask: &Ask) -> Result<Assertion, Refused> {
        // Before anybody reads a question that nobody could answer.
        let candidates = self.candidates(ask)?;
        let typed = self.talk.question(ask, Some(INVITATION)).await?;
        let (said, unsaid) = (typed.outcome(true), typed.outcome(false));
        let (key, challenge, turn) = (self.key.clone(), typed.chosen.digest(), typed.turn);
        // On a thread of its own: when the desk gives up, this future is dropped, and the thread ends the program.
        let withdrawal = Withdrawal::default();
        let withdrawn = withdrawal.flag();
        let signing = spawn_blocking(move || (key.sign(&challenge, &candidates, &withdrawn), turn));
        let failed = |_| Refused::ApproverFailed { kind: ApproverKind::Webauthn };
        let (signed, turn) = signing.await.map_err(failed)?;
        self.talk.tell(if signed.is_ok() { said } else { unsaid }, turn).await;
        Ok(signed?)
    }
}

impl Approver for SecurityKeyPrompt {
    fn kind(&self) -> ApproverKind {
        ApproverKind::Webauthn
    }

    fn decide<'a>(&'a self, ask: &'a Ask) -> Decision<'a> {
        Box::pin(self.ask(ask))
    }
}

#[cfg(test)]
mod tests;
