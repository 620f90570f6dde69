//! The proof that a request is declared and granted.

use crate::{Facts, Plan};

/// A request that is declared by a signed manifest and granted by an operator to this principal.
///
/// Only [`Policy::check`](crate::Policy::check) makes one. It cannot be copied or rebuilt; the approval room consumes it.
#[must_use = "a granted request still needs an approval"]
#[derive(Debug)]
pub struct Granted {
    facts: Facts,
    plan: Plan,
}

impl Granted {
    pub(crate) fn new(facts: Facts, plan: Plan) -> Self {
        Self { facts, plan }
    }

    /// What will be done, as a human is asked and as the log keeps it. References, never values.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Takes the proof apart, once, for the room that acts on it.
    pub fn into_plan(self) -> Plan {
        self.plan
    }
}
