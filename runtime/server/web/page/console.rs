//! The console: what waits for an answer.

use std::sync::Arc;

use claviger_approval::{Ask, MAX_BATCH};
use claviger_grant::{ActionFacts, Facts};
use maud::{Markup, html};

use super::section::navigation;
use super::{Page, bar, page};
use crate::web::id::Id;
use crate::web::reader::Reader;
use crate::web::words::{effect, headline, quoted, shown};

/// Every question that waits, oldest first. The page fetches itself anew when that changes.
pub(crate) fn console(open: &[(Id, Arc<Ask>)], reader: &Reader) -> Markup {
    let parts = Page { title: "Claviger", script: "/console.js", token: "", path: "/" };
    let main = html! {
        (bar(navigation(None, reader)))
        main data-state="console" data-watch="board" data-mark=(mark(open)) {
            h1 { (title(open.len())) }
            @if !open.is_empty() {
                section aria-label="Waiting" {
                    @for (id, ask) in open { (pending(id, ask)) }
                    @if open.iter().filter(|(_, ask)| ask.can_be_batched()).count() > 1 { (together()) }
                }
            }
            p.note id="status" role="status" { "This page shows by itself what comes." }
        }
    };
    page(&parts, main)
}

/// What the page shows, as its script compares it.
fn mark(open: &[(Id, Arc<Ask>)]) -> String {
    let names: Vec<String> = open.iter().map(|(id, _)| id.to_string()).collect();
    names.join(".")
}

fn title(count: usize) -> String {
    match count {
        0 => "Nothing waits for an answer".to_owned(),
        1 => "One request waits for an answer".to_owned(),
        more => format!("{more} requests wait for an answer"),
    }
}

/// How much of a request the list shows, in characters: enough to tell one from another. Its own page has all of it.
const GIST: usize = 200;

/// What is asked in a line, by which two requests of one operation differ.
fn gist(facts: &Facts) -> Markup {
    let text = match &facts.action {
        ActionFacts::Send(send) => {
            let query = send.query.iter().map(|(name, value)| format!(" {name}={value}"));
            let fields = send.body.iter().flat_map(|body| &body.fields);
            let fields = fields.map(|(pointer, json)| format!(" {pointer}={json}"));
            format!("{} {}{}", send.method, send.path, query.chain(fields).collect::<String>())
        }
        ActionFacts::Store(store) => store.title.clone(),
    };
    let kept: String = text.chars().take(GIST).collect();
    let more = kept.len() < text.len();
    html! { (shown(&kept)) @if more { " … and more" } }
}

/// Leads to the page where what is ticked is shown whole, and signed for.
fn together() -> Markup {
    html! {
        div.buttons.together {
            button.primary type="button" id="together" data-most=(MAX_BATCH) disabled { "Approve selected" }
            span.note { "shows each of them in full first" }
        }
    }
}

/// Why a question is answered on its own page, if it must be.
fn alone(ask: &Ask) -> Option<&'static str> {
    match () {
        () if ask.match_code().is_some() => Some("needs the digits of its call, so by itself"),
        () if ask.need() > 1 => Some("needs several people, so by itself"),
        () if !ask.can_be_batched() => Some("by itself"),
        () => None,
    }
}

fn pending(id: &Id, ask: &Ask) -> Markup {
    let (word, _) = effect(ask.facts().effect);
    html! {
        div.pending {
            @match alone(ask) {
                None => input type="checkbox" name="ask" value=(id) aria-label="Select this request";,
                Some(_) => input type="checkbox" disabled aria-label="Cannot be selected";,
            }
            span class={ "effect " (word) } { (word) }
            a href={ "/approve/" (id) } { (headline(ask.facts())) }
            @if let Some(client) = &ask.facts().client { span { "client " (quoted(client)) } }
            span.note {
                "asked by " (quoted(&ask.facts().principal))
                @if let Some(why) = alone(ask) { " · " (why) }
            }
            div.what { (gist(ask.facts())) }
        }
    }
}
