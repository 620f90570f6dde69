//! The real program: how much memory it takes, and how soon it answers.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use claviger_lab::Lab;

use crate::table::{micros, say};

/// Runs of the program for the median.
const RUNS: usize = 21;

/// Measures and prints.
pub(crate) fn print() {
    let lab = Lab::new(Path::new(env!("CARGO_BIN_EXE_claviger")), Path::new("target/packages")).unwrap();
    let psa = lab.psa(0).unwrap();
    let with_one = idle_memory(&lab);
    let pve = lab.hypervisor().unwrap();
    let pax8 = lab.pax8(Duration::from_secs(3600), 0).unwrap();
    let with_three = idle_memory(&lab);
    let mut times: Vec<Duration> = (0..RUNS).map(|_| first_result(&lab)).collect();
    times.sort_unstable();
    say("\n| the program | measured |");
    say("|---|---|");
    say(&format!("| idle `claviger mcp` with three plugins, resident | {with_three} KiB |"));
    say(&format!("| each loaded plugin, resident | {} KiB |", with_three.saturating_sub(with_one) / 2));
    let median = micros(times[RUNS / 2]) / 1e3;
    say(&format!("| process start to a tool's result over TLS, cache warm | {median:.1} ms |"));
    drop((psa, pve, pax8));
}

fn first_result(lab: &Lab) -> Duration {
    let began = Instant::now();
    lab.must(&["call", "pve.list_nodes"]).unwrap();
    began.elapsed()
}

/// Resident memory of a host that has loaded its plugins and waits (proc(5): VmRSS).
fn idle_memory(lab: &Lab) -> u64 {
    let mut child =
        lab.command().arg("mcp").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(800));
    let resident = resident(&child);
    drop(child.stdin.take());
    child.kill().unwrap();
    child.wait().unwrap();
    resident
}

fn resident(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
