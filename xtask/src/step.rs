//! One thing that is done and said.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// A step that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// A program could not be started.
    #[error("{what}: {program} cannot be started ({error}); is it installed?")]
    Start {
        /// The step.
        what: String,
        /// The program.
        program: String,
        /// The system's reason.
        error: std::io::Error,
    },
    /// A program ended with an error.
    #[error("{what}: `{command}` ended with {status}")]
    Ended {
        /// The step.
        what: String,
        /// The command line.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// A file could not be read or written.
    #[error("{what}: {error}")]
    File {
        /// The step.
        what: String,
        /// The system's reason.
        error: std::io::Error,
    },
    /// The sabotage gate has something to say.
    #[error("{0}")]
    Gate(String),
}

/// Says one line to whoever runs the command.
pub(crate) fn say(line: &str) {
    // When nobody reads, there is nobody to tell.
    let _unread = writeln!(std::io::stderr(), "xtask: {line}");
}

/// A program that runs as one step.
pub(crate) struct Step {
    what: String,
    command: Command,
}

impl Step {
    /// A step that runs `program`.
    pub(crate) fn new(what: &str, program: &Path) -> Self {
        Self { what: what.to_owned(), command: Command::new(program) }
    }

    /// A step that runs the cargo that runs this.
    pub(crate) fn cargo(what: &str) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::new(what, Path::new(&cargo))
    }

    /// Adds arguments.
    pub(crate) fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, arguments: I) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: &OsStr) -> Self {
        self.command.env(name, value);
        self
    }

    /// Says what it does, runs, and fails when the program fails.
    ///
    /// # Errors
    /// [`Failed`] when the program cannot be started or ends with an error.
    pub(crate) fn run(mut self) -> Result<(), Failed> {
        say(&self.what);
        let started = self.command.status();
        let status = started.map_err(|error| Failed::Start {
            what: self.what.clone(),
            program: self.command.get_program().to_string_lossy().into_owned(),
            error,
        })?;
        if status.success() {
            return Ok(());
        }
        Err(Failed::Ended { what: self.what, command: format!("{:?}", self.command), status })
    }

    /// Runs quietly and gives standard output.
    ///
    /// # Errors
    /// [`Failed`] when the program cannot be started or ends with an error.
    pub(crate) fn output(mut self) -> Result<String, Failed> {
        let done = self.command.output().map_err(|error| Failed::Start {
            what: self.what.clone(),
            program: self.command.get_program().to_string_lossy().into_owned(),
            error,
        })?;
        if done.status.success() {
            return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
        }
        say(&String::from_utf8_lossy(&done.stderr));
        Err(Failed::Ended { what: self.what, command: format!("{:?}", self.command), status: done.status })
    }
}

/// Names a file error after the step it happened in.
pub(crate) fn file<T>(what: &str, result: std::io::Result<T>) -> Result<T, Failed> {
    result.map_err(|error| Failed::File { what: what.to_owned(), error })
}
