//! Who may look: the browser that was given a link, and whoever can read the state directory.
//!
//! A ticket opens a session, once and soon. It is made with a key of the state directory, so a second command can make one
//! for the host that runs. A session lets somebody read and deny; to approve takes a passkey.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use claviger_approval::Base64Url;
use hmac::{Hmac, KeyInit, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::id::{NoRandomness, random};

/// How long a ticket may wait for its browser, in milliseconds: a slow one that has to start first.
const TICKET_LIFE: u64 = 120_000;

/// How long a session lasts, in milliseconds: a working day, as the longest lease.
const SESSION_LIFE: u64 = 8 * 60 * 60 * 1_000;

/// Sessions at once. The oldest ends when there is one more: a person has two browsers, not twenty.
const MAX_SESSIONS: usize = 16;

/// Bytes of a ticket before its authentication: the time that it was made, then 16 random ones.
const TICKET_BODY: usize = 24;

/// The cookie's name, without the port. `__Host-` would need TLS.
const COOKIE: &str = "claviger-session";

/// Separates what the two keys authenticate from everything else.
const TICKET_DOMAIN: &[u8] = b"claviger/ticket/v1\0";
const TOKEN_DOMAIN: &[u8] = b"claviger/page-token/v1\0";

/// Makes tickets: one-time words that open a session in a browser.
#[derive(Clone)]
pub struct Tickets {
    key: [u8; 32],
}

impl Tickets {
    /// From the state directory's key.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A new ticket. `None` when the operating system gives no randomness.
    pub fn issue(&self, now: SystemTime) -> Option<String> {
        let nonce = random::<16>().ok()?;
        let body = [&milliseconds(now).to_be_bytes()[..], &nonce].concat();
        let mac = mac(&self.key, TICKET_DOMAIN, &body);
        Some(Base64Url::from([body.as_slice(), &mac].concat()).to_string())
    }

    /// When a ticket of ours was made, and its nonce.
    fn read(&self, ticket: &str) -> Option<(u64, [u8; 16])> {
        let bytes: Base64Url = ticket.parse().ok()?;
        let (body, given) = bytes.as_bytes().split_at_checked(TICKET_BODY)?;
        if !bool::from(mac(&self.key, TICKET_DOMAIN, body).ct_eq(given)) {
            return None;
        }
        let (made, nonce) = body.split_at_checked(8)?;
        Some((u64::from_be_bytes(made.try_into().ok()?), nonce.try_into().ok()?))
    }
}

/// The name of the cookie of the page on a port. Browsers send a host's cookies to all of its ports: two hosts on one machine
/// would otherwise end each other's sessions.
pub(crate) fn cookie_name(port: u16) -> String {
    format!("{COOKIE}-{port}")
}

/// A session that was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session([u8; 32]);

/// Every session of this host. They live in memory alone, so a restart ends them.
pub(crate) struct Sessions {
    tickets: Tickets,
    secret: [u8; 32],
    started: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Nonces that were used, by when.
    used: BTreeMap<[u8; 16], u64>,
    /// Hashes of the cookies, with when each began: a lookup takes the same time whatever part of a cookie is right.
    open: BTreeMap<[u8; 32], u64>,
}

impl Sessions {
    /// No session yet.
    pub(crate) fn new(tickets: Tickets, now: SystemTime) -> Result<Self, NoRandomness> {
        Ok(Self { tickets, secret: random()?, started: milliseconds(now), state: Mutex::default() })
    }

    /// A ticket for this host's own links.
    pub(crate) fn ticket(&self, now: SystemTime) -> Option<String> {
        self.tickets.issue(now)
    }

    /// Opens a session for a ticket and gives the cookie's value. A ticket from before this host started, or used once, or
    /// too old, opens none.
    pub(crate) fn enter(&self, ticket: &str, now: SystemTime) -> Option<String> {
        let now = milliseconds(now);
        let (made, nonce) = self.tickets.read(ticket)?;
        let mut state = self.lock();
        state.used.retain(|_, used| now.saturating_sub(*used) <= TICKET_LIFE);
        let is_fresh = made >= self.started && made <= now && now - made <= TICKET_LIFE;
        if !is_fresh || state.used.insert(nonce, now).is_some() {
            return None;
        }
        let cookie = Base64Url::from(random::<32>().ok()?.as_slice()).to_string();
        state.open.retain(|_, began| now.saturating_sub(*began) <= SESSION_LIFE);
        while state.open.len() >= MAX_SESSIONS {
            let oldest = state.open.iter().min_by_key(|(_, began)| **began).map(|(hash, _)| *hash)?;
            state.open.remove(&oldest);
        }
        state.open.insert(hash(&cookie), now);
        Some(cookie)
    }

    /// The session of a cookie.
    pub(crate) fn recognise(&self, cookie: &str, now: SystemTime) -> Option<Session> {
        let hash = hash(cookie);
        let began = *self.lock().open.get(&hash)?;
        (milliseconds(now).saturating_sub(began) <= SESSION_LIFE).then_some(Session(hash))
    }

    /// The token of one page in one session. What changes something has to show it.
    pub(crate) fn token(&self, session: Session, page: &str) -> String {
        let mac = mac(&self.secret, TOKEN_DOMAIN, &[session.0.as_slice(), page.as_bytes()].concat());
        Base64Url::from(mac.as_slice()).to_string()
    }

    /// Whether a token is this page's in this session.
    pub(crate) fn holds(&self, session: Session, page: &str, token: &str) -> bool {
        self.token(session, page).as_bytes().ct_eq(token.as_bytes()).into()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie.as_bytes()).into()
}

fn mac(key: &[u8; 32], domain: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block(key));
    mac.update(domain);
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// A key padded to SHA-256's block (RFC 2104 §2): of that length it cannot be wrong.
fn block(key: &[u8; 32]) -> hmac::digest::Key<Hmac<Sha256>> {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    block
}

/// Milliseconds of Unix time.
fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis().try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{MAX_SESSIONS, Sessions, Tickets};

    const KEY: [u8; 32] = [0x5b; 32];

    fn sessions(now: SystemTime) -> Sessions {
        Sessions::new(Tickets::new(KEY), now).unwrap()
    }

    #[test]
    fn a_ticket_opens_one_session_once() {
        let now = SystemTime::now();
        let sessions = sessions(now);
        let ticket = Tickets::new(KEY).issue(now).unwrap();
        let cookie = sessions.enter(&ticket, now).unwrap();
        assert!(sessions.recognise(&cookie, now).is_some());
        assert_eq!(sessions.enter(&ticket, now), None, "a ticket opened twice");
    }

    #[test]
    fn old_new_foreign_and_torn_tickets_open_nothing() {
        let now = SystemTime::now();
        let sessions = sessions(now);
        let second = Duration::from_secs(1);
        let made = |at| Tickets::new(KEY).issue(at).unwrap();
        assert_eq!(sessions.enter(&made(now - second), now), None, "from before the host started");
        assert_eq!(sessions.enter(&made(now + second), now), None, "from the future");
        assert_eq!(sessions.enter(&made(now), now + second * 121), None, "too old");
        assert_eq!(sessions.enter(&Tickets::new([1; 32]).issue(now).unwrap(), now), None, "another key");
        let ticket = made(now);
        let cut: String = ticket.chars().take(60).collect();
        for torn in [cut.as_str(), "", "A", &format!("{ticket}AAAA"), &ticket.replace('A', "B")] {
            assert!(torn == ticket || sessions.enter(torn, now).is_none(), "{torn}");
        }
    }

    #[test]
    fn a_session_ends_with_the_day_and_when_there_are_many() {
        let now = SystemTime::now();
        let sessions = sessions(now);
        let at = |index: usize| now + Duration::from_secs(u64::try_from(index).unwrap());
        let opened: Vec<String> = (0..=MAX_SESSIONS)
            .map(|index| sessions.enter(&Tickets::new(KEY).issue(at(index)).unwrap(), at(index)).unwrap())
            .collect();
        let last = opened.last().unwrap();
        assert!(sessions.recognise(opened.first().unwrap(), at(MAX_SESSIONS)).is_none());
        assert!(sessions.recognise(last, at(MAX_SESSIONS)).is_some());
        assert!(sessions.recognise(last, at(MAX_SESSIONS) + Duration::from_secs(8 * 3_600 + 1)).is_none());
        assert!(sessions.recognise("", now).is_none());
    }

    #[test]
    fn a_token_is_one_pages_in_one_session() {
        let now = SystemTime::now();
        let sessions = sessions(now);
        let session = || {
            let cookie = sessions.enter(&Tickets::new(KEY).issue(now).unwrap(), now).unwrap();
            sessions.recognise(&cookie, now).unwrap()
        };
        let (one, other) = (session(), session());
        let token = sessions.token(one, "a");
        assert!(sessions.holds(one, "a", &token));
        assert!(!sessions.holds(one, "b", &token));
        assert!(!sessions.holds(other, "a", &token));
        assert!(!sessions.holds(one, "a", ""));
    }
}
