//! Why a command failed, and with which exit code. Every text is safe to print and says what to do next.

use std::path::{Path, PathBuf};

use claviger_pipeline::Reason;

/// The exit codes that scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// The upstream, the plugin or a provider failed.
    Failed = 1,
    /// Wrong usage; clap's own code too.
    Usage = 2,
    /// Not declared or not granted.
    Denied = 3,
    /// A human refused.
    Refused = 4,
    /// The audit log is broken or could not be written.
    Audit = 5,
    /// The state directory, a file in it, a package or a key is not usable.
    State = 6,
}

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl std::fmt::Display) -> Self {
        Self { code, message: message.to_string() }
    }

    /// A file that cannot be read or written. Paths are the operator's own.
    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Self {
        Self::new(Code::State, format!("{}: {error}", path.display()))
    }

    pub(crate) fn state(message: impl std::fmt::Display) -> Self {
        Self::new(Code::State, message)
    }

    pub(crate) fn usage(message: impl std::fmt::Display) -> Self {
        Self::new(Code::Usage, message)
    }

    pub(crate) fn no_state(directory: &Path) -> Self {
        Self::state(format!(
            "{} is not a state directory; `claviger init` makes one, `--state DIR` names another",
            PathBuf::from(directory).display()
        ))
    }
}

/// The exit code of a refusal.
pub(crate) fn code_of(reason: Reason) -> Code {
    match reason {
        Reason::Undeclared | Reason::NotGranted => Code::Denied,
        Reason::InvalidRequest => Code::Usage,
        Reason::NotApproved => Code::Refused,
        Reason::NotRecorded => Code::Audit,
        _ => Code::Failed,
    }
}
