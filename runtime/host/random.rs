//! `random`: identifiers, never secrets.

use crate::door::plugin::claviger::plugin::random::Host;
use crate::guest::Guest;

/// The most bytes in one answer, as `wit/plugin.wit` says: sixteen identifiers.
const MAX_BYTES: u32 = 256;

impl Host for Guest {
    fn bytes(&mut self, count: u32) -> wasmtime::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(count.min(MAX_BYTES))?];
        getrandom::fill(&mut bytes).map_err(|_| wasmtime::Error::msg("the operating system gave no randomness"))?;
        Ok(bytes)
    }
}
