//! The page that people approve on, and the server behind it.
//!
//! It listens on loopback alone and answers under one name. What counts is a passkey's signature with its user verified; the
//! rest of this part keeps strangers from seeing, disturbing or imitating the page.

mod approver;
mod assets;
mod batch;
mod board;
mod books;
mod ceremony;
mod door;
mod enrolment;
mod events;
mod id;
mod limits;
mod listen;
mod neighbour;
mod origin;
mod page;
mod routes;
mod session;
mod site;
mod trouble;
mod view;
mod words;

pub(crate) use listen::serve_connection;

pub use approver::{Link, Summon, WebApprover};
pub use enrolment::{Enrolling, Person};
pub use origin::{Origin, OriginError};
pub use session::Tickets;
pub use site::{Web, WebError};
pub use view::{Asked, Books, Cell, Part, Section};
