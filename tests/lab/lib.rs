//! What does the whole program do, against upstreams that check? A laboratory for tests and for the demo.
//!
//! A [`Lab`] is a throw-away state directory driven through the real `claviger` program, with one connection for each
//! simulated upstream. Every secret in it is a [`Canary`]; [`Lab::sweep`] looks for every one of them in everything that the
//! program printed and in every file that it left.

mod agent;
mod author;
mod canary;
mod connections;
mod one_password;
mod run;
mod seen;
mod sweep;

pub use agent::Agent;
pub use author::{Draft, Publisher, hostile_guest};
pub use canary::Canary;
pub use connections::Upstream;
pub use one_password::OnePassword;
pub use run::{Lab, LabError, Ran};
pub use seen::{basic, pairs};
pub use sweep::{Sweep, Swept};
