//! Why a command failed, and with which exit code. Every text is safe to print and says what to do next.

use std::path::Path;

use claviger_host::CallError;
use claviger_pipeline::Reason;
use serde_json::Value;

/// The exit codes that scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// The upstream, the plugin or a provider failed.
    Failed,
    /// Wrong usage; clap's own code too.
    Usage,
    /// Not declared or not granted.
    Denied,
    /// A human refused.
    Refused,
    /// The audit log is broken or could not be written.
    Audit,
    /// The state directory, a file in it, a package or a key is not usable.
    State,
}

impl Code {
    /// The number that the process ends with.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Denied => 3,
            Self::Refused => 4,
            Self::Audit => 5,
            Self::State => 6,
        }
    }
}

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
    /// The same for a machine, where the message tells more than one thing.
    pub(crate) details: Option<Value>,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl std::fmt::Display) -> Self {
        Self { code, message: message.to_string(), details: None }
    }

    /// Adds the machine's form of what the message says.
    pub(crate) fn with(self, details: Value) -> Self {
        Self { details: Some(details), ..self }
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
            directory.display()
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

/// The failure of a tool call.
pub(crate) fn of_call(error: &CallError) -> Failure {
    let code = match error {
        CallError::UnknownConnection | CallError::UnknownTool => Code::Denied,
        CallError::Arguments(_) => Code::Usage,
        CallError::Refused(refusal) => code_of(refusal.reason),
        _ => Code::Failed,
    };
    Failure::new(code, error)
}
