//! `claviger mcp`: what an agent sees, what it gets, and what becomes of rubbish.

mod human;
mod inspector;
mod load;
mod results;
mod rubbish;
mod tools;
mod versions;
pub(crate) mod wire;
