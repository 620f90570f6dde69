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
use tokio::sync::watch;

use super::reader::Reader;
use super::routes::{signed_in, still};
use super::session::Session;
use super::site::Site;
use super::trouble::Trouble;

/// How often a connection on which nothing happens is used, so that one that is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How often the books are looked at: soon enough to be called live, and a few calls of the system each time.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(500);

/// The names of the questions that wait, and the mark of the books: at once, and whenever they change.
pub(crate) async fn events(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    let Some(session) = signed_in(&site, &headers) else { return Trouble::NoSession.into_response() };
    let (mut changes, ends) = (site.board.changes(), site.sessions.ends());
    changes.mark_changed();
    let events = stream::unfold((site, changes, ends, None), move |(site, mut changes, mut ends, seen)| async move {
        let (event, seen) = tokio::select! { biased;
            // Nothing more is said in a session that somebody ended, and the page hears that at once.
            () = ended(&site, session, &mut ends) => return None,
            changed = changes.changed() => {
                changed.ok()?;
                (Event::default().event("board").data(waiting(&site)), seen)
            }
            mark = other(&site, session, seen.as_deref()) => (Event::default().event("books").data(&mark), Some(mark)),
        };
        // A session may end while its page listens.
        still(&site, session).then_some(())?;
        Some((Ok::<_, Infallible>(event), (site, changes, ends, seen)))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// Waits until this session is over.
async fn ended(site: &Site, session: Session, ends: &mut watch::Receiver<u64>) {
    while still(site, session) {
        if ends.changed().await.is_err() {
            return;
        }
    }
}

/// The mark of the books when it is another than the one that was told; the first is told at once. Whoever does not see them
/// is not told either that something happened.
async fn other(site: &Site, session: Session, seen: Option<&str>) -> String {
    loop {
        let books = site.books.get().filter(|_| Reader::of(site, session).sees_books);
        let mark = books.map(|books| books.mark());
        if let Some(mark) = mark.filter(|mark| seen != Some(mark)) {
            return mark;
        }
        tokio::time::sleep(LOOKED_AT_EVERY).await;
    }
}

fn waiting(site: &Site) -> String {
    let open: Vec<String> = site.board.open().iter().map(|(id, _)| id.to_string()).collect();
    json!({ "open": open }).to_string()
}
