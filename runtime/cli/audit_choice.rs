//! `[audit]` of `claviger.toml`: how the audit log is kept, and who else vouches for it.

use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::state::Config;

/// How the audit log is kept.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AuditChoice {
    /// A file outside the state directory that gets a copy of every checkpoint, so that a log that was rolled back is
    /// noticed when the host starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) second_checkpoint: Option<PathBuf>,
    /// Who is asked to sign checkpoints while a host runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) witness: Vec<Named>,
    /// The least time between two questions to them, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) witness_interval: Option<u32>,
}

/// One witness.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Named {
    /// Its address, to which /add-checkpoint is added.
    pub(crate) url: String,
    /// The file with its public key.
    pub(crate) key: PathBuf,
    /// A PEM file with the certificate authority to trust instead of the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
    /// Private ranges that it may be in, as CIDR.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) networks: Vec<IpNet>,
}

impl Config {
    /// Where the second copy of the log's checkpoint is.
    pub(crate) fn second_checkpoint(&self) -> Option<PathBuf> {
        self.audit.as_ref()?.second_checkpoint.clone()
    }

    /// Who is asked to sign checkpoints.
    pub(crate) fn witnesses(&self) -> &[Named] {
        self.audit.as_ref().map_or(&[], |audit| audit.witness.as_slice())
    }
}
