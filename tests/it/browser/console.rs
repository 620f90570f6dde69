//! The console's pages, in a real browser, while a host works.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::chromium::Tab;
use super::office::Office;
use super::program::Mcp;
use crate::laboratory::swept;

/// Text of a model that would hide, move and run, if it could.
const HOSTILE: &str = "<img src=x onerror=\"document.title='run'\">\u{202e}p\u{430}x8\u{200b}";

/// Every path of the console.
const PATHS: [&str; 6] = ["/", "/connections", "/grants", "/log", "/alerts", "/prompts"];

async fn goto(office: &Office, tab: &Tab, path: &str) {
    tab.open(&format!("{}{path}", office.origin())).await;
    tab.until("document.querySelector('main').dataset.state === 'console'").await;
    // What a page shows is held against every secret of this test.
    let html: String = tab.eval("document.documentElement.outerHTML").await;
    office.lab.heard(html.as_bytes());
}

/// What the browser reports of the page's policy, from its beginning on.
async fn violations(tab: &Tab) -> Vec<String> {
    tab.eval(
        "new Promise((done) => { const seen = []; \
         new ReportingObserver((reports) => seen.push(...reports.map((report) => String(report.body.blockedURL))), \
         { types: ['csp-violation'], buffered: true }).observe(); setTimeout(() => done(seen), 300); })",
    )
    .await
}

/// Whether the page that is shown is the document that was opened, and not one that was loaded anew.
async fn mark_document(tab: &Tab) {
    assert_eq!(tab.eval::<u64>("window.sameDocument = 1").await, 1);
}

async fn is_same_document(tab: &Tab) -> bool {
    tab.eval("window.sameDocument === 1").await
}

#[tokio::test]
async fn a_witness_that_does_not_sign_is_shown() {
    let office = Office::new();
    let (_chromium, tab) = office.with_person().await;
    let key = office.lab.beside("w1.key").to_str().unwrap().to_owned();
    office.lab.must(&["audit", "witness", "key", "witness.example/w1", "--out", &key]).unwrap();
    // The discard port of this machine: nobody listens.
    let (url, public) = ("http://127.0.0.1:9/log", office.lab.beside("w1.pub"));
    let witness = format!("\n[[audit.witness]]\nurl = {url:?}\nkey = {public:?}\n");
    crate::cli::variant::configure(&office.lab.state(), |text| format!("{text}{witness}"));
    let mut agent = Mcp::start(&office.lab).await;
    agent.call(1).await;
    // The first address that it says is the witness's.
    tab.open(&agent.program.link(2).await).await;
    tab.ready().await;
    for path in ["/alerts", "/log"] {
        goto(&office, &tab, path).await;
        tab.says(url).await;
        tab.says("no connection").await;
    }
    swept(&office.lab);
}

#[tokio::test]
async fn every_page_says_what_is_and_follows_by_itself() {
    let office = Office::new();
    let (chromium, tab) = office.with_person().await;
    let other = chromium.tab().await;
    other.take(&tab.credentials().await).await;
    let mut agent = Mcp::start(&office.lab).await;
    agent.call_with(1, &json!({ "company": HOSTILE })).await;
    let link = agent.program.link(1).await;
    tab.open(&link).await;
    tab.ready().await;

    goto(&office, &tab, "/connections").await;
    let page = tab.text().await;
    for shown in
        ["psa", "sha256:", "op://MSP/ConnectWise/private-key", "search-tickets", "api-na.myconnectwise.net", "Acme"]
    {
        assert!(page.contains(shown), "{shown} is not on the page: {page}");
    }
    goto(&office, &tab, "/grants").await;
    let page = tab.text().await;
    assert!(page.contains("search-tickets") && page.contains("may") && page.contains("once a while"), "{page}");

    // The log shows the call as soon as it is made, in the document that is open.
    goto(&office, &tab, "/log").await;
    tab.says("it is what was signed").await;
    assert!(!tab.text().await.contains("answered with 200"));
    mark_document(&tab).await;
    other.open(link.split('#').next().unwrap()).await;
    other.ready().await;
    other.click("#once").await;
    other.says("Approved").await;
    agent.all_answered(&[1]).await;
    tab.says("answered with 200").await;
    tab.says("approved by alex (webauthn)").await;
    assert!(is_same_document(&tab).await, "it was loaded anew");
    // Filters are links, and combine.
    for (query, shown) in [("verdict=answered", true), ("effect=read", true), ("effect=read&verdict=leak", false)] {
        goto(&office, &tab, &format!("/log?{query}")).await;
        assert_eq!(tab.text().await.contains("answered with 200"), shown, "{query}");
    }
    goto(&office, &tab, "/log?verdict=nonsense").await;
    assert!(tab.text().await.contains("is one of answered"), "{}", tab.text().await);

    proved(&office, &tab).await;
    goto(&office, &tab, "/prompts").await;
    tab.says("mcp-").await;
    assert!(tab.text().await.contains("1 of these") || tab.text().await.contains("0 of these"));
    agent.end().await;
    swept(&office.lab);
}

/// The page of the call's entry: its bytes, the receipt, and a proof that verifies when it is copied.
async fn proved(office: &Office, tab: &Tab) {
    let index = office.log().iter().position(|entry| entry["kind"] == "intent").unwrap();
    goto(office, tab, &format!("/log/{index}")).await;
    tab.says("it is one of the").await;
    tab.says("approved by alex").await;
    // As it stands there, whatever the style makes of headings.
    let page: String = tab.eval("document.querySelector('main').textContent").await;
    assert!(page.contains("Canonical bytes") && page.contains("Receipt") && page.contains("\\u{202e}"), "{page}");
    assert!(!page.contains('\u{202e}') && !page.contains('\u{200b}') && !page.contains('\u{430}'), "{page}");
    assert!(!tab.eval::<bool>("Boolean(document.querySelector('main img, main script'))").await);
    assert!(tab.eval::<String>("document.title").await.starts_with("Entry"));
    let proof: String = tab.eval("[...document.querySelectorAll('[data-copy]')].pop().dataset.copy").await;
    let file = office.lab.file("copied.json", proof.as_bytes()).unwrap();
    let key = office.lab.state().join("audit.pub");
    let verified = office.lab.must(&["audit", "verify", file.to_str().unwrap(), "--key", key.to_str().unwrap()]);
    assert!(verified.unwrap().stdout.contains("the checkpoint signs"));
}

#[tokio::test]
async fn alerts_tell_of_quarantines_and_of_sessions_that_people_ended() {
    let office = Office::new();
    let (chromium, tab) = office.with_person().await;
    let other = chromium.tab().await;
    let mut agent = Mcp::start(&office.lab).await;
    for (id, count, company) in [(1, 1, "Acme"), (2, 2, "Birch"), (3, 3, "Cedar")] {
        agent.call_with(id, &json!({ "company": company })).await;
        other.open(&agent.program.link(count).await).await;
        other.ready().await;
    }
    goto(&office, &tab, "/alerts").await;
    tab.says("Nothing is quarantined.").await;
    tab.says("No session is locked.").await;
    mark_document(&tab).await;
    let list = office.lab.state().join("quarantine.json");
    let text = json!({ "version": 1, "quarantined": { "psa": ["private-key"] } }).to_string();
    std::fs::write(&list, text).unwrap();
    std::fs::set_permissions(&list, std::fs::Permissions::from_mode(0o600)).unwrap();
    tab.says("claviger quarantine lift psa private-key").await;
    for place in 1..=3 {
        other.open(agent.program.link(place).await.split('#').next().unwrap()).await;
        // The last answers end the session, and what else waits with it.
        other.until("['open', 'withdrawn'].includes(document.querySelector('main').dataset.state)").await;
        if other.eval("document.querySelector('main').dataset.state === 'open'").await {
            other.click("#deny").await;
            other.says("Denied").await;
        }
    }
    tab.until("!document.body.innerText.includes('No session is locked.')").await;
    assert!(is_same_document(&tab).await, "it was loaded anew");
    agent.end().await;
    swept(&office.lab);
}

#[tokio::test]
async fn no_page_breaks_its_own_policy_or_asks_anybody_else() {
    let office = Office::new();
    let (_chromium, tab) = office.with_person().await;
    let call = office.call();
    tab.open(&call.link(1).await).await;
    tab.ready().await;
    for path in PATHS {
        goto(&office, &tab, path).await;
        assert_eq!(violations(&tab).await, Vec::<String>::new(), "{path}");
        let asked: Vec<String> = tab.eval("performance.getEntriesByType('resource').map((entry) => entry.name)").await;
        assert!(asked.len() > 2 && asked.iter().all(|name| name.starts_with(&office.origin())), "{path}: {asked:?}");
        // One heading, one main part, a navigation that says where one is.
        let landmarks: Value = tab
            .eval("['h1', 'main', 'nav [aria-current=page]', 'header'].map((name) => document.querySelectorAll(name).length)")
            .await;
        assert_eq!(landmarks, json!([1, 1, 1, 1]), "{path}");
    }
    // That the browser would say so: a line of script in the page is a violation.
    let _: Value = tab
        .eval("document.body.appendChild(Object.assign(document.createElement('script'), { text: 'window.ran = 1' })) && 1")
        .await;
    assert_eq!(violations(&tab).await, ["inline"]);
    assert!(!tab.eval::<bool>("window.ran === 1").await);
    // Without a session none of them shows anything.
    let reader = super::door::client();
    for path in PATHS {
        let stranger = reader.get(format!("{}{path}", office.origin())).send().await.unwrap();
        assert_eq!(stranger.status(), 401, "{path}");
        let text = stranger.text().await.unwrap();
        assert!(!text.contains("psa") && !text.contains("op://"), "{text}");
    }
    tab.open(call.link(1).await.split('#').next().unwrap()).await;
    tab.click("#deny").await;
    assert_eq!(call.ended().await.code, 4);
}
