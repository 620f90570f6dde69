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

const MANIFEST: &str = r#"
[plugin]
name = "demo"
version = "1.0.0"
publisher = "acme"
component = "@component"

[settings.host]
description = "Host"
[settings.port]
description = "Port"
[settings.mint-port]
description = "Port of the token endpoint"

[secrets.key]
reference = "op://MSP/Site/key"
[secrets.client-id]
reference = "op://MSP/Site/client id"
[secrets.client-secret]
reference = "op://MSP/Site/client secret"
[secrets.company]
reference = "op://MSP/Site/company"
identifier = true
[secrets.public]
reference = "op://MSP/Site/public"
[secrets.private]
reference = "op://MSP/Site/private"

[slots.minted]
description = "A token that the site makes"
[slots.session]
description = "A session"
[slots.password]
generate = { length = 32, alphabet = "password" }

[endpoints.api]
origin = "@scheme://{host}:{port}"
[endpoints.mint]
origin = "@scheme://{host}:{mint-port}"

[credentials.bearer]
scheme = "bearer"
token = "key"
[credentials.template]
scheme = "header"
headers = { Authorization = "PVEAPIToken={{public}}={{key}}", clientId = "{{client-id}}" }
[credentials.basic]
scheme = "basic"
username = "{{company}}+{{public}}"
password = "{{private}}"
[credentials.query]
scheme = "query"
parameter = "api_key"
value = "{{client-secret}}"
[credentials.fresh]
scheme = "bearer"
token = "minted"
[credentials.partner]
scheme = "oauth2-client-credentials"
token-endpoint = { endpoint = "mint", path = "/v1/token", body = "json" }
client-id = "client-id"
client-secret = "client-secret"
audience = "https://api.example.com"
[credentials.partner-basic]
scheme = "oauth2-client-credentials"
token-endpoint = { endpoint = "mint", path = "/v1/token", body = "form" }
client-id = "client-id"
client-secret = "client-secret"
scope = "read write"
client-authentication = "basic"

[credentials.in-body]
scheme = "body"
fields = { "/auth/key" = "{{key}}", "/auth/user" = "{{host}}/{{company}}", "/auth/methods" = ["password"] }
[credentials.in-form]
scheme = "body"
fields = { "/key" = "{{key}}", "/grant" = "password" }
[credentials.named]
scheme = "basic"
username = "{{company}}"
password = "{{private}}"

[operations.post-key]
endpoint = "api"
credential = "in-body"
method = "POST"
path = "/v1/log-in"
body = ["/note", "/auth/hint"]
effect = "write"
[operations.post-form]
endpoint = "api"
credential = "in-form"
method = "POST"
path = "/v1/log-in"
body-type = "form"
effect = "write"
[operations.count]
endpoint = "api"
credentials = ["bearer", "named"]
method = "GET"
path = "/v1/count"
effect = "read"
projection = { "/data/*/id" = "integer", "/state" = ["up", "down"] }
[operations.knock]
endpoint = "api"
credentials = ["bearer", "named"]
method = "GET"
path = "/v1/knock"
effect = "read"
response = "status"
response-headers = ["Retry-After"]
[operations.whole]
endpoint = "api"
credentials = ["bearer", "named"]
method = "GET"
path = "/v1/whole"
effect = "read"
[operations.show]
endpoint = "api"
credentials = ["bearer", "template", "basic", "query", "fresh", "partner", "partner-basic"]
method = "GET"
path = "/v1/things/{id}"
query = ["page"]
headers = { Accept = "application/json" }
effect = "read"
response-headers = ["Link", "Retry-After"]
[operations.open]
endpoint = "api"
method = "GET"
path = "/v1/open"
effect = "read"
[operations.change]
endpoint = "api"
credential = "bearer"
method = "PUT"
path = "/v1/things/{id}"
body = ["/name", "/user/mail"]
lend = { password = "/user/password" }
effect = "write"
[operations.change-form]
endpoint = "api"
credential = "bearer"
method = "POST"
path = "/v1/form"
body = ["/name"]
body-type = "form"
lend = { password = "/pass word" }
effect = "write"
[operations.make]
endpoint = "api"
credential = "bearer"
method = "POST"
path = "/v1/tokens"
body = ["/comment"]
effect = "mint"
capture = { minted = { pointer = "/data/value" }, session = { header = "X-Session" } }
strip = ["/data/echo"]
[operations.make-one]
endpoint = "api"
credential = "bearer"
method = "POST"
path = "/v1/tokens"
effect = "mint"
capture = { minted = { pointer = "/data/value" } }
strip = ["/data/echo"]

[write-back.token]
title = "{connection} token {stamp}"
fields = [{ field = "secret", slot = "minted" }]

[tools.things]
description = "Things"
operations = ["post-key", "post-form", "count", "knock", "whole", "show", "open", "change", "change-form", "make", "make-one"]
write-back = ["token"]
effect = "mint"
input = "schemas/things.json"

[limits]
response = "64KiB"
"#;

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
