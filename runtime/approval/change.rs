//! What is different from the last time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use claviger_grant::Facts;
use serde::Deserialize;
use serde_json::Value;

use crate::{Enrolled, Receipt, verify};

/// How many operations are remembered. A host has some hundred; more is somebody who makes names up.
const MAX_REMEMBERED: usize = 4_096;

/// One place in which a request differs from the one that was approved last. What a person has seen before is what they
/// look at least, so this is shown first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// JSON pointer (RFC 6901) into the facts.
    pub place: String,
    /// What stood there, if anything did. JSON text.
    pub before: Option<String>,
    /// What stands there now, if anything does. JSON text.
    pub after: Option<String>,
}

type Flat = BTreeMap<String, String>;

/// Who asked, on which connection, for which operation.
type Key = (String, String, String);

/// The request of each operation that was approved last, by who asked, connection and operation.
#[derive(Debug, Default)]
pub(crate) struct History {
    last: Mutex<BTreeMap<Key, Flat>>,
    /// What was approved before the host started. Nothing here was verified.
    recalled: BTreeMap<Key, Receipt>,
}

/// The question of a receipt, as far as it says what was asked for.
#[derive(Deserialize)]
struct Question {
    facts: Value,
}

impl History {
    /// A history that begins with what people approved before.
    pub(crate) fn recalling(receipts: impl IntoIterator<Item = Receipt>) -> Self {
        let keyed = |receipt: Receipt| Some((key_of(&asked(&receipt)?)?, receipt));
        Self { recalled: receipts.into_iter().filter_map(keyed).collect(), ..Self::default() }
    }

    /// What is different, or `None` for an operation that nobody approved yet.
    pub(crate) fn changes(&self, facts: &Facts, enrolled: &Enrolled) -> Option<Vec<Change>> {
        let now = flat(facts);
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(facts);
        let recalled;
        let before = match last.get(&key) {
            Some(before) => before,
            None => {
                recalled = self.recalled(&key, enrolled)?;
                &recalled
            }
        };
        let places = before.keys().chain(now.keys().filter(|place| !before.contains_key(*place)));
        let changes = places.filter(|place| before.get(*place) != now.get(*place)).map(|place| Change {
            place: place.clone(),
            before: before.get(place).cloned(),
            after: now.get(place).cloned(),
        });
        Some(changes.collect())
    }

    /// A receipt of an earlier time counts if its signature is that of somebody who may still approve.
    fn recalled(&self, key: &Key, enrolled: &Enrolled) -> Option<Flat> {
        let receipt = self.recalled.get(key)?;
        let verified = verify(receipt, enrolled.find(&receipt.credential_id)?).ok()?;
        Some(flat_value(&asked(verified.receipt())?))
    }

    pub(crate) fn remember(&self, facts: &Facts) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= MAX_REMEMBERED {
            last.clear();
        }
        last.insert(key(facts), flat(facts));
    }
}

fn key(facts: &Facts) -> Key {
    (facts.principal.clone(), facts.connection.to_string(), facts.action_name().to_string())
}

fn asked(receipt: &Receipt) -> Option<Value> {
    serde_json::from_str::<Question>(&receipt.request).ok().map(|question| question.facts)
}

/// As [`key`], of facts that are text.
fn key_of(facts: &Value) -> Option<Key> {
    let text = |place: &str| facts.pointer(place).and_then(Value::as_str).map(str::to_owned);
    let name = text("/action/operation").or_else(|| text("/action/write_back"))?;
    Some((text("/principal")?, text("/connection")?, name))
}

/// Every leaf by its place. Which session asks is different each day and says nothing.
fn flat(facts: &Facts) -> Flat {
    serde_json::to_value(facts).map_or_else(|_| Flat::new(), |value| flat_value(&value))
}

fn flat_value(facts: &Value) -> Flat {
    let mut flat = Flat::new();
    walk(facts, String::new(), &mut flat);
    flat.remove("/session");
    flat
}

fn walk(value: &Value, place: String, flat: &mut Flat) {
    let step = |name: &str| format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| walk(member, step(name), flat)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| walk(item, step(&index.to_string()), flat))
        }
        leaf => drop(flat.insert(place, leaf.to_string())),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Change, History};
    use crate::fixtures::{self, webauthn_key};
    use crate::{Enrolled, Receipt};

    fn nobody() -> Enrolled {
        Enrolled::default()
    }

    #[test]
    fn the_first_time_is_told_apart_from_the_same_again() {
        let history = History::default();
        let mut facts = fixtures::facts();
        assert_eq!(history.changes(&facts, &nobody()), None);
        history.remember(&facts);
        facts.session = "another-day".to_owned();
        assert_eq!(history.changes(&facts, &nobody()), Some(Vec::new()));
        facts.connection = "globex-pax8".parse().unwrap();
        assert_eq!(history.changes(&facts, &nobody()), None);
    }

    #[test]
    fn somebody_else_s_request_is_no_last_time() {
        let history = History::default();
        let mut facts = fixtures::facts();
        history.remember(&facts);
        facts.principal = "sam@msp.example".to_owned();
        assert_eq!(history.changes(&facts, &nobody()), None);
    }

    #[test]
    fn what_was_approved_before_the_start_is_recalled_where_its_signature_holds() {
        let receipt = fixtures::receipt();
        let mut facts = fixtures::facts();
        let enrolled = Enrolled::new([webauthn_key().0]).unwrap();
        let history = History::recalling([receipt.clone()]);
        assert_eq!(history.changes(&facts, &enrolled), Some(Vec::new()));
        fixtures::send(&mut facts).path = "/v1/orders".to_owned();
        assert_eq!(history.changes(&facts, &enrolled).unwrap().len(), 1);
        assert_eq!(history.changes(&facts, &nobody()), None, "of somebody who is enrolled no more");
        let edited = Receipt { request: receipt.request.replace("/v1/subscriptions", "/v1/elsewhere"), ..receipt };
        assert_eq!(History::recalling([edited]).changes(&facts, &enrolled), None, "nobody signed that");
        history.remember(&facts);
        assert_eq!(history.changes(&facts, &enrolled), Some(Vec::new()), "what came since counts first");
    }

    #[test]
    fn every_place_that_differs_is_named_with_both_texts() {
        let history = History::default();
        let mut facts = fixtures::facts();
        history.remember(&facts);
        facts.client = None;
        let send = fixtures::send(&mut facts);
        send.path = "/v1/orders".to_owned();
        send.body.as_mut().unwrap().fields.insert("/a~b".to_owned(), "1".to_owned());
        let change = |place: &str, before: Option<&str>, after: Option<&str>| Change {
            place: place.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let expected = [
            change("/action/path", Some("\"/v1/subscriptions\""), Some("\"/v1/orders\"")),
            change("/client", Some("\"Acme\""), None),
            change("/action/body/fields/~1a~0b", None, Some("\"1\"")),
        ];
        assert_eq!(history.changes(&facts, &nobody()).unwrap(), expected);
    }
}
