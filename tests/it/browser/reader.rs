//! Who looks at a team's console: what each of them sees, and how they leave.

use reqwest::StatusCode;
use serde_json::Value;

use super::chromium::Tab;
use super::office::Team;
use super::program::Mcp;
use super::team_door::client;
use crate::laboratory::swept;

/// The sections that are not everybody's.
const BOOKS: [&str; 6] = ["/connections", "/grants", "/log", "/alerts", "/prompts", "/log/0"];

/// What the page's stream tells within a second: the names of its events.
const HEARD: &str = "new Promise((done) => { const heard = []; const events = new EventSource('/events'); \
    for (const name of ['board', 'books']) events.addEventListener(name, () => heard.push(name)); \
    setTimeout(() => { events.close(); done(heard); }, 1500); })";

async fn status(tab: &Tab, path: &str, rest: &str) -> u64 {
    tab.eval(&format!("fetch('{path}', {{ redirect: 'error', {rest} }}).then((answer) => answer.status)")).await
}

/// The session that the browser has, as it sends it.
async fn cookie(tab: &Tab) -> String {
    let cookies = tab.page.get_cookies().await.unwrap();
    let session = cookies.iter().find(|cookie| cookie.name.starts_with("__Host-claviger-session")).unwrap();
    format!("{}={}", session.name, session.value)
}

#[tokio::test]
async fn whoever_signs_out_is_out_at_once_in_every_tab_and_with_every_copy_of_the_session() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let team = Team::new();
    let office = &team.office;
    let (chromium, tab) = team.person("anna").await;
    let mut agent = Mcp::start(&office.lab).await;
    agent.call(1).await;
    let link = agent.program.link(1).await;
    let console = format!("{}/", team.origin());
    team.sign_in(&tab, &console).await;
    tab.says("One request waits for an answer").await;
    tab.until("document.getElementById('person').textContent.includes('anna')").await;
    let other = chromium.tab().await;
    other.open(&console).await;
    other.says("One request waits for an answer").await;
    let copied = cookie(&tab).await;
    let stranger = client(&team);
    let seen = || stranger.get(&link).header("cookie", &copied).send();
    assert_eq!(seen().await.unwrap().status(), StatusCode::OK);

    // Not without the token of exactly this, nor for another origin, nor by a link.
    let token: String = tab.eval("document.getElementById('sign-out').dataset.token").await;
    let another: String = tab
        .eval(&format!(
            "fetch('{link}').then((answer) => answer.text()).then((text) => /data-token=\"([^\"]+)/.exec(text)[1])"
        ))
        .await;
    assert_ne!(token, another);
    for forged in ["", "A", another.as_str()] {
        let rest = format!("method: 'POST', headers: {{ 'x-claviger-token': '{forged}' }}");
        assert_eq!(status(&tab, "/sign-out", &rest).await, 401, "{forged}");
    }
    assert_eq!(status(&tab, "/sign-out", "").await, 405);
    let foreign = stranger.post(format!("{console}sign-out")).header("cookie", &copied);
    let foreign = foreign.header("origin", "https://evil.example").header("x-claviger-token", &token);
    assert_eq!(foreign.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(seen().await.unwrap().status(), StatusCode::OK, "she is signed in still");

    tab.click("#sign-out").await;
    tab.says("Sign in with a passkey").await;
    // The other tab hears it: its stream has ended, and it is not told what happens next.
    other.says("Sign in with a passkey").await;
    assert_eq!(seen().await.unwrap().status(), StatusCode::UNAUTHORIZED, "a copy of the session still opens");
    assert!(tab.page.get_cookies().await.unwrap().is_empty());

    // It ended her session, and no question.
    team.sign_in(&tab, &link).await;
    tab.ready().await;
    tab.click("#once").await;
    tab.says("Approved").await;
    agent.answered(1).await;
    agent.end().await;
    swept(&office.lab);
}

#[tokio::test]
async fn the_books_are_for_operators_and_auditors_and_what_waits_for_everybody() {
    let team = Team::new();
    let office = &team.office;
    let (_one, technicians) = team.person("anna").await;
    let chromium = team.chromium(&[]).await;
    let auditors = chromium.tab().await;
    office.enrol_as(&auditors, "ida", "auditor").await;
    let mut agent = Mcp::start(&office.lab).await;
    agent.call(1).await;
    agent.program.link(1).await;
    let console = format!("{}/", team.origin());
    team.sign_in(&technicians, &console).await;
    team.sign_in(&auditors, &console).await;
    for tab in [&technicians, &auditors] {
        tab.says("One request waits for an answer").await;
    }

    let links = "[...document.querySelectorAll('nav a')].map((link) => link.getAttribute('href'))";
    assert_eq!(technicians.eval::<Vec<String>>(links).await, ["/"]);
    assert_eq!(auditors.eval::<Vec<String>>(links).await.len(), 6);
    for path in BOOKS {
        assert_eq!(status(&technicians, path, "").await, 403, "{path}");
        assert_eq!(status(&auditors, path, "").await, 200, "{path}");
    }
    technicians.open(&format!("{console}log")).await;
    technicians.says("enrolled as operator or auditor").await;
    let page = technicians.text().await;
    assert!(!page.contains("initialised") && !page.contains("psa"), "{page}");
    // Nor does she hear that something happens there.
    let heard: Value = technicians.eval(HEARD).await;
    assert_eq!(heard, serde_json::json!(["board"]));
    let heard: Value = auditors.eval(HEARD).await;
    assert_eq!(heard, serde_json::json!(["board", "books"]));
    auditors.open(&format!("{console}log")).await;
    auditors.says("it is what was signed").await;
    auditors.until("document.getElementById('person').textContent.includes('ida')").await;

    // Whoever signs out on any of the pages is out.
    auditors.click("#sign-out").await;
    auditors.says("Sign in with a passkey").await;
    assert_eq!(status(&auditors, "/log", "").await, 401);
    swept(&office.lab);
}
