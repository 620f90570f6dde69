//! The report as a page: one file, nothing loaded from elsewhere, every text escaped by the template engine.

use std::collections::BTreeMap;

use maud::{DOCTYPE, Markup, html};

use crate::audit_report::{Report, Use};

/// The longest bar, in units of the picture.
const BAR: u64 = 400;
/// The height of a bar with its space.
const ROW: u64 = 24;
/// Where bars begin, after their names.
const LEFT: u64 = 160;

/// Readable in light and dark, on paper too.
const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8884 }
svg text { fill: currentColor; font-size: 13px } svg rect { fill: #3b7dd8 } code { overflow-wrap: anywhere }
";

/// The whole page.
pub(crate) fn page(report: &Report) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { "Claviger: what was used" }
                style { (STYLE) }
            }
            body {
                h1 { "What was used" }
                @if let (Some(from), Some(to)) = (&report.from, &report.to) { p { "From " (from) " to " (to) "." } }
                h2 { "Requests by client" }
                (bars("Requests by client", &by_client(report)))
                (uses(report))
                h2 { "Gestures by day" }
                (bars("Gestures by day", &report.days))
                (prompts(report))
                @if !report.denied.is_empty() {
                    h2 { "Denied before anybody was asked" }
                    (bars("Denied by principal", &report.denied))
                }
            }
        }
    }
}

fn by_client(report: &Report) -> BTreeMap<String, u64> {
    let total = |used: &Use| used.effects.values().sum::<u64>();
    report.clients.iter().map(|(client, plugins)| (client.clone(), plugins.values().map(total).sum())).collect()
}

/// A bar for each count, the longest as long as the picture allows.
fn bars(label: &str, counts: &BTreeMap<String, u64>) -> Markup {
    let most = counts.values().max().copied().unwrap_or_default().max(1);
    let rows = (0..).step_by(usize::try_from(ROW).unwrap_or(24)).zip(counts);
    let height = ROW.saturating_mul(u64::try_from(counts.len()).unwrap_or_default());
    html! {
        svg role="img" aria-label=(label) width="100%" viewBox={ "0 0 620 " (height) } {
            @for (top, (name, count)) in rows {
                text x="0" y=(top + 16) { (name) }
                rect x=(LEFT) y=(top + 4) height="16" width=(count.saturating_mul(BAR) / most) rx="2" {}
                text x=(LEFT + 6 + count.saturating_mul(BAR) / most) y=(top + 16) { (count) }
            }
        }
    }
}

fn uses(report: &Report) -> Markup {
    html! {
        table {
            tr { th { "Client" } th { "Plugin" } th { "Requests" } th { "Ended" } th { "Asked by" } th { "Approved" } th { "Secrets" } }
            @for (client, plugins) in &report.clients {
                @for (plugin, used) in plugins {
                    tr {
                        td { (client) } td { (plugin) } td { (counts(&used.effects)) } td { (counts(&used.ended)) }
                        td { (counts(&used.principals)) }
                        td { (counts(&used.approved)) @if used.refused > 0 { div { (used.refused) " refused" } } }
                        td { @for secret in &used.secrets { div { code { (secret) } } } }
                    }
                }
            }
        }
    }
}

fn counts(counts: &BTreeMap<String, u64>) -> Markup {
    html! { @for (name, count) in counts { div { (count) " " (name) } } }
}

fn prompts(report: &Report) -> Markup {
    html! {
        table {
            tr { th { "Session" } th { "Asked" } th { "Under a lease" } th { "Reads that a lease would have covered" } }
            @for (session, prompts) in &report.sessions {
                tr { td { (session) } td { (prompts.asked) } td { (prompts.leased) } td { (prompts.spared_by_a_lease) } }
            }
        }
    }
}
