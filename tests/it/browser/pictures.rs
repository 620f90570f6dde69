//! The pictures of the README. `CLAVIGER_PICTURES=overwrite cargo test --test it browser::pictures` takes them anew.

use std::path::Path;

use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams,
};
use chromiumoxide::page::ScreenshotParams;

use super::chromium::Tab;
use super::office::Office;

/// Where the README has them.
const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pictures");

/// The first bytes of every PNG file (RFC 2083 §3.1).
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

pub(super) async fn take(tab: &Tab, name: &str, scheme: &str, width: i64) {
    let scheme = MediaFeature::new("prefers-color-scheme", scheme);
    let media = SetEmulatedMediaParams { media: None, features: Some(vec![scheme]) };
    tab.page.execute(media).await.unwrap();
    tab.page.execute(SetDeviceMetricsOverrideParams::new(width, 800, 1.0, false)).await.unwrap();
    kept(tab, name).await;
}

/// Keeps what is seen now, whole.
pub(super) async fn kept(tab: &Tab, name: &str) {
    // No part is cut off on a narrow screen, or hidden behind a scroll bar of its own.
    tab.until("document.documentElement.scrollWidth <= window.innerWidth").await;
    let picture = tab.page.screenshot(ScreenshotParams::builder().full_page(true).build()).await.unwrap();
    assert!(picture.starts_with(PNG) && picture.len() > 5_000, "{name} is no picture");
    if std::env::var_os("CLAVIGER_PICTURES").is_some_and(|wish| wish == "overwrite") {
        std::fs::create_dir_all(PICTURES).unwrap();
        std::fs::write(Path::new(PICTURES).join(format!("{name}.png")), picture).unwrap();
    }
}

#[tokio::test]
async fn the_page_and_the_console_in_both_schemes_and_on_a_phone() {
    let office = Office::new();
    let (_chromium, tab) = office.with_person().await;
    let call = office.call();
    tab.open(&call.link(1).await).await;
    tab.ready().await;
    take(&tab, "approval-light", "light", 900).await;
    take(&tab, "approval-dark", "dark", 900).await;
    take(&tab, "approval-phone", "light", 390).await;
    let page = call.link(1).await.split('#').next().unwrap().to_owned();
    tab.open(&format!("{}/", office.origin())).await;
    tab.says("waits for an answer").await;
    take(&tab, "console-light", "light", 900).await;
    take(&tab, "console-dark", "dark", 900).await;
    tab.open(&page).await;
    tab.ready().await;
    tab.click("#deny").await;
    assert_eq!(call.ended().await.code, 4);
}
