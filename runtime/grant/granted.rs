//! The proof that a request is declared and granted.

use std::collections::BTreeMap;

use claviger_manifest::{Name, SecretReference};

use crate::{ActionFacts, CredentialPlan, Facts, Plan, Terms};

/// A request that is declared by a signed manifest and granted by an operator to this principal.
///
/// Only [`Policy::check`](crate::Policy::check) makes one. It cannot be copied or rebuilt; the approval room consumes it.
#[must_use = "a granted request still needs an approval"]
#[derive(Debug)]
pub struct Granted {
    facts: Facts,
    plan: Plan,
    terms: Terms,
}

impl Granted {
    pub(crate) fn new(facts: Facts, plan: Plan, terms: Terms) -> Self {
        Self { facts, plan, terms }
    }

    /// What will be done, as a human is asked and as the log keeps it. References, never values.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// How a human must agree to it.
    pub fn terms(&self) -> Terms {
        self.terms
    }

    /// The references whose values it will use, each once.
    pub fn references(&self) -> Vec<SecretReference> {
        let mut found: Vec<SecretReference> = credentials(&self.plan)
            .flat_map(|credential| credential.sources.values())
            .filter_map(|source| source.reference().cloned())
            .collect();
        found.sort();
        found.dedup();
        found
    }

    /// The same request with the versions in which its providers hold these references now. They become part of what is
    /// approved, and the vault room sends no value in another version: a yes for one secret is none for its successor.
    pub fn with_versions(mut self, versions: &BTreeMap<SecretReference, String>) -> Self {
        let mut shown = BTreeMap::new();
        let mut next = credential_mut(&mut self.plan);
        while let Some(credential) = next {
            let scheme = &credential.declaration.scheme;
            let lasting = credential.sources.iter().filter(|(name, _)| !scheme.rotates(name));
            let known =
                lasting.filter_map(|(name, source)| Some((name.clone(), versions.get(source.reference()?)?.clone())));
            credential.versions = known.collect::<BTreeMap<Name, String>>();
            shown.extend(credential.versions.clone());
            next = credential.login.as_mut().and_then(|login| login.credential.as_mut());
        }
        if let ActionFacts::Send(send) = &mut self.facts.action
            && let Some(credential) = &mut send.credential
        {
            credential.versions = shown;
        }
        self
    }

    /// Takes the proof apart, once, for the room that acts on it.
    pub fn into_plan(self) -> Plan {
        self.plan
    }
}

/// The credential of a plan, then that of its log-in.
fn credentials(plan: &Plan) -> impl Iterator<Item = &CredentialPlan> {
    let first = match plan {
        Plan::Send(outbound) => outbound.credential.as_ref(),
        Plan::Store(_) => None,
    };
    std::iter::successors(first, |credential| credential.login.as_ref()?.credential.as_ref())
}

fn credential_mut(plan: &mut Plan) -> Option<&mut CredentialPlan> {
    match plan {
        Plan::Send(outbound) => outbound.credential.as_mut(),
        Plan::Store(_) => None,
    }
}
