//! The facts of a request, whole and in the order in which they matter.

use claviger_approval::{Ask, Change};
use claviger_grant::{ActionFacts, BodyFacts, CredentialFacts, Facts, SendFacts, StoreFacts};
use maud::{Markup, html};

use crate::web::words::{leaf, quoted, shown};

/// One row of a table of facts.
fn row(label: &str, value: Markup) -> Markup {
    html! { div.row { dt { (label) } dd { (value) } } }
}

/// What is sent or stored, every argument of it.
pub(crate) fn action(facts: &Facts) -> Markup {
    match &facts.action {
        ActionFacts::Send(send) => request(send),
        ActionFacts::Store(store) => item(store),
    }
}

fn request(send: &SendFacts) -> Markup {
    html! {
        section aria-label="What is sent" {
            h2 { "What is sent" }
            p.request { strong { (shown(&send.method)) } " " (shown(&send.origin)) (shown(&send.path)) }
            dl {
                (row("operation", html! { (send.operation) }))
                @for (name, value) in &send.query { (row("query", pair(shown(name), quoted(value)))) }
                @if let Some(body) = &send.body { (fields(body)) }
                @for (pointer, slot) in &send.lent { (row("places", pair(shown(pointer), html! { "slot " (slot) }))) }
                @for (name, value) in &send.headers { (row("header", pair(shown(name), quoted(value)))) }
                @for (slot, place) in &send.captures { (row("keeps", html! { "slot " (slot) " from " (quoted(place)) })) }
                @if let Some(address) = &send.connect {
                    (row("dials", html! { (shown(address)) " instead of resolving the host" }))
                }
                @if let Some(digest) = &send.trust {
                    (row("trusts", html! { "only the certificate authority with SHA-256 " (shown(digest)) }))
                }
                @for pin in &send.pins { (row("expects", shown(pin))) }
            }
        }
        (secrets(send.credential.as_ref()))
    }
}

fn pair(name: Markup, value: Markup) -> Markup {
    html! { span.name { (name) } " = " (value) }
}

fn fields(body: &BodyFacts) -> Markup {
    html! {
        @for (pointer, json) in &body.fields { (row("field", pair(shown(pointer), leaf(json)))) }
        (row("body", html! { (body.encoding) ", SHA-256 " (shown(&body.sha256)) }))
    }
}

fn secrets(credential: Option<&CredentialFacts>) -> Markup {
    html! {
        section aria-label="Secrets it uses" {
            h2 { "Secrets it uses" }
            @if let Some(credential) = credential {
                dl {
                    @for (name, reference) in &credential.secrets { (row(name.as_str(), quoted(reference))) }
                    (row("signs in", html! { "with " (credential.name) " (" (credential.scheme) ")" }))
                    @if let Some(endpoint) = &credential.token_endpoint { (row("token from", shown(endpoint))) }
                    @if let Some(login) = &credential.login { (row("logs in", shown(login))) }
                    @if let Some(logout) = &credential.logout { (row("logs out", shown(logout))) }
                }
            } @else {
                p { "None." }
            }
        }
    }
}

fn item(store: &StoreFacts) -> Markup {
    html! {
        section aria-label="What is stored" {
            h2 { "What is stored" }
            dl {
                (row("new item", quoted(&store.title)))
                (row("in vault", quoted(&store.vault)))
                (row("rule", html! { (store.write_back) }))
                @for (label, slot) in &store.fields { (row("field", pair(quoted(label), html! { "slot " (slot) }))) }
            }
        }
    }
}

/// What is different from the last time: people look least at what they have seen before.
pub(crate) fn changes(ask: &Ask) -> Markup {
    let Some(changes) = ask.changes() else {
        return html! { p.note { "No earlier approval of this operation is known." } };
    };
    if changes.is_empty() {
        return html! { p.note { "The same was approved before." } };
    }
    html! {
        section.changes aria-label="Different from last time" {
            h2 { "Different from last time" }
            dl { @for change in changes { (row("differs", difference(change))) } }
        }
    }
}

fn difference(change: &Change) -> Markup {
    let side = |text: &Option<String>| text.as_deref().map_or_else(|| html! { "nothing" }, leaf);
    html! { span.name { (shown(&change.place)) } ": " (side(&change.after)) " instead of " (side(&change.before)) }
}

/// Who asks, with whose code.
pub(crate) fn who(facts: &Facts) -> Markup {
    html! {
        section aria-label="Who asks" {
            h2 { "Who asks" }
            dl {
                (row("who", quoted(&facts.principal)))
                (row("session", quoted(&facts.session)))
                (row("client", facts.client.as_deref().map_or_else(|| html! { "none" }, quoted)))
                (row("connection", html! { (facts.connection) }))
                (row("plugin", html! { (facts.plugin.name) " " (shown(&facts.plugin.version)) ", tool " (facts.tool) }))
                (row("manifest", html! { (facts.plugin.manifest) }))
                (row("component", html! { (facts.plugin.component) }))
            }
        }
    }
}

/// What the plugin's author wrote, as a quotation.
pub(crate) fn words(facts: &Facts) -> Markup {
    html! {
        @if let Some(description) = &facts.description {
            aside.theirs aria-label="Written by the plugin’s author, not checked" {
                h2 { "Written by the plugin’s author, not checked" }
                blockquote { (shown(description)) }
            }
        }
    }
}
