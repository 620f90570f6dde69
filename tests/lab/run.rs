//! The real program in a throw-away state directory.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use claviger_sim::TestCa;
use serde_json::Value;

use crate::Canary;
use crate::canary::Matcher;

/// What went wrong in the laboratory itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct LabError(String);

impl LabError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<std::io::Error> for LabError {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// What one run of the program gave.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Standard output as JSON; null when it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_default()
    }
}

/// A state directory, its program, an authority for the upstreams, and every canary.
pub struct Lab {
    claviger: PathBuf,
    packages: PathBuf,
    directory: tempfile::TempDir,
    /// The authority that signs the upstreams' certificates.
    pub ca: TestCa,
    canaries: Mutex<Vec<Canary>>,
    said: Mutex<Vec<u8>>,
}

impl Lab {
    /// Makes a state directory with the program at `claviger` and the signed packages in `packages`.
    ///
    /// # Errors
    /// [`LabError`] when the program fails.
    pub fn new(claviger: &Path, packages: &Path) -> Result<Self, LabError> {
        let lab = Self {
            claviger: claviger.to_owned(),
            packages: packages.to_owned(),
            directory: tempfile::tempdir()?,
            ca: TestCa::new()?,
            canaries: Mutex::default(),
            said: Mutex::default(),
        };
        lab.must(&["init", "--throwaway", "--principal", "alex"])?;
        Ok(lab)
    }

    /// The state directory.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// A file beside the state directory.
    ///
    /// # Errors
    /// [`LabError`] when it cannot be written.
    pub fn file(&self, name: &str, contents: &[u8]) -> Result<PathBuf, LabError> {
        let path = self.directory.path().join(name);
        std::fs::write(&path, contents)?;
        Ok(path)
    }

    /// A directory beside the state directory, made by whoever uses it.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The signed package of a plugin.
    #[must_use]
    pub fn package(&self, plugin: &str) -> PathBuf {
        self.packages.join(plugin)
    }

    /// The target directory that the program was built in.
    pub(crate) fn target(&self) -> Option<&Path> {
        self.claviger.ancestors().nth(2)
    }

    /// The program, ready to run on this state directory.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.claviger);
        command.arg("--state").arg(self.state());
        command
    }

    /// Runs the program.
    ///
    /// # Errors
    /// [`LabError`] when it cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Result<Ran, LabError> {
        self.run_with(arguments, b"")
    }

    /// Runs the program with something on standard input.
    ///
    /// # Errors
    /// [`LabError`] when it cannot be started.
    pub fn run_with(&self, arguments: &[&str], input: &[u8]) -> Result<Ran, LabError> {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that refuses early closes its end: then its exit code says why.
            let _closed = stdin.write_all(input);
        }
        let output = child.wait_with_output()?;
        self.heard(&output.stdout);
        self.heard(&output.stderr);
        Ok(Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs the program, which must succeed.
    ///
    /// # Errors
    /// [`LabError`] with what it printed when it does not.
    pub fn must(&self, arguments: &[&str]) -> Result<Ran, LabError> {
        let ran = self.run(arguments)?;
        if ran.code == 0 {
            return Ok(ran);
        }
        Err(LabError(format!("claviger {} ended with {}: {}{}", arguments.join(" "), ran.code, ran.stderr, ran.stdout)))
    }

    /// Calls a tool with arguments.
    ///
    /// # Errors
    /// [`LabError`] when the program cannot be started.
    pub fn call(&self, tool: &str, arguments: &Value) -> Result<Ran, LabError> {
        self.run(&["call", tool, "--args", &arguments.to_string()])
    }

    /// Calls a tool, which must succeed, and gives its result.
    ///
    /// # Errors
    /// [`LabError`] with what the program printed when it does not.
    pub fn result(&self, tool: &str, arguments: &Value) -> Result<Value, LabError> {
        Ok(self.must(&["call", tool, "--args", &arguments.to_string()])?.json())
    }

    /// Every entry of the audit log, oldest first.
    ///
    /// # Errors
    /// [`LabError`] when the log is broken.
    pub fn entries(&self) -> Result<Vec<Value>, LabError> {
        let printed = self.must(&["audit", "log", "--last", "1000000", "--json"])?.json();
        printed.as_array().cloned().ok_or_else(|| LabError::new("the audit log is no list"))
    }

    /// Something that was printed elsewhere, to be swept too.
    pub fn heard(&self, bytes: &[u8]) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(bytes);
        said.push(b'\n');
    }

    /// A new canary.
    ///
    /// # Errors
    /// [`LabError`] when there is no randomness.
    pub fn canary(&self, name: &str) -> Result<Canary, LabError> {
        let canary = Canary::new(name)?;
        self.know(canary.clone());
        Ok(canary)
    }

    /// A secret that somebody else made, to be swept for too.
    pub fn know(&self, canary: Canary) {
        self.canaries.lock().unwrap_or_else(PoisonError::into_inner).push(canary);
    }

    /// Puts a canary into the vault.
    ///
    /// # Errors
    /// [`LabError`] when the program refuses it.
    pub fn put(&self, reference: &str, canary: &Canary) -> Result<(), LabError> {
        let ran = self.run_with(&["secret", "put", reference], canary.value.as_bytes())?;
        if ran.code == 0 { Ok(()) } else { Err(LabError(format!("secret put {reference}: {}", ran.stderr))) }
    }

    /// Every place where a canary turned up: in what was printed, and in the files of the state directory. Empty is good.
    ///
    /// # Errors
    /// [`LabError`] when a file cannot be read.
    pub fn sweep(&self) -> Result<Vec<String>, LabError> {
        let mut sinks = vec![("output".to_owned(), self.said.lock().unwrap_or_else(PoisonError::into_inner).clone())];
        for path in files(&self.state())? {
            sinks.push((path.display().to_string(), std::fs::read(&path)?));
        }
        let canaries = self.canaries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut matcher = Matcher::new(&canaries);
        let mut found = Vec::new();
        for (sink, bytes) in &sinks {
            found.extend(matcher.found_in(bytes).into_iter().map(|canary| format!("{canary} in {sink}")));
        }
        Ok(found)
    }

    /// How many canaries there are.
    #[must_use]
    pub fn canaries(&self) -> usize {
        self.canaries.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // What was printed is a file like any other: the sweep of the whole suite sees it when it is deleted.
        let said = std::mem::take(self.said.get_mut().unwrap_or_else(PoisonError::into_inner));
        let _unswept = std::fs::write(self.directory.path().join("said"), said);
    }
}

/// A path as an argument.
pub(crate) fn path_text(path: &Path) -> Result<&str, LabError> {
    path.to_str().ok_or_else(|| LabError::new("a path is not UTF-8"))
}

/// Every file in a directory and in those below it.
///
/// # Errors
/// [`LabError`] when one cannot be listed.
pub(crate) fn files(directory: &Path) -> Result<Vec<PathBuf>, LabError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            found.extend(files(&entry.path())?);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    Ok(found)
}
