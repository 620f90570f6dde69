//! The pages as HTML. Every text of others passes [`words`](super::words); everything else is escaped by default.

mod approval;
mod batch;
mod console;
mod enrolment;
mod facts;
mod section;
mod sign_in;

use maud::{DOCTYPE, Markup, html};

pub(crate) use approval::{approval, over};
pub(crate) use batch::batch;
pub(crate) use console::console;
pub(crate) use enrolment::enrolment;
pub(crate) use section::section;
pub(crate) use sign_in::sign_in;

/// What a page is made of.
pub(crate) struct Page<'a> {
    /// The title; the host's own words only.
    pub(crate) title: &'a str,
    /// The script that belongs to it.
    pub(crate) script: &'a str,
    /// What its script needs: the page's token, where it posts to.
    pub(crate) token: &'a str,
    /// The path that the script posts below.
    pub(crate) path: &'a str,
}

/// A whole page.
pub(crate) fn page(page: &Page<'_>, main: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) }
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/style.css";
                // A module runs when the page is there, in strict mode, and brings along what it names.
                script type="module" src=(page.script) {}
            }
            body data-token=(page.token) data-path=(page.path) {
                (main)
            }
        }
    }
}

/// The bar at the top.
pub(crate) fn bar(right: Markup) -> Markup {
    html! {
        header.bar {
            span.brand { img src="/icon.svg" alt="" width="24" height="24"; "Claviger" }
            (right)
        }
    }
}

/// What a browser without a session sees, whatever it asked for: nothing of it.
pub(crate) fn entrance(is_enrolment: bool) -> Markup {
    let parts = Page { title: "Claviger", script: "/enter.js", token: "", path: "/enter" };
    page(
        &parts,
        html! {
            (bar(html! {}))
            main.narrow {
                h1 { "This browser is not signed in" }
                p id="status" role="status" { "Opening…" }
                @if is_enrolment {
                    p {
                        "A link to an enrolment opens once, in one browser. Ask whoever runs this host for a new one: "
                        code { "claviger approver add --name …" }
                    }
                } @else {
                    p {
                        "Claviger opens its pages in your browser by itself. To sign this one in, run "
                        code { "claviger console" }
                        " and follow the link that it gives."
                    }
                }
            }
        },
    )
}
