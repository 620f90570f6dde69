//! What does it cost to write the log, and to verify it?
//!
//! `cargo bench -p claviger-audit` prints entries for each sync with 64 calls under way, and how long verifying a million
//! entries takes and how much memory grows meanwhile. `-- verify 1000000` and `-- append 64` run one of them.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

mod house;
#[path = "../../runtime/audit/fixtures/policy.rs"]
mod policy;

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use claviger_audit::{CheckpointKey, Durability, Log, Options, verify_directory};
use criterion::{Criterion, Throughput};
use house::{House, SEED};

/// Calls that are appended with 64 under way.
const CALLS: i64 = 4_096;

fn say(line: &str) {
    writeln!(std::io::stdout().lock(), "{line}").unwrap();
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["verify", entries] => verify(entries.parse().unwrap()),
        ["append", under_way] => append(under_way.parse().unwrap()),
        _ => {
            append(64);
            verify(1_000_000);
            statistics();
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// So many calls at a time, each an intent under a lease and an outcome.
fn append(under_way: i64) {
    let house = Arc::new(House::new());
    let place = house.path("audit");
    let log = Arc::new(Log::open(&place, CheckpointKey::from_seed(SEED)).unwrap().0);
    let began = Instant::now();
    runtime().block_on(async {
        house.call(&log, 0).await;
        let mut tasks = tokio::task::JoinSet::new();
        for first in 0..under_way {
            let (house, log) = (Arc::clone(&house), Arc::clone(&log));
            tasks.spawn(async move {
                for second in (first..CALLS).step_by(usize::try_from(under_way).unwrap()) {
                    house.call(&log, second / 64).await;
                }
            });
        }
        tasks.join_all().await;
    });
    let (counts, took) = (log.counters(), began.elapsed());
    let each = counts.entries / counts.syncs.max(1);
    say(&format!(
        "append: {under_way} under way, {} entries, {} syncs, {} checkpoints in {took:.2?}: {each} entries for each sync",
        counts.entries, counts.syncs, counts.checkpoints
    ));
}

/// A log of so many entries, without syncs.
fn write(house: &House, place: &Path, entries: i64) {
    let options = Options { durability: Durability::UnsyncedForBenchesOnly, ..Options::default() };
    let log = Log::open_with(place, CheckpointKey::from_seed(SEED), options).unwrap().0;
    runtime().block_on(async {
        for second in 0..entries / 2 {
            house.call(&log, second / 64).await;
        }
    });
    log.shutdown().unwrap();
}

fn verify(entries: i64) {
    let house = House::new();
    let place = house.path("audit");
    write(&house, &place, entries);
    let (before, began) = (resident(), Instant::now());
    let summary = verify_directory(&place, &house.keys, &[]).unwrap();
    let (took, grown) = (began.elapsed(), resident().saturating_sub(before));
    say(&format!("verify: {} entries in {took:.2?}, {grown} KiB more than before", summary.entries));
    let began = Instant::now();
    drop(Log::open(&place, CheckpointKey::from_seed(SEED)).unwrap());
    say(&format!("open: the same log in {:.2?}", began.elapsed()));
}

/// KiB of this process in memory (proc(5), VmHWM: the most so far).
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The same on a log of ten thousand entries, often enough for statistics.
fn statistics() {
    let house = House::new();
    let place = house.path("audit");
    write(&house, &place, 10_000);
    let mut criterion = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(5));
    let mut group = criterion.benchmark_group("log");
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("verify", |bencher| {
        bencher.iter(|| verify_directory(&place, &house.keys, &[]).unwrap().entries);
    });
    group.finish();
}
