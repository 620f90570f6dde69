//! Who is calling? An agent, over the Model Context Protocol.
//!
//! Nothing but the granted tools is exposed: no resource, no prompt, no verb that could tell about a secret, a reference,
//! a grant or the log. Names, descriptions and schemas come from signed manifests; annotations come from their effects.

mod catalogue;
mod mcp;
mod progress;
mod serve;

pub use serve::{ServeError, stdio};
