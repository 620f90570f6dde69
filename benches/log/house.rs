//! A small house with one plugin, one connection and a person who gives leases.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use claviger_approval::{Desk, Enrolled, Moment, SimulatedAnswer, SoftwarePasskey, Throwaway};
use claviger_audit::{CheckpointKey, Keys, Log, Outcome, OutcomeFacts, Verdict};
use claviger_grant::{Action, Caller, Connection, Policy, Request, SendRequest};
use claviger_manifest::{Digest, Name, Package, PublisherKey, TrustStore};
use jiff::Timestamp;

const COMPONENT: &[u8] = b"\0asm, for the digest's sake";

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
        Self { policy: policy(), desk, nonce: AtomicU64::new(0), keys, directory }
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

fn policy() -> Policy {
    let manifest = format!(
        r#"
[plugin]
name = "demo"
version = "1.0.0"
publisher = "acme"
component = "{}"

[secrets.key]
reference = "op://MSP/Demo/key"

[endpoints.api]
origin = "https://api.example.com"

[credentials.token]
scheme = "bearer"
token = "key"

[operations.show]
endpoint = "api"
credential = "token"
method = "GET"
path = "/v1/things/{{id}}"
effect = "read"

[operations.rename]
endpoint = "api"
credential = "token"
method = "PUT"
path = "/v1/things/{{id}}"
body = ["/name"]
effect = "write"

[tools.things]
description = "Things"
operations = ["show", "rename"]
effect = "write"
input = "schemas/things.json"
"#,
        Digest::of(COMPONENT)
    );
    let schemas = BTreeMap::from([("schemas/things.json".to_owned(), b"{}".to_vec())]);
    let publisher = PublisherKey::generate("acme", [0x22; 32]).unwrap();
    let signature = publisher.sign(&manifest, COMPONENT, &schemas).unwrap();
    let mut trust = TrustStore::default();
    trust.add_key(&publisher.vkey()).unwrap();
    let package = Package { manifest, component: COMPONENT.to_vec(), schemas, signature };
    let package = Arc::new(package.verify(&trust).unwrap());
    let connection = Connection::parse(
        "plugin = \"demo\"\nclient = \"Acme\"\n[grant]\nprincipals = [\"robin@msp.example\"]\noperations = [\"show\", \"rename\"]\n",
    )
    .unwrap();
    let mut policy = Policy::default();
    let name: Name = "acme".parse().unwrap();
    policy.add(name, connection, package).unwrap();
    policy
}
