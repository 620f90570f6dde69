//! `clock`: coarse time. Seconds only: a fine clock is what timing attacks are made of.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::door::plugin::claviger::plugin::clock::Host;
use crate::guest::Guest;

impl Host for Guest {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }

    async fn wait(&mut self, milliseconds: u32) -> wasmtime::Result<()> {
        tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
        Ok(())
    }
}
