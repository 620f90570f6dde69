//! Tools: what a model can call.

use serde::Deserialize;

use crate::{Effect, Name};

/// `[tools.<name>]`: what a model sees of a plugin.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tool {
    /// What it does, as the model reads it. It is signed, so it cannot change under the model.
    pub description: String,
    /// The operations that it may use.
    #[serde(default)]
    pub operations: Vec<Name>,
    /// The write-back rules that it may use.
    #[serde(default)]
    pub write_back: Vec<Name>,
    /// What it does to the world at most.
    pub effect: Effect,
    /// The JSON Schema of its arguments, a path inside the package.
    pub input: String,
    /// The JSON Schema of its result, a path inside the package.
    pub output: Option<String>,
}
