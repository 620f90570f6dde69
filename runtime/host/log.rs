//! `log`: lines for the operator.

use crate::console;
use crate::door::plugin::claviger::plugin::log::{Host, Level};
use crate::guest::Guest;

impl Host for Guest {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            Level::Debug => console::Level::Debug,
            Level::Info => console::Level::Info,
            Level::Warn => console::Level::Warn,
            Level::Error => console::Level::Error,
        };
        self.console.say(level, &message);
        Ok(())
    }
}
