//! What is written: the members of an entry that its writer knows, before it has an index and a time.

use claviger_approval::Evidence;
use claviger_grant::Facts;
use serde::Serialize;

use crate::canonical::canonicalise;
use crate::error::Unrecorded;
use crate::event::Event;
use crate::format::{FRAME, MAX_LINE};
use crate::outcome::OutcomeFacts;

/// An entry's own members. Their names sort between `index` and `v`, so that both can be added without sorting again.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Body<'a> {
    Intent {
        request: &'a Facts,
        proof: &'a Evidence,
    },
    Outcome {
        intent: u64,
        outcome: &'a OutcomeFacts,
    },
    OutcomeUnknown {
        intent: u64,
        reason: Unknown,
    },
    #[serde(untagged)]
    Event(&'a Event),
}

/// Why an outcome is not known.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unknown {
    /// The host stopped in between.
    Interrupted,
    /// The call was given up in between.
    Abandoned,
}

impl Body<'_> {
    /// The canonical text, written by the function that the verifier writes its own copy with.
    pub(crate) fn canonical(&self) -> Result<String, Unrecorded> {
        let text = canonicalise(self).map_err(|_| Unrecorded::NotCanonical)?;
        if text.len() > MAX_LINE - FRAME {
            return Err(Unrecorded::TooLong { bytes: text.len(), limit: MAX_LINE - FRAME });
        }
        Ok(text)
    }
}
