//! The page of several questions that one gesture answers.

use claviger_approval::Ask;
use maud::{Markup, html};

use super::{Page, bar, facts, page};
use crate::web::batch::Member;
use crate::web::words::{effect, headline, quoted};

/// Every member whole, one below the other; the button stands below all of them. `left_out` is how many of those that were
/// selected ended meanwhile.
pub(crate) fn batch(members: &[Member], left_out: usize, path: &str, token: &str) -> Markup {
    let parts = Page { title: "Approve several – Claviger", script: "/batch.js", token, path };
    let soonest = members.iter().map(|(_, ask)| ask.expires()).min().unwrap_or_default();
    let main = html! {
        (bar(html! { span.clock id="clock" data-expires=(soonest) {} }))
        main data-state="open" {
            h1 tabindex="-1" { (members.len()) " requests, one approval" }
            p.note { "Your passkey signs for exactly these, each of them once. To answer one by itself, open it from the list." }
            @if left_out > 0 {
                p.bad { (left_out) " of those that you selected must be answered alone, or ran out of time or was answered elsewhere. It is not among these." }
            }
            @for (place, (_, ask)) in members.iter().enumerate() { (member(place + 1, members.len(), ask)) }
            (answer(members.len()))
        }
    };
    page(&parts, main)
}

/// One question, as on a page of its own.
fn member(place: usize, of: usize, ask: &Ask) -> Markup {
    let (word, meaning) = effect(ask.facts().effect);
    html! {
        article.member aria-label={ "Request " (place) " of " (of) } {
            p.kicker {
                span.place { (place) " of " (of) }
                span class={ "effect " (word) } { (word) }
                @if let Some(client) = &ask.facts().client { span.client { "client " (quoted(client)) } }
                span.meaning { (meaning) }
            }
            h2.headline { (headline(ask.facts())) }
            (facts::changes(ask))
            (facts::action(ask.facts()))
            (facts::who(ask.facts()))
            (facts::words(ask.facts()))
        }
    }
}

fn answer(count: usize) -> Markup {
    html! {
        section.answers aria-label="Your answer" {
            div.buttons {
                button.primary type="button" id="all" disabled { "Approve all " (count) }
                a href="/" { "Back to the list" }
            }
            p id="status" role="status" aria-live="polite" { "Approving asks for your passkey, once." }
        }
    }
}
