//! What is different from the last time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use claviger_grant::Facts;
use claviger_manifest::Name;
use serde_json::Value;

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

/// The request of each operation that was approved last, by connection and operation, since the host started.
#[derive(Debug, Default)]
pub(crate) struct History {
    last: Mutex<BTreeMap<(Name, Name), Flat>>,
}

impl History {
    /// What is different, or `None` for an operation that nobody approved yet.
    pub(crate) fn changes(&self, facts: &Facts) -> Option<Vec<Change>> {
        let now = flat(facts);
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.get(&key(facts))?;
        let places = before.keys().chain(now.keys().filter(|place| !before.contains_key(*place)));
        let changes = places.filter(|place| before.get(*place) != now.get(*place)).map(|place| Change {
            place: place.clone(),
            before: before.get(place).cloned(),
            after: now.get(place).cloned(),
        });
        Some(changes.collect())
    }

    pub(crate) fn remember(&self, facts: &Facts) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= MAX_REMEMBERED {
            last.clear();
        }
        last.insert(key(facts), flat(facts));
    }
}

fn key(facts: &Facts) -> (Name, Name) {
    (facts.connection.clone(), facts.action_name().clone())
}

/// Every leaf by its place. Which session asks is different each day and says nothing.
fn flat(facts: &Facts) -> Flat {
    let mut flat = Flat::new();
    if let Ok(value) = serde_json::to_value(facts) {
        walk(&value, String::new(), &mut flat);
    }
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
    use crate::fixtures;

    #[test]
    fn the_first_time_is_told_apart_from_the_same_again() {
        let history = History::default();
        let mut facts = fixtures::facts();
        assert_eq!(history.changes(&facts), None);
        history.remember(&facts);
        facts.session = "another-day".to_owned();
        assert_eq!(history.changes(&facts), Some(Vec::new()));
        facts.connection = "globex-pax8".parse().unwrap();
        assert_eq!(history.changes(&facts), None);
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
        assert_eq!(history.changes(&facts).unwrap(), expected);
    }
}
