//! What a guest asks for, and what an approver answers.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use claviger_approval::{
    Approver, ApproverKind, Ask, Base64Url, Decision, Desk, Enrolled, EnrolledKey, Enrolment, Moment, PublicKey,
    Receipt, Refused, render, verify,
};
use claviger_grant::{Action, ActionFacts, Caller, Connection, Denied, Granted, Plan, Policy, Request, SendRequest};
use claviger_manifest::{Digest, Package, PublisherKey, TrustStore};
use sha2::{Digest as _, Sha256};

use crate::{parts, text};

const COMPONENT: &[u8] = b"\0asm stand-in";

const MANIFEST: &str = r#"
[plugin]
name = "hypervisor"
version = "1.2.0"
publisher = "example.org/plugins"
component = "@component"
[secrets.key]
reference = "op://MSP/Cluster/key"
[endpoints.api]
origin = "https://pve.example.org:8006"
[credentials.token]
scheme = "header"
headers = { Authorization = "Token {{key}}" }
[operations.rename]
description = "Renames a virtual machine"
endpoint = "api"
credential = "token"
method = "PUT"
path = "/nodes/{node}/qemu/{vm}"
query = ["full", "filter"]
body = ["/name", "/tags/*", "/config/*/value"]
effect = "write"
[tools.rename]
description = "Renames"
operations = ["rename"]
effect = "write"
input = "schemas/any.json"
"#;

const CONNECTION: &str = r#"
plugin = "hypervisor"
client = "Acme"
[grant]
principals = ["ada"]
operations = ["rename"]
"#;

fn policy() -> &'static Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY.get_or_init(|| {
        let key = PublisherKey::generate("example.org/plugins", [5; 32]).unwrap();
        let mut trust = TrustStore::default();
        trust.add_key(&key.vkey()).unwrap();
        let manifest = MANIFEST.replace("@component", &Digest::of(COMPONENT).to_string());
        let schemas = BTreeMap::from([("schemas/any.json".to_owned(), b"{}".to_vec())]);
        let signature = key.sign(&manifest, COMPONENT, &schemas).unwrap();
        let package = Package { manifest, component: COMPONENT.to_vec(), schemas, signature }.verify(&trust).unwrap();
        let mut policy = Policy::default();
        policy.add("pve".parse().unwrap(), Connection::parse(CONNECTION).unwrap(), Arc::new(package)).unwrap();
        policy
    })
}

/// Four texts: node, machine, filter, body.
fn ask(bytes: &[u8]) -> Result<Granted, Denied> {
    let [node, vm, filter, body] = parts(bytes);
    let mut parameters: Vec<(String, String)> =
        [("node", node), ("vm", vm)].map(|(name, value)| (name.to_owned(), text(value).to_owned())).into();
    if !filter.is_empty() {
        parameters.push(("filter".to_owned(), text(filter).to_owned()));
    }
    let send = SendRequest {
        operation: "rename".to_owned(),
        parameters,
        body: (!body.is_empty()).then(|| body.to_vec()),
        credential: Some("token".to_owned()),
        lent: Vec::new(),
    };
    let (connection, tool) = ("pve".parse().unwrap(), "rename".parse().unwrap());
    let caller = Caller { principal: "ada".to_owned(), session: "s-1".to_owned(), connection, tool };
    policy().check(Request { caller, action: Action::Send(send) })
}

/// What is granted stays in its path and its fields, and is what is shown.
pub(crate) fn request(bytes: &[u8]) {
    let Ok(granted) = ask(bytes) else { return };
    let facts = granted.facts().clone();
    let ActionFacts::Send(shown) = facts.action else { panic!("a store was never asked for") };
    let Plan::Send(outbound) = granted.into_plan() else { panic!("a store was never asked for") };
    assert_eq!(shown.path, outbound.path);
    let segments: Vec<&str> = outbound.path.split('/').collect();
    assert!(
        matches!(segments.as_slice(), ["", "nodes", node, "qemu", vm]
        if [node, vm].iter().all(|one| !matches!(**one, "" | "." | ".."))),
        "{}",
        outbound.path
    );
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%&=/".contains(&byte);
    assert!(outbound.path.bytes().chain(outbound.query.bytes()).all(plain), "{}?{}", outbound.path, outbound.query);
    assert!(outbound.query.is_empty() || outbound.query.starts_with("filter=") && !outbound.query.contains('&'));
    let Some(body) = &outbound.body else { return };
    let facts = shown.body.expect("a body that is sent is shown");
    assert_eq!(facts.sha256, hex::encode(Sha256::digest(body.to_string())), "another body is shown than is sent");
    for (pointer, leaf) in &facts.fields {
        assert_eq!(body.pointer(pointer).map(ToString::to_string).as_ref(), Some(leaf));
        let tokens: Vec<&str> = pointer.split('/').collect();
        let listed = matches!(tokens.as_slice(), [""] | ["", "name"] | ["", "tags", _] | ["", "config", _, "value"]);
        assert!(listed, "{pointer} is not in the list of what may be set");
    }
}

/// Shows what it is asked, and says no.
struct Showing;

impl Approver for Showing {
    fn kind(&self) -> ApproverKind {
        ApproverKind::HostAsserted
    }

    fn decide<'a>(&'a self, ask: &'a Ask) -> Decision<'a> {
        Box::pin(async move {
            let page = render(ask);
            let odd = page.chars().find(|character| character.is_control() && *character != '\n');
            assert_eq!(odd, None, "a terminal would obey this: {page:?}");
            // One question, and at the end, whatever the guest wrote before it.
            assert_eq!(page.lines().filter(|line| line.starts_with("  Type ")).count(), 1, "{page}");
            assert!(page.ends_with("anything else denies: "), "{page}");
            Err(Refused::Denied)
        })
    }
}

/// The approver's page, with a guest's texts on it.
pub(crate) fn question(bytes: &[u8]) {
    let Ok(granted) = ask(bytes) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let desk = Desk::new(Box::new(Showing), Enrolled::default());
    let moment = Moment { now: 1_700_000_000, nonce: [7; 32], wait: Duration::from_secs(60) };
    let refused = runtime.block_on(desk.approve(granted, moment, &|_| {})).expect_err("the approver says no");
    assert!(matches!(refused, Refused::Denied | Refused::NoCanonicalForm), "{refused}");
}

/// A person's key. Its private half was thrown away, so nothing verifies that the fuzzer made up.
fn key() -> EnrolledKey {
    const PUBLIC: &str = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    EnrolledKey::try_from(Enrolment {
        name: "anna".to_owned(),
        role: None,
        kind: ApproverKind::Webauthn,
        credential_id: vec![0xa1; 16].into(),
        public_key: PublicKey::from_sec1(&hex::decode(PUBLIC).unwrap()).unwrap(),
        rp_id: "claviger.localhost".to_owned(),
        origins: ["http://claviger.localhost:7443".to_owned()].into(),
    })
    .unwrap()
}

/// A receipt: canonical request, authenticator data, client data, signature.
pub(crate) fn receipt(bytes: &[u8]) {
    let [request, authenticator_data, client_data, signature] = parts(bytes);
    let receipt = Receipt {
        v: 1,
        kind: ApproverKind::Webauthn,
        approver: "anna".to_owned(),
        credential_id: vec![0xa1; 16].into(),
        request: text(request).to_owned(),
        authenticator_data: authenticator_data.into(),
        client_data_json: client_data.into(),
        signature: signature.into(),
        batch: None,
    };
    drop(verify(&receipt, &key()));
    let written = serde_json::to_string(&receipt).unwrap();
    assert_eq!(serde_json::from_str::<Receipt>(&written).unwrap(), receipt);
    if let Ok(again) = serde_json::from_slice::<Receipt>(bytes) {
        assert_eq!(again.digest(), again.clone().digest());
    }
}

/// The file of enrolled keys, single keys, and bytes in base64url.
pub(crate) fn approvers(bytes: &[u8]) {
    if let Ok(enrolled) = toml::from_str::<Enrolled>(text(bytes)) {
        let written = toml::to_string(&enrolled).unwrap();
        assert_eq!(toml::from_str::<Enrolled>(&written).unwrap(), enrolled);
    }
    if let Ok(key) = text(bytes).parse::<PublicKey>() {
        assert_eq!(key.to_string(), text(bytes), "one spelling of a key");
    }
    if let Ok(decoded) = text(bytes).parse::<Base64Url>() {
        assert_eq!(decoded.to_string(), text(bytes), "one spelling of bytes");
    }
}
