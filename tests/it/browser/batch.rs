//! One gesture for several requests, end to end.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::chromium::Tab;
use super::office::Office;
use super::program::Mcp;
use crate::laboratory::swept;

/// Posts to another page's address with this page's token.
async fn forged(tab: &Tab, path: &str, action: &str) -> Value {
    tab.eval(&format!(
        "fetch('{path}/{action}', {{method: 'POST', headers: {{'content-type': 'application/json', \
         'x-claviger-token': document.body.dataset.token}}, body: '{{}}'}}).then((answer) => answer.status)"
    ))
    .await
}

/// Signs for what the page shows and keeps the answer here, with the page's own token and address.
async fn signed(tab: &Tab) -> Value {
    tab.eval(
        "(async () => { const { post, sign } = await import('/passkey.js'); \
         const given = await sign(await post('begin', {})); \
         return { given, path: document.body.dataset.path, token: document.body.dataset.token }; })()",
    )
    .await
}

async fn finished(tab: &Tab, signed: &Value) -> Value {
    tab.eval(&format!(
        "(async () => {{ const signed = {signed}; const answer = await fetch(`${{signed.path}}/finish`, {{method: 'POST', \
         headers: {{'content-type': 'application/json', 'x-claviger-token': signed.token}}, body: JSON.stringify(signed.given)}}); \
         return {{status: answer.status, ...await answer.json()}}; }})()"
    ))
    .await
}

/// The verifier that shares no code with ours.
pub(crate) fn second_opinion(bundle: &Path) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let servers = std::env::var_os("CLAVIGER_SERVERS").map_or_else(|| root.join("target/servers"), PathBuf::from);
    let python = servers.join("venv/bin/python");
    assert!(python.exists(), "{} is missing; `cargo xtask setup` installs it", python.display());
    let mut verifier = Command::new(python);
    let output =
        verifier.arg("-B").arg(root.join("tests/verifier/verify.py")).arg("--export").arg(bundle).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test]
async fn one_gesture_answers_what_was_ticked_and_shown_and_nothing_else() {
    let office = Office::new();
    let (chromium, tab) = office.with_person().await;
    let other = chromium.tab().await;
    let mut agent = Mcp::start(&office.lab).await;
    let companies = ["Acme", "Birch", "Cedar", "Dogwood", "Elder"];
    let mut pages = Vec::new();
    for (id, company) in (1..).zip(companies) {
        agent.call_with(id, &json!({ "company": company })).await;
        pages.push(agent.program.link(pages.len() + 1).await);
    }
    let names: Vec<&str> =
        pages.iter().map(|page| page.split('#').next().unwrap().rsplit('/').next().unwrap()).collect();
    tab.open(&pages[0]).await;
    tab.ready().await;
    tab.open(&format!("{}/", office.origin())).await;
    tab.says("5 requests wait for an answer").await;
    for name in &names[..4] {
        tab.click(&format!("input[value=\"{name}\"]")).await;
    }
    tab.says("Approve 4 selected").await;
    tab.click("#together").await;
    tab.says("4 requests, one approval").await;

    // Every member is on the page, whole: nothing to unfold, nothing cut.
    let page = tab.text().await;
    for company in &companies[..4] {
        assert!(page.contains(company), "{company} is not on the page: {page}");
    }
    assert!(!page.contains(companies[4]), "the fifth was not selected");
    assert_eq!(page.matches("op://MSP/ConnectWise/private-key").count(), 4, "{page}");
    assert_eq!(page.matches("GET https://").count(), 4, "{page}");
    assert!(!tab.eval::<bool>("Boolean(document.querySelector('details, [hidden]'))").await);

    // A member that somebody else puts in: this page's token is for this page's members.
    let more = format!("/batch/{}", names.join("."));
    let fewer = format!("/batch/{}", names[1..3].join("."));
    for path in [&more, &fewer, &format!("/approve/{}", names[0])] {
        for action in ["begin", "finish"] {
            assert_eq!(forged(&tab, path, action).await, 401, "{path}");
        }
    }

    // One is answered elsewhere: it leaves the page before anything is signed.
    other.open(pages[3].split('#').next().unwrap()).await;
    other.ready().await;
    other.click("#deny").await;
    other.says("Denied").await;
    tab.says("3 requests, one approval").await;
    assert!(tab.text().await.contains("1 of those that you selected"));
    // Another is taken back while the passkey is used: the others go on with what was signed.
    let signature = signed(&tab).await;
    agent.cancel(3).await;
    tab.says("2 requests, one approval").await;
    assert_eq!(office.psa.running.connections(), 0, "sent before anybody agreed");
    // The page that was signed cannot be signed again: it does not show any more what there is.
    let (path, token) = (&signature["path"], &signature["token"]);
    let again: Value = tab
        .eval(&format!(
            "fetch({path} + '/begin', {{method: 'POST', headers: {{'content-type': 'application/json', \
             'x-claviger-token': {token}}}, body: '{{}}'}}).then((answer) => answer.json())"
        ))
        .await;
    assert_eq!(again["code"], "changed", "{again}");
    let mut wrong = signature.clone();
    wrong["given"]["signature"] = wrong["given"]["authenticatorData"].clone();
    assert_eq!(finished(&other, &wrong).await["status"], 422, "what does not verify ends nothing");
    // From the tab whose question is over: the page of the batch loads anew as its members end.
    let told = finished(&other, &signature).await;
    assert_eq!((&told["status"], &told["approved"], &told["over"]), (&200.into(), &2.into(), &1.into()), "{told}");
    agent.all_answered(&[1, 2]).await;
    assert_eq!(finished(&other, &signature).await["status"], 410, "a batch is answered once");

    // The fifth still waits; what was signed says nothing about it.
    tab.open(&format!("{}/", office.origin())).await;
    tab.says("One request waits for an answer").await;
    agent.end().await;
    let text = serde_json::to_string(&office.log()).unwrap();
    assert_eq!(text.matches("\"batch\":").count(), 2, "two receipts over one batch");
    office.lab.must(&["audit", "verify"]).unwrap();
    let out = office.lab.beside("bundle");
    office.lab.must(&["audit", "export", out.to_str().unwrap()]).unwrap();
    office.lab.must(&["audit", "verify", out.to_str().unwrap()]).unwrap();
    assert_eq!(second_opinion(&out)["ok"], true);
    swept(&office.lab);
}

#[tokio::test]
async fn the_pages_own_button_signs_for_all_of_it() {
    let office = Office::new();
    let (_chromium, tab) = office.with_person().await;
    let mut agent = Mcp::start(&office.lab).await;
    for (id, count, company) in [(1, 1, "Acme"), (2, 2, "Birch")] {
        agent.call_with(id, &json!({ "company": company })).await;
        tab.open(&agent.program.link(count).await).await;
        tab.ready().await;
    }
    tab.open(&format!("{}/", office.origin())).await;
    tab.says("2 requests wait for an answer").await;
    tab.eval::<Value>("[...document.querySelectorAll('input[name=ask]')].map((box) => box.click())").await;
    tab.click("#together").await;
    tab.says("2 requests, one approval").await;
    tab.verifies_user(false).await;
    tab.click("#all").await;
    tab.says("The passkey was not used.").await;
    tab.verifies_user(true).await;
    tab.click("#all").await;
    tab.says("2 requests go out now.").await;
    agent.all_answered(&[1, 2]).await;
    agent.end().await;
    office.lab.must(&["audit", "verify"]).unwrap();
}
