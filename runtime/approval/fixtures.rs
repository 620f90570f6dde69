//! What tests of this room start from. Requests are granted by the grant room's own policy, on a signed package.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use claviger_grant::{
    Action, ActionFacts, BodyFacts, Caller, Connection, CredentialFacts, Facts, Granted, PluginFacts, Policy, Request,
    SendFacts, SendRequest, StoreFacts, Terms,
};
use claviger_manifest::{Digest, Effect, Name, Package, PublisherKey, TrustStore, VerifiedPackage};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::Value;

use crate::ask::Question;
use crate::authenticator_data::{AuthenticatorData, UP, UV};
use crate::verify::signed_message;
use crate::{
    ApproverKind, Ask, Assertion, Base64Url, Batch, EnrolledKey, Enrolment, Moment, PublicKey, Receipt, Refused,
    VerifiedReceipt, verify,
};

/// A private key that is only ever a test's.
pub(crate) const SEED: [u8; 32] = [
    0x3d, 0x91, 0xe6, 0x0a, 0x77, 0xc4, 0x5f, 0x18, 0xb2, 0x6e, 0x29, 0xd0, 0x84, 0x4b, 0xfa, 0x13, 0x5c, 0xa7, 0x90,
    0x36, 0xee, 0x02, 0x81, 0xbd, 0x47, 0x1f, 0xd9, 0x68, 0x25, 0xc3, 0x7a, 0xf4,
];

pub(crate) const RP_ID: &str = "claviger.localhost";
pub(crate) const ORIGIN: &str = "http://claviger.localhost:7443";

pub(crate) fn moment(now: u64, nonce: u8) -> Moment {
    Moment { now, nonce: [nonce; 32], wait: Duration::from_secs(60) }
}

fn names<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<Name, String> {
    pairs.into_iter().map(|(name, value)| (name.parse().unwrap(), value.to_owned())).collect()
}

/// Facts in which every optional part is there.
pub(crate) fn facts() -> Facts {
    Facts {
        plugin: PluginFacts {
            name: "pax8".parse().unwrap(),
            version: "1.2.0".to_owned(),
            component: Digest::of(b"component"),
            manifest: Digest::of(b"manifest"),
        },
        connection: "acme-pax8".parse().unwrap(),
        client: Some("Acme".to_owned()),
        principal: "anna@msp.example".to_owned(),
        session: "session-41".to_owned(),
        tool: "license_summary".parse().unwrap(),
        effect: Effect::Read,
        description: Some("Lists the subscriptions of one company.".to_owned()),
        action: ActionFacts::Send(send_facts()),
    }
}

fn send_facts() -> SendFacts {
    SendFacts {
        operation: "list-subscriptions".parse().unwrap(),
        method: "GET".to_owned(),
        origin: "https://api.pax8.com".to_owned(),
        path: "/v1/subscriptions".to_owned(),
        query: vec![("page".to_owned(), "1".to_owned()), ("size".to_owned(), "50".to_owned())],
        headers: [("accept".to_owned(), "application/json".to_owned())].into(),
        body: Some(BodyFacts {
            encoding: "json",
            sha256: hex::encode(Digest::of(b"body").as_bytes()),
            fields: [("/filter", "\"active\""), ("/limit", "12")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        }),
        credential: Some(CredentialFacts {
            name: "partner".parse().unwrap(),
            scheme: "oauth2-client-credentials",
            secrets: names([
                ("client-id", "op://MSP/Pax8/client id"),
                ("client-secret", "op://MSP/Pax8/client secret"),
            ]),
            versions: names([("client-id", "3"), ("client-secret", "17")]),
            token_endpoint: Some("https://api.pax8.com/v1/token".to_owned()),
            login: Some("POST https://api.pax8.com/v1/sessions".to_owned()),
            logout: Some("DELETE https://api.pax8.com/v1/sessions".to_owned()),
        }),
        lent: [("/password".to_owned(), "new-password".parse().unwrap())].into(),
        captures: names([("session-token", "header:x-auth-token")]),
        connect: Some("192.0.2.7:443".to_owned()),
        trust: Some(hex::encode([0xca; 32])),
        pins: [0xcb, 0xcc].map(|byte| format!("certificate-sha256:{}", hex::encode([byte; 32]))).into(),
    }
}

/// Facts of a write-back.
pub(crate) fn store_facts() -> Facts {
    let action = ActionFacts::Store(StoreFacts {
        write_back: "save-token".parse().unwrap(),
        vault: "MSP".to_owned(),
        title: "acme api token 2026-01-02 030405".to_owned(),
        fields: [("credential".to_owned(), "session-token".parse().unwrap())].into(),
    });
    Facts { effect: Effect::Write, action, ..facts() }
}

/// The request of facts that send.
pub(crate) fn send(facts: &mut Facts) -> &mut SendFacts {
    match &mut facts.action {
        ActionFacts::Send(send) => send,
        ActionFacts::Store(_) => unreachable!("these facts send"),
    }
}

/// The credential of facts that send.
pub(crate) fn credential(facts: &mut Facts) -> &mut CredentialFacts {
    send(facts).credential.as_mut().unwrap()
}

/// A person's key, as a browser would have enrolled it, with its private half.
pub(crate) fn webauthn_key() -> (EnrolledKey, SigningKey) {
    let signing = SigningKey::from_slice(&SEED).unwrap();
    let enrolment = Enrolment {
        name: "anna".to_owned(),
        role: None,
        kind: ApproverKind::Webauthn,
        credential_id: vec![0xa1; 16].into(),
        public_key: PublicKey::from(signing.verifying_key()),
        rp_id: RP_ID.to_owned(),
        origins: [ORIGIN.to_owned()].into(),
    };
    (EnrolledKey::try_from(enrolment).unwrap(), signing)
}

/// What a browser would return for a question.
pub(crate) fn assertion(ask: &Ask) -> Assertion {
    signed(&ask.digest(), None)
}

/// What a browser would return for several questions.
pub(crate) fn batched(batch: &Batch) -> Assertion {
    signed(&batch.digest(), Some(batch.canonical().to_owned()))
}

/// What a browser would return for any challenge.
pub(crate) fn answer(challenge: &[u8; 32]) -> Assertion {
    signed(challenge, None)
}

fn signed(challenge: &[u8; 32], batch: Option<String>) -> Assertion {
    let (key, signing) = webauthn_key();
    let challenge = Base64Url::from(challenge.as_slice());
    let client =
        format!(r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"{ORIGIN}","crossOrigin":false}}"#);
    let authenticator = AuthenticatorData::new(RP_ID, UP | UV, 1).to_bytes();
    let signature: Signature = signing.sign(&signed_message(&authenticator, client.as_bytes()));
    Assertion {
        credential_id: key.credential_id().clone(),
        authenticator_data: authenticator.into(),
        client_data_json: client.as_bytes().into(),
        signature: signature.to_der().as_bytes().into(),
        batch,
    }
}

/// The question about facts under the terms of their effect.
pub(crate) fn ask(facts: &Facts, moment: &Moment) -> Result<Ask, Refused> {
    let terms = Terms::of(facts.effect);
    Ask::new(&Question { facts, terms, moment, signed_by: &[], changes: None })
}

pub(crate) fn receipt() -> Receipt {
    verified_once().into_receipt()
}

pub(crate) fn verified_once() -> VerifiedReceipt {
    verified(&ask(&facts(), &moment(1_700_000_000, 7)).unwrap())
}

pub(crate) fn verified_lease() -> VerifiedReceipt {
    verified(ask(&facts(), &moment(1_700_000_000, 7)).unwrap().as_lease().unwrap())
}

fn verified(ask: &Ask) -> VerifiedReceipt {
    let (key, _) = webauthn_key();
    verify(&Receipt::new(ask, assertion(ask), &key), &key).unwrap()
}

/// Every text that differs from a canonical one in a single place, with that place: each leaf changed, each member and
/// element removed, each object given one more member, each list turned round.
pub(crate) fn every_change(canonical: &str) -> Vec<(String, String)> {
    let value: Value = serde_json::from_str(canonical).unwrap();
    let mut changes = Vec::new();
    walk(&value, String::new(), &mut |place, replaced| {
        let mut changed = value.clone();
        *changed.pointer_mut(&place).unwrap() = replaced;
        changes.push((place, serde_json_canonicalizer::to_string(&changed).unwrap()));
    });
    changes
}

fn walk(value: &Value, place: String, change: &mut impl FnMut(String, Value)) {
    match value {
        Value::Object(members) => {
            let mut more = members.clone();
            more.insert("more".to_owned(), Value::Null);
            change(place.clone(), more.into());
            for (name, member) in members {
                let mut fewer = members.clone();
                fewer.remove(name);
                change(place.clone(), fewer.into());
                walk(member, format!("{place}/{}", name.replace('~', "~0").replace('/', "~1")), change);
            }
        }
        Value::Array(items) => {
            change(place.clone(), items.iter().rev().cloned().collect());
            for (index, item) in items.iter().enumerate() {
                let mut fewer = items.clone();
                fewer.remove(index);
                change(place.clone(), fewer.into());
                walk(item, format!("{place}/{index}"), change);
            }
        }
        Value::String(text) => change(place, format!("{text}x").into()),
        Value::Number(number) => change(place, (number.as_u64().unwrap() + 1).into()),
        Value::Bool(flag) => change(place, (!flag).into()),
        Value::Null => change(place, 0.into()),
    }
}

/// What a granted request is about; tests change one thing at a time.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) principal: &'static str,
    pub(crate) session: &'static str,
    pub(crate) connection: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) page: &'static str,
    pub(crate) version: &'static str,
    pub(crate) reference: &'static str,
    /// What the operator's grant says besides.
    pub(crate) grant: &'static str,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            principal: "anna",
            session: "session-41",
            connection: "acme",
            operation: "list-things",
            page: "1",
            version: "1.0.0",
            reference: "op://MSP/Things/token",
            grant: "",
        }
    }
}

/// A request that the policy of a signed package and an operator's connection grants.
pub(crate) fn granted(wanted: Wanted) -> Granted {
    let connection = format!(
        "plugin = \"things\"\n[secrets]\ntoken = \"{}\"\n[grant]\nprincipals = [\"anna\", \"ben\"]\n\
         operations = [\"list-things\", \"list-others\", \"change-thing\", \"remove-thing\", \"make-key\"]\n{}\n",
        wanted.reference, wanted.grant
    );
    let name: Name = wanted.connection.parse().unwrap();
    let mut policy = Policy::default();
    policy.add(name.clone(), Connection::parse(&connection).unwrap(), Arc::new(package(wanted.version))).unwrap();
    let caller = Caller {
        principal: wanted.principal.to_owned(),
        session: wanted.session.to_owned(),
        connection: name,
        tool: "work".parse().unwrap(),
    };
    let request = SendRequest {
        operation: wanted.operation.to_owned(),
        parameters: vec![("page".to_owned(), wanted.page.to_owned())],
        body: None,
        credential: Some("api".to_owned()),
        lent: Vec::new(),
    };
    policy.check(Request { caller, action: Action::Send(request) }).unwrap()
}

fn package(version: &str) -> VerifiedPackage {
    let component = b"\0asm of a plugin that is never run".to_vec();
    let mut manifest = format!(
        "[plugin]\nname = \"things\"\nversion = \"{version}\"\npublisher = \"tests\"\ncomponent = \"{}\"\n\
         [secrets.token]\n[endpoints.api]\norigin = \"https://things.example\"\n\
         [credentials.api]\nscheme = \"bearer\"\ntoken = \"token\"\n",
        Digest::of(&component)
    );
    for (operation, method, effect) in [
        ("list-things", "GET", "read"),
        ("list-others", "GET", "read"),
        ("change-thing", "PUT", "write"),
        ("remove-thing", "DELETE", "destroy"),
        ("make-key", "POST", "mint"),
    ] {
        manifest.push_str(&format!(
            "[operations.{operation}]\nendpoint = \"api\"\ncredential = \"api\"\nmethod = \"{method}\"\n\
             path = \"/{operation}\"\nquery = [\"page\"]\neffect = \"{effect}\"\n"
        ));
    }
    manifest.push_str(
        "[tools.work]\ndescription = \"Works.\"\neffect = \"mint\"\ninput = \"schemas/work.json\"\n\
         operations = [\"list-things\", \"list-others\", \"change-thing\", \"remove-thing\", \"make-key\"]\n",
    );
    let schemas: BTreeMap<String, Vec<u8>> = [("schemas/work.json".to_owned(), b"{}".to_vec())].into();
    let publisher = PublisherKey::generate("tests", [0x6b; 32]).unwrap();
    let signature = publisher.sign(&manifest, &component, &schemas).unwrap();
    let mut trust = TrustStore::default();
    trust.add_key(&publisher.vkey()).unwrap();
    Package { manifest, component, schemas, signature }.verify(&trust).unwrap()
}
