//! Every way to and past the desk, on requests that the grant room granted.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Mutex;
use std::time::Duration;

use claviger_grant::Plan;
use tempfile::TempDir;

use super::{Desk, Moment};
use crate::fixtures::{SEED, Wanted, granted, moment};
use crate::{
    Approver, ApproverKind, Ask, Assertion, Decision, Enrolled, Evidence, LEASE_SECONDS, ReceiptError, Refused,
    SimulatedAnswer, SoftwarePasskey, Throwaway, UnusableSeed, verify,
};

const NOW: u64 = 1_700_000_000;

/// A desk in a throw-away directory, which goes with it.
struct Office {
    desk: Desk,
    enrolled: Enrolled,
    _directory: TempDir,
}

fn office(answer: SimulatedAnswer) -> Office {
    office_with(answer, |passkey| Box::new(passkey))
}

fn office_with(answer: SimulatedAnswer, wrap: impl FnOnce(SoftwarePasskey) -> Box<dyn Approver>) -> Office {
    let directory = tempfile::tempdir().unwrap();
    let proof = Throwaway::create(directory.path()).unwrap();
    let passkey = SoftwarePasskey::new(&SEED, answer, &proof).unwrap();
    let enrolled = Enrolled::new([passkey.enrolment("demo").unwrap()]).unwrap();
    let desk = Desk::throwaway(wrap(passkey), enrolled.clone(), proof);
    Office { desk, enrolled, _directory: directory }
}

impl Office {
    async fn approve(&self, wanted: Wanted, moment: Moment) -> Result<Evidence, Refused> {
        self.desk.approve(granted(wanted), moment, &|_| {}).await.map(|approved| approved.evidence().clone())
    }

    /// Asks with a fresh nonce and says whether a lease answered.
    async fn is_leased(&self, wanted: Wanted, now: u64, nonce: u8) -> bool {
        matches!(self.approve(wanted, moment(now, nonce)).await.unwrap(), Evidence::Lease { .. })
    }
}

#[tokio::test]
async fn a_yes_is_a_receipt_for_exactly_this_request() {
    let office = office(SimulatedAnswer::Approve);
    let approved = office.desk.approve(granted(Wanted::default()), moment(NOW, 1), &|_| {}).await.unwrap();
    let Evidence::Receipts(receipts) = approved.evidence() else { unreachable!("nobody gave a lease") };
    let [receipt] = receipts.as_slice() else { unreachable!("one person is enough") };
    assert_eq!(receipt.kind, ApproverKind::Simulated);
    let verified = verify(receipt, office.enrolled.find(&receipt.credential_id).unwrap()).unwrap();
    assert_eq!(verified.facts(), &serde_json::to_value(approved.facts()).unwrap());
    let Plan::Send(outbound) = approved.into_plan() else { unreachable!("the request sends") };
    assert_eq!((outbound.path.as_str(), outbound.query.as_str()), ("/list-things", "page=1"));
}

#[tokio::test]
async fn evidence_is_plain_in_the_log() {
    let office = office(SimulatedAnswer::ApproveWithLease);
    let first = serde_json::to_value(office.approve(Wanted::default(), moment(NOW, 1)).await.unwrap()).unwrap();
    assert_eq!(first.pointer("/receipts/0/kind").unwrap(), "simulated");
    let second = serde_json::to_value(office.approve(Wanted::default(), moment(NOW, 2)).await.unwrap()).unwrap();
    assert_eq!(second.pointer("/lease/use_number").unwrap(), 2);
}

#[tokio::test]
async fn a_no_is_a_denial() {
    let office = office(SimulatedAnswer::Deny);
    assert_eq!(office.approve(Wanted::default(), moment(NOW, 1)).await, Err(Refused::Denied));
}

#[tokio::test(start_paused = true)]
async fn nobody_within_the_limit_is_a_denial_that_says_so() {
    let office = office(SimulatedAnswer::Never);
    let refused = office.approve(Wanted::default(), moment(NOW, 1)).await.unwrap_err();
    assert_eq!(refused, Refused::NoHuman { seconds: 60 });
    assert!(refused.to_string().contains("60 seconds"));
}

/// Answers, but holds up the whole thread until it is too late, as a machine that sleeps does.
struct Late(SoftwarePasskey);

impl Approver for Late {
    fn kind(&self) -> ApproverKind {
        self.0.kind()
    }

    fn decide<'a>(&'a self, ask: &'a Ask) -> Decision<'a> {
        Box::pin(async move {
            std::thread::sleep(ask.wait() + Duration::from_millis(1));
            self.0.decide(ask).await
        })
    }
}

#[tokio::test]
async fn an_answer_after_the_end_is_a_denial() {
    let office = office_with(SimulatedAnswer::Approve, |passkey| Box::new(Late(passkey)));
    let short = Moment { wait: Duration::from_millis(30), ..moment(NOW, 1) };
    assert_eq!(office.approve(Wanted::default(), short).await, Err(Refused::Expired));
    let none = Moment { wait: Duration::ZERO, ..moment(NOW, 2) };
    assert!(office.approve(Wanted::default(), none).await.is_err());
}

#[tokio::test]
async fn a_simulated_yes_is_refused_outside_a_throwaway_directory() {
    let Office { enrolled, _directory: directory, .. } = office(SimulatedAnswer::Approve);
    let proof = Throwaway::of(directory.path()).unwrap();
    let passkey = SoftwarePasskey::new(&SEED, SimulatedAnswer::Approve, &proof).unwrap();
    // The stolen key is enrolled in a real directory, and its holder claims to be another kind of approver.
    let honest = Desk::new(Box::new(passkey), enrolled.clone());
    assert_eq!(
        honest.approve(granted(Wanted::default()), moment(NOW, 1), &|_| {}).await.unwrap_err(),
        Refused::Simulated
    );
    let passkey = SoftwarePasskey::new(&SEED, SimulatedAnswer::Approve, &proof).unwrap();
    let lying = Desk::new(Box::new(Disguised(passkey)), enrolled);
    assert_eq!(
        lying.approve(granted(Wanted::default()), moment(NOW, 2), &|_| {}).await.unwrap_err(),
        Refused::Simulated
    );
}

/// Says that it is an authenticator.
struct Disguised(SoftwarePasskey);

impl Approver for Disguised {
    fn kind(&self) -> ApproverKind {
        ApproverKind::Webauthn
    }

    fn decide<'a>(&'a self, ask: &'a Ask) -> Decision<'a> {
        self.0.decide(ask)
    }
}

#[tokio::test]
async fn a_key_that_is_not_enrolled_does_not_count() -> Result<(), UnusableSeed> {
    let directory = tempfile::tempdir().unwrap();
    let proof = Throwaway::create(directory.path()).unwrap();
    let stranger = SoftwarePasskey::new(&[0x42; 32], SimulatedAnswer::Approve, &proof)?;
    let enrolled = SoftwarePasskey::new(&SEED, SimulatedAnswer::Approve, &proof)?.enrolment("demo").unwrap();
    let desk = Desk::throwaway(Box::new(stranger), Enrolled::new([enrolled]).unwrap(), proof);
    assert_eq!(
        desk.approve(granted(Wanted::default()), moment(NOW, 1), &|_| {}).await.unwrap_err(),
        Refused::NotEnrolled
    );
    Ok(())
}

/// Returns its first answer again and again: an approver that says yes without asking.
struct Replaying(SoftwarePasskey, Mutex<Option<Assertion>>);

impl Approver for Replaying {
    fn kind(&self) -> ApproverKind {
        self.0.kind()
    }

    fn decide<'a>(&'a self, ask: &'a Ask) -> Decision<'a> {
        Box::pin(async move {
            let kept = self.1.lock().unwrap().clone();
            let assertion = match kept {
                Some(assertion) => assertion,
                None => self.0.decide(ask).await?,
            };
            *self.1.lock().unwrap() = Some(assertion.clone());
            Ok(assertion)
        })
    }
}

#[tokio::test]
async fn an_answer_is_used_once() {
    let office = office_with(SimulatedAnswer::Approve, |passkey| Box::new(Replaying(passkey, Mutex::default())));
    assert!(office.approve(Wanted::default(), moment(NOW, 1)).await.is_ok());
    // The very same request a moment later, and another one: both meet the first answer.
    let again = office.approve(Wanted::default(), moment(NOW, 2)).await;
    assert_eq!(again, Err(Refused::Receipt(ReceiptError::Challenge)));
    let other = office.approve(Wanted { page: "2", ..Wanted::default() }, moment(NOW, 1)).await;
    assert_eq!(other, Err(Refused::Receipt(ReceiptError::Challenge)));
}

#[tokio::test]
async fn a_yes_for_once_opens_no_lease() {
    let office = office(SimulatedAnswer::Approve);
    for nonce in 1..4 {
        assert!(!office.is_leased(Wanted::default(), NOW, nonce).await);
    }
}

#[tokio::test]
async fn a_lease_answers_the_same_operation_with_other_parameters() {
    let office = office(SimulatedAnswer::ApproveWithLease);
    assert!(!office.is_leased(Wanted::default(), NOW, 1).await);
    assert!(office.is_leased(Wanted::default(), NOW + 1, 2).await);
    assert!(office.is_leased(Wanted { page: "2", ..Wanted::default() }, NOW + 2, 3).await);
}

#[tokio::test]
async fn a_lease_answers_nothing_else() {
    let same = Wanted::default();
    for (what, other) in [
        ("session", Wanted { session: "session-42", ..same }),
        ("principal", Wanted { principal: "ben", ..same }),
        ("connection", Wanted { connection: "globex", ..same }),
        ("operation", Wanted { operation: "list-others", ..same }),
        ("plugin", Wanted { version: "1.0.1", ..same }),
        ("secret", Wanted { reference: "op://MSP/Others/token", ..same }),
        ("write", Wanted { operation: "change-thing", ..same }),
        ("destroy", Wanted { operation: "remove-thing", ..same }),
        ("mint", Wanted { operation: "make-key", ..same }),
    ] {
        let office = office(SimulatedAnswer::ApproveWithLease);
        assert!(!office.is_leased(same, NOW, 1).await);
        assert!(!office.is_leased(other, NOW, 2).await, "{what}");
    }
}

#[tokio::test]
async fn what_changes_something_is_asked_each_time() {
    for operation in ["change-thing", "remove-thing", "make-key"] {
        let office = office(SimulatedAnswer::ApproveWithLease);
        for nonce in 1..4 {
            assert!(!office.is_leased(Wanted { operation, ..Wanted::default() }, NOW, nonce).await, "{operation}");
        }
    }
}

#[tokio::test]
async fn a_lease_ends() {
    let office = office(SimulatedAnswer::ApproveWithLease);
    assert!(!office.is_leased(Wanted::default(), NOW, 1).await);
    assert!(office.is_leased(Wanted::default(), NOW + LEASE_SECONDS - 1, 2).await);
    assert!(!office.is_leased(Wanted::default(), NOW + 2 * LEASE_SECONDS, 3).await);
}

#[tokio::test(start_paused = true)]
async fn a_lease_ends_also_when_the_clock_is_set_back() {
    let office = office(SimulatedAnswer::ApproveWithLease);
    assert!(!office.is_leased(Wanted::default(), NOW, 1).await);
    assert!(office.is_leased(Wanted::default(), NOW - 7_200, 2).await);
    tokio::time::advance(Duration::from_secs(LEASE_SECONDS)).await;
    assert!(!office.is_leased(Wanted::default(), NOW - 7_200, 3).await);
}

#[tokio::test]
async fn a_lease_ends_with_its_session() {
    let office = office(SimulatedAnswer::ApproveWithLease);
    assert!(!office.is_leased(Wanted::default(), NOW, 1).await);
    office.desk.end_session("session-41");
    assert!(!office.is_leased(Wanted::default(), NOW, 2).await);
}

#[tokio::test]
async fn whose_yes_counts_is_what_the_desk_was_told_last() {
    let office = office(SimulatedAnswer::ApproveWithLease);
    let ask = |nonce| office.approve(Wanted::default(), moment(NOW, nonce));
    assert!(!office.is_leased(Wanted::default(), NOW, 1).await);
    // The same keys void nothing; without the key neither its lease nor its signature counts.
    office.desk.recognise(office.enrolled.clone());
    assert!(office.is_leased(Wanted::default(), NOW, 2).await);
    office.desk.recognise(Enrolled::default());
    assert!(matches!(ask(3).await, Err(Refused::NotEnrolled)));
    // Who comes back begins anew.
    office.desk.recognise(office.enrolled.clone());
    assert!(!office.is_leased(Wanted::default(), NOW, 4).await);
}

/// Signs the question it likes: the lease although the human said once, or the other way round, is decided by what is
/// signed, never by what is claimed beside it.
struct Forging(SoftwarePasskey);

impl Approver for Forging {
    fn kind(&self) -> ApproverKind {
        self.0.kind()
    }

    fn decide<'a>(&'a self, ask: &'a Ask) -> Decision<'a> {
        Box::pin(async move {
            let once = self.0.decide(ask).await?;
            let lease = ask.as_lease().ok_or(Refused::Denied)?;
            // The client data of the lease under the signature of the single request.
            let challenge = |ask: &Ask| crate::Base64Url::from(ask.digest().as_slice()).to_string();
            let text = String::from_utf8(once.client_data_json.as_bytes().to_vec()).unwrap();
            let swapped = text.replace(&challenge(ask), &challenge(lease));
            Ok(Assertion { client_data_json: swapped.into_bytes().into(), ..once })
        })
    }
}

#[tokio::test]
async fn a_yes_for_once_cannot_be_stretched_into_a_lease() {
    let office = office_with(SimulatedAnswer::Approve, |passkey| Box::new(Forging(passkey)));
    let refused = office.approve(Wanted::default(), moment(NOW, 1)).await;
    assert_eq!(refused, Err(Refused::Receipt(ReceiptError::Signature)));
}
