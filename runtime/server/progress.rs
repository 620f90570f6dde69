//! Saying that a human is being asked, while one is.

use std::sync::Arc;
use std::time::Duration;

use claviger_host::HumanClock;
use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::Peer;

/// How often a waiting client hears of it: clients reset their own time limits on progress, and one a second was enough
/// for every client that was tried.
const EVERY: Duration = Duration::from_secs(1);

/// What a client shows its user. The match code belongs to whoever made the call, and to nobody who approves unseen; the
/// page's address has no ticket, because who reads this is an agent.
fn message(human: &HumanClock, page: Option<&str>) -> String {
    let seconds = human.waited().as_secs();
    let place = page.map(|page| format!(" at {page}")).unwrap_or_default();
    match human.match_code() {
        Some(code) => {
            format!("waiting for a human's approval{place} ({seconds} s); whoever approves types the code {code}")
        }
        None => format!("waiting for a human's approval{place} ({seconds} s)"),
    }
}

/// Sends progress for as long as this future is polled. It never ends by itself. `page` is where people approve.
pub(crate) async fn report(
    human: Arc<HumanClock>,
    token: Option<ProgressToken>,
    peer: Peer<RoleServer>,
    page: Option<&str>,
) {
    let mut ticks = tokio::time::interval(EVERY);
    let mut count = 0.0;
    loop {
        ticks.tick().await;
        let Some(token) = token.clone().filter(|_| human.is_waiting()) else { continue };
        count += 1.0;
        let message = message(&human, page);
        let said = peer.notify_progress(ProgressNotificationParam::new(token, count).with_message(message)).await;
        if said.is_err() {
            // The client is gone; the request's own cancellation ends the call.
            return std::future::pending().await;
        }
    }
}
