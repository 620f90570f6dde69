//! The page on which somebody says who they are.

use maud::{Markup, html};

use super::{Page, bar, page};
use crate::web::origin::Origin;

/// What a browser sees that nobody has signed in with, whatever it asked for: nothing of it.
pub(crate) fn sign_in(origin: &Origin) -> Markup {
    let parts = Page { title: "Sign in – Claviger", script: "/sign-in.js", token: "", path: "/sign-in" };
    let main = html! {
        (bar(html! {}))
        main.narrow data-state="sign-in" {
            h1 { "Sign in" }
            p { "Use the passkey that was enrolled for " span.host { (origin.host()) } ". This approves nothing: each request asks for it again." }
            div.buttons { button.primary type="button" id="sign-in" disabled { "Sign in with a passkey" } }
            p id="status" role="status" aria-live="polite" {}
            p.note { "Without one, ask whoever runs this host for a link: " code { "claviger approver add --name …" } }
        }
    };
    page(&parts, main)
}
