#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{MOST_NOTICES, Notifying, WINDOW};
use crate::fixtures::{self, SEED, moment};
use crate::{Approver as _, Notice, Refused, SimulatedAnswer, SoftwarePasskey, Throwaway};

fn notifying(answer: SimulatedAnswer) -> (Notifying, Arc<Mutex<Vec<Notice>>>) {
    let directory = tempfile::tempdir().unwrap();
    let proof = Throwaway::create(directory.path()).unwrap();
    let passkey = SoftwarePasskey::new(&SEED, answer, &proof).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let approver = Notifying::new(Box::new(passkey), None, Box::new(move |notice| tell.lock().unwrap().push(notice)));
    (approver, told)
}

#[tokio::test]
async fn a_request_is_told_once_and_its_approver_decides() {
    let ask = fixtures::ask(&fixtures::facts(), &moment(1, 1)).unwrap();
    for (answer, approves) in [(SimulatedAnswer::Approve, true), (SimulatedAnswer::Deny, false)] {
        let (approver, told) = notifying(answer);
        let decision = approver.decide(&ask).await;
        assert_eq!(told.lock().unwrap().as_slice(), [Notice::new(&ask, None, 0)]);
        assert_eq!(decision.is_ok(), approves);
        assert!(approves || matches!(decision, Err(Refused::Denied)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_told_of_as_a_number() {
    let ask = fixtures::ask(&fixtures::facts(), &moment(1, 1)).unwrap();
    let (approver, told) = notifying(SimulatedAnswer::Deny);
    for _ in 0..MOST_NOTICES + 5 {
        assert!(approver.decide(&ask).await.is_err());
    }
    assert_eq!(told.lock().unwrap().len(), usize::try_from(MOST_NOTICES).unwrap());
    tokio::time::advance(WINDOW + Duration::from_millis(1)).await;
    assert!(approver.decide(&ask).await.is_err());
    assert_eq!(told.lock().unwrap().last(), Some(&Notice::new(&ask, None, 5)));
}
