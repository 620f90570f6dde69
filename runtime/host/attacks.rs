//! Hostile plugins: every attack ends in a typed error, and the host goes on serving.
//!
//! The plugins are built from `tests/hostile`; the compiler is the real one, in its own process.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use claviger_manifest::{Digest, Limits};
use claviger_pipeline::Reason;

use crate::compiled::Origin;
use crate::error::{CallError, InstallError, PluginFailure};
use crate::limits::Limit;
use crate::testkit::{Bench, Far, assert_limit, compiler, limits, rust, slot, wat};
use crate::{Compiler, HostKey, Sandbox};

#[tokio::test(flavor = "current_thread")]
async fn limits_stop_an_attack_and_name_their_line() {
    let bench = Bench::new();
    let plugin = bench.attacks().await;
    for (tool, limit, line) in [
        ("loop_forever", Limit::Cpu, "[limits] cpu = \"200ms\""),
        ("host_call_storm", Limit::Cpu, "[limits] cpu = \"200ms\""),
        ("memory_bomb", Limit::Memory, "[limits] memory = \"64MiB\""),
        ("handle_flood", Limit::Handles, "[limits] handles = 64"),
        ("big_list", Limit::HostBytes, "[limits] host-bytes = \"8MiB\""),
        ("big_string", Limit::HostBytes, "[limits] host-bytes = \"8MiB\""),
        ("big_result", Limit::HostBytes, "[limits] host-bytes = \"8MiB\""),
    ] {
        let start = Instant::now();
        let error = bench.attack(&plugin, tool).await;
        assert_limit(&error, limit, line);
        assert!(start.elapsed() < Duration::from_secs(20), "{tool} took {:?}", start.elapsed());
    }
    let short = Limits { deadline: Duration::from_millis(300), ..limits() };
    let plugin = bench.prepare(&rust("attacks"), short).await.unwrap();
    assert_limit(&bench.attack(&plugin, "sleep").await, Limit::Deadline, "[limits] deadline = \"300ms\"");
}

#[tokio::test(flavor = "current_thread")]
async fn traps_are_told_with_what_the_plugin_said() {
    let bench = Bench::new();
    let plugin = bench.attacks().await;
    let CallError::Trapped { said_last, .. } = bench.attack(&plugin, "panic").await else { panic!("a panic traps") };
    let said = said_last.unwrap();
    assert!(said.contains("no such page: \\u{1b}[31m{\"a\":1}") && !said.contains('\u{1b}'), "{said}");
    for (tool, words) in [("unreachable", "unreachable"), ("exit", "exit"), ("recursion", "wasm trap")] {
        let CallError::Trapped { what, .. } = bench.attack(&plugin, tool).await else { panic!("{tool} traps") };
        assert!(what.contains(words), "{tool}: {what}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn attacks_below_rust_are_stopped_too() {
    let bench = Bench::new();
    let far = || Far::new();
    let plugin = bench.prepare(&wat("recursion"), limits()).await.unwrap();
    let Err(CallError::Trapped { what, .. }) = bench.run(&plugin, "x", &mut far()).await else { panic!("it traps") };
    assert!(what.contains("call stack exhausted"), "{what}");

    let plugin = bench.prepare(&wat("guessed-handle"), limits()).await.unwrap();
    let Err(CallError::Trapped { what, .. }) = bench.run(&plugin, "x", &mut far()).await else { panic!("it traps") };
    assert!(what.contains("handle"), "{what}");

    for (name, limit, line) in [
        ("start-loop", Limit::Cpu, "[limits] cpu = \"200ms\""),
        ("many-memories", Limit::Memory, "[limits] memory = \"64MiB\""),
        ("own-handles", Limit::Handles, "[limits] handles = 64"),
    ] {
        let plugin = bench.prepare(&wat(name), limits()).await.unwrap();
        let error = bench.run(&plugin, "x", &mut far()).await.err().unwrap();
        assert_limit(&error, limit, line);
    }

    // A table is memory too: with a budget of one page for the memory and 16 KiB besides it, it is soon over.
    let tight = Limits { memory: (64 + 16) << 10, ..limits() };
    let plugin = bench.prepare(&wat("table-bomb"), tight).await.unwrap();
    let error = bench.run(&plugin, "x", &mut far()).await.err().unwrap();
    assert_limit(&error, Limit::Memory, "[limits] memory = \"80KiB\"");
}

#[tokio::test(flavor = "current_thread")]
async fn imports_that_are_not_offered_are_refused_by_name() {
    let bench = Bench::new();
    for (component, import) in [
        (rust("imports_files"), "wasi:filesystem/"),
        (rust("imports_sockets"), "wasi:sockets/"),
        (rust("imports_clocks"), "wasi:clocks/monotonic-clock"),
        (wat("imports-http"), "wasi:http/outgoing-handler@0.2.6"),
    ] {
        let error = bench.prepare(&component, limits()).await.err().unwrap();
        let InstallError::Import { imports, .. } = &error else { panic!("{error}") };
        assert!(imports.iter().any(|name| name.starts_with(import)), "{imports:?} without {import}");
        assert!(error.to_string().contains(import), "{error}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_no_plugin_is_refused() {
    let bench = Bench::new();
    let refused = async |component: &[u8]| bench.prepare(component, limits()).await.err().unwrap();
    assert!(matches!(refused(b"").await, InstallError::NotAComponent));
    assert!(matches!(refused(b"#!/bin/sh\n").await, InstallError::NotAComponent));
    assert!(matches!(refused(b"\0asm\x01\0\0\0").await, InstallError::NotAComponent));
    assert!(matches!(refused(b"\0asm\x0d\0\x01\0garbage").await, InstallError::Compile(_)));
    assert!(matches!(refused(&wat("no-call")).await, InstallError::NoCall));
    assert!(matches!(refused(&wat("wrong-call")).await, InstallError::Door(_)));
    assert!(matches!(refused(&wat("multi-memory")).await, InstallError::Compile(_)));
    assert!(matches!(refused(&vec![0; 33 << 20]).await, InstallError::TooLarge { .. }));
    let compiled = compiler().compile(&rust("attacks")).await.unwrap();
    assert!(matches!(refused(&compiled).await, InstallError::Precompiled));
    let missing = Compiler::new("/nonexistent/claviger-compile");
    assert!(matches!(missing.report(b"").await, Err(InstallError::Compiler(_))));
}

#[tokio::test(flavor = "current_thread")]
async fn a_changed_compiled_file_is_compiled_again_and_never_loaded() {
    let bench = Bench::new();
    let component = wat("canary");
    bench.prepare(&component, limits()).await.unwrap();
    let files: Vec<PathBuf> = std::fs::read_dir(bench.cache.path()).unwrap().map(|e| e.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("one file: {files:?}") };
    let good = std::fs::read(file).unwrap();
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 0x55;
    std::fs::write(file, &changed).unwrap();
    let plugin = bench.prepare(&component, limits()).await.unwrap();
    assert_ne!(std::fs::read(file).unwrap(), changed);
    assert_eq!(bench.run(&plugin, "x", &mut Far::new()).await.unwrap().text, "\"clean\"");
    // Without a compiler, the file alone is enough; a changed one is not.
    let blind = Sandbox::new(Compiler::new("/nonexistent"), bench.cache.path(), HostKey::new([3; 32])).unwrap();
    let (digest, manifest) = (Digest::of(&component), Digest::of(b"a manifest"));
    let origin = Origin { component: &digest, manifest: &manifest };
    blind.prepare(&component, &origin, limits(), BTreeMap::new()).await.unwrap();
    std::fs::write(file, &changed).unwrap();
    let error = blind.prepare(&component, &origin, limits(), BTreeMap::new()).await.err().unwrap();
    assert!(matches!(error, InstallError::Compiler(_)), "{error}");
}

#[tokio::test(flavor = "current_thread")]
async fn no_byte_survives_into_the_next_call() {
    let bench = Bench::new();
    let plugin = bench.prepare(&wat("canary"), limits()).await.unwrap();
    let other = bench.attacks().await;
    for _ in 0..200 {
        assert_eq!(bench.run(&plugin, "x", &mut Far::new()).await.unwrap().text, "\"clean\"");
    }
    // Through other plugins, through traps, and through calls that are cut off.
    for tool in ["memory_bomb", "panic", "loop_forever"] {
        bench.run(&other, tool, &mut Far::new()).await.err().unwrap();
        assert_eq!(bench.run(&plugin, "x", &mut Far::new()).await.unwrap().text, "\"clean\"", "after {tool}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_human_may_take_longer_than_every_deadline() {
    let bench = Bench::new();
    let tight = Limits { deadline: Duration::from_millis(500), ..limits() };
    let plugin = bench.prepare(&rust("attacks"), tight).await.unwrap();
    let mut far = Far { human: Duration::from_millis(1500), body: Some(b"hello".to_vec()), ..Far::new() };
    let answered = bench.run(&plugin, "ask_once", &mut far).await.unwrap();
    assert_eq!(answered.text, "{\"status\":200,\"type\":Some(\"text/plain\")}");
    assert!(answered.cpu < Duration::from_millis(200), "{:?}", answered.cpu);
    assert_eq!(far.sent.len(), 1);
    let sent = &far.sent[0];
    assert_eq!((sent.operation.as_str(), sent.credential.as_deref()), ("get", Some("key")));
    assert_eq!(sent.parameters, [("id".to_owned(), "../7".to_owned())]);

    // A wait that is not for a human does count, and after the answer the CPU budget still holds.
    let mut far = Far { slow: Duration::from_millis(1500), ..Far::new() };
    let error = bench.run(&plugin, "ask_once", &mut far).await.err().unwrap();
    assert_limit(&error, Limit::Deadline, "[limits] deadline = \"500ms\"");
    let component = rust("attacks");
    let plugin = bench.prepare(&component, limits());
    let mut far = Far { human: Duration::from_millis(300), body: Some(Vec::new()), ..Far::new() };
    let error = bench.run(&plugin.await.unwrap(), "ask_and_spin", &mut far).await.err().unwrap();
    assert_limit(&error, Limit::Cpu, "[limits] cpu = \"200ms\"");
}

#[tokio::test(flavor = "current_thread")]
async fn sleeping_takes_no_cpu_time() {
    let bench = Bench::new();
    let plugin = bench.prepare(&rust("attacks"), Limits { cpu: Duration::from_millis(20), ..limits() }).await.unwrap();
    let answered = bench.run(&plugin, "nap", &mut Far::new()).await.unwrap();
    assert!(answered.cpu < Duration::from_millis(20), "{:?}", answered.cpu);
}

#[tokio::test(flavor = "current_thread")]
async fn a_cancelled_call_leaves_nothing_behind() {
    let bench = Bench::new();
    let plugin = bench.attacks().await;
    let free = plugin.slots.available_permits();
    for tool in ["sleep", "ask_once"] {
        let mut far = Far { slow: Duration::from_secs(30), ..Far::new() };
        let cut = tokio::time::timeout(Duration::from_millis(100), bench.run(&plugin, tool, &mut far)).await;
        assert!(cut.is_err(), "{tool} was cut off");
        assert_eq!(plugin.slots.available_permits(), free);
        assert_eq!(bench.run(&plugin, "noop", &mut Far::new()).await.unwrap().text, "{}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn handles_bodies_and_stores_work_and_show_no_value() {
    let bench = Bench::new();
    let plugin = bench.attacks().await;
    let mut far = Far { body: Some(vec![b'x'; 200_000]), ..Far::new() };
    let answered = bench.run(&plugin, "read_body", &mut far).await.unwrap();
    assert_eq!(
        answered.text,
        "{\"length\":200000,\"pieces\":4,\"captured\":1,\"again\":0,\"stored\":[\"op://MSP/Node/token\"]}"
    );
    assert_eq!(far.stored, [slot("token", 0), slot("password", 1)]);
    let lent = &far.sent[1].lent;
    assert_eq!((lent.len(), lent[0].site.as_str(), &lent[0].value), (1, "password", &slot("password", 1)));
}

#[tokio::test(flavor = "current_thread")]
async fn floods_are_capped_and_refusals_are_typed() {
    let bench = Bench::new();
    let plugin = bench.attacks().await;
    bench.run(&plugin, "log_flood", &mut Far::new()).await.unwrap();
    let texts = bench.texts();
    assert_eq!(texts.len(), 20);
    assert!(texts[19].contains("[limits] log-lines = 20"), "{}", texts[19]);
    bench.lines.lock().unwrap().clear();
    bench.run(&plugin, "print_flood", &mut Far::new()).await.unwrap();
    assert_eq!(bench.texts().len(), 20);

    let mut far = Far { body: Some(Vec::new()), ..Far::new() };
    let error = bench.run(&plugin, "request_storm", &mut far).await.err().unwrap();
    let CallError::Refused(refusal) = &error else { panic!("{error}") };
    assert_eq!((refusal.reason, far.sent.len()), (Reason::Limit, 5));
    assert!(refusal.detail.contains("[limits] requests = 5"), "{refusal}");

    let error = bench.attack(&plugin, "open_undeclared").await;
    assert!(matches!(&error, CallError::Refused(refusal) if refusal.reason == Reason::Undeclared), "{error}");
    let error = bench.attack(&plugin, "claim_refused").await;
    assert!(matches!(&error, CallError::Plugin(PluginFailure::Refused(_))), "{error}");
    let text = bench.attack(&plugin, "fail_loudly").await.to_string();
    assert!(text.len() < 5000 && !text.contains('\u{1b}'), "{}", text.len());
}

#[tokio::test(flavor = "current_thread")]
async fn the_environment_is_empty_and_a_polite_plugin_goes_on() {
    let bench = Bench::new();
    let plugin = bench.attacks().await;
    for (tool, text) in [
        ("environment", "{\"variables\":0,\"arguments\":0,\"read\":0}"),
        ("grow_politely", "{\"denied\":true}"),
        ("random", "256"),
        ("hash", "1"),
        ("echo", "{\"a\":1}"),
    ] {
        assert_eq!(bench.run(&plugin, tool, &mut Far::new()).await.unwrap().text, text, "{tool}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_endless_loop_does_not_starve_another_plugin() {
    let bench = Bench::new();
    let patient = Limits { cpu: Duration::from_secs(2), ..limits() };
    let greedy = bench.prepare(&rust("attacks"), patient).await.unwrap();
    let good = bench.attacks().await;
    let attack = async {
        let error = bench.run(&greedy, "loop_forever", &mut Far::new()).await.err().unwrap();
        assert_limit(&error, Limit::Cpu, "[limits] cpu = \"2s\"");
    };
    let served = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..50 {
            let start = Instant::now();
            bench.run(&good, "noop", &mut Far::new()).await.unwrap();
            slowest = slowest.max(start.elapsed());
            tokio::task::yield_now().await;
        }
        slowest
    };
    // One thread for both: the good plugin waits a tick at most each time, not two seconds.
    let ((), slowest) = tokio::join!(attack, served);
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
}
