//! Who is calling? An agent, over the Model Context Protocol, or a person, in their browser.
//!
//! To an agent nothing but the granted tools is exposed: no resource, no prompt, no verb that could tell about a secret, a
//! reference, a grant or the log. Names, descriptions and schemas come from signed manifests; annotations come from their
//! effects. A person approves on the page that [`Web`] serves, on loopback or for a team; no agent reaches that through the
//! protocol, and a passkey that verified its user is what counts on it. The console beside it shows what [`Books`] tells, and
//! changes nothing. Somebody else's log asks what a [`WitnessServer`] answers.

mod catalogue;
mod mcp;
mod progress;
mod serve;
mod web;
mod witness;

pub use serve::{ServeError, stdio};
pub use web::{Asked, Books, Cell, Part, Section};
pub use web::{
    CertificateError, Enrolling, Inviter, Link, Origin, OriginError, Person, Place, PlaceError, Roll, Summon, Tickets,
    TlsEnd, Web, WebApprover, WebError,
};
pub use witness::{WitnessSays, WitnessServer, Witnessing};
