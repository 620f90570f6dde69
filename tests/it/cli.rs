//! The command line: outputs as data, exit codes, documents, secrets, people at terminals, and what is left half done.

mod codes;
mod data;
mod demo;
mod document;
mod notify;
mod partial;
mod polkit;
pub(crate) mod real;
mod secrets;
mod security_key;
mod simulated;
mod terminal;
pub(crate) mod variant;
