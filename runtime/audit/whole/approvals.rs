//! A host that has the log's key can sign any tree. What it cannot do is invent a human's yes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use claviger_approval::{Approved, Enrolled, EnrolledKey, Enrolment, Evidence, Receipt, SimulatedAnswer};
use jiff::Timestamp;

use crate::entry::Body;
use crate::fixtures::{House, at};
use crate::{Broken, Event, Log, OperatorAction, Unrecorded, Why};

/// Writes an intent as a lying host would: this request under that evidence.
async fn forge(log: &Log, request: &Approved, proof: &Evidence, at: Timestamp) {
    let own = Body::Intent { request: request.facts(), proof }.canonical().unwrap();
    log.queue.append(&own, at).unwrap().1.durable().await.unwrap();
}

fn approval(house: &House, index: u64, why: &str) {
    let broken = house.verify().unwrap_err();
    assert!(matches!(&broken.why, Why::Approval(said) if said.contains(why)), "{broken}");
    assert_eq!(broken.index, index);
}

fn once() -> House {
    House::new(SimulatedAnswer::Approve)
}

#[tokio::test]
async fn another_request_than_the_one_approved() {
    let house = once();
    let (log, _) = house.open();
    house.call(&log, 1).await;
    let (one, two) = (house.rename("1").await, house.rename("2").await);
    forge(&log, &one, two.evidence(), at(2)).await;
    drop(log);
    assert_eq!(house.verify(), Err(Broken { index: 2, why: Why::OtherRequest }));
}

#[tokio::test]
async fn one_yes_for_two_acts() {
    let house = once();
    let (log, _) = house.open();
    let one = house.rename("1").await;
    forge(&log, &one, one.evidence(), at(1)).await;
    log.note(Event::operator(OperatorAction::HostStarted, "host", None), at(1_000_000)).await.unwrap();
    // However long ago, and however the host writes its times.
    forge(&log, &one, one.evidence(), at(0)).await;
    drop(log);
    approval(&house, 2, "used for an earlier intent already");
}

#[tokio::test]
async fn a_yes_that_had_ended() {
    let house = once();
    let (log, _) = house.open();
    let (early, late) = (house.rename("1").await, house.rename("2").await);
    // 90 seconds later the yes is still good, 91 seconds later it is not:
    // 30 seconds of the question and 60 of tolerance.
    forge(&log, &early, early.evidence(), at(90)).await;
    forge(&log, &late, late.evidence(), at(91)).await;
    drop(log);
    approval(&house, 1, "after it had expired");
}

#[tokio::test]
async fn nobody_that_the_verifier_knows() {
    let mut house = once();
    let (log, _) = house.open();
    house.call(&log, 1).await;
    drop(log);
    house.keys.approvers = Enrolled::default();
    approval(&house, 0, "not among the approvers' public keys");
}

#[tokio::test]
async fn a_signature_that_is_none() {
    let house = once();
    let (log, _) = house.open();
    let one = house.rename("1").await;
    let mut receipt = receipt_of(&one);
    receipt.signature = receipt_of(&house.rename("other").await).signature;
    forge(&log, &one, &Evidence::Receipts(vec![receipt]), at(1)).await;
    drop(log);
    approval(&house, 0, "signature");
}

fn receipt_of(approved: &Approved) -> Receipt {
    receipts_of(approved).first().unwrap().clone()
}

fn receipts_of(approved: &Approved) -> Vec<Receipt> {
    let Evidence::Receipts(receipts) = approved.evidence() else { unreachable!("a write has a receipt") };
    receipts.clone()
}

#[tokio::test]
async fn two_people_are_two_approvals() {
    let house = House::of_two();
    let (log, _) = house.open();
    house.call(&log, 1).await;
    drop(log);
    assert_eq!(house.verify().unwrap().approvals.simulated, 2);
}

#[tokio::test]
async fn one_of_two_people_is_not_enough() {
    let house = House::of_two();
    let (log, _) = house.open();
    let one = house.rename("1").await;
    forge(&log, &one, &Evidence::Receipts(vec![receipt_of(&one)]), at(1)).await;
    drop(log);
    approval(&house, 0, "another number of people");
}

#[tokio::test]
async fn one_person_with_two_keys_is_not_two_people() {
    let mut house = House::of_two();
    let (log, _) = house.open();
    let one = house.rename("1").await;
    // Names stand beside the signature, so a host that lies writes another one, and lists the second key under it too.
    let mut receipts = receipts_of(&one);
    receipts[1].approver = "Robin".to_owned();
    let renamed = house.keys.approvers.keys().iter().map(|key| {
        let named = Enrolment { name: "Robin".to_owned(), ..key.clone().into() };
        EnrolledKey::try_from(named).unwrap()
    });
    house.keys.approvers = Enrolled::new(renamed.collect::<Vec<_>>()).unwrap();
    forge(&log, &one, &Evidence::Receipts(receipts), at(1)).await;
    drop(log);
    approval(&house, 0, "one person agreed twice");
}

#[tokio::test]
async fn as_many_people_as_were_needed() {
    for (number, why) in [(0, "nobody agreed"), (2, "another number of people")] {
        let house = once();
        let (log, _) = house.open();
        // True receipts for the same request, each for itself.
        let approved = [house.rename("1").await, house.rename("1").await];
        let receipts = approved.iter().take(number).map(receipt_of).collect();
        forge(&log, &approved[0], &Evidence::Receipts(receipts), at(1)).await;
        drop(log);
        approval(&house, 0, why);
    }
}

#[tokio::test]
async fn a_lease_covers_what_it_says_as_often_as_it_says() {
    let house = House::new(SimulatedAnswer::ApproveWithLease);
    let (log, _) = house.open();
    for second in 0..5 {
        let approved = house.approve("show", &second.to_string(), at(second)).await.unwrap();
        let (_plan, intent) = log.open_intent(approved, at(second)).await.unwrap().begin();
        drop(intent);
    }
    drop(log);
    let summary = house.verify().unwrap();
    assert_eq!((summary.approvals.simulated, summary.approvals.leased), (1, 4));
}

#[tokio::test]
async fn a_lease_is_not_used_before_its_receipt_is_in_the_log() {
    let house = House::new(SimulatedAnswer::ApproveWithLease);
    let (log, _) = house.open();
    let first = house.approve("show", "1", at(0)).await.unwrap();
    let next = house.approve("show", "2", at(0)).await.unwrap();
    assert_eq!(log.open_intent(next, at(0)).await.unwrap_err(), Unrecorded::NoLeaseReceipt);
    drop(log.open_intent(first, at(0)).await.unwrap());
    drop(log.open_intent(house.approve("show", "2", at(0)).await.unwrap(), at(0)).await.unwrap());
    drop(log);
    assert_eq!(house.verify().unwrap().approvals.leased, 1);
}

#[tokio::test]
async fn a_lease_is_stretched() {
    for (case, index) in [("write", 1), ("twice", 2), ("beyond", 1), ("late", 1), ("unknown", 0)] {
        let house = House::new(SimulatedAnswer::ApproveWithLease);
        let (log, _) = house.open();
        let first = house.approve("show", "1", at(0)).await.unwrap();
        let next = house.approve("show", "2", at(1)).await.unwrap();
        let write = house.approve("rename", "3", at(1)).await.unwrap();
        let Evidence::Lease { receipt, .. } = next.evidence() else { unreachable!("the lease was not used") };
        let beyond = Evidence::Lease { receipt: receipt.clone(), use_number: 100_000 };
        if case != "unknown" {
            forge(&log, &first, first.evidence(), at(0)).await;
        }
        match case {
            "write" => forge(&log, &write, next.evidence(), at(1)).await,
            "beyond" => forge(&log, &next, &beyond, at(1)).await,
            "late" => forge(&log, &next, next.evidence(), at(15 * 60 + 61)).await,
            "unknown" => forge(&log, &next, next.evidence(), at(1)).await,
            _ => {
                forge(&log, &next, next.evidence(), at(1)).await;
                forge(&log, &next, next.evidence(), at(2)).await;
            }
        }
        drop(log);
        approval(&house, index, "lease");
    }
}
