//! One engine configuration for the host and for the compiler process, which includes this very file: compiled code is
//! accepted only by an engine that agrees with the one that compiled it.

use wasmtime::Config;

/// The part of the configuration that compiled code depends on. How instances are allocated is not in it: see `pool.rs`.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config
        // Control over a running guest comes from epochs, not fuel: one of the two is needed, and both cost 1.8 times.
        .epoch_interruption(true)
        // Concurrent guests are not offered by the door; the support alone costs a third of a call.
        .concurrency_support(false)
        // A second memory in one module has no use for a plugin and multiplies every limit.
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        // Results that differ by machine would make a call impossible to reproduce.
        .wasm_relaxed_simd(false);
    config
}
