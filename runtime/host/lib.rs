//! What may a guest touch?
//!
//! Only what `wit/plugin.wit` names, and the few things that a language library cannot do without, all of them empty or
//! closed. Every call gets a fresh instance with limits of its own: memory, CPU time, wall time, handles, bytes, requests,
//! log lines. A component is checked and compiled at install, by another process, and its compiled form is believed only
//! under this host's key.
//!
//! A guest holds names and handles. What it asks for goes to the pipeline room; no secret comes near this one.

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod attacks;
mod call;
mod clock;
mod compiled;
mod compiler;
mod console;
mod credentials;
mod deserialize;
mod door;
mod engine;
mod errand;
mod error;
mod guest;
mod http;
mod imports;
mod limits;
mod log;
mod meter;
mod pool;
mod random;
mod run;
mod sandbox;
mod schema;
mod secrets;
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod testkit;
mod text;
mod ticker;
mod wasi_cli;
mod wasi_io;
mod wasi_random;

pub use call::{Host, ToolCall, ToolDescription, ToolResult};
pub use claviger_pipeline::HumanClock;
pub use compiled::HostKey;
pub use compiler::{Compiler, Item, Report};
pub use console::{Level, Listener, LogLine};
pub use error::{CallError, InstallError, PluginFailure};
pub use limits::Limit;
pub use sandbox::{Prepared, Sandbox};
pub use schema::{Mismatch, Mismatches};
