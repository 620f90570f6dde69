//! Several questions, answered with one gesture.
//!
//! The address of the page names its members, and the page's token holds for that address alone: nothing can be put into
//! what somebody is about to sign. What was signed is kept here and never taken from the page.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use claviger_approval::{Ask, Batch, MAX_BATCH};
use serde_json::json;

use super::board::{Ending, Found};
use super::ceremony::{self, Challenge, Given};
use super::id::Id;
use super::page;
use super::routes::{authorised, entrance, path_of, shown, signed_in};
use super::site::Site;
use super::trouble::Trouble;

/// Batches that a passkey was asked for and that may still be answered: more than people sign at the same time.
const MAX_BEGUN: usize = 32;

/// Separates names in an address; no name holds it.
const SEPARATOR: char = '.';

/// A question that waits, with its name.
pub(crate) type Member = (Id, Arc<Ask>);

/// The batches that were begun, by the path of their page. For one path there is one batch: its members in that order.
#[derive(Debug, Default)]
pub(crate) struct Begun(Mutex<VecDeque<(String, Batch)>>);

impl Begun {
    fn keep(&self, path: String, batch: Batch) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(other, _)| *other != path);
        kept.push_front((path, batch));
        kept.truncate(MAX_BEGUN);
    }

    fn find(&self, path: &str) -> Option<Batch> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(other, _)| other == path).map(|(_, batch)| batch.clone())
    }
}

/// The names in an address: several, none twice, and no more than one signature answers.
fn named(given: &str) -> Result<Vec<Id>, Trouble> {
    let names: Vec<Id> = given.split(SEPARATOR).take(MAX_BATCH + 1).map(Id::given).collect();
    let different: BTreeSet<&Id> = names.iter().collect();
    if names.len() > MAX_BATCH || different.len() != names.len() { Err(Trouble::Unknown) } else { Ok(names) }
}

/// The path of the page for these.
pub(crate) fn path<'a>(names: impl IntoIterator<Item = &'a Id>) -> String {
    let names: Vec<String> = names.into_iter().map(ToString::to_string).collect();
    format!("/batch/{}", names.join(&SEPARATOR.to_string()))
}

/// Those of them that wait and may be answered together.
fn waiting(site: &Site, names: &[Id]) -> Vec<Member> {
    let found = names.iter().filter_map(|id| match site.board.find(id) {
        Found::Open(ask) if ask.can_be_batched() => Some((id.clone(), ask)),
        _ => None,
    });
    found.collect()
}

/// Shows every member in full. What ended meanwhile is not among them, and the page says so.
pub(crate) async fn page(State(site): State<Arc<Site>>, Path(ids): Path<String>, headers: HeaderMap) -> Response {
    let Some(session) = signed_in(&site, &headers) else { return entrance(&site) };
    let names = match named(&ids) {
        Ok(names) => names,
        Err(trouble) => return trouble.into_response(),
    };
    let members = waiting(&site, &names);
    match members.as_slice() {
        [] => (StatusCode::GONE, shown(page::over(Ending::Withdrawn))).into_response(),
        [(one, _)] => Redirect::to(&path_of(one)).into_response(),
        several => {
            let path = path(several.iter().map(|(id, _)| id));
            let token = site.sessions.token(session, &path);
            shown(page::batch(several, names.len() - several.len(), &path, &token)).into_response()
        }
    }
}

/// The challenge for all of them. When one has ended, the page has to be looked at again first.
pub(crate) async fn begin(
    State(site): State<Arc<Site>>,
    Path(ids): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Challenge>, Trouble> {
    let names = named(&ids)?;
    let path = path(&names);
    let session = authorised(&site, &headers, &path)?;
    let members = waiting(&site, &names);
    if members.len() != names.len() {
        return Err(Trouble::Changed);
    }
    let asks: Vec<&Ask> = members.iter().map(|(_, ask)| ask.as_ref()).collect();
    let batch = Batch::of(asks.iter().copied())?;
    let challenge = ceremony::begin_batch(&batch, &asks, &site.keys_of(session), &site.origin)?;
    site.begun.keep(path, batch);
    Ok(Json(challenge))
}

/// Verified for each member before it ends any. A member that ended while the passkey was used takes nothing from the
/// others: what was signed names each by its own digest.
pub(crate) async fn finish(
    State(site): State<Arc<Site>>,
    Path(ids): Path<String>,
    headers: HeaderMap,
    given: Result<Json<Given>, JsonRejection>,
) -> Result<Response, Trouble> {
    let names = named(&ids)?;
    let path = path(&names);
    let session = authorised(&site, &headers, &path)?;
    let Json(given) = given.map_err(|_| Trouble::Malformed)?;
    let batch = site.begun.find(&path).ok_or(Trouble::Malformed)?;
    let members = waiting(&site, &names);
    let asks: Vec<&Ask> = members.iter().map(|(_, ask)| ask.as_ref()).collect();
    if asks.is_empty() {
        return Err(Trouble::Over(Ending::Withdrawn));
    }
    let own = site.keys_of(session);
    if ceremony::is_anothers(&given, &own, &site.keys()) {
        return Err(Trouble::NotYours);
    }
    let assertion = ceremony::finish_batch(&batch, &asks, given, &own)?;
    let approved = members.iter().filter(|(id, _)| site.board.answer(id, Ok(assertion.clone()))).count();
    Ok(Json(json!({ "state": Ending::Approved.as_str(), "approved": approved, "over": names.len() - approved }))
        .into_response())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{MAX_BATCH, named, path};

    #[test]
    fn an_address_names_each_member_once_and_no_more_than_a_signature_answers() {
        let names = named("AAAA.BBBB.CC-_").unwrap();
        assert_eq!(path(&names), "/batch/AAAA.BBBB.CC-_");
        assert!(named("AAAA.BBBB.AAAA").is_err());
        let many = |count: usize| (0..count).map(|name| name.to_string()).collect::<Vec<_>>().join(".");
        assert_eq!(named(&many(MAX_BATCH)).unwrap().len(), MAX_BATCH);
        assert!(named(&many(MAX_BATCH + 1)).is_err());
    }
}
