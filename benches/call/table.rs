//! The arms interleaved, and the table.

use std::future::Future;
use std::io::Write as _;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::Arms;

/// Rounds; in each, every arm runs a batch, so that a busy moment of the machine falls on all of them.
const ROUNDS: usize = 40;
/// Calls of one arm in one round.
const BATCH: usize = 50;
/// Calls in flight for the throughput.
const IN_FLIGHT: usize = 64;
/// Calls of each throughput measurement.
const MANY: usize = 6_400;

pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
}

/// Measures and prints.
pub(crate) fn print(runtime: &Runtime, arms: &Arms) {
    let mut samples: [Vec<Duration>; 4] = Default::default();
    for _ in 0..ROUNDS {
        let [direct, noop, hallway, durable] = &mut samples;
        batch(runtime, direct, || arms.direct.get());
        batch(runtime, noop, || arms.unsynced.call("noop"));
        batch(runtime, hallway, || arms.unsynced.call("get"));
        batch(runtime, durable, || arms.durable.call("get"));
    }
    let p50 = samples.each_mut().map(|arm| percentile(arm, 50));
    let p99 = samples.each_mut().map(|arm| percentile(arm, 99));
    let [direct, ..] = p50;
    say("\n| one call | p50 µs | p99 µs | × direct |");
    say("|---|---|---|---|");
    let names = [
        "direct request (`reqwest`, same connection policy)",
        "fresh instance + no-op tool call",
        "whole hallway around the request, log not synced",
        "whole hallway, log durable, one call at a time",
    ];
    for ((name, p50), p99) in names.iter().zip(p50).zip(p99) {
        say(&format!("| {name} | {:.1} | {:.1} | {:.2} |", micros(p50), micros(p99), ratio(p50, direct)));
    }
    throughput(runtime, arms);
}

fn throughput(runtime: &Runtime, arms: &Arms) {
    let direct = rate(runtime, || arms.direct.get());
    let before = arms.durable.counters();
    let durable = rate(runtime, || arms.durable.call("get"));
    let after = arms.durable.counters();
    let unsynced = rate(runtime, || arms.unsynced.call("get"));
    let entries = f64_of(after.entries - before.entries) / f64_of((after.syncs - before.syncs).max(1));
    say(&format!("\n| {IN_FLIGHT} calls in flight | calls/s | × direct | CPU µs/call |"));
    say("|---|---|---|---|");
    for (name, rate) in [
        ("direct request", &direct),
        ("whole hallway, log not synced", &unsynced),
        ("whole hallway, log durable", &durable),
    ] {
        say(&format!("| {name} | {:.0} | {:.2} | {:.1} |", rate.calls, rate.calls / direct.calls, rate.cpu));
    }
    say(&format!("\nentries for each sync of the log at {IN_FLIGHT} in flight: {entries:.0}"));
}

struct Rate {
    calls: f64,
    cpu: f64,
}

/// Calls a second with [`IN_FLIGHT`] at once on this thread; CPU time is this process's, the upstream's thread included.
fn rate<F: Future>(runtime: &Runtime, call: impl Fn() -> F) -> Rate {
    let (began, cpu) = (Instant::now(), cpu());
    runtime.block_on(async {
        let lanes = (0..IN_FLIGHT).map(|_| async {
            for _ in 0..MANY / IN_FLIGHT {
                call().await;
            }
        });
        futures_join(lanes).await;
    });
    let calls = f64_of(u64::try_from(MANY).unwrap());
    Rate { calls: calls / began.elapsed().as_secs_f64(), cpu: (self::cpu() - cpu).as_secs_f64() * 1e6 / calls }
}

/// Polls all of them on this task until every one is done.
async fn futures_join<F: Future>(futures: impl Iterator<Item = F>) {
    let mut pinned: Vec<_> = futures.map(|future| Some(Box::pin(future))).collect();
    std::future::poll_fn(|context| {
        let mut busy = false;
        for slot in &mut pinned {
            if let Some(future) = slot {
                if future.as_mut().poll(context).is_ready() {
                    *slot = None;
                } else {
                    busy = true;
                }
            }
        }
        if busy { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
}

/// CPU time of this process (proc(5): user and system time in ticks of a hundredth of a second).
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields.iter().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

pub(crate) fn batch<F: Future>(runtime: &Runtime, samples: &mut Vec<Duration>, call: impl Fn() -> F) {
    runtime.block_on(async {
        for _ in 0..BATCH {
            let began = Instant::now();
            call().await;
            samples.push(began.elapsed());
        }
    });
}

pub(crate) fn percentile(samples: &mut [Duration], percent: usize) -> Duration {
    samples.sort_unstable();
    samples.get(samples.len() * percent / 100).copied().unwrap_or_default()
}

pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

pub(crate) fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

#[expect(clippy::as_conversions, reason = "counts here are far below 2^52")]
fn f64_of(count: u64) -> f64 {
    count as f64
}
