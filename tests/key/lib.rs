//! What does a security key do with what libfido2 asks of it?
//!
//! A [`SecurityKey`] speaks CTAP 2 over CTAPHID on a pseudo-terminal: the programs of libfido2 open its path as they open a
//! HID device. It refuses what a key refuses: credentials of others, a wrong PIN, and then every PIN, a request that nobody
//! touches it for. Tests tell it how to misbehave. It keeps its keys in memory: no person is behind it.

mod cbor;
mod ctap;
mod hid;
mod pin;
mod plug;

pub use ctap::Fault;
pub use pin::Protocol;
pub use plug::{SecurityKey, Unpluggable};

/// How a key learns who its user is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// A fingerprint reader on the key.
    Builtin,
    /// A PIN, which the client asks for.
    Pin {
        /// The PIN that was set.
        pin: String,
        /// How it comes to the key.
        protocol: Protocol,
    },
    /// It does not: a key that was never set up.
    None,
}
