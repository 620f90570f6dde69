//! The page on which a passkey is made.

use maud::{Markup, html};

use super::{Page, bar, page};
use crate::web::enrolment::EnrolmentDesk;
use crate::web::words::shown;

/// The page of one enrolment.
pub(crate) fn enrolment(desk: &EnrolmentDesk, token: &str) -> Markup {
    let parts = Page { title: "Enrol a passkey – Claviger", script: "/enrol.js", token, path: desk.path() };
    let main = html! {
        (bar(html! {}))
        main.narrow data-state="open" {
            h1 { "A passkey for " (shown(&desk.person().name)) }
            p {
                "From now on, requests are approved on a page like this one, with this passkey: a fingerprint, a face, a PIN or a "
                "security key. Its private half never leaves your device; Claviger keeps the public one."
            }
            @if let Some(role) = &desk.person().role { p { "Role: " (shown(role)) } }
            div.buttons { button.primary type="button" id="enrol" disabled { "Make the passkey" } }
            p id="status" role="status" aria-live="polite" {}
        }
    };
    page(&parts, main)
}
