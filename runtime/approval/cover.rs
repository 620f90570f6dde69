//! What a lease covers, said exactly.

use std::collections::BTreeMap;

use claviger_grant::{ActionFacts, CredentialFacts, Facts};
use claviger_manifest::{Digest, Effect, Name};
use serde::{Deserialize, Serialize};

/// Everything that must be the same for a lease to answer. It stands in the canonical bytes that are signed, so a lease
/// says what it covers; path, query and body parameters are the only things in which two covered requests may differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cover {
    /// Who asks.
    pub principal: String,
    /// The session the call belongs to.
    pub session: String,
    /// The connection the tool was called on.
    pub connection: Name,
    /// The client that the connection is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// SHA-256 of the manifest: an update of the plugin voids its leases.
    pub manifest: Digest,
    /// SHA-256 of the component.
    pub component: Digest,
    /// The operation.
    pub operation: Name,
    /// The HTTP method.
    pub method: String,
    /// Scheme, host and port.
    pub origin: String,
    /// The address that is dialled instead of resolving the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<String>,
    /// SHA-256 of the private certificate authority that is trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<String>,
    /// The certificates or keys that the endpoint may show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<String>,
    /// Which secrets are used, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CoveredCredential>,
    /// Slot values placed in the body.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lent: BTreeMap<String, Name>,
    /// What is taken out of the answer and kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub captures: BTreeMap<Name, String>,
}

/// The credential part of a [`Cover`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoveredCredential {
    /// The credential's name in the manifest.
    pub name: Name,
    /// Its scheme.
    pub scheme: String,
    /// Secret names to references.
    pub secrets: BTreeMap<Name, String>,
    /// The versions of the values: a secret that was rotated is another one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<Name, String>,
    /// Where a token is minted first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    /// The request that opens a session first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The request that ends it later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logout: Option<String>,
}

impl Cover {
    /// What a lease for these facts would cover. `None` when there can be no lease: only requests that read have one.
    pub fn of(facts: &Facts) -> Option<Self> {
        let ActionFacts::Send(send) = &facts.action else { return None };
        if facts.effect != Effect::Read {
            return None;
        }
        Some(Self {
            principal: facts.principal.clone(),
            session: facts.session.clone(),
            connection: facts.connection.clone(),
            client: facts.client.clone(),
            manifest: facts.plugin.manifest.clone(),
            component: facts.plugin.component.clone(),
            operation: send.operation.clone(),
            method: send.method.clone(),
            origin: send.origin.clone(),
            connect: send.connect.clone(),
            trust: send.trust.clone(),
            pins: send.pins.clone(),
            credential: send.credential.as_ref().map(covered),
            lent: send.lent.clone(),
            captures: send.captures.clone(),
        })
    }
}

fn covered(credential: &CredentialFacts) -> CoveredCredential {
    CoveredCredential {
        name: credential.name.clone(),
        scheme: credential.scheme.to_owned(),
        secrets: credential.secrets.clone(),
        versions: credential.versions.clone(),
        token_endpoint: credential.token_endpoint.clone(),
        login: credential.login.clone(),
        logout: credential.logout.clone(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_grant::ActionFacts;
    use claviger_manifest::{Digest, Effect};

    use super::Cover;
    use crate::fixtures;

    #[test]
    fn only_reads_have_a_cover() {
        let mut facts = fixtures::facts();
        assert!(Cover::of(&facts).is_some());
        for effect in [Effect::Write, Effect::Destroy, Effect::Mint] {
            facts.effect = effect;
            assert!(Cover::of(&facts).is_none());
        }
        assert!(Cover::of(&fixtures::store_facts()).is_none());
    }

    #[test]
    fn parameters_may_differ_and_nothing_else() {
        let facts = fixtures::facts();
        let cover = Cover::of(&facts).unwrap();
        let mut same = facts.clone();
        let ActionFacts::Send(send) = &mut same.action else { unreachable!("the fixture sends") };
        send.path.push_str("/7");
        send.query.clear();
        send.body = None;
        assert_eq!(Cover::of(&same).unwrap(), cover);

        let others: [fn(&mut claviger_grant::Facts); 17] = [
            |facts| facts.principal.push('x'),
            |facts| facts.session.push('x'),
            |facts| facts.connection = "other".parse().unwrap(),
            |facts| facts.client = None,
            |facts| facts.plugin.manifest = Digest::of(b"other"),
            |facts| facts.plugin.component = Digest::of(b"other"),
            |facts| fixtures::send(facts).operation = "other".parse().unwrap(),
            |facts| fixtures::send(facts).method = "POST".to_owned(),
            |facts| fixtures::send(facts).origin = "https://other.example".to_owned(),
            |facts| fixtures::send(facts).connect = None,
            |facts| fixtures::send(facts).trust = None,
            |facts| fixtures::send(facts).pins.clear(),
            |facts| drop(fixtures::credential(facts).versions.insert("client-id".parse().unwrap(), "4".to_owned())),
            |facts| fixtures::credential(facts).login = None,
            |facts| fixtures::credential(facts).logout = None,
            |facts| fixtures::send(facts).credential = None,
            |facts| fixtures::send(facts).captures.clear(),
        ];
        for (index, change) in others.iter().enumerate() {
            let mut other = facts.clone();
            change(&mut other);
            assert_ne!(Cover::of(&other).unwrap(), cover, "change {index}");
        }
    }
}
