//! Which page is where, and what may be posted to it.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use claviger_approval::Ask;
use serde_json::json;

use super::board::{Ending, Found};
use super::ceremony::{self, Begin, Challenge, Given};
use super::id::Id;
use super::limits::MAX_BODY;
use super::reader::Reader;
use super::session::{Session, Sessions, cookie_name};
use super::site::Site;
use super::trouble::Trouble;
use super::view::Section;
use super::{assets, batch, books, door, events, invited, page, sign_in};

/// The header in which a page shows its token. A form cannot set one, and a foreign page may not.
const TOKEN: &str = "x-claviger-token";

/// Every route, behind the door.
pub(crate) fn routes(site: Arc<Site>) -> Router {
    let files = assets::paths().fold(Router::new(), |routes, path| routes.route(path, get(file)));
    let sections = Section::ALL.into_iter().map(Section::path);
    let files = sections.fold(files, |routes, path| routes.route(path, get(books::section)));
    files
        .route("/", get(console))
        .route("/log/{index}", get(books::entry))
        .route(invited::ENTER, post(invited::enter))
        .route("/approve/{id}", get(approval))
        .route("/approve/{id}/begin", post(begin))
        .route("/approve/{id}/finish", post(finish))
        .route("/approve/{id}/deny", post(deny))
        .route("/batch/{ids}", get(batch::page))
        .route("/batch/{ids}/begin", post(batch::begin))
        .route("/batch/{ids}/finish", post(batch::finish))
        .route(sign_in::BEGIN, post(sign_in::begin))
        .route(sign_in::FINISH, post(sign_in::finish))
        .route(sign_in::OUT, post(sign_in::out))
        .route("/events", get(events::events))
        .route("/enrol/{id}", get(invited::show))
        .route("/enrol/{id}/begin", post(invited::begin))
        .route("/enrol/{id}/finish", post(invited::finish))
        .fallback(nothing)
        .layer(from_fn_with_state(Arc::clone(&site), sign_in::required))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(&site), door::guard))
        .with_state(site)
}

async fn file(uri: Uri) -> Response {
    assets::file(uri.path()).unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

/// No difference between what does not exist and what a stranger may not see.
async fn nothing(State(site): State<Arc<Site>>, request: Request) -> Response {
    match signed_in(&site, request.headers()) {
        Some(_) => (StatusCode::NOT_FOUND, "there is no such page\n").into_response(),
        None => entrance(),
    }
}

pub(crate) fn entrance() -> Response {
    (StatusCode::UNAUTHORIZED, shown(page::entrance(false))).into_response()
}

pub(crate) fn shown(markup: maud::Markup) -> Html<String> {
    Html(markup.into_string())
}

/// The session that a request's cookie names.
pub(crate) fn signed_in(site: &Site, headers: &HeaderMap) -> Option<Session> {
    let session = recognised(&site.sessions, &cookie_name(&site.origin), headers)?;
    belongs(site, session).then_some(session)
}

/// The same for a cookie of this name.
pub(crate) fn recognised(sessions: &Sessions, ours: &str, headers: &HeaderMap) -> Option<Session> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let values = cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == ours);
    // A page on another port can set one of the same name: any that is ours will do.
    values.take(4).find_map(|(_, value)| sessions.recognise(value, SystemTime::now()))
}

/// Where people sign in, a session is somebody's who may still approve. It ends with that.
fn belongs(site: &Site, session: Session) -> bool {
    let belongs = !site.signs_in() || site.sessions.person(session).is_some_and(|person| site.knows(&person));
    if !belongs {
        site.sessions.end(session);
    }
    belongs
}

/// Whether a session that was recognised before is one still.
pub(crate) fn still(site: &Site, session: Session) -> bool {
    site.sessions.is_live(session, SystemTime::now()) && belongs(site, session)
}

/// A session and the page's own token: what everything needs that changes something.
pub(crate) fn authorised(site: &Site, headers: &HeaderMap, path: &str) -> Result<Session, Trouble> {
    let session = signed_in(site, headers).ok_or(Trouble::NoSession)?;
    if !shows_token(&site.sessions, session, path, headers) {
        return Err(Trouble::NoSession);
    }
    site.sessions.active(session, SystemTime::now());
    Ok(session)
}

/// Whether a request shows the token of the page that it comes from.
pub(crate) fn shows_token(sessions: &Sessions, session: Session, path: &str, headers: &HeaderMap) -> bool {
    let token = headers.get(TOKEN).and_then(|token| token.to_str().ok()).unwrap_or_default();
    sessions.holds(session, path, token)
}

async fn console(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    let Some(session) = signed_in(&site, &headers) else { return entrance() };
    shown(page::console(&site.board.open(), &Reader::of(&site, session))).into_response()
}

pub(crate) fn path_of(id: &Id) -> String {
    format!("/approve/{id}")
}

async fn approval(State(site): State<Arc<Site>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let Some(session) = signed_in(&site, &headers) else { return entrance() };
    let id = Id::given(&id);
    match site.board.find(&id) {
        Found::Open(ask) => {
            let path = path_of(&id);
            shown(page::approval(&ask, &path, &site.sessions.token(session, &path))).into_response()
        }
        Found::Ended(ending) => (StatusCode::GONE, shown(page::over(ending))).into_response(),
        Found::Nothing => (StatusCode::NOT_FOUND, "there is no such request\n").into_response(),
    }
}

/// The question that a page posts to, if the page may and it waits.
fn asked(site: &Site, headers: &HeaderMap, id: &Id) -> Result<(Session, Arc<Ask>), Trouble> {
    let session = authorised(site, headers, &path_of(id))?;
    match site.board.find(id) {
        Found::Open(ask) => Ok((session, ask)),
        Found::Ended(ending) => Err(Trouble::Over(ending)),
        Found::Nothing => Err(Trouble::Unknown),
    }
}

async fn begin(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    choice: Result<Json<Begin>, JsonRejection>,
) -> Result<Json<Challenge>, Trouble> {
    let id = Id::given(&id);
    let (session, ask) = asked(&site, &headers, &id)?;
    let Json(choice) = choice.map_err(|_| Trouble::Malformed)?;
    let challenge = ceremony::begin(&ask, &choice, &site.keys_of(session), &site.origin);
    if matches!(challenge, Err(Trouble::Code)) {
        site.board.mistyped(&id, site.denial(session));
    }
    challenge.map(Json)
}

/// Verified here before it ends the question: what does not verify costs nobody their turn.
async fn finish(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    given: Result<Json<Given>, JsonRejection>,
) -> Result<Response, Trouble> {
    let id = Id::given(&id);
    let (session, ask) = asked(&site, &headers, &id)?;
    let Json(given) = given.map_err(|_| Trouble::Malformed)?;
    let own = site.keys_of(session);
    if ceremony::is_anothers(&given, &own, &site.keys()) {
        return Err(Trouble::NotYours);
    }
    let assertion = ceremony::finish(&ask, given, &own)?;
    ended(&site, &id, site.board.answer(&id, Ok(assertion)), Ending::Approved)
}

/// One click: a no needs no gesture.
async fn deny(State(site): State<Arc<Site>>, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, Trouble> {
    let id = Id::given(&id);
    let (session, _) = asked(&site, &headers, &id)?;
    ended(&site, &id, site.board.answer(&id, Err(site.denial(session))), Ending::Denied)
}

/// Of two tabs that answer at once, the second is told how the first ended it.
fn ended(site: &Site, id: &Id, was_first: bool, ending: Ending) -> Result<Response, Trouble> {
    if was_first {
        return Ok(Json(json!({ "state": ending.as_str() })).into_response());
    }
    match site.board.find(id) {
        Found::Ended(other) => Err(Trouble::Over(other)),
        _ => Err(Trouble::Unknown),
    }
}
