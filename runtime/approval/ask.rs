//! The request as an approver is shown it and signs it.

use std::time::Duration;

use claviger_grant::{Facts, Terms};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Base64Url, Change, Cover, LEASE_LIMIT_SECONDS, LEASE_SECONDS, LEASE_USES, Moment, Refused};

/// The version of the canonical request. A verifier refuses any other.
pub(crate) const VERSION: u8 = 1;

/// Separates these challenges from everything else that the same key may ever sign.
const DOMAIN: &[u8] = b"claviger/approval/v1\0";

/// Separates the match code from everything else that is made of a nonce.
const CODE_DOMAIN: &[u8] = b"claviger/match-code/v1\0";

/// How far one yes reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Scope {
    /// This request, once.
    Once,
    /// This request, and every request that `covers` describes, until one of the three ends is reached.
    Lease {
        /// Seconds after the last use at which it ends.
        seconds: u64,
        /// Seconds after the approval at which it ends in any case.
        limit: u64,
        /// How many requests it answers, the first included.
        uses: u32,
        /// What must be the same in each of them.
        covers: Box<Cover>,
    },
}

/// One question to a human. The digest of its canonical bytes is the WebAuthn challenge, so a signature answers this
/// question and no other: the bytes hold the facts, the scope, how many people must agree, the match code, a nonce that is
/// never used again, and the expiry.
#[derive(Clone, Debug)]
pub struct Ask {
    facts: Facts,
    scope: Scope,
    need: u8,
    code: Option<String>,
    signed_by: Vec<String>,
    changes: Option<Vec<Change>>,
    wait: Duration,
    expires: u64,
    canonical: String,
    lease: Option<Box<Ask>>,
}

/// What a question is made of.
pub(crate) struct Question<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) terms: Terms,
    pub(crate) moment: &'a Moment,
    /// Who has agreed already, when several people must.
    pub(crate) signed_by: &'a [String],
    /// What differs from the last time, if there was one.
    pub(crate) changes: Option<&'a [Change]>,
}

#[derive(Serialize)]
struct Canonical<'a> {
    v: u8,
    facts: &'a Facts,
    scope: &'a Scope,
    need: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    nonce: Base64Url,
    expires: u64,
}

impl Ask {
    /// The question about one request, with the lease that may be given instead if its terms allow one.
    pub(crate) fn new(question: &Question<'_>) -> Result<Self, Refused> {
        let mut ask = Self::scoped(question, Scope::Once)?;
        if let Some(covers) = Cover::of(question.facts).filter(|_| question.terms.lease) {
            let lease = Scope::Lease {
                seconds: LEASE_SECONDS,
                limit: LEASE_LIMIT_SECONDS,
                uses: LEASE_USES,
                covers: Box::new(covers),
            };
            ask.lease = Some(Box::new(Self::scoped(question, lease)?));
        }
        Ok(ask)
    }

    fn scoped(question: &Question<'_>, scope: Scope) -> Result<Self, Refused> {
        let Question { facts, terms, moment, .. } = *question;
        // Rounded up: the desk's own clock is the exact one, this is what people and auditors read.
        let expires = moment.now.saturating_add(moment.wait.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX));
        let nonce = Base64Url::from(moment.nonce.as_slice());
        let need = terms.people.get();
        let code = terms.match_code.then(|| match_code(&moment.nonce));
        let request = Canonical { v: VERSION, facts, scope: &scope, need, code: code.as_deref(), nonce, expires };
        let canonical = serde_json_canonicalizer::to_string(&request).map_err(|_| Refused::NoCanonicalForm)?;
        Ok(Self {
            facts: facts.clone(),
            scope,
            need,
            code,
            signed_by: question.signed_by.to_vec(),
            changes: question.changes.map(<[Change]>::to_vec),
            wait: moment.wait,
            expires,
            canonical,
            lease: None,
        })
    }

    /// What will be done.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// How far a yes to this question reaches.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The same question with a lease as its scope, when one may be given. Whoever wants the lease signs this one.
    pub fn as_lease(&self) -> Option<&Ask> {
        self.lease.as_deref()
    }

    /// How many distinct people must agree, each to a question of their own about the same facts.
    pub fn need(&self) -> u8 {
        self.need
    }

    /// Who has agreed already. They are not asked again.
    pub fn signed_by(&self) -> &[String] {
        &self.signed_by
    }

    /// Two digits that are shown where the call was made. An approver does not show them: a person types them there.
    pub fn match_code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// What differs from the last request of this operation, on this connection and by whoever asks, that was approved.
    /// `None`: none is known.
    pub fn changes(&self) -> Option<&[Change]> {
        self.changes.as_deref()
    }

    /// Whether one gesture may answer this together with others: not when it needs a match code, several people, or opens
    /// a lease.
    pub fn can_be_batched(&self) -> bool {
        self.code.is_none() && self.need == 1 && self.scope == Scope::Once
    }

    /// How long the answer is waited for.
    pub fn wait(&self) -> Duration {
        self.wait
    }

    /// When the question ends, in seconds of Unix time.
    pub fn expires(&self) -> u64 {
        self.expires
    }

    /// RFC 8785 JSON of `{v, facts, scope, need, code, nonce, expires}`, `code` only where there is one: the bytes that are
    /// signed for.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The WebAuthn challenge: SHA-256 of `claviger/approval/v1`, a zero byte, and the canonical bytes.
    pub fn digest(&self) -> [u8; 32] {
        digest(&self.canonical)
    }
}

/// The challenge for canonical bytes, wherever they come from.
pub(crate) fn digest(canonical: &str) -> [u8; 32] {
    Sha256::new().chain_update(DOMAIN).chain_update(canonical.as_bytes()).finalize().into()
}

/// Two digits. They need not be hard to guess, only to be taken for another call's.
fn match_code(nonce: &[u8; 32]) -> String {
    let hash = Sha256::new().chain_update(CODE_DOMAIN).chain_update(nonce).finalize();
    let number = hash.iter().take(2).fold(0_u16, |number, byte| number << 8 | u16::from(*byte));
    format!("{:02}", number % 100)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::{Scope, digest};
    use crate::Ask;
    use crate::fixtures::{self, moment};

    #[test]
    fn the_bytes_are_canonical_and_say_what_is_asked() {
        let ask = fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, 7)).unwrap();
        let value: Value = serde_json::from_str(ask.canonical()).unwrap();
        assert_eq!(serde_json_canonicalizer::to_string(&value).unwrap(), ask.canonical());
        assert_eq!(value["v"], 1);
        assert_eq!(value["scope"], json!({"kind": "once"}));
        assert_eq!(value["expires"], 1_700_000_060);
        assert_eq!(value["nonce"], "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
        assert_eq!(value["facts"], serde_json::to_value(ask.facts()).unwrap());
        assert_eq!(value["need"], 1);
        assert_eq!(value.as_object().unwrap().len(), 6);
    }

    #[test]
    fn a_part_of_a_second_is_not_cut_off_the_expiry() {
        let mut moment = moment(100, 7);
        moment.wait = Duration::from_millis(1_001);
        assert_eq!(fixtures::ask(&fixtures::facts(), &moment).unwrap().expires(), 102);
    }

    #[test]
    fn a_lease_is_another_question_and_only_reads_have_it() {
        let ask = fixtures::ask(&fixtures::facts(), &moment(1, 7)).unwrap();
        let lease = ask.as_lease().unwrap();
        assert_ne!(lease.digest(), ask.digest());
        assert!(matches!(lease.scope(), Scope::Lease { seconds: 900, limit: 28_800, .. }));
        for effect in [claviger_manifest::Effect::Write, claviger_manifest::Effect::Mint] {
            let mut facts = fixtures::facts();
            facts.effect = effect;
            assert!(fixtures::ask(&facts, &moment(1, 7)).unwrap().as_lease().is_none());
        }
    }

    #[test]
    fn what_destroys_or_mints_has_a_match_code_that_is_signed_for() {
        let mut facts = fixtures::facts();
        let mut codes = BTreeSet::new();
        facts.effect = claviger_manifest::Effect::Destroy;
        for nonce in 0..100 {
            let ask = fixtures::ask(&facts, &moment(1, nonce)).unwrap();
            let code = ask.match_code().unwrap().to_owned();
            assert!(code.len() == 2 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
            let value: Value = serde_json::from_str(ask.canonical()).unwrap();
            assert_eq!(value["code"], code);
            assert!(!ask.can_be_batched());
            codes.insert(code);
        }
        assert!(codes.len() > 40, "{codes:?}");
        facts.effect = claviger_manifest::Effect::Write;
        let write = fixtures::ask(&facts, &moment(1, 7)).unwrap();
        assert!(write.match_code().is_none() && write.can_be_batched());
    }

    #[test]
    fn every_single_field_is_in_the_digest() {
        for facts in [fixtures::facts(), fixtures::store_facts()] {
            let ask = fixtures::ask(&facts, &moment(1_700_000_000, 7)).unwrap();
            let asks = [Some(&ask), ask.as_lease()];
            for canonical in asks.into_iter().flatten().map(Ask::canonical) {
                let changed = fixtures::every_change(canonical);
                assert!(changed.len() > 30, "the walk saw {} places", changed.len());
                let digests: BTreeSet<[u8; 32]> = changed.iter().map(|(_, text)| digest(text)).collect();
                assert_eq!(digests.len(), changed.len(), "two changes have one digest");
                assert!(!digests.contains(&digest(canonical)));
            }
        }
    }

    /// `Debug` shows every field, also one that serde was told to leave out. Whatever stands in the facts is signed for.
    #[test]
    fn no_fact_is_left_out_of_the_bytes() {
        for facts in [fixtures::facts(), fixtures::store_facts()] {
            let ask = fixtures::ask(&facts, &moment(1_700_000_000, 7)).unwrap();
            let shown = format!("{facts:?}");
            let texts: Vec<&str> = shown.split('"').skip(1).step_by(2).filter(|text| !text.is_empty()).collect();
            assert!(texts.len() > 10, "{shown}");
            for text in texts.iter().flat_map(|text| text.split('\\')).filter(|text| text.len() > 1) {
                assert!(ask.canonical().contains(text), "{text} is in the facts and in no byte that is signed");
            }
        }
    }

    #[test]
    fn the_domain_separates_the_challenge_from_a_plain_hash() {
        use sha2::{Digest as _, Sha256};
        assert_ne!(digest("{}"), <[u8; 32]>::from(Sha256::digest(b"{}")));
    }
}
