//! One running page: what its handlers share, and its start.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use claviger_approval::{Enrolled, Refused};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use super::approver::{Link, Summon, WebApprover};
use super::batch::Begun;
use super::board::Board;
use super::ceremony::usable;
use super::enrolment::{Enrolling, EnrolmentDesk, Person};
use super::id::NoRandomness;
use super::limits::{MAX_READINGS, Rate};
use super::listen::{self, Listeners};
use super::origin::Origin;
use super::place::Place;
use super::routes;
use super::session::{Session, Sessions, Tickets};
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
    /// Where a passkey is being enrolled, on a page that does nothing else.
    pub(crate) enrolment: Option<EnrolmentDesk>,
}

impl Site {
    /// Whether people sign in with a passkey here, instead of with a ticket. Only an enrolment has a ticket on a team's page.
    pub(crate) fn signs_in(&self) -> bool {
        self.origin.is_team() && self.enrolment.is_none()
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
        Self::serve(place, tickets, roll, None).await
    }

    /// Serves the page on which one passkey is enrolled.
    ///
    /// # Errors
    /// [`WebError`] when the port cannot be had.
    pub async fn enrol(
        place: Place,
        tickets: Tickets,
        enrolled: &Enrolled,
        person: Person,
    ) -> Result<(Self, Link, Enrolling), WebError> {
        let (desk, enrolling) = EnrolmentDesk::new(&place.origin, enrolled, person)?;
        let path = desk.path().to_owned();
        let tickets = if place.origin.is_team() { tickets.for_enrolment() } else { tickets };
        // Nobody approves here.
        let roll: Roll = Arc::new(|| None);
        let web = Self::serve(place, tickets, roll, Some(desk)).await?;
        let link = web.site.link(&path, SystemTime::now()).ok_or(WebError::NoRandomness)?;
        Ok((web, link, enrolling))
    }

    async fn serve(
        place: Place,
        tickets: Tickets,
        roll: Roll,
        enrolment: Option<EnrolmentDesk>,
    ) -> Result<Self, WebError> {
        let listeners = Listeners::bind(&place).await?;
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
            enrolment,
        });
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(listen::serve(listeners, routes::routes(Arc::clone(&site)), stopped));
        Ok(Self { site, stop, serving })
    }

    /// An approver that asks on this page. `summon` is called for each question.
    pub fn approver(&self, summon: Summon) -> WebApprover {
        WebApprover::new(Arc::clone(&self.site), summon)
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
