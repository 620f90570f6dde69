//! The bare prompt on the terminal, which is asked until somebody has enrolled a stronger way. Also while the host runs: whoever
//! enrols a passkey or a security key means that from now on it is needed.

use claviger_approval::{Approver, ApproverKind, Ask, Decision, Refused, TerminalPrompt};

use crate::state::State;
use crate::{approver, open, security_key};

/// The prompt of a host that began when there was nothing stronger.
pub(crate) struct Meanwhile {
    prompt: TerminalPrompt,
    state: State,
}

impl Meanwhile {
    pub(crate) fn new(prompt: TerminalPrompt, state: &State) -> Self {
        Self { prompt, state: state.clone() }
    }

    /// A list that cannot be read names nobody, and then the desk believes nobody either.
    fn still_counts(&self) -> Result<(), Refused> {
        let enrolled = open::enrolled(&self.state).unwrap_or_default();
        let is_stronger = approver::has_passkey(&enrolled) || security_key::is_enrolled(&enrolled);
        if is_stronger { Err(Refused::Superseded) } else { Ok(()) }
    }
}

impl Approver for Meanwhile {
    fn kind(&self) -> ApproverKind {
        self.prompt.kind()
    }

    fn decide<'a>(&'a self, ask: &'a Ask) -> Decision<'a> {
        Box::pin(async move {
            self.still_counts()?;
            let signed = self.prompt.decide(ask).await?;
            // It may have been enrolled while this was read.
            self.still_counts().map(|()| signed)
        })
    }
}
