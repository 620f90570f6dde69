//! The proof that a human agreed, and what it rests on.

use claviger_grant::{Facts, Granted, Plan};
use serde::Serialize;

use crate::Receipt;

/// What an approval rests on. It goes into the log with the intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// People were asked and signed for exactly this: one, or as many as the request needs, each with a question of their
    /// own about the same facts.
    Receipts(Vec<Receipt>),
    /// A lease that a human signed for covers this.
    Lease {
        /// [`Receipt::digest`] of the receipt that opened the lease.
        receipt: String,
        /// Which use of the lease this is; the request that opened it was use 1.
        use_number: u32,
    },
}

/// A granted request that a human approved. Only [`Desk::approve`](crate::Desk::approve) makes one, from the grant room's
/// proof; it cannot be copied or rebuilt, and the audit room consumes it.
#[must_use = "an approved request still needs a durable intent"]
#[derive(Debug)]
pub struct Approved {
    granted: Granted,
    evidence: Evidence,
}

impl Approved {
    pub(crate) fn new(granted: Granted, evidence: Evidence) -> Self {
        Self { granted, evidence }
    }

    /// What was approved.
    pub fn facts(&self) -> &Facts {
        self.granted.facts()
    }

    /// What the approval rests on.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Takes the proof apart, once, for the room that acts on it.
    pub fn into_plan(self) -> Plan {
        self.granted.into_plan()
    }
}
