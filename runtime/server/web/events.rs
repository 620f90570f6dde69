//! What happens on the board, as server-sent events: a page that is open need not be reloaded.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::json;

use super::routes::{signed_in, still};
use super::site::Site;
use super::trouble::Trouble;

/// How often a connection on which nothing happens is used, so that one that is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// The names of the questions that wait: at once, and whenever they change.
pub(crate) async fn events(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    let Some(session) = signed_in(&site, &headers) else { return Trouble::NoSession.into_response() };
    let mut changes = site.board.changes();
    changes.mark_changed();
    let events = stream::unfold((site, changes), move |(site, mut changes)| async move {
        changes.changed().await.ok()?;
        // A session may end while its page listens.
        still(&site, session).then_some(())?;
        let event = Event::default().event("board").data(waiting(&site));
        Some((Ok::<_, Infallible>(event), (site, changes)))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

fn waiting(site: &Site) -> String {
    let open: Vec<String> = site.board.open().iter().map(|(id, _)| id.to_string()).collect();
    json!({ "open": open }).to_string()
}
