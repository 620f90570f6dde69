//! Is it declared **and** granted, to this principal?
//!
//! A [`Request`] is what a guest asks for: untrusted names and bytes. [`Policy::check`] holds it against the signed
//! manifest and the operator's grant, renders the one request that may be sent, and returns [`Granted`]: the only proof
//! that the approval room accepts. Everything that is not both declared and granted is [`Denied`], and the refusal prints
//! the line that would allow it.
//!
//! Pure: no I/O, no clock, no randomness.

mod body;
mod connection;
mod denied;
mod facts;
mod granted;
mod parameters;
mod pin;
mod plan;
mod policy;
mod probe;
mod render;
mod request;
mod strict_json;
mod terms;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod denied_tests;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod destination_tests;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod policy_properties;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod policy_tests;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod testkit;

pub use body::BodyError;
pub use connection::{Connection, ConnectionError, EndpointSettings, Grant};
pub use denied::Denied;
pub use facts::{ActionFacts, BodyFacts, CredentialFacts, Facts, PluginFacts, SendFacts, StoreFacts};
pub use granted::Granted;
pub use parameters::ParameterError;
pub use pin::{Pin, PinError};
pub use plan::{CredentialPlan, EndpointPlan, LogoutPlan, Outbound, Plan, Source, StorePlan, TokenEndpointPlan};
pub use policy::{Policy, PolicyError};
pub use probe::ProbeUpstream;
pub use request::{Action, Caller, Lent, Request, SendRequest, SlotHandle, StoreRequest};
pub use strict_json::StrictJsonError;
pub use terms::{NotPeople, People, Terms};
