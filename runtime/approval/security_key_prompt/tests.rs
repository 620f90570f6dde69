//! The prompt, answered over one pseudo terminal, with a key behind another.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use claviger_grant::Terms;
use claviger_key::SecurityKey as Plugged;
use tokio::time::timeout;

use super::SecurityKeyPrompt;
use crate::ask::Question;
use crate::fixtures::{self, moment};
use crate::security_key::tests::{enrolled, place, with_reader};
use crate::terminal::Conversation;
use crate::terminal::tests::Screen;
use crate::{Approver as _, Ask, Enrolled, EnrolledKey, Receipt, Refused, SecurityKeyError, verify};

fn prompt(screen: &Screen, plugged: &Plugged, keys: &[EnrolledKey]) -> SecurityKeyPrompt {
    let keys = Enrolled::new(keys.iter().cloned()).unwrap();
    SecurityKeyPrompt::on(
        Conversation::on(screen.path.clone()),
        &place(plugged.path(), None),
        Arc::new(move || Some(keys.clone())),
    )
    .unwrap()
}

#[tokio::test]
async fn a_typed_yes_and_a_touch_are_a_signature_over_this_question() {
    let (screen, plugged) = (Screen::new(), with_reader());
    let anna = enrolled(&plugged, "anna");
    let prompt = prompt(&screen, &plugged, std::slice::from_ref(&anna));
    let ask = fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, 7)).unwrap();
    let person = screen.answer("yes\n");
    let assertion = timeout(Duration::from_secs(20), prompt.decide(&ask)).await.unwrap().unwrap();
    let (_screen, seen) = person.join().unwrap();
    assert!(seen.contains("Now your security key"), "{seen}");
    let verified = verify(&Receipt::new(&ask, assertion, &anna), &anna).unwrap();
    assert!(verified.user_verified());
}

#[tokio::test]
async fn a_touch_without_a_yes_is_none() {
    let (mut screen, plugged) = (Screen::new(), with_reader());
    let anna = enrolled(&plugged, "anna");
    let before = plugged.asked();
    let prompt = prompt(&screen, &plugged, &[anna]);
    let ask = fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, 7)).unwrap();
    let person = std::thread::spawn(move || {
        screen.wait_for("anything else denies: ");
        std::thread::sleep(Duration::from_millis(50));
        screen.type_in("no\n");
        screen
    });
    assert_eq!(prompt.decide(&ask).await.unwrap_err(), Refused::Denied);
    let _screen = person.join().unwrap();
    assert_eq!(plugged.asked(), before, "the key was asked although nobody said yes");
}

#[tokio::test]
async fn a_question_that_is_taken_back_ends_the_program_that_waits_for_a_touch() {
    let (mut screen, plugged) = (Screen::new(), with_reader());
    let anna = enrolled(&plugged, "anna");
    plugged.touch(false, Duration::from_secs(15));
    let prompt = prompt(&screen, &plugged, &[anna]);
    let ask = fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, 7)).unwrap();
    let person = std::thread::spawn(move || {
        screen.wait_for("anything else denies: ");
        std::thread::sleep(Duration::from_millis(50));
        screen.type_in("yes\n");
        screen
    });
    assert!(timeout(Duration::from_secs(3), prompt.decide(&ask)).await.is_err());
    let mut screen = person.join().unwrap();
    assert_eq!(plugged.asked(), 2);
    // The terminal is free for the next question once the program is gone.
    let began = Instant::now();
    let next = tokio::spawn(async move { prompt.decide(&ask).await });
    tokio::task::spawn_blocking(move || screen.wait_for("anything else denies: ")).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(10));
    next.abort();
}

#[tokio::test]
async fn who_has_agreed_is_not_asked_again() {
    let (screen, plugged) = (Screen::new(), with_reader());
    let keys = [enrolled(&plugged, "anna")];
    let nobody = prompt(&screen, &plugged, &[]);
    let ask = fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, 7)).unwrap();
    assert_eq!(nobody.decide(&ask).await.unwrap_err(), Refused::SecurityKey(SecurityKeyError::NotEnrolled));
    let prompt = prompt(&screen, &plugged, &keys);
    let (facts, moment, signed_by) = (fixtures::facts(), moment(1_700_000_000, 7), ["anna".to_owned()]);
    let terms = Terms::of(facts.effect);
    let second = Question { facts: &facts, terms, moment: &moment, signed_by: &signed_by, changes: None };
    let second = Ask::new(&second).unwrap();
    let refused = timeout(Duration::from_secs(10), prompt.decide(&second)).await.expect("nobody is asked");
    assert_eq!(refused.unwrap_err(), Refused::SecurityKey(SecurityKeyError::NobodyElse));
}
