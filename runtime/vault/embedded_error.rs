//! Why the embedded store did not do it.

use std::io;

use crate::key_slots::UnlockError;
use crate::private_file::PrivateFileError;
use crate::provider::ProviderError;
use crate::seal::SealError;

/// Why the embedded store did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmbeddedError {
    /// There is no store here.
    #[error("there is no vault in this directory; `claviger init` makes one")]
    Missing,
    /// There is one already.
    #[error("there is a vault in this directory already; it is never overwritten")]
    AlreadyThere,
    /// It does not open.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// It is not what was saved.
    #[error("the vault's file is damaged in {0}; restore it from a backup")]
    Damaged(&'static str),
    /// Another version of the format.
    #[error(
        "the vault's file has a format that this version does not know; use the version that wrote it, or a newer one"
    )]
    Version,
    /// Older than what this process has seen already.
    #[error("the vault's file is older than it was a moment ago; somebody put an old copy back")]
    RolledBack,
    /// The permissions are wrong.
    #[error("others can reach the vault; `chmod go=` the directory and its files, and see that they are yours")]
    OpenToOthers,
    /// Another writer has it.
    #[error("another process is writing the vault and does not finish; try again")]
    Busy,
    /// An earlier write was not confirmed.
    #[error("the disk did not confirm an earlier write, so nothing more is written; check the disk, then start again")]
    Doubtful,
    /// The file or a value is too large.
    #[error("the value or the whole vault is larger than the embedded store allows (1 MiB, 256 MiB)")]
    TooLarge,
    /// The file could not be read or written.
    #[error("the vault's file could not be read or written: {0}")]
    Storage(io::ErrorKind),
    /// Its keys were wiped.
    #[error("the vault was locked; open it again")]
    Locked,
    /// No randomness.
    #[error("the operating system gave no randomness; try again")]
    Randomness,
    /// What was asked for is not there, is there already, or means two things.
    #[error(transparent)]
    Refused(#[from] ProviderError),
}

impl From<PrivateFileError> for EmbeddedError {
    fn from(error: PrivateFileError) -> Self {
        match error {
            PrivateFileError::Io(io::ErrorKind::NotFound) => Self::Missing,
            PrivateFileError::Io(kind) => Self::Storage(kind),
            PrivateFileError::NotDurable(_) => Self::Doubtful,
            PrivateFileError::OpenToOthers => Self::OpenToOthers,
            PrivateFileError::NotAFile => Self::Damaged("its place: it is not a regular file"),
            PrivateFileError::TooLong => Self::TooLarge,
            PrivateFileError::Busy => Self::Busy,
        }
    }
}

impl From<SealError> for EmbeddedError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Randomness => Self::Randomness,
            SealError::Refused => Self::Damaged("one of its values"),
            SealError::Memory => Self::Unlock(UnlockError::Machine),
            SealError::Locked => Self::Locked,
        }
    }
}

impl From<EmbeddedError> for ProviderError {
    fn from(error: EmbeddedError) -> Self {
        match error {
            EmbeddedError::Refused(error) => error,
            EmbeddedError::Storage(kind) => Self::Storage(kind),
            EmbeddedError::Damaged(part) => Self::Damaged(part),
            EmbeddedError::RolledBack => Self::Damaged("its generation: it is older than before"),
            EmbeddedError::Version => Self::Damaged("its first line: the format is not known"),
            EmbeddedError::Missing => Self::Storage(io::ErrorKind::NotFound),
            EmbeddedError::OpenToOthers => Self::Misconfigured("others can reach the vault's files; `chmod go=` them"),
            EmbeddedError::TooLarge => Self::Unsupported("a value above 1 MiB, or a vault above 256 MiB"),
            EmbeddedError::Busy => Self::Unavailable("another process is writing the vault"),
            EmbeddedError::Doubtful => {
                Self::Unavailable("the disk did not confirm a write; check it, then start again")
            }
            EmbeddedError::Randomness => Self::Unavailable("the operating system gave no randomness"),
            EmbeddedError::AlreadyThere | EmbeddedError::Unlock(_) | EmbeddedError::Locked => Self::Locked,
        }
    }
}
