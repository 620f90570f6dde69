//! The manifest itself.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    Credential, Endpoint, Limits, Malformed, ManifestError, Name, Operation, Plugin, Secret, Setting, Slot, Tool,
    ToolName, WriteBack, check,
};

/// The longest manifest, in bytes: several hundred operations. A wrong file is refused at once.
const MAX: usize = 256 * 1024;

/// Everything that a plugin declares. [`Manifest::parse`] makes only those in which every name means something.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Manifest {
    /// Whose code this is.
    pub plugin: Plugin,
    /// What an operator fills in.
    #[serde(default)]
    pub settings: BTreeMap<Name, Setting>,
    /// The secrets that credentials need.
    #[serde(default)]
    pub secrets: BTreeMap<Name, Secret>,
    /// The places for secrets that come to be during a call.
    #[serde(default)]
    pub slots: BTreeMap<Name, Slot>,
    /// Where operations go.
    #[serde(default)]
    pub endpoints: BTreeMap<Name, Endpoint>,
    /// How secrets authenticate requests.
    #[serde(default)]
    pub credentials: BTreeMap<Name, Credential>,
    /// What may be asked of upstreams.
    #[serde(default)]
    pub operations: BTreeMap<Name, Operation>,
    /// What may be stored.
    #[serde(default)]
    pub write_back: BTreeMap<Name, WriteBack>,
    /// What a model can call.
    #[serde(default)]
    pub tools: BTreeMap<ToolName, Tool>,
    /// What one call may use.
    #[serde(default)]
    pub limits: Limits,
}

impl Manifest {
    /// Parses a manifest and holds it against every rule.
    ///
    /// # Errors
    /// [`ManifestError`], with line and column, or with the place in the manifest and what to do.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        if text.len() > MAX {
            return Err(ManifestError::TooLong(MAX));
        }
        let parsed: Result<Self, _> = toml::from_str(text);
        let manifest = parsed.map_err(|error| ManifestError::Malformed(Malformed::of(text, &error)))?;
        check::check(&manifest)?;
        Ok(manifest)
    }
}
