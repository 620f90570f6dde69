//! What does one tool call cost, beside a direct request to the same server under the same connection policy?
//!
//! criterion measures the arms one by one; then all arms are measured again interleaved, round by round, and printed as the
//! table that README quotes. Ratios hold from machine to machine; absolute figures do not. `cargo xtask bench` runs it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench that cannot be set up has nothing to say"
)]

mod allocator;
mod direct;
mod gesture;
mod house;
#[path = "../approval/person.rs"]
mod person;
mod process;
mod steps;
mod table;

use std::time::Duration;

use claviger_sim::Null;
use criterion::Criterion;

use crate::direct::Direct;
use crate::house::House;

fn main() {
    let upstream = Null::start(None).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let arms = Arms {
        direct: Direct::new(upstream.addr),
        unsynced: runtime.block_on(House::build(upstream.addr, claviger::audit::Durability::UnsyncedForBenchesOnly)),
        durable: runtime.block_on(House::build(upstream.addr, claviger::audit::Durability::Synced)),
    };
    let mut criterion =
        Criterion::default().configure_from_args().sample_size(30).measurement_time(Duration::from_secs(4));
    one_by_one(&mut criterion, &runtime, &arms);
    criterion.final_summary();
    table::print(&runtime, &arms);
    allocator::print(&runtime, &arms);
    steps::print(&runtime, upstream.addr);
    gesture::print(&runtime);
    process::print();
}

/// Everything that is measured.
pub(crate) struct Arms {
    pub(crate) direct: Direct,
    /// The whole house, its log not synced: what everything but the disk costs.
    pub(crate) unsynced: House,
    /// The whole house as it runs.
    pub(crate) durable: House,
}

fn one_by_one(criterion: &mut Criterion, runtime: &tokio::runtime::Runtime, arms: &Arms) {
    let mut group = criterion.benchmark_group("call");
    group.bench_function("direct", |bencher| bencher.to_async(runtime).iter(|| arms.direct.get()));
    group.bench_function("noop", |bencher| bencher.to_async(runtime).iter(|| arms.unsynced.call("noop")));
    group.bench_function("hallway", |bencher| bencher.to_async(runtime).iter(|| arms.unsynced.call("get")));
    group.bench_function("durable", |bencher| bencher.to_async(runtime).iter(|| arms.durable.call("get")));
    group.finish();
}
