//! One gesture for several requests.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::Ask;

/// The version of the canonical batch. A verifier refuses any other.
const VERSION: u8 = 1;

/// Separates a batch's challenge from that of a single request.
const DOMAIN: &[u8] = b"claviger/batch/v1\0";

/// The most requests of one batch: what fits on a page that somebody still reads.
pub const MAX_BATCH: usize = 32;

/// Several questions that one signature answers. Its challenge is a digest over the digests of all of them, so that it
/// holds for exactly these, each with a nonce and an expiry of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    canonical: String,
}

/// These questions cannot be answered together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotABatch {
    /// Too few, too many, or one twice.
    #[error("a batch has 2 to {MAX_BATCH} different requests")]
    Number,
    /// One must be asked alone.
    #[error("a request that needs a match code, several people or a lease is approved alone")]
    Alone,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Canonical {
    v: u8,
    asks: Vec<String>,
}

impl Batch {
    /// The batch of these questions, in this order.
    ///
    /// # Errors
    /// [`NotABatch`].
    pub fn of<'a>(asks: impl IntoIterator<Item = &'a Ask>) -> Result<Self, NotABatch> {
        let mut digests = Vec::new();
        for ask in asks {
            if !ask.can_be_batched() {
                return Err(NotABatch::Alone);
            }
            digests.push(hex::encode(ask.digest()));
        }
        let canonical = Canonical { v: VERSION, asks: digests };
        if !canonical.is_a_batch() {
            return Err(NotABatch::Number);
        }
        serde_json_canonicalizer::to_string(&canonical)
            .map(|canonical| Self { canonical })
            .map_err(|_| NotABatch::Number)
    }

    /// Reads a canonical batch. Any other spelling is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let canonical: Canonical = serde_json::from_str(text).ok()?;
        let is_same = serde_json_canonicalizer::to_string(&canonical).is_ok_and(|again| again == text);
        (is_same && canonical.is_a_batch()).then(|| Self { canonical: text.to_owned() })
    }

    /// RFC 8785 JSON of `{v, asks}`, `asks` the digests of the questions in hexadecimal.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The WebAuthn challenge: SHA-256 of `claviger/batch/v1`, a zero byte, and the canonical bytes.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::new().chain_update(DOMAIN).chain_update(self.canonical.as_bytes()).finalize().into()
    }

    /// Whether the question with this digest is one of it.
    pub(crate) fn holds(&self, digest: &[u8; 32]) -> bool {
        let digest = hex::encode(digest);
        serde_json::from_str::<Canonical>(&self.canonical).is_ok_and(|batch| batch.asks.contains(&digest))
    }
}

impl Canonical {
    fn is_a_batch(&self) -> bool {
        let different: BTreeSet<&String> = self.asks.iter().collect();
        self.v == VERSION && (2..=MAX_BATCH).contains(&self.asks.len()) && different.len() == self.asks.len()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_manifest::Effect;

    use super::{Batch, MAX_BATCH, NotABatch};
    use crate::fixtures::{self, moment};

    fn asks(number: u8) -> Vec<crate::Ask> {
        (0..number).map(|nonce| fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, nonce)).unwrap()).collect()
    }

    #[test]
    fn it_holds_exactly_its_requests() {
        let asks = asks(4);
        let batch = Batch::of(asks.iter().take(3)).unwrap();
        let held: Vec<bool> = asks.iter().map(|ask| batch.holds(&ask.digest())).collect();
        assert_eq!(held, [true, true, true, false]);
        assert_eq!(Batch::parse(batch.canonical()).unwrap(), batch);
    }

    #[test]
    fn every_member_and_their_order_are_in_the_challenge() {
        let asks = asks(3);
        let digest = |order: &[usize]| Batch::of(order.iter().map(|at| asks.get(*at).unwrap())).unwrap().digest();
        let digests = [digest(&[0, 1]), digest(&[1, 0]), digest(&[0, 2]), digest(&[0, 1, 2])];
        let different: std::collections::BTreeSet<_> = digests.iter().collect();
        assert_eq!(different.len(), digests.len());
        assert!(asks.iter().all(|ask| !digests.contains(&ask.digest())));
    }

    #[test]
    fn one_alone_too_many_and_one_twice_are_none() {
        let few = asks(2);
        assert_eq!(Batch::of(few.iter().take(1)), Err(NotABatch::Number));
        assert_eq!(Batch::of(few.iter().chain(few.iter().take(1))), Err(NotABatch::Number));
        let many = asks(u8::try_from(MAX_BATCH).unwrap() + 1);
        assert_eq!(Batch::of(&many), Err(NotABatch::Number));
        assert!(Batch::of(many.iter().take(MAX_BATCH)).is_ok());
    }

    #[test]
    fn what_must_be_asked_alone_is_in_none() {
        let mut facts = fixtures::facts();
        let reads = asks(2);
        facts.effect = Effect::Destroy;
        let destroy = fixtures::ask(&facts, &moment(1, 1)).unwrap();
        assert_eq!(Batch::of(reads.iter().chain([&destroy])), Err(NotABatch::Alone));
        assert_eq!(Batch::of(reads.iter().map(|ask| ask.as_lease().unwrap())), Err(NotABatch::Alone));
    }

    #[test]
    fn another_spelling_is_none() {
        let text = Batch::of(&asks(2)).unwrap().canonical;
        for other in [text.replace(":1", ":2"), text.replace(',', ", "), text.replace("\"v\"", "\"w\""), String::new()]
        {
            assert_eq!(Batch::parse(&other), None, "{other}");
        }
    }
}
