//! What one tool call holds: its connections, its secrets, its slot values. All of it ends with the call.

use std::fmt;
use std::sync::Arc;

use claviger_grant::SlotHandle;
use claviger_manifest::{Alphabet, Generate, Name, SecretReference};

use crate::client_certificate::Identity;
use crate::failure::FailureKind;
use crate::pool::Pool;
use crate::reveal::Secret;
use crate::scan::Live;

/// One tool call, as this room sees it. Made by [`Vault::begin`](crate::Vault::begin); dropping it closes its connections
/// and wipes its secrets.
pub struct CallScope {
    /// Tells this call from every other of the process.
    number: u64,
    connection: Name,
    /// Every secret that answers of this call are scanned for: those of its session.
    pub(crate) live: Live,
    /// Connections that are open.
    pub(crate) pool: Pool,
    /// Clients' certificates with their keys.
    identities: Vec<Presented>,
    resolved: Vec<Known>,
    slots: Vec<SlotValue>,
}

/// A value with what tells it from the next one under the same name.
#[derive(Clone)]
pub(crate) struct Versioned {
    pub(crate) value: Arc<Secret>,
    pub(crate) version: String,
}

impl Versioned {
    /// A setting, which is its own version.
    pub(crate) fn setting(text: &str) -> Self {
        Self { value: Arc::new(Secret::new(text.as_bytes().to_vec())), version: text.to_owned() }
    }

    /// A value for a probe: random, and no secret of anybody's.
    pub(crate) fn canary(name: &Name) -> Result<Self, FailureKind> {
        let rule = Generate { length: CANARY, alphabet: Alphabet::Alphanumeric };
        Ok(Self { value: Arc::new(random(name, &rule)?), version: "canary".to_owned() })
    }
}

/// Characters of a canary: 190 bits, which no answer holds by chance.
const CANARY: u16 = 32;

struct Presented {
    credential: Name,
    versions: Vec<String>,
    identity: Arc<Identity>,
}

struct Known {
    reference: SecretReference,
    resolved: Versioned,
}

struct SlotValue {
    slot: Name,
    value: Arc<Secret>,
    /// The journal's number for it, by which write-back says that it is stored.
    entry: u64,
}

impl CallScope {
    pub(crate) fn new(number: u64, connection: Name, live: Live) -> Self {
        Self {
            number,
            connection,
            live,
            pool: Pool::default(),
            identities: Vec::new(),
            resolved: Vec::new(),
            slots: Vec::new(),
        }
    }

    /// The connection that the tool was called on.
    pub(crate) fn connection(&self) -> &Name {
        &self.connection
    }

    /// What a reference resolved to earlier in this call.
    pub(crate) fn known(&self, reference: &SecretReference) -> Option<&Versioned> {
        self.resolved.iter().find(|known| known.reference == *reference).map(|known| &known.resolved)
    }

    /// Keeps what a reference resolved to, so that a provider is asked once per call.
    pub(crate) fn keep(&mut self, reference: SecretReference, resolved: Versioned) {
        self.resolved.retain(|known| known.reference != reference);
        self.resolved.push(Known { reference, resolved });
    }

    /// The client that a credential presents, if this call has made one of values of these versions.
    pub(crate) fn identity(&self, credential: &Name, versions: &[String]) -> Option<Arc<Identity>> {
        let mut identities = self.identities.iter();
        let found = identities.find(|known| known.credential == *credential && known.versions == versions)?;
        Some(Arc::clone(&found.identity))
    }

    /// Keeps a client for the rest of the call, so that its connections can be used again.
    pub(crate) fn keep_identity(&mut self, credential: Name, versions: Vec<String>, identity: Arc<Identity>) {
        self.identities.push(Presented { credential, versions, identity });
    }

    /// Every client of the call, for tests of how long they live.
    #[cfg(test)]
    pub(crate) fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.identities.iter().map(|presented| &*presented.identity)
    }

    /// Keeps a slot value that the journal has. From now on answers are scanned for it.
    pub(crate) fn fill(&mut self, slot: &Name, value: Secret, entry: u64) -> Result<SlotHandle, FailureKind> {
        // As many values as a handle can count; a guest's handle limit is far below.
        let id = u32::try_from(self.slots.len()).map_err(|_| FailureKind::EmptySlot(slot.clone()))?;
        let value = Arc::new(value);
        self.live.add(&value, [slot]);
        self.slots.push(SlotValue { slot: slot.clone(), value, entry });
        Ok(SlotHandle { slot: slot.clone(), id })
    }

    /// The value behind a handle of this call.
    pub(crate) fn value(&self, handle: &SlotHandle) -> Option<&Arc<Secret>> {
        self.slot(handle).map(|value| &value.value)
    }

    /// The journal's number for the value behind a handle of this call.
    pub(crate) fn journal_entry(&self, handle: &SlotHandle) -> Option<u64> {
        self.slot(handle).map(|value| value.entry)
    }

    /// The newest value of a slot. Its version is its place in this call: another call's value is another value.
    pub(crate) fn latest(&self, slot: &Name) -> Option<Versioned> {
        let (place, found) = self.slots.iter().enumerate().rev().find(|(_, value)| value.slot == *slot)?;
        Some(Versioned { value: Arc::clone(&found.value), version: format!("call {} slot {place}", self.number) })
    }

    fn slot(&self, handle: &SlotHandle) -> Option<&SlotValue> {
        let place = usize::try_from(handle.id).ok()?;
        self.slots.get(place).filter(|value| value.slot == handle.slot)
    }
}

impl fmt::Debug for CallScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CallScope").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// Random characters of an alphabet, each equally likely: bytes at or above the largest multiple of the alphabet's size
/// are drawn again instead of being folded back, which would favour its first characters.
pub(crate) fn random(slot: &Name, rule: &Generate) -> Result<Secret, FailureKind> {
    let alphabet = rule.alphabet.characters().as_bytes();
    let length = usize::from(rule.length);
    let fair = 256 - 256 % alphabet.len().max(1);
    let mut text = Vec::with_capacity(length);
    let mut drawn = zeroize::Zeroizing::new([0_u8; 64]);
    while text.len() < length {
        getrandom::fill(drawn.as_mut_slice()).map_err(|_| FailureKind::Randomness(slot.clone()))?;
        let kept = drawn.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        let characters = kept.filter_map(|byte| alphabet.get(byte % alphabet.len()));
        text.extend(characters.take(length - text.len()));
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::collections::BTreeMap;

    use claviger_grant::SlotHandle;
    use claviger_manifest::{Alphabet, Generate, Name};

    use super::{CallScope, random};
    use crate::reveal::Secret;
    use crate::scan::Sessions;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn scope(number: u64) -> CallScope {
        CallScope::new(number, name("acme"), Sessions::default().open("s1", &name("acme")))
    }

    #[test]
    fn a_handle_finds_its_value_and_no_other() {
        let mut scope = scope(7);
        let first = scope.fill(&name("token"), Secret::new(b"kR7vQ2pXw9Lm".to_vec()), 3).unwrap();
        let second = scope.fill(&name("token"), Secret::new(b"Zt4Yb8NcJ6Hf".to_vec()), 4).unwrap();
        assert_ne!(first, second);
        assert_eq!(scope.value(&first).unwrap().expose(), b"kR7vQ2pXw9Lm");
        assert_eq!((scope.journal_entry(&first), scope.journal_entry(&second)), (Some(3), Some(4)));
        assert_eq!(scope.latest(&name("token")).unwrap().value.expose(), b"Zt4Yb8NcJ6Hf");
        assert!(scope.value(&SlotHandle { slot: name("other"), id: first.id }).is_none());
        assert!(scope.value(&SlotHandle { slot: name("token"), id: 2 }).is_none());
        assert!(scope.latest(&name("other")).is_none());
    }

    #[test]
    fn two_calls_never_share_a_version() {
        let version = |number| {
            let mut scope = scope(number);
            scope.fill(&name("token"), Secret::new(b"kR7vQ2pXw9Lm".to_vec()), 0).unwrap();
            scope.latest(&name("token")).unwrap().version
        };
        assert_ne!(version(1), version(2));
    }

    #[test]
    fn generated_values_use_the_whole_alphabet_evenly() {
        for alphabet in [Alphabet::Alphanumeric, Alphabet::Hex, Alphabet::Password] {
            let characters = alphabet.characters();
            let mut counts: BTreeMap<u8, u32> = BTreeMap::new();
            for _ in 0..400 {
                let value = random(&name("token"), &Generate { length: 200, alphabet }).unwrap();
                assert_eq!(value.len(), 200);
                value.expose().iter().for_each(|byte| *counts.entry(*byte).or_default() += 1);
            }
            assert_eq!(counts.len(), characters.len());
            // 80,000 draws: each character within a quarter of its share is more than six standard deviations wide.
            let share = 80_000 / u32::try_from(characters.len()).unwrap();
            assert!(counts.values().all(|count| count.abs_diff(share) < share / 4), "{counts:?}");
        }
    }

    #[test]
    fn debug_tells_nothing() {
        let mut scope = scope(7);
        scope.fill(&name("token"), Secret::new(b"kR7vQ2pXw9Lm".to_vec()), 3).unwrap();
        assert!(!format!("{scope:?}").contains("kR7v"));
    }
}
