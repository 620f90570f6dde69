//! The one unsafe call of the house: bytes become code.

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::compiled::Authentic;

/// Loads compiled code that this host compiled itself.
#[expect(unsafe_code, reason = "wasmtime cannot check that compiled code is what its compiler made; a MAC can")]
pub(crate) fn component(engine: &Engine, compiled: &Authentic) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` asks that the bytes come from a compiler of wasmtime and were not changed since. `Authentic`
    // is made in one place, after an HMAC-SHA-256 with this host's own key was verified over these very bytes in memory:
    // they are what `claviger-compile` wrote when this host ran it. An engine of another version or configuration is
    // refused by `deserialize` itself.
    unsafe { Component::deserialize(engine, compiled.code()) }
}
