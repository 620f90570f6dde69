//! The page that people approve on, and the server behind it.
//!
//! It answers under one name: on loopback, or over TLS for a team, whose people sign in with a passkey. What counts is a passkey's signature with its user verified; the
//! rest of this part keeps strangers from seeing, disturbing or imitating the page.

mod approver;
mod assets;
mod batch;
mod board;
mod books;
mod ceremony;
mod certificate;
mod door;
mod enrolment;
mod events;
mod id;
mod invited;
mod limits;
mod listen;
mod neighbour;
mod origin;
mod page;
mod place;
mod reader;
mod routes;
mod session;
mod sign_in;
mod site;
mod trouble;
mod view;
mod words;

pub(crate) use listen::speak;

pub use approver::{Link, Summon, WebApprover};
pub use certificate::CertificateError;
pub use enrolment::{Enrolling, Person};
pub use origin::{Origin, OriginError};
pub use place::{Place, PlaceError, TlsEnd};
pub use session::Tickets;
pub use site::{Inviter, Roll, Web, WebError};
pub use view::{Asked, Books, Cell, Part, Section};
