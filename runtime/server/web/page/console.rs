//! The console: what waits for an answer.

use std::sync::Arc;

use claviger_approval::Ask;
use maud::{Markup, html};

use super::{Page, bar, page};
use crate::web::id::Id;
use crate::web::words::{effect, headline, quoted};

/// Every question that waits, oldest first. The page reloads when that changes.
pub(crate) fn console(open: &[(Id, Arc<Ask>)], token: &str) -> Markup {
    let parts = Page { title: "Claviger", script: "/console.js", token, path: "/" };
    let main = html! {
        (bar(html! {}))
        main data-state="console" {
            h1 { (title(open.len())) }
            @if !open.is_empty() {
                section aria-label="Waiting" {
                    @for (id, ask) in open { (pending(id, ask)) }
                }
            }
            p.note id="status" role="status" { "This page shows by itself what comes." }
        }
    };
    page(&parts, main)
}

fn title(count: usize) -> String {
    match count {
        0 => "Nothing waits for an answer".to_owned(),
        1 => "One request waits for an answer".to_owned(),
        more => format!("{more} requests wait for an answer"),
    }
}

fn pending(id: &Id, ask: &Ask) -> Markup {
    let (word, _) = effect(ask.facts().effect);
    html! {
        div.pending {
            span class={ "effect " (word) } { (word) }
            a href={ "/approve/" (id) } { (headline(ask.facts())) }
            @if let Some(client) = &ask.facts().client { span { "client " (quoted(client)) } }
            span.note { "asked by " (quoted(&ask.facts().principal)) }
        }
    }
}
