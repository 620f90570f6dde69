//! Several questions, several people: what waits together, what one yes or no does to the rest.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::Desk;
use crate::fixtures::{self, SEED, Wanted, granted, moment};
use crate::{
    Approver, ApproverKind, Ask, Batch, DENIALS_TO_LOCK, Decision, Enrolled, Evidence, Refused, SimulatedAnswer,
    SoftwarePasskey, Throwaway, verify,
};

const NOW: u64 = 1_700_000_000;

/// A passkey for each of several people, who answer by turns and only when they are let.
struct People {
    passkeys: Vec<SoftwarePasskey>,
    let_in: Semaphore,
    asked: AtomicUsize,
    signed_by: Mutex<Vec<Vec<String>>>,
}

impl Approver for &'static People {
    fn kind(&self) -> ApproverKind {
        ApproverKind::Simulated
    }

    fn decide<'a>(&'a self, ask: &'a Ask) -> Decision<'a> {
        Box::pin(async move {
            let turn = self.asked.fetch_add(1, Ordering::SeqCst);
            self.signed_by.lock().unwrap().push(ask.signed_by().to_vec());
            self.let_in.acquire().await.unwrap().forget();
            self.passkeys.get(turn % self.passkeys.len()).unwrap().decide(ask).await
        })
    }
}

struct Office {
    desk: Desk,
    people: &'static People,
    enrolled: Enrolled,
    _directory: TempDir,
}

fn office(names: &[&str], answer: SimulatedAnswer) -> Office {
    let directory = tempfile::tempdir().unwrap();
    let proof = Throwaway::create(directory.path()).unwrap();
    let seed = |number: usize| SEED.map(|byte| byte ^ u8::try_from(number).unwrap());
    let passkeys: Vec<SoftwarePasskey> =
        (0..names.len()).map(|number| SoftwarePasskey::new(&seed(number), answer, &proof).unwrap()).collect();
    let keys = passkeys.iter().zip(names).map(|(passkey, name)| passkey.enrolment(name).unwrap());
    let enrolled = Enrolled::new(keys).unwrap();
    // Leaked, so that the test can watch what the desk owns.
    let people: &'static People = Box::leak(Box::new(People {
        passkeys,
        let_in: Semaphore::new(0),
        asked: AtomicUsize::new(0),
        signed_by: Mutex::default(),
    }));
    let desk = Desk::throwaway(Box::new(people), enrolled.clone(), proof);
    Office { desk, people, enrolled, _directory: directory }
}

impl Office {
    async fn approve(&self, wanted: Wanted, nonce: u8) -> Result<Evidence, Refused> {
        let done = self.desk.approve(granted(wanted), moment(NOW, nonce), &|_| {}).await;
        done.map(|approved| approved.evidence().clone())
    }

    /// Lets every task run until it waits.
    async fn settle(&self) {
        for _ in 0..32 {
            tokio::task::yield_now().await;
        }
    }

    fn asked(&self) -> usize {
        self.people.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn two_people_sign_for_the_same_facts_each_with_a_question_of_their_own() {
    let office = office(&["anna", "ben"], SimulatedAnswer::Approve);
    office.people.let_in.add_permits(2);
    let wanted = Wanted { operation: "remove-thing", grant: "people = { remove-thing = 2 }", ..Wanted::default() };
    let Evidence::Receipts(receipts) = office.approve(wanted, 1).await.unwrap() else { unreachable!("no lease") };
    let names: Vec<&str> = receipts.iter().map(|receipt| receipt.approver.as_str()).collect();
    assert_eq!(names, ["anna", "ben"]);
    let verified: Vec<_> = receipts
        .iter()
        .map(|receipt| verify(receipt, office.enrolled.find(&receipt.credential_id).unwrap()).unwrap())
        .collect();
    assert!(verified.windows(2).all(|pair| pair[0].facts() == pair[1].facts()));
    assert!(verified.iter().all(|one| one.need() == 2));
    assert_ne!(receipts[0].request, receipts[1].request, "each has a nonce of its own");
    assert_eq!(*office.people.signed_by.lock().unwrap(), [vec![], vec!["anna".to_owned()]]);
}

#[tokio::test]
async fn one_person_is_not_two_whatever_keys_they_have() {
    let office = office(&["anna", "anna"], SimulatedAnswer::Approve);
    office.people.let_in.add_permits(2);
    let wanted = Wanted { operation: "change-thing", grant: "people = { change-thing = 2 }", ..Wanted::default() };
    let refused = office.approve(wanted, 1).await.unwrap_err();
    assert_eq!(refused, Refused::SamePerson { name: "anna".to_owned(), need: 2 });
}

#[tokio::test]
async fn the_match_code_is_told_to_the_caller() {
    let office = office(&["anna"], SimulatedAnswer::Approve);
    office.people.let_in.add_permits(2);
    for (operation, has_code) in [("change-thing", false), ("make-key", true)] {
        let told = Mutex::new(Vec::new());
        let announce = |ask: &Ask| told.lock().unwrap().push(ask.match_code().map(str::to_owned));
        let wanted = Wanted { operation, ..Wanted::default() };
        let approved = office.desk.approve(granted(wanted), moment(NOW, 1), &announce).await.unwrap();
        let Evidence::Receipts(receipts) = approved.evidence() else { unreachable!("no lease") };
        let told = told.into_inner().unwrap();
        assert!(matches!(told.as_slice(), [code] if code.is_some() == has_code), "{told:?}");
        if let Some(Some(code)) = told.first() {
            assert!(receipts[0].request.contains(&format!("\"code\":\"{code}\"")));
        }
    }
}

#[tokio::test]
async fn the_same_look_is_asked_once_while_it_waits() {
    let office = office(&["anna"], SimulatedAnswer::ApproveWithLease);
    let (one, two, three, ()) = tokio::join!(
        office.approve(Wanted::default(), 1),
        office.approve(Wanted::default(), 2),
        office.approve(Wanted::default(), 3),
        async {
            office.settle().await;
            assert_eq!(office.asked(), 1);
            office.people.let_in.add_permits(1);
        }
    );
    assert!(matches!(one, Ok(Evidence::Receipts(_))));
    assert!(matches!((two, three), (Ok(Evidence::Lease { .. }), Ok(Evidence::Lease { .. }))));
    assert_eq!(office.asked(), 1);
}

#[tokio::test]
async fn a_no_to_one_is_a_no_to_the_same_beside_it() {
    let office = office(&["anna"], SimulatedAnswer::Deny);
    let (one, two, ()) =
        tokio::join!(office.approve(Wanted::default(), 1), office.approve(Wanted::default(), 2), async {
            office.settle().await;
            office.people.let_in.add_permits(1);
        });
    assert_eq!((one, two), (Err(Refused::Denied), Err(Refused::Denied)));
    assert_eq!(office.asked(), 1);
}

#[tokio::test]
async fn the_same_change_twice_at_once_is_a_mistake() {
    let office = office(&["anna"], SimulatedAnswer::Approve);
    let wanted = Wanted { operation: "change-thing", ..Wanted::default() };
    let (one, two, ()) = tokio::join!(office.approve(wanted, 1), office.approve(wanted, 2), async {
        office.settle().await;
        office.people.let_in.add_permits(1);
    });
    assert!(one.is_ok());
    assert_eq!(two, Err(Refused::AlreadyWaiting));
}

#[tokio::test]
async fn a_question_that_is_taken_back_is_asked_by_the_next_in_line() {
    let office = office(&["anna"], SimulatedAnswer::Approve);
    let mut first = Box::pin(office.approve(Wanted::default(), 1));
    let second = async {
        office.settle().await;
        office.approve(Wanted::default(), 2).await
    };
    let mut second = Box::pin(second);
    // Both wait; then the first caller goes away.
    for _ in 0..64 {
        assert!(futures_poll(&mut first).await.is_none());
        assert!(futures_poll(&mut second).await.is_none());
    }
    drop(first);
    office.people.let_in.add_permits(1);
    assert!(matches!(second.await, Ok(Evidence::Receipts(_))));
    assert_eq!(office.asked(), 2);
}

/// Polls once.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    tokio::select! { biased; done = future => Some(done), () = std::future::ready(()) => None }
}

#[tokio::test]
async fn a_lease_answers_what_waits_beside_it() {
    let office = office(&["anna"], SimulatedAnswer::ApproveWithLease);
    let page = |page| Wanted { page, ..Wanted::default() };
    let (one, two, three, ()) = tokio::join!(
        office.approve(page("1"), 1),
        office.approve(page("2"), 2),
        office.approve(Wanted { operation: "list-others", ..Wanted::default() }, 3),
        async {
            office.settle().await;
            assert_eq!(office.asked(), 3);
            office.people.let_in.add_permits(1);
            office.settle().await;
            // The third is no part of the lease and still waits.
            office.people.let_in.add_permits(1);
        }
    );
    assert!(matches!(one, Ok(Evidence::Receipts(_))));
    assert!(matches!(two, Ok(Evidence::Lease { use_number: 2, .. })), "{two:?}");
    assert!(matches!(three, Ok(Evidence::Receipts(_))));
}

#[tokio::test]
async fn three_denials_end_the_session_and_what_waits_in_it() {
    let office = office(&["anna"], SimulatedAnswer::Deny);
    let page = |page| Wanted { page, ..Wanted::default() };
    let denials = usize::try_from(DENIALS_TO_LOCK).unwrap();
    let (one, two, three, four, ()) = tokio::join!(
        office.approve(page("1"), 1),
        office.approve(page("2"), 2),
        office.approve(page("3"), 3),
        office.approve(page("4"), 4),
        async {
            office.settle().await;
            office.people.let_in.add_permits(denials);
        }
    );
    assert_eq!([one, two, three], [1, 2, 3].map(|_| Err(Refused::Denied)));
    let locked = || Err(Refused::SessionLocked { denials: DENIALS_TO_LOCK });
    assert_eq!(four, locked());
    let asked = office.asked();
    assert_eq!(office.approve(page("5"), 5).await, locked());
    assert_eq!(office.asked(), asked, "nobody is bothered any more");
    office.people.let_in.add_permits(1);
    let other = Wanted { session: "session-42", ..Wanted::default() };
    assert_eq!(office.approve(other, 6).await, Err(Refused::Denied));
}

#[tokio::test]
async fn a_locked_session_has_no_lease() {
    let office = office(&["anna"], SimulatedAnswer::ApproveWithLease);
    office.people.let_in.add_permits(1);
    assert!(office.approve(Wanted::default(), 1).await.is_ok());
    for number in 0..DENIALS_TO_LOCK {
        let seat = office.desk.sessions.sit("session-41", [u8::try_from(number).unwrap(); 32]).unwrap();
        let super::Turn::Mine(seat) = seat else { unreachable!("nothing waits") };
        seat.end::<()>(&Err(Refused::Denied));
    }
    let locked = office.approve(Wanted::default(), 2).await;
    assert_eq!(locked, Err(Refused::SessionLocked { denials: DENIALS_TO_LOCK }));
}

#[tokio::test]
async fn a_tainted_session_is_asked_each_time() {
    let office = office(&["anna"], SimulatedAnswer::ApproveWithLease);
    office.people.let_in.add_permits(10);
    assert!(matches!(office.approve(Wanted::default(), 1).await, Ok(Evidence::Receipts(_))));
    assert!(matches!(office.approve(Wanted::default(), 2).await, Ok(Evidence::Lease { .. })));
    office.desk.taint("session-41");
    for nonce in 3..6 {
        assert!(matches!(office.approve(Wanted::default(), nonce).await, Ok(Evidence::Receipts(_))));
    }
    let other = Wanted { session: "session-42", ..Wanted::default() };
    assert!(matches!(office.approve(other, 6).await, Ok(Evidence::Receipts(_))));
    assert!(matches!(office.approve(other, 7).await, Ok(Evidence::Lease { .. })));
}

#[tokio::test]
async fn a_grant_that_asks_at_each_use_takes_no_lease() {
    let office = office(&["anna"], SimulatedAnswer::ApproveWithLease);
    office.people.let_in.add_permits(10);
    let each = Wanted { grant: "each-use = [\"list-things\"]", ..Wanted::default() };
    assert!(matches!(office.approve(Wanted::default(), 1).await, Ok(Evidence::Receipts(_))));
    for nonce in 2..5 {
        assert!(matches!(office.approve(each, nonce).await, Ok(Evidence::Receipts(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_holds_for_all_people_together() {
    let office = office(&["anna", "ben"], SimulatedAnswer::Approve);
    let wanted = Wanted { operation: "change-thing", grant: "people = { change-thing = 2 }", ..Wanted::default() };
    let (refused, ()) = tokio::join!(office.approve(wanted, 1), async {
        tokio::time::sleep(Duration::from_secs(50)).await;
        office.people.let_in.add_permits(1);
    });
    assert!(matches!(refused, Err(Refused::NoHuman { .. })), "{refused:?}");
    assert_eq!(office.asked(), 2);
}

/// A page on which two questions are answered with one gesture.
struct Page {
    waiting: Mutex<Vec<Ask>>,
    answered: tokio::sync::watch::Sender<Option<Batch>>,
}

impl Approver for Page {
    fn kind(&self) -> ApproverKind {
        ApproverKind::Webauthn
    }

    fn decide<'a>(&'a self, ask: &'a Ask) -> Decision<'a> {
        Box::pin(async move {
            let mut answered = self.answered.subscribe();
            let waiting = {
                let mut waiting = self.waiting.lock().unwrap();
                waiting.push(ask.clone());
                waiting.clone()
            };
            if waiting.len() == 2 {
                self.answered.send_replace(Some(Batch::of(&waiting).unwrap()));
            }
            let batch = answered.wait_for(Option::is_some).await.unwrap().clone().unwrap();
            Ok(fixtures::batched(&batch))
        })
    }
}

#[tokio::test]
async fn one_gesture_approves_several_requests() {
    let (key, _) = fixtures::webauthn_key();
    let page = Page { waiting: Mutex::default(), answered: tokio::sync::watch::Sender::new(None) };
    let desk = Desk::new(Box::new(page), Enrolled::new([key.clone()]).unwrap());
    let ask = |page, nonce| {
        desk.approve(
            granted(Wanted { page, operation: "change-thing", ..Wanted::default() }),
            moment(NOW, nonce),
            &|_| {},
        )
    };
    let (one, two) = tokio::join!(ask("1", 1), ask("2", 2));
    let receipts = [one, two].map(|approved| match approved.unwrap().evidence() {
        Evidence::Receipts(receipts) => receipts[0].clone(),
        Evidence::Lease { .. } => unreachable!("a change has no lease"),
    });
    assert_eq!(receipts[0].signature, receipts[1].signature);
    assert_ne!(receipts[0].request, receipts[1].request);
    assert!(receipts.iter().all(|receipt| verify(receipt, &key).is_ok()));
    // The gesture is spent: a third request meets it and is not answered by it.
    let third = ask("3", 3).await.unwrap_err();
    assert!(matches!(third, Refused::Receipt(_)), "{third}");
}
