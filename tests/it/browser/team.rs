//! A team's page: people elsewhere, each with a passkey and a session of their own, some of them on a phone.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::chromium::{PATIENCE, Tab};
use super::office::Team;
use super::pictures::kept;
use super::program::{Mcp, Program};
use crate::laboratory::swept;

/// The page's steps one by one, with what goes wrong in between.
const HELPERS: &str = r#"
    const { bytes, text } = await import('/passkey.js');
    const send = async (address, body) => {
        const answer = await fetch(address, { method: "POST", body: JSON.stringify(body),
            headers: { "content-type": "application/json", "x-claviger-token": document.body.dataset.token } });
        const told = await answer.json().catch(() => ({}));
        return { status: answer.status, ...told };
    };
    const sign = async (challenge, rpId) => {
        const given = await navigator.credentials.get({ publicKey: { challenge: bytes(challenge), rpId, userVerification: "required" } });
        return { credentialId: text(given.rawId), authenticatorData: text(given.response.authenticatorData),
            clientDataJson: text(given.response.clientDataJSON), signature: text(given.response.signature) };
    };
    const here = document.body.dataset.path;
"#;

async fn told(tab: &Tab, script: &str) -> (u64, String) {
    let told: Value = tab.eval(&format!("(async () => {{ {HELPERS} {script} }})()")).await;
    (told["status"].as_u64().unwrap(), told["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn somebody_elsewhere_enrols_signs_in_and_approves_on_a_phone() {
    let team = Team::new();
    let office = &team.office;
    let (_chromium, tab) = team.person("anna").await;
    let listed = office.lab.must(&["approver", "list", "--json"]).unwrap().json();
    let key = listed.as_array().unwrap().iter().find(|key| key["approver"] == "anna").unwrap().clone();
    assert_eq!((&key["origins"][0], &key["counts"]), (&team.origin().into(), &true.into()));

    let call = office.call();
    let link = call.link(1).await;
    assert!(link.starts_with(&team.origin()) && !link.contains('#'), "{link}");
    tab.is_a_phone().await;
    tab.open(&link).await;
    tab.says("Sign in with a passkey").await;
    let stranger: String = tab.eval("document.documentElement.outerHTML").await;
    assert!(!stranger.contains("psa") && !stranger.contains("op://") && !stranger.contains("anna"), "{stranger}");
    tab.click("#sign-in").await;
    tab.ready().await;
    assert!(tab.text().await.contains("psa wants to read from api-na.myconnectwise.net"));
    // Everything fits the width, and a thumb finds each button (WCAG 2.2, 2.5.5: 44 pixels).
    tab.until("document.documentElement.scrollWidth <= 390").await;
    tab.until("matchMedia('(pointer: coarse)').matches && navigator.maxTouchPoints > 0").await;
    tab.until(
        "[...document.querySelectorAll('button')].every((button) => button.getBoundingClientRect().height >= 44)",
    )
    .await;
    assert_eq!(office.psa.running.connections(), 0);
    kept(&tab, "approval-team-phone").await;
    tab.click("#once").await;
    tab.says("Approved").await;
    let ran = call.ended().await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let signed = office
        .log()
        .iter()
        .find_map(|entry| entry.pointer("/proof/receipts/0/client_data_json").and_then(Value::as_str).map(decoded));
    assert!(signed.unwrap().contains(&format!("\"origin\":\"{}\"", team.origin())), "where was it signed?");
    let out = office.lab.beside("bundle");
    office.lab.must(&["audit", "export", out.to_str().unwrap()]).unwrap();
    office.lab.must(&["audit", "verify", out.to_str().unwrap()]).unwrap();

    // Her passkey was made for the team's page, and for no other.
    crate::cli::variant::configure(&office.lab.state(), |text| {
        let before = text.split("[web]").next().unwrap().to_owned();
        format!("{before}[web]\nport = {}\nopen-browser = false\n", office.port)
    });
    let listed = office.lab.must(&["approver", "list"]).unwrap().stdout;
    let said =
        format!("made on another page than http://claviger.localhost:{}, so no approval there: anna", office.port);
    assert!(listed.contains(&said), "{listed}");
    let ran = office.lab.call("psa.search_tickets", &serde_json::json!({})).unwrap();
    assert!(ran.code == 6 && ran.stderr.contains("no passkey is enrolled for"), "{}", ran.stderr);
    swept(&office.lab);
}

fn decoded(text: &str) -> String {
    use base64::Engine as _;
    String::from_utf8(base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

#[tokio::test]
async fn two_people_agree_in_two_browsers_and_nobody_with_anothers_key() {
    let team = Team::new();
    let office = &team.office;
    let connection = office.lab.state().join("connections/psa.toml");
    let text = std::fs::read_to_string(&connection).unwrap();
    std::fs::write(&connection, format!("{text}\n[grant.people]\nsearch-tickets = 2\n")).unwrap();
    let (_one, annas) = team.person("anna").await;
    let (_two, bens) = team.person("ben").await;
    let call = office.call();
    let first = call.link(1).await;
    team.sign_in(&annas, &first).await;
    annas.ready().await;
    team.sign_in(&bens, &first).await;
    bens.ready().await;

    // Signed in as Anna, only Anna's keys are offered, and only they count.
    let begin = "const asked = await send(`${here}/begin`, {choice: 'once'});";
    let offered: u64 =
        annas.eval(&format!("(async () => {{ {HELPERS} {begin} return asked.allowCredentials.length; }})()")).await;
    assert_eq!(offered, 1);
    let asked: Value = annas.eval(&format!("(async () => {{ {HELPERS} {begin} return asked; }})()")).await;
    let signed: Value = bens
        .eval(&format!("(async () => {{ {HELPERS} return sign({}, {}); }})()", asked["challenge"], asked["rpId"]))
        .await;
    let refused = told(&annas, &format!("return send(`${{here}}/finish`, {signed});")).await;
    assert_eq!(refused, (409, "not-yours".to_owned()));

    annas.click("#once").await;
    annas.says("Approved").await;
    assert_eq!(office.psa.running.connections(), 0, "one is not two");
    let second = call.link(2).await;
    annas.open(&second).await;
    annas.ready().await;
    annas.click("#once").await;
    annas.says("nobody else has a passkey").await;
    bens.open(&second).await;
    bens.ready().await;
    bens.click("#once").await;
    bens.says("Approved").await;
    let ran = call.ended().await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);

    // Whoever says no is named.
    let denied = office.call();
    team.sign_in(&bens, &denied.link(1).await).await;
    bens.ready().await;
    bens.click("#deny").await;
    bens.says("Denied").await;
    let ran = denied.ended().await;
    assert!(ran.code == 4 && ran.stderr.contains("ben denied this request"), "{}", ran.stderr);
    let log = serde_json::to_string(&office.log()).unwrap();
    assert!(log.contains("ben denied this request"), "the log does not say who denied");
    office.lab.must(&["audit", "verify"]).unwrap();
}

#[tokio::test]
async fn a_sign_in_is_no_approval_an_approval_no_sign_in_and_neither_counts_from_elsewhere() {
    let team = Team::new();
    let (office, other) = (&team.office, team.beside());
    let chromium = team.chromium(&[&other]).await;
    let tab = chromium.tab().await;
    office.enrol(&tab, "anna").await;
    let call = office.call();
    let link = call.link(1).await;
    team.sign_in(&tab, &link).await;
    tab.ready().await;
    let invited = "const invited = await send('/sign-in/begin', {});";
    let refused =
        told(&tab, &format!("{invited} return send(`${{here}}/finish`, await sign(invited.challenge, invited.rpId));"))
            .await;
    assert_eq!(refused, (422, "receipt".to_owned()), "a sign-in approved");
    let answer = "return send('/sign-in/finish', {invitation: invited.invitation, given});";
    let refused = told(
        &tab,
        &format!(
            "const asked = await send(`${{here}}/begin`, {{choice: 'once'}}); const given = await sign(asked.challenge, asked.rpId); {invited} {answer}"
        ),
    )
    .await;
    assert_eq!(refused, (422, "not-signed-in".to_owned()), "an approval signed in");
    // Used once.
    let twice = format!(
        "{invited} const given = await sign(invited.challenge, invited.rpId); await send('/sign-in/finish', {{invitation: invited.invitation, given}}); {answer}"
    );
    assert_eq!(told(&tab, &twice).await, (401, "sign-in".to_owned()));

    // The same host, another port: what is signed there says so.
    let invitation: Value = tab.eval(&format!("(async () => {{ {HELPERS} {invited} return invited; }})()")).await;
    let imitation = super::program::Program::start(&other.office.lab, &["approver", "add", "--name", "anna"]);
    tab.open(&imitation.link(1).await).await;
    tab.ready().await;
    let given: Value = tab
        .eval(&format!(
            "(async () => {{ {HELPERS} return sign({}, {}); }})()",
            invitation["challenge"], invitation["rpId"]
        ))
        .await;
    tab.open(&link).await;
    tab.ready().await;
    let refused = told(
        &tab,
        &format!("return send('/sign-in/finish', {{invitation: {}, given: {given}}});", invitation["invitation"]),
    )
    .await;
    assert_eq!(refused, (422, "not-signed-in".to_owned()), "signed on another page");
    tab.click("#deny").await;
    assert_eq!(call.ended().await.code, 4);
    assert_eq!(office.psa.running.connections(), 0);
}

#[tokio::test]
async fn a_colleague_enrols_while_the_host_runs_and_approves_what_waits() {
    let team = Team::new();
    let office = &team.office;
    let (_one, annas) = team.person("anna").await;
    let mut agent = Mcp::start(&office.lab).await;
    agent.call(1).await;
    let waiting = agent.program.link(1).await;

    let adding = Program::start(&office.lab, &["approver", "add", "--name", "ben", "--role", "technician"]);
    let invited = adding.link(1).await;
    let (page, ticket) = invited.split_once('#').unwrap();
    // Who is signed in is not who is invited.
    team.sign_in(&annas, &waiting).await;
    annas.ready().await;
    annas.open(page).await;
    annas.says("There is no ticket in this link.").await;

    let chromium = team.chromium(&[]).await;
    let bens = chromium.tab().await;
    bens.open(&invited).await;
    bens.ready().await;
    assert!(bens.text().await.contains("A passkey for ben"));
    // And who is invited is not signed in: the invitation opens its own page and nothing else.
    for path in ["/", "/log"] {
        let status: u64 = bens.eval(&format!("fetch('{path}').then((answer) => answer.status)")).await;
        assert_eq!(status, 401, "{path}");
    }
    let denied: u64 = bens
        .eval(&format!("(async () => {{ {HELPERS} return (await send('{waiting}/deny', {{}})).status; }})()"))
        .await;
    assert_eq!(denied, 401);
    let again: u64 = bens
        .eval(&format!("(async () => {{ {HELPERS} return (await send('/enter', {{ticket: '{ticket}'}})).status; }})()"))
        .await;
    assert_eq!(again, 401, "a link opens once");
    bens.click("#enrol").await;
    bens.says("Enrolled.").await;
    let ran = adding.ended().await;
    assert!(ran.code == 0 && ran.stdout.contains("ben approves with passkey"), "{}{}", ran.stdout, ran.stderr);

    team.sign_in(&bens, &waiting).await;
    bens.ready().await;
    bens.click("#once").await;
    bens.says("Approved").await;
    agent.answered(1).await;
    agent.end().await;
    let log = office.log();
    let by: Vec<_> = log.iter().filter_map(|entry| entry.pointer("/proof/receipts/0/approver")).collect();
    assert_eq!(by, ["ben"]);
    let added = log.iter().filter(|entry| entry["note"]["action"] == "approver-added");
    assert_eq!(added.filter(|entry| entry["note"]["subject"] == "ben").count(), 1);
    office.lab.must(&["audit", "verify"]).unwrap();
    swept(&office.lab);
}

#[tokio::test]
async fn an_invitation_ends_with_the_command_that_made_it() {
    let team = Team::new();
    let office = &team.office;
    let (_one, annas) = team.person("anna").await;
    let mut agent = Mcp::start(&office.lab).await;
    agent.call(1).await;
    team.sign_in(&annas, &agent.program.link(1).await).await;
    annas.ready().await;
    let adding = Program::start(&office.lab, &["approver", "add", "--name", "ben"]);
    let invited = adding.link(1).await;
    let (page, ticket) = invited.split_once('#').unwrap();
    let status = |address: String, body: String| {
        let annas = &annas;
        async move { told(annas, &format!("return send('{address}', {body});")).await.0 }
    };
    assert_eq!(status(format!("{page}/begin"), "{}".to_owned()).await, 401, "there is one, and not for her");
    drop(adding);
    let begin = Instant::now();
    while status(format!("{page}/begin"), "{}".to_owned()).await != 404 {
        assert!(begin.elapsed() < PATIENCE, "nobody waits for the key any more, and the invitation stands");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(status("/enter".to_owned(), format!("{{ticket: '{ticket}'}}")).await, 401);
    let enrolled = office.lab.must(&["approver", "list", "--json"]).unwrap().json();
    assert!(enrolled.as_array().unwrap().iter().all(|key| key["approver"] != "ben"), "{enrolled}");
    agent.end().await;
}

#[tokio::test]
async fn whoever_is_revoked_is_out_at_once_while_the_host_runs() {
    let team = Team::new();
    let office = &team.office;
    let (_one, annas) = team.person("anna").await;
    let (_two, bens) = team.person("ben").await;
    let mut agent = Mcp::start(&office.lab).await;
    agent.call(1).await;
    let link = agent.program.link(1).await;
    team.sign_in(&annas, &link).await;
    annas.ready().await;
    team.sign_in(&bens, &link).await;
    bens.ready().await;
    let revoked = office.lab.must(&["approver", "revoke", "anna"]).unwrap();
    assert!(revoked.stdout.starts_with("revoked: anna"), "{}", revoked.stdout);

    assert_eq!(told(&annas, "return send(`${here}/begin`, {choice: 'once'});").await.0, 401);
    assert_eq!(told(&annas, "return send(`${here}/deny`, {});").await.0, 401, "she denies nothing any more");
    annas.open(&link).await;
    annas.says("Sign in with a passkey").await;
    annas.click("#sign-in").await;
    annas.says("does not sign in here").await;
    bens.click("#once").await;
    bens.says("Approved").await;
    agent.answered(1).await;
    assert!(is_noted(&team), "the log does not say that she was revoked");
    agent.end().await;
    office.lab.must(&["audit", "verify"]).unwrap();
}

fn is_noted(team: &Team) -> bool {
    team.office.log().iter().any(|entry| {
        let note = |field| entry.pointer(&format!("/note/{field}")).and_then(Value::as_str);
        note("action") == Some("approver-revoked") && note("subject") == Some("anna")
    })
}
