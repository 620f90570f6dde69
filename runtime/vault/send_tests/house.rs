//! The rooms, joined as the pipeline joins them: a signed plugin, a policy, a software passkey, a log, an embedded store.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use claviger_approval::{Approved, Desk, Enrolled, Moment, SimulatedAnswer, SoftwarePasskey, Throwaway};
use claviger_audit::{CheckpointKey, Log};
use claviger_grant::{
    Action, Caller, Connection, Denied, Granted, Lent, Policy, Request, SendRequest, SlotHandle, StoreRequest,
};
use claviger_manifest::{Digest, Generate, Name, Package, PublisherKey, TrustStore};
use jiff::Timestamp;
use tempfile::TempDir;

use super::declared::MANIFEST;
use crate::call::CallScope;
use crate::embedded::Embedded;
use crate::failure::Failure;
use crate::identity_file::IdentityFile;
use crate::journal::Journal;
use crate::providers::Providers;
use crate::quarantine::Quarantine;
use crate::response::{Answer, HttpAnswer};
use crate::reveal::Secret;
use crate::vault::Vault;

/// Canaries: what must never come back. Every secret of the connection has one of its own.
pub(super) const KEY: &str = "kR7vQ2pXw9LmZt4Yb8NcJ6HfGd3";
pub(super) const CLIENT_ID: &str = "Ub5Wq8Er1Ty4Ui7Op0As";
pub(super) const CLIENT_SECRET: &str = "q~N4/e+Zp=7!xV&kT2:wB9 m%C5";
pub(super) const COMPANY: &str = "Mx6Kj2Hg9Qw3Er5Ty7";
pub(super) const PUBLIC: &str = "Vb3Nm7Lk1Jh5Gf9Ds4";
pub(super) const PRIVATE: &str = "Fd8Sa2Zx6Cv0Bn4M";

const COMPONENT: &[u8] = b"\0asm, for the digest's sake";

/// Where the connection goes.
pub(super) struct Place {
    pub(super) scheme: &'static str,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) mint: u16,
    pub(super) networks: Vec<&'static str>,
    pub(super) authority: Option<String>,
    pub(super) connect: Option<String>,
    /// Where the connection's `key` is.
    pub(super) key: &'static str,
    /// Which secrets the operator says are none.
    pub(super) identifiers: Vec<&'static str>,
    /// What `api` may show, and what `mint`.
    pub(super) pins: Vec<String>,
    pub(super) mint_pins: Vec<String>,
    /// More of the manifest: a tool `more` with operations that are granted too.
    pub(super) more: &'static str,
    pub(super) more_operations: &'static [&'static str],
}

impl Place {
    /// Plain HTTP on this machine.
    pub(super) fn here(port: u16) -> Self {
        Self {
            scheme: "http",
            host: "127.0.0.1".to_owned(),
            port,
            mint: port,
            networks: vec!["127.0.0.0/8"],
            authority: None,
            connect: None,
            key: "op://MSP/Site/key",
            identifiers: Vec::new(),
            pins: Vec::new(),
            mint_pins: Vec::new(),
            more: "",
            more_operations: &[],
        }
    }

    fn connection(&self) -> String {
        let Self { host, port, mint, networks, key, identifiers, .. } = self;
        let mut operations = vec![
            "post-key",
            "post-form",
            "count",
            "knock",
            "whole",
            "show",
            "open",
            "change",
            "change-form",
            "make",
            "make-one",
        ];
        operations.extend(self.more_operations);
        let mut text = format!(
            r#"plugin = "demo"
[settings]
host = "{host}"
port = "{port}"
mint-port = "{mint}"
[secrets]
key = "{key}"
[write-back]
token = "MSP"
[grant]
principals = ["robin@msp.example"]
operations = {operations:?}
write-back = ["token"]
networks = {networks:?}
identifiers = {identifiers:?}
"#
        );
        for (endpoint, pins) in [("api", &self.pins), ("mint", &self.mint_pins)] {
            writeln!(text, "[endpoints.{endpoint}]").unwrap();
            if let Some(authority) = &self.authority {
                writeln!(text, "ca = '''\n{authority}'''").unwrap();
            }
            if let Some(connect) = &self.connect {
                writeln!(text, "connect = \"{connect}\"").unwrap();
            }
            writeln!(text, "pins = {pins:?}").unwrap();
        }
        text
    }
}

pub(super) struct House {
    policy: Policy,
    desk: Desk,
    log: Log,
    pub(super) vault: Vault,
    pub(super) store: Arc<Embedded>,
    nonce: AtomicU64,
    pub(super) root: TempDir,
}

impl House {
    pub(super) fn at(place: &Place) -> Self {
        Self::patient(place, Duration::from_secs(20))
    }

    /// With a time for each exchange.
    pub(super) fn patient(place: &Place, time: Duration) -> Self {
        let root = tempfile::tempdir().unwrap();
        let proof = Throwaway::create(&root.path().join("state")).unwrap();
        let passkey = SoftwarePasskey::new(&[0x4e; 32], SimulatedAnswer::Approve, &proof).unwrap();
        let enrolled = Enrolled::new([passkey.enrolment("Robin").unwrap()]).unwrap();
        let desk = Desk::throwaway(Box::new(passkey), enrolled, proof);
        let (log, _) = Log::open(&root.path().join("audit"), CheckpointKey::from_seed([0x71; 32])).unwrap();
        let slot = IdentityFile::create(&root.path().join("identity")).unwrap();
        let store = Arc::new(Embedded::create(&root.path().join("vault"), &[slot]).unwrap());
        for (field, value) in [
            ("key", KEY),
            ("client id", CLIENT_ID),
            ("client secret", CLIENT_SECRET),
            ("company", COMPANY),
            ("public", PUBLIC),
            ("private", PRIVATE),
        ] {
            put(&store, field, value);
        }
        let journal = Journal::open(&root.path().join("journal"), store.journal_key().unwrap()).unwrap();
        let quarantine = Quarantine::open(&root.path().join("quarantine.json")).unwrap();
        let mut vault = Vault::new(Providers::new(store.clone()), journal, quarantine);
        vault.set_time(time);
        Self { policy: policy(place), desk, log, vault, store, nonce: AtomicU64::new(1), root }
    }

    pub(super) fn begin(&self) -> CallScope {
        self.vault.begin(&name("acme"), "s1")
    }

    /// All the way: grant, approval, intent, vault, outcome.
    pub(super) async fn pass(&self, action: Action, scope: &mut CallScope) -> Result<Answer, Failure> {
        self.pass_as(caller("things"), action, scope).await
    }

    async fn pass_as(&self, caller: Caller, action: Action, scope: &mut CallScope) -> Result<Answer, Failure> {
        let granted = self.policy.check(Request { caller, action }).unwrap();
        self.act(granted, scope).await
    }

    pub(super) fn check(&self, request: SendRequest) -> Result<Granted, Denied> {
        self.policy.check(Request { caller: caller("things"), action: Action::Send(request) })
    }

    /// An operation of the tool that [`Place::more`] declares.
    pub(super) async fn more(&self, request: SendRequest, scope: &mut CallScope) -> Result<HttpAnswer, Failure> {
        match self.pass_as(caller("more"), Action::Send(request), scope).await? {
            Answer::Http(answer) => Ok(answer),
            other => unreachable!("{other:?}"),
        }
    }

    pub(super) async fn act(&self, granted: Granted, scope: &mut CallScope) -> Result<Answer, Failure> {
        let granted = self.versioned(granted).await;
        let approved = self.approve(granted).await;
        self.go(approved, scope).await
    }

    pub(super) async fn versioned(&self, granted: Granted) -> Granted {
        let versions = self.vault.versions(&granted.references()).await;
        granted.with_versions(&versions)
    }

    pub(super) async fn approve(&self, granted: Granted) -> Approved {
        let mut nonce = [0_u8; 32];
        nonce.first_chunk_mut::<8>().unwrap().copy_from_slice(&self.nonce.fetch_add(1, Ordering::SeqCst).to_le_bytes());
        let moment = Moment { now: 1_795_469_400, nonce, wait: Duration::from_secs(30) };
        self.desk.approve(granted, moment, &|_| {}).await.unwrap()
    }

    /// What comes after the approval.
    pub(super) async fn go(&self, approved: Approved, scope: &mut CallScope) -> Result<Answer, Failure> {
        let at = Timestamp::from_second(1_795_469_400).unwrap();
        let intent = self.log.open_intent(approved, at).await.unwrap();
        let done = self.vault.send(intent, scope).await;
        self.log.close(done, at).await.unwrap().into_result()
    }

    pub(super) async fn send(&self, request: SendRequest, scope: &mut CallScope) -> Result<HttpAnswer, Failure> {
        match self.pass(Action::Send(request), scope).await? {
            Answer::Http(answer) => Ok(answer),
            other => unreachable!("{other:?}"),
        }
    }

    /// One `show` in a call of its own.
    pub(super) async fn show(&self, credential: &str) -> Result<HttpAnswer, Failure> {
        self.send(show(credential), &mut self.begin()).await
    }

    pub(super) async fn store(&self, values: Vec<SlotHandle>, scope: &mut CallScope) -> Result<Answer, Failure> {
        let stamp = "2026-11-23 213000".to_owned();
        self.pass(Action::Store(StoreRequest { write_back: "token".to_owned(), values, stamp }), scope).await
    }

    pub(super) fn generate(&self, scope: &mut CallScope) -> SlotHandle {
        let slots = &self.policy.package(&name("acme")).unwrap().manifest().slots;
        let rule: &Generate = slots.get(&name("password")).unwrap().generate.as_ref().unwrap();
        self.vault.generate(scope, &name("password"), rule).unwrap()
    }

    /// The text of the audit log so far.
    pub(super) fn audit(&self) -> String {
        std::fs::read_to_string(self.root.path().join("audit").join(claviger_audit::LOG_FILE)).unwrap()
    }
}

pub(super) fn put(store: &Embedded, field: &str, value: &str) {
    let place = format!("op://MSP/Site/{field}").parse().unwrap();
    store.put(&place, &Secret::new(value.as_bytes().to_vec()), true).unwrap();
}

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(super) fn request(operation: &str, credential: Option<&str>) -> SendRequest {
    SendRequest {
        operation: operation.to_owned(),
        parameters: Vec::new(),
        body: None,
        credential: credential.map(str::to_owned),
        lent: Vec::new(),
    }
}

pub(super) fn show(credential: &str) -> SendRequest {
    SendRequest { parameters: vec![("id".to_owned(), "7".to_owned())], ..request("show", Some(credential)) }
}

pub(super) fn lent(value: &SlotHandle) -> Vec<Lent> {
    vec![Lent { site: "password".to_owned(), value: value.clone() }]
}

fn caller(tool: &str) -> Caller {
    Caller {
        principal: "robin@msp.example".to_owned(),
        session: "session-1".to_owned(),
        connection: name("acme"),
        tool: tool.parse().unwrap(),
    }
}

fn policy(place: &Place) -> Policy {
    let component = Digest::of(COMPONENT).to_string();
    let manifest =
        format!("{MANIFEST}{}", place.more).replace("@component", &component).replace("@scheme", place.scheme);
    let schemas = BTreeMap::from([("schemas/things.json".to_owned(), b"{}".to_vec())]);
    let publisher = PublisherKey::generate("acme", [0x22; 32]).unwrap();
    let signature = publisher.sign(&manifest, COMPONENT, &schemas).unwrap();
    let mut trust = TrustStore::default();
    trust.add_key(&publisher.vkey()).unwrap();
    let package = Package { manifest, component: COMPONENT.to_vec(), schemas, signature };
    let mut policy = Policy::default();
    let connection = Connection::parse(&place.connection()).unwrap();
    policy.add(name("acme"), connection, Arc::new(package.verify(&trust).unwrap())).unwrap();
    policy
}
