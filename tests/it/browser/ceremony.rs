//! One question from the call to the log.

use serde_json::Value;

use super::chromium::Tab;
use super::office::Office;
use crate::cli::variant::with_approval;
use crate::laboratory::swept;

/// Runs the page's own ceremony with something changed, and gives the status and the code of the answer.
async fn tampered(tab: &Tab, script: &str) -> (u16, String) {
    let told: Value = tab.eval(&format!("(async () => {{ {HELPERS} {script} }})()")).await;
    (told["status"].as_u64().unwrap().try_into().unwrap(), told["code"].as_str().unwrap_or_default().to_owned())
}

/// The page's steps one by one. The page's own script keeps them to itself.
const HELPERS: &str = r#"
    const { bytes, text } = await import("/passkey.js");
    const raw = async (action, body, more) => {
        const answer = await fetch(`${document.body.dataset.path}/${action}`, { method: "POST",
            headers: { "content-type": "application/json", "x-claviger-token": document.body.dataset.token },
            body: JSON.stringify(body) });
        const told = await answer.json().catch(() => ({}));
        return { status: answer.status, ...told };
    };
    const sign = async (asked, more) => {
        const given = await navigator.credentials.get({ publicKey: { challenge: bytes(asked.challenge), rpId: asked.rpId,
            userVerification: "required", allowCredentials: asked.allowCredentials.map((id) => ({ type: "public-key", id: bytes(id) })),
            ...more } });
        return { credentialId: text(given.rawId), authenticatorData: text(given.response.authenticatorData),
            clientDataJson: text(given.response.clientDataJSON), signature: text(given.response.signature) };
    };
"#;

#[tokio::test]
async fn a_fingerprint_sends_the_request_and_its_receipt_verifies_from_an_export() {
    let office = Office::new();
    let (_chromium, tab) = office.with_person().await;
    let call = office.call();
    tab.open(&call.link(1).await).await;
    tab.ready().await;
    let page = tab.text().await;
    for shown in [
        "psa wants to read from api-na.myconnectwise.net",
        "Acme Manufacturing",
        "/service/tickets",
        "op://MSP/ConnectWise/private-key",
        "Written by the plugin’s author, not checked",
    ] {
        assert!(page.contains(shown), "{shown} is not on the page: {page}");
    }
    assert_eq!(office.psa.running.connections(), 0, "sent before anybody agreed");
    tab.click("#once").await;
    tab.says("Approved").await;
    let ran = call.ended().await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let text = serde_json::to_string(&office.log()).unwrap();
    assert!(text.contains("\"kind\":\"webauthn\"") && text.contains("authenticator_data"), "no receipt in the log");
    let out = office.lab.beside("bundle");
    let out = out.to_str().unwrap();
    office.lab.must(&["audit", "export", out]).unwrap();
    office.lab.must(&["audit", "verify", out]).unwrap();
    swept(&office.lab);
}

#[tokio::test]
async fn no_needs_no_gesture_and_an_unanswered_question_is_a_denial_that_says_so() {
    let office = Office::new();
    let (_chromium, tab) = office.with_person().await;
    let call = office.call();
    tab.open(&call.link(1).await).await;
    tab.ready().await;
    tab.verifies_user(false).await;
    tab.click("#deny").await;
    tab.says("Denied").await;
    assert_eq!(call.ended().await.code, 4);

    with_approval(&office.lab, "psa", "3s");
    let call = office.call();
    tab.open(&call.link(1).await).await;
    tab.ready().await;
    let ran = call.ended().await;
    assert!(ran.code == 4 && ran.stderr.contains("nobody answered within 3 seconds"), "{}", ran.stderr);
    assert_eq!(office.psa.running.connections(), 0);
}

#[tokio::test]
async fn what_does_not_verify_costs_nobody_their_turn() {
    let office = Office::new();
    let (_chromium, tab) = office.with_person().await;

    // A signature for one request, to be replayed for the next.
    let first = office.call();
    tab.open(&first.link(1).await).await;
    tab.ready().await;
    let old: Value = tab
        .eval(&format!("(async () => {{ {HELPERS} return sign(await raw('begin', {{choice: 'once'}})); }})()"))
        .await;
    tab.click("#deny").await;
    assert_eq!(first.ended().await.code, 4);

    let second = office.call();
    tab.open(&second.link(1).await).await;
    tab.ready().await;
    let refused = |script: &str| {
        let script = script.to_owned();
        let tab = &tab;
        async move { tampered(tab, &script).await }
    };
    let receipt = (422, "receipt".to_owned());
    assert_eq!(refused(&format!("return raw('finish', {old});")).await, receipt, "another request's signature");
    let begin = "const asked = await raw('begin', {choice: 'once'});";
    assert_eq!(
        refused(&format!("{begin} const given = await sign(asked); given.signature = given.authenticatorData; return raw('finish', given);")).await,
        receipt
    );
    assert_eq!(
        refused(&format!(
            "{begin} asked.challenge = text(new Uint8Array(32)); return raw('finish', await sign(asked));"
        ))
        .await,
        receipt,
        "a challenge of the page's own"
    );
    tab.verifies_user(false).await;
    assert_eq!(
        refused(&format!("{begin} return raw('finish', await sign(asked, {{userVerification: 'discouraged'}}));"))
            .await,
        receipt,
        "nobody verified the user"
    );
    tab.click("#once").await;
    tab.says("The passkey was not used.").await;
    tab.verifies_user(true).await;
    assert_eq!(refused("return raw('begin', {choice: 'forever'});").await.0, 400);
    assert_eq!(refused("return raw('finish', {});").await.0, 400);
    assert_eq!(refused("document.body.dataset.token = 'x'; return raw('deny', {});").await.0, 401);
    assert_eq!(office.psa.running.connections(), 0);

    // The right answer still counts. The token was spoilt in this document alone.
    tab.page.reload().await.unwrap();
    tab.ready().await;
    tab.click("#once").await;
    tab.says("Approved").await;
    assert_eq!(second.ended().await.code, 0);
}

#[tokio::test]
async fn of_two_tabs_one_answers_and_the_other_is_told() {
    let office = Office::new();
    let (chromium, tab) = office.with_person().await;
    let other = chromium.tab().await;
    other.take(&tab.credentials().await).await;
    // A slow upstream is not needed: the host of an agent goes on serving the page.
    let mut agent = super::program::Mcp::start(&office.lab).await;
    agent.call(7).await;
    let link = agent.program.link(1).await;
    let console = office.lab.must(&["console", "--json"]).unwrap().json();
    let ticket = console["console"].as_str().unwrap().split('#').nth(1).unwrap().to_owned();
    let page = link.split('#').next().unwrap().to_owned();
    tab.open(&format!("{page}#{ticket}")).await;
    tab.ready().await;
    other.open(&page).await;
    other.ready().await;
    other.click("#once").await;
    other.says("Approved").await;
    // The first tab hears of it by itself, and a late answer is told what happened.
    tab.until("document.querySelector('main').dataset.state === 'approved'").await;
    agent.answered(7).await;
    let told: Value = other
        .eval("fetch(`${document.body.dataset.path}/deny`, {method: 'POST', headers: {'content-type': 'application/json', 'x-claviger-token': document.body.dataset.token}, body: '{}'}).then(async (answer) => ({status: answer.status, ...await answer.json()}))")
        .await;
    assert_eq!((&told["status"], &told["code"]), (&410.into(), &"approved".into()));
    agent.end().await;
}

#[tokio::test]
async fn a_lease_covers_reads_of_its_session_and_the_next_session_asks_again() {
    let office = Office::new();
    let (_chromium, tab) = office.with_person().await;
    let mut agent = super::program::Mcp::start(&office.lab).await;
    agent.call(1).await;
    tab.open(&agent.program.link(1).await).await;
    tab.ready().await;
    assert!(tab.text().await.contains("until 15 minutes after the last one, 8 hours at most"));
    tab.click("#lease").await;
    tab.says("Approved").await;
    agent.answered(1).await;
    agent.call(2).await;
    agent.answered(2).await;
    agent.end().await;

    let call = office.call();
    tab.open(&call.link(1).await).await;
    tab.ready().await;
    tab.click("#deny").await;
    assert_eq!(call.ended().await.code, 4);
    let text = serde_json::to_string(&office.log()).unwrap();
    assert!(text.contains("\"lease\""), "the second read is under the lease");
}
