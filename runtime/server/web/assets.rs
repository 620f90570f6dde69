//! The files of the page. They are part of the program: nothing is fetched, nothing is built.

use axum::http::header;
use axum::response::{IntoResponse, Response};

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

/// Path, type, text.
const FILES: [(&str, &str, &str); 9] = [
    ("/style.css", STYLE, include_str!("assets/style.css")),
    ("/enter.js", SCRIPT, include_str!("assets/enter.js")),
    ("/passkey.js", SCRIPT, include_str!("assets/passkey.js")),
    ("/sign-in.js", SCRIPT, include_str!("assets/sign-in.js")),
    ("/approve.js", SCRIPT, include_str!("assets/approve.js")),
    ("/batch.js", SCRIPT, include_str!("assets/batch.js")),
    ("/enrol.js", SCRIPT, include_str!("assets/enrol.js")),
    ("/console.js", SCRIPT, include_str!("assets/console.js")),
    ("/icon.svg", PICTURE, include_str!("assets/icon.svg")),
];

/// The paths there are.
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(path, _, _)| *path)
}

/// One file. They hold nothing that a session would protect.
pub(crate) fn file(path: &str) -> Option<Response> {
    let (_, kind, text) = FILES.iter().find(|(known, _, _)| *known == path)?;
    Some(([(header::CONTENT_TYPE, *kind)], *text).into_response())
}
