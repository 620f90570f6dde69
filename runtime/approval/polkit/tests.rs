//! polkit's own daemon, asked by somebody who is not root, with an agent that a person sits at.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use claviger_desktop::{Agent, NOBODY, PATIENCE, Person, PrivateBus, as_nobody};
use tokio::sync::oneshot;
use zbus::Proxy;

use super::{ALLOW_USER_INTERACTION, AUTHORITY, MESSAGE, Polkit, a_challenge, a_persons, check, policy, unverified};
use crate::fixtures::{self, SEED, moment};
use crate::presence::Presence as _;
use crate::terminal::tests::Screen;
use crate::{Approver as _, Ask, HostMethod, Receipt, Refused, SystemBus, TerminalPrompt, verify};

fn ask() -> Ask {
    fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, 7)).unwrap()
}

/// Asks once, as somebody who is not root.
async fn asked(bus: SystemBus, ask: Ask) -> Result<(), Refused> {
    as_nobody(move || async move { Polkit::new(bus).confirm(&ask, &ask).await }).await
}

/// A machine with polkit, set up for this user.
async fn machine(user: u32, rule: Option<&str>) -> claviger_desktop::Polkit {
    claviger_desktop::Polkit::start(Some(&policy(user)), rule).await
}

/// Somebody at the agent of this process.
async fn agent(machine: &claviger_desktop::Polkit, person: Person) -> Agent {
    machine.agent(std::process::id(), person).await
}

fn bus(machine: &claviger_desktop::Polkit) -> SystemBus {
    SystemBus::at(machine.bus.address())
}

/// Asks where somebody would authenticate: what comes of it, and how often they were asked.
async fn outcome(machine: &claviger_desktop::Polkit) -> (String, usize) {
    let agent = agent(machine, Person::Authenticates).await;
    let outcome = asked(bus(machine), ask()).await;
    (outcome.map_or_else(|refused| refused.to_string(), |()| "yes".to_owned()), agent.messages().len())
}

#[tokio::test]
async fn who_authenticates_says_yes_and_nobody_else_does() {
    let machine = self::machine(NOBODY, None).await;
    let without = asked(bus(&machine), ask()).await.unwrap_err().to_string();
    assert!(without.contains("no polkit agent"), "{without}");
    for (person, outcome) in [
        (Person::Authenticates, Ok(())),
        (Person::Fails, Err(unverified("the person in the dialog did not authenticate"))),
        (Person::Authenticates, Ok(())),
        (Person::Closes, Err(unverified("the dialog was closed"))),
    ] {
        let agent = self::agent(&machine, person).await;
        assert_eq!(asked(bus(&machine), ask()).await, outcome);
        assert_eq!(agent.messages().len(), 1, "each question is asked");
        agent.leave().await;
    }
}

#[tokio::test]
async fn what_polkit_says_without_asking_anybody_is_no_yes() {
    for (rule, why) in [
        ("YES", "says yes without asking anybody"),
        ("NO", "says no without asking anybody"),
        ("AUTH_SELF_KEEP", "would keep the yes"),
        ("AUTH_ADMIN_KEEP", "would keep the yes"),
    ] {
        let (outcome, asked) = self::outcome(&machine(NOBODY, Some(rule)).await).await;
        assert!(outcome.contains(why) && asked == 0, "{rule}: {outcome}, asked {asked} times");
    }
    let (outcome, asked) = self::outcome(&machine(NOBODY, Some("AUTH_SELF")).await).await;
    assert_eq!((outcome.as_str(), asked), ("yes", 1), "or the rules above were never read");
}

#[tokio::test]
async fn root_is_told_that_it_is_never_asked() {
    let machine = self::machine(0, None).await;
    let agent = self::agent(&machine, Person::Authenticates).await;
    let (ask, polkit) = (ask(), Polkit::new(bus(&machine)));
    let refused = polkit.confirm(&ask, &ask).await.unwrap_err().to_string();
    assert!(refused.contains("root is never asked"), "{refused}");
    assert!(agent.messages().is_empty());
}

#[tokio::test]
async fn a_yes_that_was_kept_from_another_question_is_no_yes() {
    let machine = self::machine(NOBODY, Some("AUTH_SELF_KEEP")).await;
    let agent = self::agent(&machine, Person::Authenticates).await;
    let bus = self::bus(&machine);
    let (kept, refused) = as_nobody(move || async move {
        // Another part of this very process, which lets polkit keep its yes.
        let connection = bus.connect().await.unwrap();
        let authority = Proxy::new(&connection, AUTHORITY.0, AUTHORITY.1, AUTHORITY.2).await.unwrap();
        let kept = check(&connection, &authority, &HashMap::new(), ALLOW_USER_INTERACTION).await;
        let ask = ask();
        (kept.unwrap(), Polkit::new(bus).confirm(&ask, &ask).await.unwrap_err().to_string())
    })
    .await;
    assert!(kept.0 && kept.2.contains_key("polkit.temporary_authorization_id"), "{kept:?}");
    assert!(a_persons(&kept).is_err(), "nor would the second answer be one");
    assert!(refused.contains("says yes without asking anybody"), "{refused}");
    assert_eq!(agent.messages().len(), 1);
}

#[test]
fn only_an_answer_to_a_challenge_that_is_not_kept_counts() {
    let with = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), "1".to_owned())).collect::<HashMap<_, _>>();
    let keeps = "polkit.retains_authorization_after_challenge";
    assert!(
        a_challenge(&(false, true, with(&["plugin"]))).is_ok() && a_persons(&(true, false, with(&["plugin"]))).is_ok()
    );
    for answer in
        [(true, false, with(&[])), (true, true, with(&[])), (false, false, with(&[])), (false, true, with(&[keeps]))]
    {
        assert!(a_challenge(&answer).is_err(), "{answer:?}");
    }
    let by = |who: &str| (false, true, HashMap::from([("polkit.result".to_owned(), who.to_owned())]));
    assert!(a_challenge(&by("auth_self")).is_ok() && a_challenge(&by("auth_admin")).is_err());
    for answer in [
        (true, true, with(&[])),
        (false, true, with(&[])),
        (false, false, with(&[])),
        (true, false, with(&[keeps])),
        (true, false, with(&["polkit.temporary_authorization_id"])),
    ] {
        assert!(a_persons(&answer).is_err(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_machine_that_is_not_set_up_says_what_to_do() {
    let (outcome, asked) = self::outcome(&claviger_desktop::Polkit::start(None, None).await).await;
    assert!(outcome.contains("install the policy") && asked == 0, "{outcome}");
    let (outcome, asked) = self::outcome(&machine(NOBODY - 1, None).await).await;
    assert!(outcome.contains("install the policy") && asked == 0, "{outcome}");
    let bus = PrivateBus::start().await;
    let outcome = asked_of(SystemBus::at(bus.address())).await;
    assert!(outcome.contains("there is no polkit"), "{outcome}");
    let outcome = asked_of(SystemBus::at("unix:path=/nonexistent/bus")).await;
    assert!(outcome.contains("the system bus does not answer"), "{outcome}");
}

async fn asked_of(bus: SystemBus) -> String {
    asked(bus, ask()).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_question_that_is_taken_back_closes_the_dialog() {
    let machine = self::machine(NOBODY, None).await;
    let agent = self::agent(&machine, Person::Waits).await;
    let bus = self::bus(&machine);
    let ((give_up, given_up), (seen, until)) = (oneshot::channel::<()>(), oneshot::channel::<()>());
    let host = as_nobody(move || async move {
        let (ask, polkit) = (ask(), Polkit::new(bus));
        let asked = tokio::select! {
            asked = polkit.confirm(&ask, &ask) => Some(asked),
            _ = given_up => None,
        };
        // The host runs on: its end would close the dialog too.
        let _told = until.await;
        asked
    });
    let withdrawn = async {
        agent.asked().await;
        drop(give_up);
        let withdrawn = tokio::time::timeout(PATIENCE / 2, agent.withdrawn()).await;
        drop(seen);
        withdrawn
    };
    let (withdrawn, asked) = tokio::join!(withdrawn, host);
    assert!(withdrawn.is_ok() && asked.is_none(), "the dialog still stands, or was answered: {asked:?}");
}

#[tokio::test]
async fn a_polkit_that_goes_away_said_nothing() {
    let mut machine = self::machine(NOBODY, None).await;
    let agent = self::agent(&machine, Person::Waits).await;
    let asked = asked(bus(&machine), ask());
    let goes = async {
        agent.asked().await;
        machine.kill().await;
    };
    let refused = tokio::join!(asked, goes).0.unwrap_err();
    assert_eq!(refused, unverified("polkit stopped before it had an answer; call again"));
}

#[tokio::test]
async fn the_dialog_shows_the_request_and_nothing_that_could_mislead() {
    let machine = self::machine(NOBODY, None).await;
    let agent = self::agent(&machine, Person::Authenticates).await;
    asked(bus(&machine), ask()).await.unwrap();
    let digits = hex::encode(ask().digest()).get(..16).unwrap().to_owned();
    let shown = agent.messages().pop().unwrap();
    assert_eq!(
        shown,
        format!(
            "You said yes on the terminal, once, to the question whose challenge begins with {digits}: plugin pax8 1.2.0, operation list-subscriptions, effect read, client \"Acme\". Authenticate only if this is the one."
        )
    );
    // Of a lease, the challenge is still the one that the terminal shows.
    let leased = super::details(&ask(), ask().as_lease().unwrap().scope());
    assert_eq!((leased["scope"].as_str(), leased["challenge"].as_str()), ("with a lease", digits.as_str()));
    let mut facts = fixtures::facts();
    facts.client = Some(format!("$(effect)<i>\u{202e}\n{}", "z".repeat(10_000)));
    asked(bus(&machine), fixtures::ask(&facts, &moment(1, 7)).unwrap()).await.unwrap();
    let shown = agent.messages().pop().unwrap();
    assert!(shown.contains("client \"$(effect)\\u{3c}i\\u{3e}\\u{202e}\\u{a}zzz"), "{shown}");
    assert!(shown.len() < MESSAGE.len() + 300 && !shown.contains(['<', '\n', '\u{202e}']), "{shown}");
}

#[tokio::test]
async fn a_word_and_a_dialog_make_a_receipt_that_says_so() {
    let machine = self::machine(NOBODY, None).await;
    let agent = self::agent(&machine, Person::Authenticates).await;
    let (screen, polkit) = (Screen::new(), Polkit::new(bus(&machine)));
    // The terminal is theirs, as a person's is.
    fs::set_permissions(&screen.path, fs::Permissions::from_mode(0o666)).unwrap();
    let prompt = TerminalPrompt::on(screen.path.clone(), &SEED, Some(Box::new(polkit))).unwrap();
    let key = prompt.enrolment("alex").unwrap();
    let person = screen.answer("yes\n");
    let decision = as_nobody(move || async move { prompt.decide(&ask()).await }).await;
    let (_screen, shown) = person.join().unwrap();
    let (dialog, approved) =
        (shown.find("Now authenticate in the dialog.").unwrap(), shown.find("Approved, once.").unwrap());
    assert!(dialog < approved, "{shown}");
    let receipt = Receipt::new(&ask(), decision.unwrap(), &key);
    assert_eq!((receipt.kind.as_str(), receipt.method()), ("host-asserted", Some(HostMethod::Polkit)));
    assert!(!verify(&receipt, &key).unwrap().user_verified());
    assert_eq!(agent.messages().len(), 1);
    // Enrolled for the terminal alone, the host's word after a dialog does not count.
    let typed = TerminalPrompt::new(&SEED).unwrap().enrolment("alex").unwrap();
    assert!(verify(&receipt, &typed).is_err());
}
