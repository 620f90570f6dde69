//! The page in the browser: where it is, who is told, how one gets in.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::SystemTime;

use claviger_server::{Link, Origin, Place, Roll, Summon, Tickets, TlsEnd, Web};
use serde_json::json;

use crate::error::Failure;
use crate::keys;
use crate::open;
use crate::output::{self, Output};
use crate::state::{self, Config, State};

/// Where the page is.
pub(crate) fn origin(config: &Config) -> Result<Origin, Failure> {
    let web = &config.web;
    let origin = match &web.origin {
        Some(origin) => Origin::team(origin, web.relying_party.as_deref()),
        None => Origin::new(&web.host, web.port),
    };
    origin.map_err(misconfigured)
}

fn misconfigured(why: impl std::fmt::Display) -> Failure {
    Failure::state(format!("claviger.toml, [web]: {why}"))
}

/// The same with its sockets.
pub(crate) fn place(config: &Config) -> Result<Place, Failure> {
    let (web, origin) = (&config.web, origin(config)?);
    if !origin.is_team() {
        // Said here, because somebody believes that others reach the page.
        return match team_only(web) {
            Some(key) => Err(misconfigured(format!(
                "`{key}` is for a page that people elsewhere reach; name its `origin` too, for example \"https://approve.acme.example\""
            ))),
            None => Ok(Place::here(origin)),
        };
    }
    let address = web.listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, web.port).into());
    Place::team(origin, address, &tls_end(web)?).map_err(misconfigured)
}

fn team_only(web: &state::Web) -> Option<&'static str> {
    let given = [
        ("listen", web.listen.is_some()),
        ("certificate", web.certificate.is_some()),
        ("key", web.key.is_some()),
        ("behind-proxy", web.behind_proxy),
        ("relying-party", web.relying_party.is_some()),
    ];
    given.into_iter().find_map(|(name, is_there)| is_there.then_some(name))
}

/// One of the two ways, said outright: nothing is served without TLS because a line was forgotten.
fn tls_end(web: &state::Web) -> Result<TlsEnd, Failure> {
    match (&web.certificate, &web.key, web.behind_proxy) {
        (Some(certificate), Some(key), false) => {
            Ok(TlsEnd::Here { certificate: certificate.clone(), key: key.clone() })
        }
        (None, None, true) => Ok(TlsEnd::Proxy),
        _ => Err(misconfigured(
            "an `origin` needs either `certificate` and `key`, two PEM files, or `behind-proxy = true` and a proxy on this machine that ends TLS",
        )),
    }
}

/// Which keys count now: those of the file, as it is.
pub(crate) fn roll(state: &State) -> Roll {
    let state = state.clone();
    Arc::new(move || open::enrolled(&state).ok())
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
    // A team's people are elsewhere.
    let opens = config.web.open_browser && config.web.origin.is_none();
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
    ::open::commands(address).into_iter().any(|mut command| {
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

/// Opens the console of the host that runs. Where people sign in, nobody needs a ticket.
pub(crate) fn console(state: &State) -> Result<Output, Failure> {
    let config = state.config()?;
    let origin = origin(&config)?;
    if origin.is_team() {
        let page = format!("{origin}/");
        return Output::new(format!("sign in at {page}"), &json!({ "console": page, "opened": false }));
    }
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
    if config.web.origin.is_some() {
        output::notice(&format!("for whoever it is, once, within a quarter of an hour: {}", link.with_ticket));
    } else if config.web.open_browser && open_browser(&link.with_ticket) {
        output::notice(&format!("opening {} in your browser", link.page));
    } else {
        output::notice(&format!("open {} in your browser", link.with_ticket));
    }
}
