//! The sections of the console: who may look, and what there is to see.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::page;
use super::reader::Reader;
use super::routes::{entrance, shown, signed_in};
use super::site::Site;
use super::trouble::Trouble;
use super::view::{Asked, Books, Part, Section};

/// The most that is read of what stands behind `?`, in pairs: as many as the log has filters, and some.
const MAX_PAIRS: usize = 16;

/// A section.
pub(crate) async fn section(
    State(site): State<Arc<Site>>,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let known = Section::ALL.into_iter().find(|section| section.path() == uri.path());
    let Some(section) = known else { return StatusCode::NOT_FOUND.into_response() };
    let asked: Asked =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().take(MAX_PAIRS).collect();
    answer(&site, &headers, section, section.title(), move |books| books.section(section, &asked)).await
}

/// One entry of the log.
pub(crate) async fn entry(State(site): State<Arc<Site>>, Path(index): Path<u64>, headers: HeaderMap) -> Response {
    answer(&site, &headers, Section::Log, &format!("Entry {index}"), move |books| books.entry(index)).await
}

/// Says whose they are, and nothing of what is in them.
fn refused(section: Section, reader: &Reader) -> Response {
    let told = [Part::Note(Trouble::NotYourBooks.to_string())];
    let page = page::section(section, section.title(), "", &told, reader);
    (StatusCode::FORBIDDEN, shown(page)).into_response()
}

/// Reads on a thread that may block: files are read, and the log is verified.
async fn answer(
    site: &Site,
    headers: &HeaderMap,
    section: Section,
    title: &str,
    read: impl FnOnce(&dyn Books) -> Result<Vec<Part>, String> + Send + 'static,
) -> Response {
    let Some(session) = signed_in(site, headers) else { return entrance() };
    let reader = Reader::of(site, session);
    if !reader.sees_books {
        return refused(section, &reader);
    }
    let Some(books) = site.books.get().cloned() else {
        return (StatusCode::NOT_FOUND, "this page belongs to a host that serves tools\n").into_response();
    };
    // Held by the reading itself: whoever does not wait for it makes no room for another.
    let Ok(place) = Arc::clone(&site.reading).acquire_owned().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    // Before it is read: what changes meanwhile is noticed by the page then.
    let mark = books.mark();
    let reading = tokio::task::spawn_blocking(move || {
        let _place = place;
        read(books.as_ref())
    });
    match reading.await {
        Ok(Ok(parts)) => shown(page::section(section, title, &mark, &parts, &reader)).into_response(),
        Ok(Err(why)) => {
            let told = [Part::Note(why)];
            (StatusCode::UNPROCESSABLE_ENTITY, shown(page::section(section, title, &mark, &told, &reader)))
                .into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
