//! `wasi:random`: the seed of a language library's hash maps, and no more.

use crate::door::std::wasi::random::insecure_seed::Host;
use crate::guest::Guest;

impl Host for Guest {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        let number = || getrandom::u64().map_err(|_| wasmtime::Error::msg("the operating system gave no randomness"));
        Ok((number()?, number()?))
    }
}
