//! Those who are invited to enrol a passkey, on a page that may be everybody else's too.
//!
//! On a team's page an invitation has sessions of its own: its link opens the enrolment and nothing else, and who is signed in
//! reaches no enrolment. On this machine's page whoever has a ticket may enrol what the terminal asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::approver::Link;
use super::enrolment::{Enrolling, EnrolmentDesk, Person};
use super::page;
use super::routes::{recognised, shown, shows_token, signed_in};
use super::session::{Session, Sessions, Tickets, cookie, enrolment_cookie};
use super::site::{Site, WebError};
use super::trouble::Trouble;

/// Invitations at once. Each is a command that somebody has just typed.
const MAX_INVITATIONS: usize = 16;

/// Where enrolments are.
const UNDER: &str = "/enrol/";

/// Where tickets become sessions.
pub(crate) const ENTER: &str = "/enter";

/// Who may enrol now.
pub(crate) struct Invitations {
    tickets: Tickets,
    open: Mutex<Vec<Arc<Invited>>>,
}

/// One of them.
pub(crate) struct Invited {
    desk: EnrolmentDesk,
    /// On a team's page.
    sessions: Option<Sessions>,
}

impl Invitations {
    pub(crate) fn new(tickets: Tickets) -> Self {
        Self { tickets: tickets.for_enrolment(), open: Mutex::default() }
    }

    fn find(&self, id: &str) -> Result<Arc<Invited>, Trouble> {
        let path = format!("{UNDER}{id}");
        self.live().iter().find(|invited| invited.desk.path() == path).cloned().ok_or(Trouble::Unknown)
    }

    /// Those that somebody still waits for.
    fn live(&self) -> MutexGuard<'_, Vec<Arc<Invited>>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|invited| !invited.desk.is_over());
        open
    }

    /// The session that a ticket opens, of whichever invitation it is.
    fn enter(&self, ticket: &str, now: SystemTime) -> Option<String> {
        self.live().iter().find_map(|invited| invited.sessions.as_ref()?.enter(ticket, now))
    }
}

/// Whether a path is for those who are invited: they have not signed in yet.
pub(crate) fn is_for_invited(path: &str) -> bool {
    path == ENTER || path.starts_with(UNDER)
}

impl Site {
    /// Invites somebody, for as long as the other end waits.
    pub(crate) fn invite(&self, person: Person, now: SystemTime) -> Result<(Link, Enrolling), WebError> {
        let (desk, enrolling) = EnrolmentDesk::new(&self.origin, &self.keys(), person)?;
        let sessions = match self.origin.is_team() {
            true => Some(Sessions::new(self.invitations.tickets.clone(), now)?),
            false => None,
        };
        let page = format!("{}{}", self.origin, desk.path());
        let ticket = sessions.as_ref().unwrap_or(&self.sessions).ticket(now).ok_or(WebError::NoRandomness)?;
        let link = Link { with_ticket: format!("{page}#{ticket}"), page, code: None };
        let mut live = self.invitations.live();
        if live.len() >= MAX_INVITATIONS {
            return Err(WebError::Invitations);
        }
        live.push(Arc::new(Invited { desk, sessions }));
        Ok((link, enrolling))
    }
}

impl Invited {
    fn sessions<'a>(&'a self, site: &'a Site) -> &'a Sessions {
        self.sessions.as_ref().unwrap_or(&site.sessions)
    }

    fn session(&self, site: &Site, headers: &HeaderMap) -> Option<Session> {
        match &self.sessions {
            Some(sessions) => recognised(sessions, &enrolment_cookie(&site.origin), headers),
            None => signed_in(site, headers),
        }
    }

    /// A session and the page's own token.
    fn authorise(&self, site: &Site, headers: &HeaderMap) -> Result<(), Trouble> {
        let session = self.session(site, headers).ok_or(Trouble::EnrolmentLink)?;
        match shows_token(self.sessions(site), session, self.desk.path(), headers) {
            true => Ok(()),
            false => Err(Trouble::EnrolmentLink),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ticket {
    ticket: String,
}

/// A ticket becomes a session: where people sign in, that of an invitation.
pub(crate) async fn enter(
    State(site): State<Arc<Site>>,
    ticket: Result<Json<Ticket>, JsonRejection>,
) -> Result<Response, Trouble> {
    let Json(Ticket { ticket }) = ticket.map_err(|_| Trouble::Malformed)?;
    let now = SystemTime::now();
    let cookie = match site.origin.is_team() {
        true => {
            let value = site.invitations.enter(&ticket, now).ok_or(Trouble::EnrolmentLink)?;
            cookie(&site.origin, &enrolment_cookie(&site.origin), &value)
        }
        false => site.cookie(&site.sessions.enter(&ticket, now).ok_or(Trouble::Ticket)?),
    };
    Ok(([(header::SET_COOKIE, cookie)], Json(json!({ "state": "entered" }))).into_response())
}

fn no_link() -> Response {
    (StatusCode::UNAUTHORIZED, shown(page::entrance(true))).into_response()
}

pub(crate) async fn show(State(site): State<Arc<Site>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    // No difference between a link that was and one that never was: a ticket is what counts.
    let Ok(invited) = site.invitations.find(&id) else { return no_link() };
    match invited.session(&site, &headers) {
        Some(session) => {
            let token = invited.sessions(&site).token(session, invited.desk.path());
            shown(page::enrolment(&invited.desk, &token)).into_response()
        }
        None => no_link(),
    }
}

pub(crate) async fn begin(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<serde_json::Value>, Trouble> {
    let invited = site.invitations.find(&id)?;
    invited.authorise(&site, &headers)?;
    invited.desk.begin().map(Json)
}

pub(crate) async fn finish(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    made: Result<Json<serde_json::Value>, JsonRejection>,
) -> Result<Response, Trouble> {
    let invited = site.invitations.find(&id)?;
    invited.authorise(&site, &headers)?;
    let Json(made) = made.map_err(|_| Trouble::Malformed)?;
    invited.desk.finish(made).await?;
    Ok(Json(json!({ "state": "enrolled" })).into_response())
}
