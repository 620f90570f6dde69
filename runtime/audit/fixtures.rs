//! A small house for tests: a real plugin package, a real policy, a real desk with a software passkey, a real directory.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod people;
mod policy;

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use claviger_approval::{Approved, Desk, Enrolled, Moment, SimulatedAnswer, SoftwarePasskey, Throwaway};
use claviger_grant::{Action, Caller, Denied, Granted, Policy, Request, SendRequest, SlotHandle, StoreRequest};
use jiff::{Timestamp, ToSpan as _};
use sha2::{Digest as _, Sha256};

pub(crate) use self::people::TOGETHER;
use self::people::{Both, Crowd};
use self::policy::policy;
use crate::{CheckpointKey, Keys, Log, Outcome, OutcomeFacts, Recovery, Summary, Verdict, verify_directory};

/// The log's key in every test that does not need another.
pub(crate) const SEED: [u8; 32] = [0x5a; 32];

/// A process that is being started holds, until it runs its program, everything that this one has open: also the lock of a
/// log that another test has just closed. So no log is opened meanwhile.
static STARTING: RwLock<()> = RwLock::new(());

/// Starts a process.
pub(crate) fn start(command: &mut Command) -> Child {
    let _alone = STARTING.write().unwrap_or_else(PoisonError::into_inner);
    command.spawn().unwrap()
}

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
#[derive(Debug, PartialEq)]
pub(crate) struct Answer(pub(crate) u16);

impl Outcome for Answer {
    fn outcome(&self) -> OutcomeFacts {
        OutcomeFacts { status: Some(self.0), left_host: true, ..OutcomeFacts::new(Verdict::Answered) }
    }
}

impl House {
    pub(crate) fn new(answer: SimulatedAnswer) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let proof = Throwaway::create(&directory.path().join("state")).unwrap();
        let passkey = SoftwarePasskey::new(&[0x11; 32], answer, &proof).unwrap();
        let approvers = Enrolled::new([passkey.enrolment("Robin").unwrap()]).unwrap();
        let desk = Desk::throwaway(Box::new(passkey), approvers.clone(), proof);
        let keys = Keys { log: key().public(), approvers };
        Self { policy: policy(""), desk, nonce: AtomicU64::new(0), keys, directory }
    }

    /// Two people, who must both agree to a rename.
    pub(crate) fn of_two() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let proof = Throwaway::create(&directory.path().join("state")).unwrap();
        let passkey = |seed| SoftwarePasskey::new(&[seed; 32], SimulatedAnswer::Approve, &proof).unwrap();
        let both = Both(passkey(0x11), passkey(0x12));
        let keys = [both.0.enrolment("Robin").unwrap(), both.1.enrolment("Sam").unwrap()];
        let approvers = Enrolled::new(keys).unwrap();
        let desk = Desk::throwaway(Box::new(both), approvers.clone(), proof);
        let keys = Keys { log: key().public(), approvers };
        Self { policy: policy("people = { rename = 2 }"), desk, nonce: AtomicU64::new(0), keys, directory }
    }

    /// Everything that an approval can be: an erasure takes two people, what destroys or makes a credential a match code,
    /// looks have leases, and what is asked together is answered with one gesture.
    pub(crate) fn of_everything() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let proof = Throwaway::create(&directory.path().join("state")).unwrap();
        let passkey = |seed| SoftwarePasskey::new(&[seed; 32], SimulatedAnswer::ApproveWithLease, &proof).unwrap();
        let crowd = Crowd::new(passkey(0x11), passkey(0x12));
        let approvers = Enrolled::new(crowd.enrolments()).unwrap();
        let desk = Desk::throwaway(Box::new(crowd), approvers.clone(), proof);
        let keys = Keys { log: key().public(), approvers };
        Self { policy: policy("people = { erase = 2 }"), desk, nonce: AtomicU64::new(0), keys, directory }
    }

    pub(crate) fn audit(&self) -> PathBuf {
        self.directory.path().join("audit")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn open(&self) -> (Log, Recovery) {
        let _nothing_starts = STARTING.read().unwrap_or_else(PoisonError::into_inner);
        Log::open(&self.audit(), key()).unwrap()
    }

    pub(crate) fn verify(&self) -> Result<Summary, crate::Broken> {
        verify_directory(&self.audit(), &self.keys, &[])
    }

    pub(crate) fn request(&self, operation: &str, id: &str) -> Result<Granted, Denied> {
        let parameters = vec![("id".to_owned(), id.to_owned())];
        let body = (operation == "rename").then(|| br#"{"name":"new"}"#.to_vec());
        let credential = Some("token".to_owned());
        let send = SendRequest { operation: operation.to_owned(), parameters, body, credential, lent: Vec::new() };
        self.policy.check(Request { caller: caller(), action: Action::Send(send) })
    }

    /// The write-back of a token that was captured.
    pub(crate) fn store(&self, stamp: &str) -> Granted {
        let values = vec![SlotHandle { slot: "new-token".parse().unwrap(), id: 0 }];
        let store = StoreRequest { write_back: "token".to_owned(), values, stamp: stamp.to_owned() };
        self.policy.check(Request { caller: caller(), action: Action::Store(store) }).unwrap()
    }

    pub(crate) async fn approve(
        &self,
        operation: &str,
        id: &str,
        at: Timestamp,
    ) -> Result<Approved, claviger_approval::Refused> {
        self.approve_granted(self.request(operation, id).unwrap(), at).await
    }

    pub(crate) async fn approve_granted(
        &self,
        granted: Granted,
        at: Timestamp,
    ) -> Result<Approved, claviger_approval::Refused> {
        let now = u64::try_from(at.as_second()).unwrap();
        let moment = Moment { now, nonce: self.nonce(), wait: Duration::from_secs(30) };
        self.desk.approve(granted, moment, &|_| {}).await
    }

    /// Never the same twice, in no process of a test.
    fn nonce(&self) -> [u8; 32] {
        let count = self.nonce.fetch_add(1, Ordering::Relaxed);
        Sha256::digest(format!("{} {count}", std::process::id())).into()
    }

    /// An approved rename: a write, so it has a receipt of its own.
    pub(crate) async fn rename(&self, id: &str) -> Approved {
        self.approve("rename", id, at(0)).await.unwrap()
    }

    /// One whole call.
    pub(crate) async fn call(&self, log: &Log, second: i64) {
        let approved = self.approve("rename", &second.to_string(), at(second)).await.unwrap();
        let (_plan, intent) = log.open_intent(approved, at(second)).await.unwrap().begin();
        assert_eq!(log.close(intent.seal(Answer(200)), at(second)).await.unwrap(), Answer(200));
    }
}

pub(crate) fn key() -> CheckpointKey {
    CheckpointKey::from_seed(SEED)
}

/// That many seconds after the tests' start.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START).unwrap() + second.seconds()
}

pub(crate) fn caller() -> Caller {
    Caller {
        principal: "robin@msp.example".to_owned(),
        session: "session-1".to_owned(),
        connection: "acme".parse().unwrap(),
        tool: "things".parse().unwrap(),
    }
}

/// The lines of a log, without their newlines.
pub(crate) fn lines(directory: &Path) -> Vec<String> {
    std::fs::read_to_string(directory.join(crate::LOG_FILE)).unwrap().lines().map(str::to_owned).collect()
}
