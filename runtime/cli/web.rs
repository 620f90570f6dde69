//! The page in the browser: where it is, who is told, how one gets in.

use std::process::Stdio;
use std::sync::Arc;
use std::time::SystemTime;

use claviger_server::{Link, Origin, Summon, Tickets, Web};
use serde_json::json;

use crate::error::Failure;
use crate::keys;
use crate::output::{self, Output};
use crate::state::{Config, State};

/// Where the page is.
pub(crate) fn origin(config: &Config) -> Result<Origin, Failure> {
    let (host, port) = (&config.web.host, config.web.port);
    Origin::new(host, port).map_err(|error| Failure::state(format!("claviger.toml, [web]: {error}")))
}

/// What opens sessions on it. Directories from before there was a page get their key now.
pub(crate) fn tickets(state: &State) -> Result<Tickets, Failure> {
    let path = state.web_key();
    let key = if path.exists() { keys::read(&path)? } else { keys::create(&path)? };
    Ok(Tickets::new(key))
}

/// Tells the person: opens their browser, and prints the link. The ticket is printed only where no browser opens, because
/// what a host prints may be read by the agent that started it.
pub(crate) fn summon(config: &Config) -> Summon {
    let opens = config.web.open_browser;
    Arc::new(move |link: &Link| told(link, opens))
}

fn told(link: &Link, opens: bool) {
    let shown = if opens && open_browser(&link.with_ticket) { &link.page } else { &link.with_ticket };
    let code = link.code.as_ref().map(|code| format!(" and type the code {code} there")).unwrap_or_default();
    output::notice(&format!("approve or deny at {shown}{code}"));
}

/// Opens the system's browser, with nothing of this process's streams: one of them may be a protocol's. False when there is
/// none; whether a page then opens, nobody tells.
fn open_browser(address: &str) -> bool {
    open::commands(address).into_iter().any(|mut command| {
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        // Reaped beside everything else, so that no zombie is left while a host runs for days.
        started.map(|mut child| std::thread::spawn(move || child.wait())).is_ok()
    })
}

/// Ends the page, if there is one.
pub(crate) async fn close(web: Option<Web>) {
    if let Some(web) = web {
        web.close().await;
    }
}

/// Opens the console of the host that runs.
pub(crate) fn console(state: &State) -> Result<Output, Failure> {
    let config = state.config()?;
    let origin = origin(&config)?;
    let ticket = tickets(state)?.issue(SystemTime::now());
    let ticket = ticket.ok_or_else(|| Failure::state("the operating system gave no randomness; try again"))?;
    let link = Link { page: format!("{origin}/"), with_ticket: format!("{origin}/#{ticket}"), code: None };
    let opened = config.web.open_browser && open_browser(&link.with_ticket);
    // Whoever reads this output can read the key too.
    let said = if opened { format!("opening {}", link.page) } else { format!("open {}", link.with_ticket) };
    Output::new(said, &json!({ "console": link.with_ticket, "opened": opened }))
}

/// Says where to enrol, and opens the browser.
pub(crate) fn invite(config: &Config, link: &Link) {
    if config.web.open_browser && open_browser(&link.with_ticket) {
        output::notice(&format!("opening {} in your browser", link.page));
    } else {
        output::notice(&format!("open {} in your browser", link.with_ticket));
    }
}
