//! Passkeys come and go.

use super::chromium::Chromium;
use super::office::Office;
use super::program::Program;
use crate::cli::variant::configure;
use crate::laboratory::swept;

#[tokio::test]
async fn a_passkey_is_enrolled_listed_and_revoked_and_each_is_in_the_log() {
    let office = Office::new();
    let (_chromium, tab) = office.with_person().await;
    let listed = office.lab.must(&["approver", "list", "--json"]).unwrap().json();
    let passkey = listed.as_array().unwrap().iter().find(|key| key["kind"] == "webauthn").unwrap().clone();
    assert_eq!((&passkey["approver"], &passkey["role"]), (&"alex".into(), &"technician".into()));
    assert_eq!(passkey["origins"][0], office.origin());

    // The same authenticator is not enrolled twice, a second one is.
    let again = Program::start(&office.lab, &["approver", "add"]);
    tab.open(&again.link(1).await).await;
    tab.ready().await;
    tab.click("#enrol").await;
    tab.says("This authenticator is enrolled already.").await;
    let other = Chromium::start().await;
    let spare = other.tab().await;
    spare.open(&office.lab.must(&["console"]).unwrap().stdout.trim().replace("open ", "")).await;
    spare.says("Nothing waits for an answer").await;
    spare.open(again.link(1).await.split('#').next().unwrap()).await;
    spare.ready().await;
    spare.click("#enrol").await;
    spare.says("Enrolled.").await;
    assert_eq!(again.ended().await.code, 0);

    let key = passkey["key"].as_str().unwrap();
    let revoked = office.lab.must(&["approver", "revoke", key]).unwrap();
    assert!(revoked.stdout.starts_with("revoked: alex"), "{}", revoked.stdout);
    let actions: Vec<_> =
        office.log().iter().filter_map(|entry| entry.pointer("/note/action")?.as_str().map(str::to_owned)).collect();
    assert_eq!(actions.iter().filter(|action| *action == "approver-added").count(), 3, "{actions:?}");
    assert_eq!(actions.last().unwrap(), "approver-revoked");

    // The revoked key is not asked for any more, and its authenticator cannot answer.
    let call = office.call();
    tab.open(&call.link(1).await).await;
    tab.ready().await;
    tab.click("#once").await;
    tab.says("The passkey was not used.").await;
    tab.click("#deny").await;
    assert_eq!(call.ended().await.code, 4);
    assert_eq!(office.psa.running.connections(), 0);
    office.lab.must(&["audit", "verify"]).unwrap();
    swept(&office.lab);
}

#[tokio::test]
async fn an_authenticator_that_does_not_verify_its_user_is_not_enrolled() {
    let office = Office::new();
    let chromium = Chromium::start().await;
    let tab = chromium.tab().await;
    tab.verifies_user(false).await;
    let adding = Program::start(&office.lab, &["approver", "add"]);
    tab.open(&adding.link(1).await).await;
    tab.ready().await;
    tab.click("#enrol").await;
    tab.says("No passkey was made.").await;
    drop(adding);
    let listed = office.lab.must(&["approver", "list", "--json"]).unwrap().json();
    assert!(listed.as_array().unwrap().iter().all(|key| key["kind"] != "webauthn"), "{listed}");
}

#[tokio::test]
async fn with_a_passkey_the_terminal_is_asked_no_more_even_when_the_page_cannot_be_served() {
    let office = Office::new();
    let (_chromium, tab) = office.with_person().await;
    // The choice of every new state directory: the terminal until there is a passkey.
    configure(&office.lab.state(), |text| text.replace("approver = \"web\"", "approver = \"terminal\""));
    let call = office.call();
    tab.open(&call.link(1).await).await;
    tab.ready().await;
    tab.click("#deny").await;
    assert_eq!(call.ended().await.code, 4);
    // Whoever takes the page's port does not get the weaker question in its place.
    let _taken = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, office.port)).unwrap();
    let ran = office.lab.call("psa.search_tickets", &serde_json::json!({})).unwrap();
    assert!(ran.code == 6 && ran.stderr.contains("is taken"), "{}", ran.stderr);
    assert_eq!(office.psa.running.connections(), 0);
}

#[tokio::test]
async fn without_a_passkey_the_page_is_not_opened_and_nothing_is_sent() {
    let office = Office::new();
    let ran = office.lab.call("psa.search_tickets", &serde_json::json!({})).unwrap();
    assert_eq!(ran.code, 6);
    assert!(ran.stderr.contains("claviger approver add"), "{}", ran.stderr);
    assert_eq!(office.psa.running.connections(), 0);
}
