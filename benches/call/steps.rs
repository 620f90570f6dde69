//! Where the time of a call goes: the hallway's steps one after the other, each timed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use claviger::approval::{Desk, Moment};
use claviger::audit::{CheckpointKey, Durability, Log, Options};
use claviger::grant::{Action, Caller, Policy, Request, SendRequest};
use claviger::manifest::Name;
use claviger::vault::Vault;
use jiff::Timestamp;
use tokio::runtime::Runtime;

use crate::house::{self, State};
use crate::table::{micros, say};

/// Calls that are timed.
const CALLS: usize = 2_000;

/// The steps in their order.
const STEPS: [&str; 5] = [
    "grant: check and render",
    "approve: a lease is used",
    "log: intent",
    "vault: resolve, place, send, scan",
    "log: outcome",
];

struct Rooms {
    policy: Policy,
    desk: Desk,
    log: Log,
    vault: Vault,
    name: Name,
}

/// Measures and prints.
pub(crate) fn print(runtime: &Runtime, upstream: SocketAddr) {
    let state = State::new();
    let name: Name = "bench".parse().unwrap();
    let (_, policy) = house::policy(&name, upstream);
    let key = CheckpointKey::from_seed([9; 32]);
    let options = Options { durability: Durability::UnsyncedForBenchesOnly, ..Options::default() };
    let (log, _) = Log::open_with(&state.path("audit"), key, options).unwrap();
    let rooms = Rooms { policy, desk: house::desk(state.proof()), log, vault: house::vault(&state), name };
    let mut samples: [Vec<Duration>; 5] = Default::default();
    runtime.block_on(async {
        for _ in 0..CALLS {
            let taken = rooms.pass().await;
            samples.iter_mut().zip(taken).for_each(|(samples, taken)| samples.push(taken));
        }
    });
    say("\n| where the time of the hallway goes, log not synced | p50 µs |");
    say("|---|---|");
    for (step, mut samples) in STEPS.iter().zip(samples) {
        samples.sort_unstable();
        say(&format!("| {step} | {:.1} |", micros(samples[CALLS / 2])));
    }
}

impl Rooms {
    async fn pass(&self) -> [Duration; 5] {
        let mut taken = [Duration::ZERO; 5];
        let mut last = Instant::now();
        let mut step = 0;
        let mut done = || {
            taken[step] = last.elapsed();
            step += 1;
            last = Instant::now();
        };
        let granted = self.policy.check(self.request()).unwrap();
        done();
        let moment = Moment {
            now: u64::try_from(Timestamp::now().as_second()).unwrap(),
            nonce: random(),
            wait: Duration::from_secs(9),
        };
        let approved = self.desk.approve(granted, moment, &|_| {}).await.unwrap();
        done();
        let intent = self.log.open_intent(approved, Timestamp::now()).await.unwrap();
        done();
        let mut scope = self.vault.begin(&self.name, "steps");
        let sent = self.vault.send(intent, &mut scope).await;
        done();
        let response = self.log.close(sent, Timestamp::now()).await.unwrap();
        done();
        response.into_result().unwrap();
        taken
    }

    fn request(&self) -> Request {
        let caller = Caller {
            principal: "alex".to_owned(),
            session: "steps".to_owned(),
            connection: self.name.clone(),
            tool: "get".parse().unwrap(),
        };
        let send = SendRequest {
            operation: "get".to_owned(),
            parameters: Vec::new(),
            body: None,
            credential: Some("key".to_owned()),
            lent: Vec::new(),
        };
        Request { caller, action: Action::Send(send) }
    }
}

fn random() -> [u8; 32] {
    (claviger::pipeline::Outside::system().nonce)().unwrap()
}
