//! How a human must agree to a request: what its effect asks for, and what the grant asks for on top.

use std::collections::{BTreeMap, BTreeSet};

use claviger_manifest::{Effect, Name};
use serde::Deserialize;

/// The most people that a grant can ask for: more than a small team has, and one digit on every page.
const MAX_PEOPLE: u8 = 9;

/// How many distinct people must agree to one request. Reads as a number from 1 to 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u8")]
pub struct People(u8);

/// A number of people that nobody can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a number of people from 1 to {MAX_PEOPLE} was expected")]
pub struct NotPeople;

impl People {
    /// One person, which is what every request asks for at least.
    pub const ONE: Self = Self(1);

    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for People {
    type Error = NotPeople;

    fn try_from(number: u8) -> Result<Self, NotPeople> {
        if (1..=MAX_PEOPLE).contains(&number) { Ok(Self(number)) } else { Err(NotPeople) }
    }
}

/// How a human must agree to one request. A grant makes it stricter than the effect does, never easier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whether one yes may cover further requests of the same kind for a while.
    pub lease: bool,
    /// How many distinct people must agree.
    pub people: People,
    /// Whether two digits that are shown where the call was made must be typed where it is approved: whoever approves
    /// then answers the call that they see, and not another one that came in between.
    pub match_code: bool,
}

impl Terms {
    /// What an effect asks for by itself: a look may be leased; what destroys or makes a credential needs the match code.
    pub fn of(effect: Effect) -> Self {
        let match_code = matches!(effect, Effect::Destroy | Effect::Mint);
        Self { lease: effect == Effect::Read, people: People::ONE, match_code }
    }

    /// What a grant asks for on top.
    pub(crate) fn under(
        effect: Effect,
        name: &Name,
        each_use: &BTreeSet<Name>,
        people: &BTreeMap<Name, People>,
    ) -> Self {
        let people = people.get(name).copied().unwrap_or(People::ONE);
        let own = Self::of(effect);
        // A lease is one person's word; what needs several is asked each time.
        Self { lease: own.lease && !each_use.contains(name) && people == People::ONE, people, ..own }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_manifest::Effect;

    use super::{People, Terms};
    use crate::testkit::{check_send, get_vm, make_token, policy, send};

    fn terms(line: &str, request: crate::SendRequest) -> Terms {
        let policy = policy(&[("networks = ", &format!("{line}\nnetworks = "))]);
        check_send(&policy, request).unwrap().terms()
    }

    #[test]
    fn each_effect_has_its_own() {
        let lease = |effect| Terms::of(effect).lease;
        assert!(lease(Effect::Read) && !lease(Effect::Write) && !lease(Effect::Destroy) && !lease(Effect::Mint));
        let code = |effect| Terms::of(effect).match_code;
        assert!(!code(Effect::Read) && !code(Effect::Write) && code(Effect::Destroy) && code(Effect::Mint));
    }

    #[test]
    fn a_grant_can_ask_each_time() {
        assert!(terms("", get_vm("pve1", "100")).lease);
        assert!(!terms("each-use = [\"get-vm\"]", get_vm("pve1", "100")).lease);
        assert!(terms("each-use = [\"ping\"]", get_vm("pve1", "100")).lease);
    }

    #[test]
    fn a_grant_can_ask_for_several_people() {
        let two = terms("people = { make-token = 2, get-vm = 3 }", make_token(None));
        assert_eq!((two.people.get(), two.match_code), (2, true));
        let three = terms("people = { make-token = 2, get-vm = 3 }", get_vm("pve1", "100"));
        assert_eq!((three.people.get(), three.lease), (3, false));
        assert_eq!(terms("people = { make-token = 2 }", send("ping", None)).people, People::ONE);
    }

    #[test]
    fn numbers_that_nobody_means_are_refused() {
        for number in [0, 10, 255] {
            assert!(People::try_from(number).is_err(), "{number}");
        }
        for number in 1..=9 {
            assert_eq!(People::try_from(number).unwrap().get(), number);
        }
    }
}
