//! How is a Claviger plugin written? As plain functions from typed arguments to typed results.
//!
//! A plugin names the operations of its signed manifest; the host builds each request, asks a human, writes the log,
//! places the credential and sends. What a plugin holds of a secret is a handle with nothing to read.
//!
//! ```no_run
//! use claviger_plugin_sdk::prelude::*;
//! use claviger_plugin_sdk::{Credential, Failure, Request};
//!
//! #[derive(Deserialize)]
//! struct Arguments { id: u64 }
//!
//! #[derive(Deserialize, Serialize)]
//! struct Ticket { id: u64, summary: String }
//!
//! fn get_ticket(arguments: Arguments) -> Result<Ticket, Failure> {
//!     let credential = Credential::open("api-key")?;
//!     let response = Request::operation("get-ticket").parameter("id", arguments.id).credential(&credential).send()?;
//!     response.accepted(|status, _| Failure::Upstream(format!("the service answered {status}")))?.json()
//! }
//!
//! claviger_plugin_sdk::plugin! { "get_ticket" => get_ticket }
//! # fn main() {}
//! ```
//!
//! A guest built on this crate has no standard library and imports nothing but `claviger:plugin`: no WASI interface at
//! all, so there is nothing of it that a host has to link, limit or fake. A plugin that needs `std` turns on the feature
//! `std`, which leaves allocator and panic handler to it.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(all(target_family = "wasm", not(feature = "std")))]
mod bare;
#[doc(hidden)]
pub mod bindings;
mod credential;
mod link;
mod log;
mod moment;
mod pages;
mod patience;
pub mod prelude;
mod request;
mod response;
mod scalar;
mod secret;
mod text;
mod tool;

pub use bindings::Failure;
pub use credential::Credential;
pub use link::next_page;
pub use log::warn;
pub use moment::{now, unix_seconds};
pub use pages::{Collected, Page, collect, slice};
pub use request::Request;
pub use response::{Response, parse};
pub use scalar::Scalar;
pub use secret::{Secret, generate, store};
pub use text::excerpt;
pub use tool::{run, unknown_tool};
