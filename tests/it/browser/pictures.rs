//! The pictures of the README. `CLAVIGER_PICTURES=overwrite cargo test --test it browser::pictures` takes them anew.

use std::path::Path;

use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams,
};
use chromiumoxide::page::ScreenshotParams;
use serde_json::{Value, json};

use super::chromium::Tab;
use super::office::Office;
use super::program::Mcp;

/// Where the README has them.
const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pictures");

/// The first bytes of every PNG file (RFC 2083 §3.1).
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The sections whose pictures the README has; the others are looked at all the same.
const SHOWN: [&str; 2] = ["console-connections", "console-grants"];

/// Takes a picture that the README has.
pub(super) async fn take(tab: &Tab, name: &str, scheme: &str, width: i64) {
    look(tab, name, scheme, width).await;
    kept(tab, name).await;
}

/// Keeps what is seen now, whole.
pub(super) async fn kept(tab: &Tab, name: &str) {
    let picture = seen(tab, name).await;
    if std::env::var_os("CLAVIGER_PICTURES").is_some_and(|wish| wish == "overwrite") {
        std::fs::create_dir_all(PICTURES).unwrap();
        std::fs::write(Path::new(PICTURES).join(format!("{name}.png")), picture).unwrap();
    }
}

/// Looks at a page in some light and width.
async fn look(tab: &Tab, name: &str, scheme: &str, width: i64) {
    let scheme = MediaFeature::new("prefers-color-scheme", scheme);
    // Nothing is on its way from one look to the other.
    let still = MediaFeature::new("prefers-reduced-motion", "reduce");
    let media = SetEmulatedMediaParams { media: None, features: Some(vec![scheme, still]) };
    tab.page.execute(media).await.unwrap();
    tab.page.execute(SetDeviceMetricsOverrideParams::new(width, 800, 1.0, false)).await.unwrap();
    seen(tab, name).await;
}

/// All of a page. No part is cut off on a narrow screen, or hidden behind a scroll bar of its own.
async fn seen(tab: &Tab, name: &str) -> Vec<u8> {
    tab.until("document.documentElement.scrollWidth <= window.innerWidth").await;
    let picture = tab.page.screenshot(ScreenshotParams::builder().full_page(true).build()).await.unwrap();
    assert!(picture.starts_with(PNG) && picture.len() > 5_000, "{name} is no picture");
    picture
}

#[tokio::test]
async fn the_page_and_the_console_in_both_schemes_and_on_a_phone() {
    let office = Office::new();
    let (_chromium, tab) = office.with_person().await;
    let mut agent = Mcp::start(&office.lab).await;
    agent.call(1).await;
    let link = agent.program.link(1).await;
    tab.open(&link).await;
    tab.ready().await;
    take(&tab, "approval-light", "light", 900).await;
    take(&tab, "approval-dark", "dark", 900).await;
    take(&tab, "approval-phone", "light", 390).await;
    agent.call_with(2, &json!({ "company": "Acme" })).await;
    agent.program.link(2).await;
    tab.open(&format!("{}/", office.origin())).await;
    tab.says("2 requests wait for an answer").await;
    tab.eval::<Value>("[...document.querySelectorAll('input[name=ask]')].map((box) => box.click())").await;
    take(&tab, "console-light", "light", 900).await;
    take(&tab, "console-dark", "dark", 900).await;
    for section in ["connections", "grants", "log", "alerts", "prompts"] {
        tab.open(&format!("{}/{section}", office.origin())).await;
        tab.says("This page shows by itself what changes.").await;
        let name = format!("console-{section}");
        look(&tab, &name, "light", 390).await;
        if SHOWN.contains(&name.as_str()) {
            take(&tab, &format!("{name}-light"), "light", 1100).await;
            take(&tab, &format!("{name}-dark"), "dark", 1100).await;
        }
    }
    // Both on one page, for as long as that is.
    tab.open(&format!("{}/", office.origin())).await;
    tab.eval::<Value>("[...document.querySelectorAll('input[name=ask]')].map((box) => box.click())").await;
    tab.click("#together").await;
    tab.says("2 requests, one approval").await;
    look(&tab, "batch", "light", 390).await;
    tab.click("#all").await;
    agent.all_answered(&[1, 2]).await;
    tab.open(&format!("{}/log", office.origin())).await;
    tab.says("answered with 200").await;
    take(&tab, "console-log-light", "light", 1100).await;
    take(&tab, "console-log-dark", "dark", 1100).await;
    agent.end().await;
}
