//! What an operation does to the world.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an operation or a tool does to the world, in the order of how much it takes to allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Changes or adds something.
    Write,
    /// Removes something that may not come back.
    Destroy,
    /// Makes a credential.
    Mint,
}

impl Effect {
    /// The word that manifests use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Destroy => "destroy",
            Self::Mint => "mint",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
