//! What does it cost to see that a human said yes to exactly this?
//!
//! From a WebAuthn assertion (ES256) to a verified receipt, beside the bare check of the same signature with the same library:
//! what lies between the two is reading the question, the client's and the authenticator's statements, and the batch.
//! `cargo bench -p claviger-approval` prints both.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

mod person;
#[path = "../../runtime/audit/fixtures/policy.rs"]
mod policy;

use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use claviger_approval::{
    Approver, ApproverKind, Ask, Decision, Desk, Enrolled, EnrolledKey, Evidence, Moment, Receipt, verify,
};
use claviger_grant::{Action, Caller, Request, SendRequest};
use criterion::Criterion;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};

use crate::person::{Person, message};

const ORIGIN: &str = "http://claviger.localhost:7443";

/// Both are measured this often, by turns.
const ROUNDS: usize = 2_000;

impl Approver for Person {
    fn kind(&self) -> ApproverKind {
        ApproverKind::Webauthn
    }

    fn decide<'a>(&'a self, ask: &'a Ask) -> Decision<'a> {
        Box::pin(async move { Ok(self.sign(&ask.digest())) })
    }
}

/// A receipt of a real desk for a real request, and its key.
fn receipt() -> (Receipt, EnrolledKey) {
    let person = Person::new(ORIGIN);
    let key = person.enrolment();
    let desk = Desk::new(Box::new(person), Enrolled::new([key.clone()]).unwrap());
    let send = SendRequest {
        operation: "rename".to_owned(),
        parameters: vec![("id".to_owned(), "4711".to_owned())],
        body: Some(br#"{"name":"a new name"}"#.to_vec()),
        credential: Some("token".to_owned()),
        lent: Vec::new(),
    };
    let caller = Caller {
        principal: "robin@msp.example".to_owned(),
        session: "session-1".to_owned(),
        connection: "acme".parse().unwrap(),
        tool: "things".parse().unwrap(),
    };
    let granted = policy::policy("").check(Request { caller, action: Action::Send(send) }).unwrap();
    let moment = Moment { now: 1_795_469_400, nonce: [7; 32], wait: Duration::from_secs(30) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let approved = runtime.block_on(desk.approve(granted, moment, &|_| {})).unwrap();
    let Evidence::Receipts(receipts) = approved.evidence() else { unreachable!("a write has a receipt") };
    (receipts.first().unwrap().clone(), key)
}

fn main() {
    let (receipt, key) = receipt();
    let public = VerifyingKey::from_sec1_bytes(&key.public_key().to_sec1()).unwrap();
    let signature = Signature::from_der(receipt.signature.as_bytes()).unwrap();
    let signed = message(receipt.authenticator_data.as_bytes(), receipt.client_data_json.as_bytes());
    let bare = || public.verify(black_box(&signed), black_box(&signature)).unwrap();
    let whole = || drop(black_box(verify(black_box(&receipt), black_box(&key)).unwrap()));

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("approval");
    group.bench_function("signature", |bencher| bencher.iter(bare));
    group.bench_function("receipt", |bencher| bencher.iter(whole));
    group.finish();
    criterion.final_summary();
    table(bare, whole);
}

/// Both by turns: what the machine does meanwhile happens to either.
fn table(bare: impl Fn(), whole: impl Fn()) {
    let timed = |what: &dyn Fn()| {
        let began = Instant::now();
        what();
        began.elapsed().as_secs_f64() * 1e6
    };
    let (mut ones, mut others): (Vec<f64>, Vec<f64>) = (0..ROUNDS).map(|_| (timed(&bare), timed(&whole))).unzip();
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n| one approval | p50 µs | p99 µs |\n|---|---|---|").unwrap();
    for (name, times) in [("bare ES256 signature (`p256`)", &mut ones), ("WebAuthn assertion to receipt", &mut others)]
    {
        times.sort_by(f64::total_cmp);
        let at = |percent: usize| times.get(ROUNDS * percent / 100).unwrap();
        writeln!(out, "| {name} | {:.1} | {:.1} |", at(50), at(99)).unwrap();
    }
}
