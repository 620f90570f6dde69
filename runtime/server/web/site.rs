//! One running page: what its handlers share, and its start.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use claviger_approval::{Enrolled, EnrolledKey, Refused};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use super::approver::{Link, Summon, WebApprover};
use super::batch::Begun;
use super::board::Board;
use super::ceremony::usable;
use super::enrolment::{Enrolling, Person};
use super::id::NoRandomness;
use super::invited::Invitations;
use super::limits::{MAX_READINGS, Rate};
use super::listen::{self, Listeners};
use super::origin::Origin;
use super::place::Place;
use super::routes;
use super::session::{Session, Sessions, Tickets, cookie, cookie_name};
use super::view::Books;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Somebody else has the port.
    #[error(
        "port {port} of this machine is taken, maybe by another claviger; end that, or give this state directory a port of its own: `port` under [web] in claviger.toml, and then `claviger approver add` again"
    )]
    Taken {
        /// The port.
        port: u16,
    },
    /// It cannot be listened on.
    #[error("port {port} of this machine cannot be listened on: {error}")]
    Listen {
        /// The port.
        port: u16,
        /// What the system says.
        error: std::io::Error,
    },
    /// A team's address cannot be listened on.
    #[error("{address} cannot be listened on: {error}; see `listen` under [web] in claviger.toml")]
    Address {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// Nobody could ever answer.
    #[error("no passkey is enrolled for {origin}; run `claviger approver add`")]
    NoKey {
        /// The page's origin.
        origin: String,
    },
    /// The library does not take the origin.
    #[error("passkeys cannot be enrolled on {origin}: {why}")]
    Enrolment {
        /// The page's origin.
        origin: String,
        /// What the library says.
        why: String,
    },
    /// Many commands wait for keys.
    #[error("people are invited to enrol already, and many; end one of the commands that wait for them")]
    Invitations,
    /// No randomness.
    #[error("the operating system gave no randomness; try again")]
    NoRandomness,
}

impl From<NoRandomness> for WebError {
    fn from(_: NoRandomness) -> Self {
        Self::NoRandomness
    }
}

/// Reads the keys that count now. `None` when that cannot be told: then none does.
pub type Roll = Arc<dyn Fn() -> Option<Enrolled> + Send + Sync>;

/// What the handlers share.
pub(crate) struct Site {
    pub(crate) origin: Origin,
    pub(crate) board: Arc<Board>,
    pub(crate) begun: Begun,
    pub(crate) sessions: Sessions,
    pub(crate) rate: Rate,
    pub(crate) wrong_sign_ins: Rate,
    roll: Roll,
    /// What the console shows beside the questions; a page that only enrols has none.
    pub(crate) books: OnceLock<Arc<dyn Books>>,
    /// Places for those who read in them.
    pub(crate) reading: Arc<Semaphore>,
    /// Who may enrol a passkey now.
    pub(crate) invitations: Invitations,
}

impl Site {
    /// Whether people sign in with a passkey here, instead of with a ticket.
    pub(crate) fn signs_in(&self) -> bool {
        self.origin.is_team()
    }

    /// The cookie of a session.
    pub(crate) fn cookie(&self, value: &str) -> String {
        cookie(&self.origin, &cookie_name(&self.origin), value)
    }

    /// The keys that count now: who was revoked is out at once, and who was enrolled is in.
    pub(crate) fn keys(&self) -> Enrolled {
        (self.roll)().unwrap_or_default()
    }

    /// Those of them that whoever has this session may sign with: their own, where somebody signed in.
    pub(crate) fn keys_of(&self, session: Session) -> Enrolled {
        let person = self.sessions.person(session);
        self.keys().only(|key| person.as_deref().is_none_or(|person| person == key.name()))
    }

    /// Whether whoever has this session has a key for this page of which that is so.
    pub(crate) fn has_key_of(&self, session: Session, is_so: impl Fn(&EnrolledKey) -> bool) -> bool {
        usable(&self.keys_of(session), &self.origin).any(is_so)
    }

    /// Whether somebody who signed in still has a key for this page.
    pub(crate) fn knows(&self, person: &str) -> bool {
        usable(&self.keys(), &self.origin).any(|key| key.name() == person)
    }

    /// The no of whoever has this session.
    pub(crate) fn denial(&self, session: Session) -> Refused {
        self.sessions.person(session).map_or(Refused::Denied, |name| Refused::DeniedBy { name })
    }

    /// The address of one page, without and with a ticket. The ticket is behind `#`: it reaches no server's log. Where people
    /// sign in there is none.
    pub(crate) fn link(&self, path: &str, now: SystemTime) -> Option<Link> {
        let page = format!("{}{path}", self.origin);
        if self.signs_in() {
            return Some(Link { with_ticket: page.clone(), page, code: None });
        }
        let with_ticket = format!("{page}#{}", self.sessions.ticket(now)?);
        Some(Link { page, with_ticket, code: None })
    }
}

/// Invites people to enrol on a page that is served.
#[derive(Clone)]
pub struct Inviter(Arc<Site>);

impl Inviter {
    /// Invites somebody, until the other end is dropped. The link opens once.
    ///
    /// # Errors
    /// [`WebError`] when the library does not take the page's origin, or nobody more can be invited.
    pub fn invite(&self, person: Person) -> Result<(Link, Enrolling), WebError> {
        self.0.invite(person, SystemTime::now())
    }
}

/// A page that is served until this is closed or dropped.
pub struct Web {
    site: Arc<Site>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Web {
    /// Serves the approval page. `roll` says which keys count, for each request anew. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`WebError`] when the port cannot be had, and when no enrolled passkey could answer on this page.
    pub async fn start(place: Place, tickets: Tickets, roll: Roll) -> Result<Self, WebError> {
        if usable(&roll().unwrap_or_default(), &place.origin).next().is_none() {
            return Err(WebError::NoKey { origin: place.origin.to_string() });
        }
        Self::serve(place, tickets, roll).await
    }

    /// Serves the page while somebody enrols a passkey, maybe the first.
    ///
    /// # Errors
    /// [`WebError`] when the port cannot be had.
    pub async fn enrol(
        place: Place,
        tickets: Tickets,
        roll: Roll,
        person: Person,
    ) -> Result<(Self, Link, Enrolling), WebError> {
        let web = Self::serve(place, tickets, roll).await?;
        let (link, enrolling) = web.inviter().invite(person)?;
        Ok((web, link, enrolling))
    }

    async fn serve(place: Place, tickets: Tickets, roll: Roll) -> Result<Self, WebError> {
        let listeners = Listeners::bind(&place).await?;
        let invitations = Invitations::new(tickets.clone());
        let sessions = Sessions::new(tickets, SystemTime::now())?;
        let board = Arc::default();
        let (rate, wrong_sign_ins) = (Rate::of_posts(), Rate::of_wrong_sign_ins());
        let site = Arc::new(Site {
            origin: place.origin,
            board,
            begun: Begun::default(),
            sessions,
            rate,
            wrong_sign_ins,
            roll,
            books: OnceLock::new(),
            reading: Arc::new(Semaphore::new(MAX_READINGS)),
            invitations,
        });
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(listen::serve(listeners, routes::routes(Arc::clone(&site)), stopped));
        Ok(Self { site, stop, serving })
    }

    /// An approver that asks on this page. `summon` is called for each question.
    pub fn approver(&self, summon: Summon) -> WebApprover {
        WebApprover::new(Arc::clone(&self.site), summon)
    }

    /// Who invites people to enrol on it while it is served.
    pub fn inviter(&self) -> Inviter {
        Inviter(Arc::clone(&self.site))
    }

    /// Shows the sections of the console too. Only the first call counts.
    pub fn show(&self, books: Arc<dyn Books>) {
        let _shown_already = self.site.books.set(books);
    }

    /// The address of the console, without a ticket.
    pub fn address(&self) -> String {
        format!("{}/", self.site.origin)
    }

    /// Ends the page. Answers that are on their way are sent.
    pub async fn close(self) {
        // Whoever serves is gone already when nobody hears this.
        let _gone = self.stop.send(());
        let _ended = self.serving.await;
    }
}
