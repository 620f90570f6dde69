//! Names that nobody guesses.

use std::fmt;

use claviger_approval::Base64Url;

/// The operating system gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no randomness; try again")]
pub(crate) struct NoRandomness;

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// The name of a pending question in addresses: 128 random bits, base64url.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(String);

impl Id {
    /// A new one.
    pub(crate) fn random() -> Result<Self, NoRandomness> {
        Ok(Self(Base64Url::from(random::<16>()?.as_slice()).to_string()))
    }

    /// A name as somebody sent it. Whether there is such a question is another matter.
    pub(crate) fn given(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
