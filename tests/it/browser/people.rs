//! What one gesture is not enough for: the digits of the call, and a second person.

use serde_json::json;

use super::chromium::Tab;
use super::office::Office;
use super::program::Program;

/// The code that the program told where the call was made.
fn code(stderr: &str) -> String {
    let told = stderr.split("type the code ").nth(1).unwrap_or_else(|| panic!("no code: {stderr}"));
    told.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test]
async fn whoever_mints_types_the_digits_that_the_page_does_not_show() {
    let office = Office::new();
    let pve = office.lab.hypervisor().unwrap();
    let (_chromium, tab) = office.with_person().await;
    let arguments = json!({ "userid": "claviger@pve", "old_token": "agent", "new_token": "agent-2" }).to_string();
    let rotate = || Program::start(&office.lab, &["call", "pve.rotate_api_token", "--args", &arguments]);

    // The rotation looks before it mints; that is a question of its own.
    let guessed = rotate();
    let looks = reads(&tab, &guessed).await;
    assert!(tab.text().await.contains("make a new credential at pve1.example"), "{}", tab.text().await);
    assert!(!tab.eval::<String>("document.documentElement.outerHTML").await.contains("data-code"));
    alone(&office, &tab, "needs the digits of its call, so by itself").await;
    tab.open(guessed.link(looks + 1).await.split('#').next().unwrap()).await;
    tab.ready().await;
    let right = code(&guessed.said());
    let wrong = if right == "00" { "01" } else { "00" };
    for _ in 0..2 {
        tab.fill("#code", wrong).await;
        tab.click("#once").await;
        tab.says("these are not the two digits").await;
    }
    tab.click("#once").await;
    assert_eq!(guessed.ended().await.code, 4, "three guesses are a denial");
    let sent = pve.running.seen().len();

    let known = rotate();
    assert_eq!(reads(&tab, &known).await, looks);
    let right = code(&known.said());
    tab.fill("#code", &right).await;
    tab.click("#once").await;
    tab.says("Approved").await;
    // The next step of the rotation is a question of its own.
    tab.open(&known.link(looks + 2).await).await;
    tab.ready().await;
    tab.click("#deny").await;
    assert_eq!(known.ended().await.code, 4);
    assert_eq!(pve.running.seen().len(), sent + looks + 1, "what was denied was sent");
}

/// The list says why this question cannot be ticked, and a batch with it in its address leads nowhere.
async fn alone(office: &Office, tab: &Tab, why: &str) {
    let name: String = tab.eval("location.pathname.split('/').pop()").await;
    tab.open(&format!("{}/", office.origin())).await;
    tab.says(why).await;
    assert!(!tab.eval::<bool>("Boolean(document.querySelector('input[name=ask]'))").await);
    tab.open(&format!("{}/batch/{name}.AAAAAAAAAAAAAAAAAAAAAA", office.origin())).await;
    tab.says("There is nothing left to answer here").await;
}

/// Approves what only reads, until a question needs digits. Gives how many there were.
async fn reads(tab: &Tab, program: &Program<'_>) -> usize {
    for asked in 0.. {
        tab.open(&program.link(asked + 1).await).await;
        tab.ready().await;
        if tab.eval("Boolean(document.getElementById('code'))").await {
            return asked;
        }
        tab.click("#once").await;
        tab.says("Approved").await;
    }
    unreachable!("a rotation mints")
}

#[tokio::test]
async fn two_people_are_two_people_whatever_keys_they_have() {
    let office = Office::new();
    let connection = office.lab.state().join("connections/psa.toml");
    let text = std::fs::read_to_string(&connection).unwrap();
    std::fs::write(&connection, format!("{text}\n[grant.people]\nsearch-tickets = 2\n")).unwrap();
    let (chromium, tab) = office.with_person().await;
    let bens = chromium.tab().await;
    office.enrol(&bens, "ben").await;

    let call = office.call();
    tab.open(&call.link(1).await).await;
    tab.ready().await;
    assert!(tab.text().await.contains("2 different people must agree. Nobody has yet."));
    alone(&office, &tab, "needs several people, so by itself").await;
    tab.open(call.link(1).await.split('#').next().unwrap()).await;
    tab.ready().await;
    tab.click("#once").await;
    tab.says("Approved").await;
    assert_eq!(office.psa.running.connections(), 0, "one is not two");
    let second = call.link(2).await;
    tab.open(&second).await;
    tab.ready().await;
    assert!(tab.text().await.contains("Agreed: \"alex\""), "{}", tab.text().await);
    tab.click("#once").await;
    tab.says("The passkey was not used.").await;
    bens.open(second.split('#').next().unwrap()).await;
    bens.ready().await;
    bens.click("#once").await;
    bens.says("Approved").await;
    assert_eq!(call.ended().await.code, 0);
    assert!(office.psa.running.connections() > 0);
}
