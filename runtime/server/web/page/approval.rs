//! The page of one question.

use claviger_approval::{Ask, Scope};
use maud::{Markup, html};

use super::{Page, bar, facts, page};
use crate::web::board::Ending;
use crate::web::trouble::past;
use crate::web::words::{effect, headline, quoted};

/// A question that waits. The buttons stand below everything that is approved, so that nobody reaches them without passing
/// it.
pub(crate) fn approval(ask: &Ask, path: &str, token: &str) -> Markup {
    let (word, meaning) = effect(ask.facts().effect);
    let parts = Page { title: "A plugin asks for approval – Claviger", script: "/approve.js", token, path };
    let main = html! {
        (bar(html! { span.clock id="clock" data-expires=(ask.expires()) { (ask.wait().as_secs()) " s" } }))
        main data-state="open" {
            p.kicker {
                span class={ "effect " (word) } { (word) }
                @if let Some(client) = &ask.facts().client { span.client { "client " (quoted(client)) } }
                span.meaning { (meaning) }
            }
            h1 tabindex="-1" { (headline(ask.facts())) }
            (facts::changes(ask))
            (facts::action(ask.facts()))
            (facts::who(ask.facts()))
            (facts::words(ask.facts()))
            (answers(ask))
        }
    };
    page(&parts, main)
}

/// The buttons work as soon as the page's script does.
fn answers(ask: &Ask) -> Markup {
    html! {
        section.answers aria-label="Your answer" {
            @if ask.need() > 1 {
                p {
                    strong { (ask.need()) " different people must agree. " }
                    @if ask.signed_by().is_empty() { "Nobody has yet." }
                    @else { "Agreed: " @for name in ask.signed_by() { (quoted(name)) " " } }
                }
            }
            @if ask.match_code().is_some() {
                p {
                    label for="code" { "The two digits that are shown where the call was made: " }
                    input.code id="code" inputmode="numeric" autocomplete="off" maxlength="2" pattern="[0-9]{2}";
                }
            }
            div.buttons {
                button.primary type="button" id="once" disabled { "Approve once" }
                @if ask.as_lease().is_some() {
                    button type="button" id="lease" disabled aria-describedby="lease-means" { "Approve reads like this" }
                }
                button.deny type="button" id="deny" disabled { "Deny" }
            }
            p id="status" role="status" aria-live="polite" { "Approving asks for your passkey. Denying does not." }
            @if let Some(Scope::Lease { seconds, limit, uses, .. }) = ask.as_lease().map(Ask::scope) {
                p.note id="lease-means" {
                    strong { "Approve reads like this" }
                    " also allows this operation with other parameters and the same secrets, for the same person, session, client "
                    "and plugin version: " (uses) " requests, until " (seconds / 60) " minutes after the last one, "
                    (limit / 3_600) " hours at most."
                }
            }
        }
    }
}

/// A question that is over.
pub(crate) fn over(ending: Ending) -> Markup {
    let parts = Page { title: "Claviger", script: "/approve.js", token: "", path: "" };
    let main = html! {
        (bar(html! {}))
        main.narrow data-state=(ending.as_str()) {
            h1 { "This request " (past(ending)) }
            p { "There is nothing left to answer here. You can close this tab." }
        }
    };
    page(&parts, main)
}
