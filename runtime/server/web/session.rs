//! Who may look: the browser that was given a link, and whoever can read the state directory; on a team's page, whoever has
//! signed in with a passkey, as long as they do something and at most for a day.
//!
//! A ticket opens a session, once and soon. It is made with a key of the state directory, so a second command can make one
//! for the host that runs. A session lets somebody read and deny; to approve takes a passkey.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use claviger_approval::{Base64Url, SignedIn};
use hmac::{Hmac, KeyInit, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::watch;

use super::id::{NoRandomness, random};
use super::origin::Origin;

/// How long a ticket may wait for its browser, in milliseconds: a slow one that has to start first.
const TICKET_LIFE: u64 = 120_000;

/// How long a link to an enrolment may wait, in milliseconds: it has to reach somebody elsewhere first.
const ENROLMENT_LIFE: u64 = 15 * 60 * 1_000;

/// How long somebody may look for their passkey when they sign in, in milliseconds.
pub(crate) const SIGN_IN_LIFE: u64 = 120_000;

/// How long a person's session on a team's page lasts after the last thing that they did, in milliseconds: a phone that was
/// left somewhere.
const IDLE_LIFE: u64 = 30 * 60 * 1_000;

/// How long a session lasts, in milliseconds: a working day, as the longest lease.
const SESSION_LIFE: u64 = 8 * 60 * 60 * 1_000;

/// Sessions at once, of this machine or of one person who signed in. Their oldest ends when there is one more: a person has
/// two browsers, not twenty.
const MAX_SESSIONS: usize = 16;

/// Bytes of a ticket before its authentication: the time that it was made, then 16 random ones.
const TICKET_BODY: usize = 24;

/// The cookie's name, without the port. `__Host-` would need TLS.
const COOKIE: &str = "claviger-session";

/// The same where there is TLS: browsers take one of this name from its own host alone, over TLS, for all paths
/// (RFC 6265bis §4.1.3.2).
const TEAM_COOKIE: &str = "__Host-claviger-session";
const ENROLMENT_COOKIE: &str = "__Host-claviger-enrolment";

/// Separates what the two keys authenticate from everything else.
const TICKET_DOMAIN: &[u8] = b"claviger/ticket/v1\0";
const ENROLMENT_DOMAIN: &[u8] = b"claviger/enrolment-ticket/v1\0";
const SIGN_IN_DOMAIN: &[u8] = b"claviger/sign-in-ticket/v1\0";
const TOKEN_DOMAIN: &[u8] = b"claviger/page-token/v1\0";

/// Makes tickets: one-time words that open a session in a browser.
#[derive(Clone)]
pub struct Tickets {
    key: [u8; 32],
    domain: &'static [u8],
    life: u64,
}

impl Tickets {
    /// From the state directory's key.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key, domain: TICKET_DOMAIN, life: TICKET_LIFE }
    }

    /// Tickets that open an enrolment of a team's page and nothing else. They live longer.
    pub(crate) fn for_enrolment(self) -> Self {
        Self { domain: ENROLMENT_DOMAIN, life: ENROLMENT_LIFE, ..self }
    }

    /// A new ticket. `None` when the operating system gives no randomness.
    pub fn issue(&self, now: SystemTime) -> Option<String> {
        let nonce = random::<16>().ok()?;
        let body = [&milliseconds(now).to_be_bytes()[..], &nonce].concat();
        let mac = mac(&self.key, self.domain, &body);
        Some(Base64Url::from([body.as_slice(), &mac].concat()).to_string())
    }

    /// When a ticket of ours was made, and its nonce.
    fn read(&self, ticket: &str) -> Option<(u64, [u8; 16])> {
        let bytes: Base64Url = ticket.parse().ok()?;
        let (body, given) = bytes.as_bytes().split_at_checked(TICKET_BODY)?;
        if !bool::from(mac(&self.key, self.domain, body).ct_eq(given)) {
            return None;
        }
        let (made, nonce) = body.split_at_checked(8)?;
        Some((u64::from_be_bytes(made.try_into().ok()?), nonce.try_into().ok()?))
    }
}

/// The name of the cookie of a page. Browsers send a host's cookies to all of its ports: two hosts on one machine would
/// otherwise end each other's sessions.
pub(crate) fn cookie_name(origin: &Origin) -> String {
    let name = if origin.is_team() { TEAM_COOKIE } else { COOKIE };
    format!("{name}-{}", origin.port())
}

/// The name of the cookie of whoever is invited to enrol on a team's page. One of its own: it neither opens a session there
/// nor ends one.
pub(crate) fn enrolment_cookie(origin: &Origin) -> String {
    format!("{ENROLMENT_COOKIE}-{}", origin.port())
}

/// The whole cookie: out of the reach of scripts and of other sites' requests.
pub(crate) fn cookie(origin: &Origin, name: &str, value: &str) -> String {
    let secure = if origin.is_team() { "; Secure" } else { "" };
    let seconds = SESSION_LIFE / 1_000;
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}")
}

/// What takes the cookie away again.
pub(crate) fn no_cookie(origin: &Origin) -> String {
    let secure = if origin.is_team() { "; Secure" } else { "" };
    format!("{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{secure}", cookie_name(origin))
}

/// A session that was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session([u8; 32]);

/// Every session of this host. They live in memory alone, so a restart ends them.
pub(crate) struct Sessions {
    tickets: Tickets,
    /// What people who sign in answer to.
    invitations: Tickets,
    secret: [u8; 32],
    started: u64,
    state: Mutex<State>,
    /// Counts the sessions that somebody ended, for pages that are open in them.
    ended: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    /// Nonces that were used, by when.
    used: BTreeMap<[u8; 16], u64>,
    /// By hashes of the cookies: a lookup takes the same time whatever part of a cookie is right.
    open: BTreeMap<[u8; 32], Open>,
}

struct Open {
    began: u64,
    /// When somebody last did something with it.
    active: u64,
    /// Who signed in. `None`: a ticket opened it.
    person: Option<String>,
}

impl Open {
    fn is_live(&self, now: u64) -> bool {
        let is_idle = self.person.is_some() && now.saturating_sub(self.active) > IDLE_LIFE;
        !is_idle && now.saturating_sub(self.began) <= SESSION_LIFE
    }
}

impl Sessions {
    /// No session yet.
    pub(crate) fn new(tickets: Tickets, now: SystemTime) -> Result<Self, NoRandomness> {
        let invitations = Tickets { key: random()?, domain: SIGN_IN_DOMAIN, life: SIGN_IN_LIFE };
        Ok(Self {
            tickets,
            invitations,
            secret: random()?,
            started: milliseconds(now),
            state: Mutex::default(),
            ended: watch::channel(0).0,
        })
    }

    /// A ticket for this host's own links.
    pub(crate) fn ticket(&self, now: SystemTime) -> Option<String> {
        self.tickets.issue(now)
    }

    /// Opens a session for a ticket and gives the cookie's value. A ticket from before this host started, or used once, or
    /// too old, opens none.
    pub(crate) fn enter(&self, ticket: &str, now: SystemTime) -> Option<String> {
        let mut state = self.lock();
        self.spend(&mut state, &self.tickets, ticket, milliseconds(now))?;
        state.admit(None, milliseconds(now))
    }

    /// A word that somebody who signs in has signed for, once and soon.
    pub(crate) fn invitation(&self, now: SystemTime) -> Option<String> {
        self.invitations.issue(now)
    }

    /// Opens a session for the person who answered an invitation. Nothing is kept of those that nobody answers.
    pub(crate) fn sign_in(&self, invitation: &str, signed: SignedIn, now: SystemTime) -> Option<String> {
        let mut state = self.lock();
        self.spend(&mut state, &self.invitations, invitation, milliseconds(now))?;
        state.admit(Some(signed.into_name()), milliseconds(now))
    }

    fn spend(&self, state: &mut State, tickets: &Tickets, ticket: &str, now: u64) -> Option<()> {
        let (made, nonce) = tickets.read(ticket)?;
        state.used.retain(|_, used| now.saturating_sub(*used) <= ENROLMENT_LIFE);
        let is_fresh = made >= self.started && made <= now && now - made <= tickets.life;
        if !is_fresh || state.used.insert(nonce, now).is_some() {
            return None;
        }
        Some(())
    }

    /// The session of a cookie.
    pub(crate) fn recognise(&self, cookie: &str, now: SystemTime) -> Option<Session> {
        let hash = hash(cookie);
        self.lock().open.get(&hash)?.is_live(milliseconds(now)).then_some(Session(hash))
    }

    /// Whether a session goes on.
    pub(crate) fn is_live(&self, session: Session, now: SystemTime) -> bool {
        self.lock().open.get(&session.0).is_some_and(|open| open.is_live(milliseconds(now)))
    }

    /// Who signed in, if it was opened so.
    pub(crate) fn person(&self, session: Session) -> Option<String> {
        self.lock().open.get(&session.0)?.person.clone()
    }

    /// Notes that somebody did something. A page that reloads by itself does not count.
    pub(crate) fn active(&self, session: Session, now: SystemTime) {
        if let Some(open) = self.lock().open.get_mut(&session.0) {
            open.active = milliseconds(now);
        }
    }

    /// Ends a session.
    pub(crate) fn end(&self, session: Session) {
        self.lock().open.remove(&session.0);
        self.ended.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Ends of sessions.
    pub(crate) fn ends(&self) -> watch::Receiver<u64> {
        self.ended.subscribe()
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

impl State {
    /// One more session; gives the cookie's value.
    fn admit(&mut self, person: Option<String>, now: u64) -> Option<String> {
        let cookie = Base64Url::from(random::<32>().ok()?.as_slice()).to_string();
        self.open.retain(|_, open| open.is_live(now));
        let theirs = |open: &&Open| open.person == person;
        while self.open.values().filter(theirs).count() >= MAX_SESSIONS {
            let of_person = self.open.iter().filter(|(_, open)| open.person == person);
            let oldest = of_person.min_by_key(|(_, open)| open.began).map(|(hash, _)| *hash)?;
            self.open.remove(&oldest);
        }
        self.open.insert(hash(&cookie), Open { began: now, active: now, person });
        Some(cookie)
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
#[path = "session_tests.rs"]
mod tests;
