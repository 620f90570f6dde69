//! Signing in to a team's page, where nobody has a terminal to take a ticket from, and out of it.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use claviger_approval::{Assertion, Base64Url, SignIn};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ceremony::{Given, is_usable};
use super::invited::is_for_invited;
use super::listen::Peer;
use super::routes::{authorised, signed_in};
use super::session::{SIGN_IN_LIFE, no_cookie};
use super::site::Site;
use super::trouble::Trouble;
use super::{assets, page};

/// Where a browser asks for an invitation, and where it answers.
pub(crate) const BEGIN: &str = "/sign-in/begin";
pub(crate) const FINISH: &str = "/sign-in/finish";

/// Where somebody signs out.
pub(crate) const OUT: &str = "/sign-out";

/// What the browser needs to ask for a passkey. No key is named: whoever is not signed in is not told who may.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invitation {
    challenge: Base64Url,
    rp_id: String,
    /// Milliseconds.
    timeout: u64,
    invitation: String,
}

/// The answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Answer {
    invitation: String,
    given: Given,
}

/// Before every route of a team's page: whoever has not signed in gets to the sign-in, whatever they asked for.
pub(crate) async fn required(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_open = path == BEGIN || path == FINISH || assets::paths().any(|known| known == path);
    let is_open = is_open || is_for_invited(path);
    if is_open || !site.signs_in() || signed_in(&site, request.headers()).is_some() {
        return next.run(request).await;
    }
    match *request.method() {
        Method::GET => (StatusCode::UNAUTHORIZED, Html(page::sign_in(&site.origin).into_string())).into_response(),
        _ => Trouble::SignedOut.into_response(),
    }
}

/// Invites whoever asks. Nothing is kept of it.
pub(crate) async fn begin(State(site): State<Arc<Site>>) -> Result<Json<Invitation>, Trouble> {
    if !site.signs_in() {
        return Err(Trouble::Unknown);
    }
    let invitation = site.sessions.invitation(SystemTime::now()).ok_or(Trouble::SignIn)?;
    let challenge = invited(&site, &invitation)?.digest().as_slice().into();
    Ok(Json(Invitation { challenge, rp_id: site.origin.rp_id().to_owned(), timeout: SIGN_IN_LIFE, invitation }))
}

fn invited(site: &Site, invitation: &str) -> Result<SignIn, Trouble> {
    SignIn::new(&site.origin.to_string(), invitation.as_bytes()).map_err(|_| Trouble::SignIn)
}

/// Opens the session of the person whose passkey answered.
pub(crate) async fn finish(
    State(site): State<Arc<Site>>,
    Extension(peer): Extension<Peer>,
    answer: Result<Json<Answer>, JsonRejection>,
) -> Result<Response, Trouble> {
    if !site.signs_in() {
        return Err(Trouble::Unknown);
    }
    if site.wrong_sign_ins.is_spent(peer.0, Instant::now()) {
        return Err(Trouble::TooManySignIns);
    }
    let Json(answer) = answer.map_err(|_| Trouble::Malformed)?;
    let entered = enter(&site, answer);
    if entered.is_err() {
        site.wrong_sign_ins.allows(peer.0, Instant::now());
    }
    let value = entered?;
    Ok(([(header::SET_COOKIE, site.cookie(&value))], Json(json!({ "state": "entered" }))).into_response())
}

/// Ends the session that asks, here and now: the cookie is worth nothing from then on, whoever kept a copy of it, and pages
/// that are open in it hear nothing more. A foreign page ends nobody's: it has no token.
pub(crate) async fn out(State(site): State<Arc<Site>>, headers: HeaderMap) -> Result<Response, Trouble> {
    if !site.signs_in() {
        return Err(Trouble::Unknown);
    }
    let session = authorised(&site, &headers, OUT)?;
    site.sessions.end(session);
    let gone = [(header::SET_COOKIE, no_cookie(&site.origin))];
    Ok((gone, Json(json!({ "state": "signed-out" }))).into_response())
}

fn enter(site: &Site, answer: Answer) -> Result<String, Trouble> {
    let sign_in = invited(site, &answer.invitation)?;
    let keys = site.keys().only(|key| is_usable(key, &site.origin));
    let signed = sign_in.verify(&Assertion::from(answer.given), &keys).map_err(Trouble::NotSignedIn)?;
    site.sessions.sign_in(&answer.invitation, signed, SystemTime::now()).ok_or(Trouble::SignIn)
}
