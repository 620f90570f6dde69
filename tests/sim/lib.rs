//! Upstreams for tests: what would the vendor check, and how would it answer?
//!
//! Every simulator listens on a free port of 127.0.0.1, over real TLS with a certificate from a [`TestCa`], on a thread of
//! its own, so that it serves synchronous and asynchronous tests alike. It keeps every request that it saw
//! ([`Running::seen`]) and stops when its [`Running`] is dropped. What the vendor refuses, it refuses.
//!
//! | upstream | what it is for |
//! |---|---|
//! | [`Connectwise`], [`Proxmox`], [`Pax8`] | three vendors, in their own wire formats |
//! | [`Sessions`] | five vendors' ways to log in and out |
//! | [`Hostile`] | an upstream that attacks whoever calls it |
//! | [`Scripted`] | an upstream that says exactly the bytes that a test gives it |
//! | [`Recorder`] | a destination that nobody may reach, to show that nobody did |
//! | [`Receiver`] | ntfy, Slack and Teams, where people are told that a request waits |
//! | [`Null`] | the least that a server can do, for benches |
//! | [`Oidc`], [`Redfish`] | servers that nobody here wrote, started as processes |

mod asked;
mod ca;
mod client;
mod connectwise;
mod external;
mod hostile;
mod null;
mod pax8;
mod proxmox;
mod raw;
mod receivers;
mod recorder;
mod reply;
mod running;
mod sessions;
mod vendor;

pub use ca::{Identity, TestCa};
pub use connectwise::{Connectwise, ConnectwiseConfig};
pub use external::{Installation, Oidc, OidcClient, OidcConfig, OidcIssuer, Redfish, RedfishSystem};
pub use hostile::{Act, Door, Hostile, HostileConfig, Script, Scripted};
pub use null::Null;
pub use pax8::{Issuer, Minted, Minting, Pax8, Pax8Config};
pub use proxmox::{ApiToken, Proxmox, ProxmoxConfig};
pub use receivers::{Receiver, ReceiverKind};
pub use recorder::{Recorded, Recorder};
pub use running::{Running, SeenRequest};
pub use sessions::{SessionBook, SessionConfig, SessionVendor, Sessions};
