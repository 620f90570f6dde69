//! The one integration binary. Everything here crosses rooms.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod bad_input;
mod browser;
mod cli;
mod durable;
mod hostile;
mod house;
mod laboratory;
mod log;
mod machine;
mod mcp;
mod oauth;
mod op;
mod operator;
mod plugins;
mod proofs;
mod sessions;
mod write_back;
