//! A small house with one plugin, one connection and a person who gives leases.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use claviger_approval::{Desk, Enrolled, Moment, SimulatedAnswer, SoftwarePasskey, Throwaway};
use claviger_audit::{CheckpointKey, Keys, Log, Outcome, OutcomeFacts, Verdict};
use claviger_grant::{Action, Caller, Policy, Request, SendRequest};
use jiff::Timestamp;

use crate::policy::policy;

/// The log's key.
pub(crate) const SEED: [u8; 32] = [0x5a; 32];

/// 2026-11-23T21:30:00Z.
const START: i64 = 1_795_469_400;

pub(crate) struct House {
    policy: Policy,
    desk: Desk,
    nonce: AtomicU64,
    pub(crate) keys: Keys,
    directory: tempfile::TempDir,
}

/// What an upstream answered, as far as the log is concerned.
pub(crate) struct Answer;

impl Outcome for Answer {
    fn outcome(&self) -> OutcomeFacts {
        OutcomeFacts { status: Some(200), left_host: true, ..OutcomeFacts::new(Verdict::Answered) }
    }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

impl House {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let proof = Throwaway::create(&directory.path().join("state")).unwrap();
        let passkey = SoftwarePasskey::new(&[0x11; 32], SimulatedAnswer::ApproveWithLease, &proof).unwrap();
        let approvers = Enrolled::new([passkey.enrolment("Robin").unwrap()]).unwrap();
        let desk = Desk::throwaway(Box::new(passkey), approvers.clone(), proof);
        let keys = Keys { log: CheckpointKey::from_seed(SEED).public(), approvers };
        Self { policy: policy(""), desk, nonce: AtomicU64::new(0), keys, directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// One whole call.
    pub(crate) async fn call(&self, log: &Log, second: i64) {
        let parameters = vec![("id".to_owned(), "4711".to_owned())];
        let (operation, credential) = ("show".to_owned(), Some("token".to_owned()));
        let send = SendRequest { operation, parameters, body: None, credential, lent: Vec::new() };
        let caller = Caller {
            principal: "robin@msp.example".to_owned(),
            session: "session-1".to_owned(),
            connection: "acme".parse().unwrap(),
            tool: "things".parse().unwrap(),
        };
        let granted = self.policy.check(Request { caller, action: Action::Send(send) }).unwrap();
        let mut nonce = [0; 32];
        let count = self.nonce.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        nonce.iter_mut().zip(count).for_each(|(to, from)| *to = from);
        let now = u64::try_from(START + second).unwrap();
        let approved =
            self.desk.approve(granted, Moment { now, nonce, wait: Duration::from_secs(30) }, &|_| {}).await.unwrap();
        let (_plan, intent) = log.open_intent(approved, at(second)).await.unwrap().begin();
        log.close(intent.seal(Answer), at(second)).await.unwrap();
    }
}
