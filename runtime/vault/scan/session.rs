//! The secrets of a session: what one call used, another call's answer may show.
//!
//! An upstream can keep what it was sent, in a ticket's note for example, and give it to whoever reads the ticket. So a
//! value is looked for in the answers of its whole session, and of it nothing but fingerprints outlives its call.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use claviger_manifest::Name;

use super::finds::Finds;
use super::prints::{Key, Prints};
use super::scanner::Scanner;
use crate::failure::FailureKind;
use crate::reveal::Secret;

/// The most sessions. A desk has tens of technicians, each with a few agents; ten secrets of a session take some 100 KiB.
const MAX_SESSIONS: usize = 256;

/// The most values in one session: every secret of every connection of a large desk, and a working day of tokens.
const MAX_VALUES: usize = 512;

/// How long an unused session, or an unused value of a session that has no more room, is remembered: no token that this
/// host keeps lives longer.
const IDLE: Duration = Duration::from_secs(12 * 3600);

/// A connection and the name of one of its secrets.
pub(crate) type Owner = (Name, Name);

/// The sessions of this process. What there is no room for is refused: forgetting another session's secrets in its place
/// would let a flood of sessions bring a secret out.
pub(crate) struct Sessions {
    key: Arc<Key>,
    known: Mutex<HashMap<String, Known>>,
}

struct Known {
    session: Arc<Session>,
    used: Instant,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { key: Arc::new(Key::new()), known: Mutex::default() }
    }
}

impl Sessions {
    /// Every secret of a session, for one call on a connection.
    pub(crate) fn open(&self, session: &str, connection: &Name) -> Live {
        Live { session: self.find(session, Instant::now()), connection: connection.clone(), refused: false }
    }

    fn find(&self, name: &str, now: Instant) -> Option<Arc<Session>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = known.get_mut(name) {
            session.used = now;
            return Some(Arc::clone(&session.session));
        }
        // A call that is running holds its session.
        known.retain(|_, known| Arc::strong_count(&known.session) > 1 || now.duration_since(known.used) < IDLE);
        if known.len() >= MAX_SESSIONS {
            return None;
        }
        let session = Arc::new(Session(Mutex::new(Values::new(Arc::clone(&self.key)))));
        known.insert(name.to_owned(), Known { session: Arc::clone(&session), used: now });
        Some(session)
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Sessions").finish_non_exhaustive()
    }
}

/// What is kept of one session.
struct Session(Mutex<Values>);

struct Values {
    prints: Arc<Prints>,
    /// By number; a number whose value was forgotten is given to the next.
    entries: Vec<Option<Entry>>,
}

struct Entry {
    identity: [u8; 16],
    owners: BTreeSet<Owner>,
    used: Instant,
}

impl Session {
    fn values(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Values {
    fn new(key: Arc<Key>) -> Self {
        Self { prints: Arc::new(Prints::new(key)), entries: Vec::new() }
    }

    /// Adds a value, or another owner of a value that is known. Says whether there was room.
    fn add(&mut self, value: &[u8], owners: impl Iterator<Item = Owner>, now: Instant) -> bool {
        let identity = self.prints.identity(value);
        if let Some(entry) = self.entries.iter_mut().flatten().find(|entry| entry.identity == identity) {
            entry.owners.extend(owners);
            entry.used = now;
            return true;
        }
        if !self.entries.contains(&None) && self.entries.len() >= MAX_VALUES {
            self.forget_idle(now);
        }
        let free = self.entries.iter().position(Option::is_none).unwrap_or(self.entries.len());
        if free >= MAX_VALUES {
            return false;
        }
        let entry = Some(Entry { identity, owners: owners.collect(), used: now });
        match self.entries.get_mut(free) {
            Some(place) => *place = entry,
            None => self.entries.push(entry),
        }
        // A scan that is under way goes on with what was known when it began.
        Arc::make_mut(&mut self.prints).add(free, value);
        true
    }

    fn forget_idle(&mut self, now: Instant) {
        let idle = |entry: &mut Entry| now.duration_since(entry.used) >= IDLE;
        self.entries.iter_mut().for_each(|place| drop(place.take_if(idle)));
        let gone = |owner: usize| self.entries.get(owner).is_none_or(Option::is_none);
        Arc::make_mut(&mut self.prints).forget(gone);
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.identity == other.identity
    }
}

/// Every secret that answers of a call are scanned for: those of its session.
pub(crate) struct Live {
    session: Option<Arc<Session>>,
    connection: Name,
    refused: bool,
}

impl Live {
    /// Adds a value under the names that it was made of: its own, or those of the secrets it is derived from.
    pub(crate) fn add<'a>(&mut self, value: &Arc<Secret>, names: impl IntoIterator<Item = &'a Name>) {
        if value.len() < super::MIN_SCANNED {
            return;
        }
        let owners = names.into_iter().map(|name| (self.connection.clone(), name.clone()));
        // EXPOSE: fingerprints are made of it, its forms in a buffer that is wiped at once; none of them is kept.
        let added =
            self.session.as_ref().is_some_and(|session| session.values().add(value.expose(), owners, Instant::now()));
        self.refused |= !added;
    }

    /// Whether every secret could be added. If not, answers cannot be scanned for all of them.
    pub(crate) fn admitted(&self) -> Result<(), FailureKind> {
        if self.refused { Err(FailureKind::SessionFull) } else { Ok(()) }
    }

    /// The owners of all secrets that the texts hold, in any spelling.
    pub(crate) fn scan(&self, read: impl FnOnce(&mut Scanner)) -> BTreeSet<Owner> {
        let Some(session) = &self.session else { return BTreeSet::new() };
        let (prints, count) = {
            let values = session.values();
            (Arc::clone(&values.prints), values.entries.len())
        };
        let mut scanner = Scanner::of(prints, Finds::new(count));
        read(&mut scanner);
        let values = session.values();
        let found = scanner.found().filter_map(|owner| values.entries.get(owner)?.as_ref());
        found.flat_map(|entry| entry.owners.iter().cloned()).collect()
    }
}

#[cfg(test)]
impl Live {
    /// The only call of its session, for tests of what joins it.
    pub(crate) fn alone() -> Self {
        Sessions::default().open("alone", &"acme".parse().unwrap_or_else(|_| unreachable!("a name")))
    }

    /// The names of the secrets that a text holds.
    pub(crate) fn leaks(&self, text: &[u8]) -> BTreeSet<Name> {
        self.scan(|scanner| scanner.text(text)).into_iter().map(|(_, name)| name).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use claviger_manifest::Name;

    use super::{IDLE, Live, MAX_SESSIONS, MAX_VALUES, Owner, Sessions, Values};
    use crate::failure::FailureKind;
    use crate::reveal::Secret;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn add(live: &mut Live, value: &str, names: &[&str]) {
        let names: Vec<Name> = names.iter().map(|text| name(text)).collect();
        live.add(&Arc::new(Secret::new(value.as_bytes().to_vec())), &names);
    }

    fn caught(live: &Live, text: &str) -> Vec<String> {
        let found = live.scan(|scanner| scanner.text(text.as_bytes()));
        found.iter().map(|(connection, secret)| format!("{connection} {secret}")).collect()
    }

    #[test]
    fn calls_of_a_session_share_what_is_looked_for() {
        let sessions = Sessions::default();
        let mut one = sessions.open("s1", &name("acme"));
        add(&mut one, "kR7vQ2pXw9Lm", &["key"]);
        let mut other = sessions.open("s1", &name("beta"));
        drop(one);
        assert_eq!(caught(&other, "..kR7vQ2pXw9Lm.."), ["acme key"]);
        assert!(caught(&sessions.open("s2", &name("acme")), "..kR7vQ2pXw9Lm..").is_empty());
        // The same value on two connections is one entry with both.
        add(&mut other, "kR7vQ2pXw9Lm", &["token"]);
        assert_eq!(caught(&other, "..kR7vQ2pXw9Lm.."), ["acme key", "beta token"]);
        assert_eq!(other.session.as_ref().unwrap().values().entries.len(), 1);
    }

    #[test]
    fn a_derived_value_names_what_it_is_made_of_and_a_short_one_is_not_looked_for() {
        let mut live = Sessions::default().open("s1", &name("acme"));
        add(&mut live, "acme+pub:priv", &["public", "private"]);
        add(&mut live, "kR7vQ2p", &["pin"]);
        assert_eq!(caught(&live, "kR7vQ2p YWNtZStwdWI6cHJpdg=="), ["acme private", "acme public"]);
        assert!(live.admitted().is_ok());
    }

    #[test]
    fn a_scan_goes_on_with_what_was_known_when_it_began() {
        let sessions = Sessions::default();
        let live = sessions.open("s1", &name("acme"));
        let found = live.scan(|scanner| {
            add(&mut sessions.open("s1", &name("acme")), "kR7vQ2pXw9Lm", &["key"]);
            scanner.text(b"kR7vQ2pXw9Lm");
        });
        assert!(found.is_empty());
        assert_eq!(caught(&live, "kR7vQ2pXw9Lm"), ["acme key"]);
    }

    fn owner(number: usize) -> std::iter::Once<Owner> {
        std::iter::once((name("acme"), name(&format!("k{number}"))))
    }

    #[test]
    fn a_full_session_refuses_until_something_is_idle() {
        let now = Instant::now();
        let mut values = Values::new(Sessions::default().key);
        let value = |number: usize| format!("kR7vQ2pXw9Lm{number:06}").into_bytes();
        for number in 0..MAX_VALUES {
            assert!(values.add(&value(number), owner(number), now));
        }
        assert!(!values.add(&value(MAX_VALUES), owner(0), now), "nothing is forgotten in its place");
        assert!(values.add(&value(7), owner(7), now + IDLE / 2), "a value that is known needs no room");
        assert!(values.add(&value(MAX_VALUES), owner(0), now + IDLE));
        let left = values.entries.iter().flatten().count();
        assert_eq!(left, 2, "the one that was used meanwhile, and the new one");
        let mut scanner = super::Scanner::of(Arc::clone(&values.prints), super::Finds::new(values.entries.len()));
        scanner.text(&[value(7), value(8), value(MAX_VALUES)].concat());
        assert_eq!(scanner.found().collect::<Vec<_>>(), [0, 7]);
    }

    #[test]
    fn a_flood_of_sessions_is_refused_and_no_session_forgotten_for_it() {
        let sessions = Sessions::default();
        let now = Instant::now();
        let running = sessions.find("s0", now);
        for number in 1..MAX_SESSIONS {
            assert!(sessions.find(&format!("s{number}"), now).is_some());
        }
        assert!(sessions.find("one more", now).is_none());
        let later = now + IDLE + Duration::from_secs(1);
        assert!(sessions.find("one more", later).is_some());
        assert!(Arc::ptr_eq(&sessions.find("s0", later).unwrap(), running.as_ref().unwrap()), "a call was running");
    }

    #[test]
    fn a_call_without_room_gets_no_answer() {
        let mut live = Live { session: None, connection: name("acme"), refused: false };
        add(&mut live, "kR7vQ2pXw9Lm", &["key"]);
        assert!(matches!(live.admitted(), Err(FailureKind::SessionFull)));
    }

    #[test]
    fn what_is_kept_of_a_session_holds_no_part_of_a_value() {
        let mut values = Values::new(Sessions::default().key);
        let value = "kR7vQ2pXw9LmZt4Yb8NcJ6HfQw3Er5Ty";
        assert!(values.add(value.as_bytes(), owner(0), Instant::now()));
        let kept = values.prints.everything_kept();
        let parts = value.as_bytes().windows(4);
        assert!(parts.filter(|part| kept.windows(4).any(|kept| kept == *part)).count() == 0);
        assert!(kept.len() > 1000, "that is not nothing");
    }
}
