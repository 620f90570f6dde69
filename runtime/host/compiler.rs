//! The compiler process: started for one component, told nothing but its bytes, killed when it takes too long.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::error::InstallError;
use crate::text::tame;

/// Wall time for one run. Its own CPU limit is shorter; this catches a process that waits.
const WALL: Duration = Duration::from_secs(300);
/// The longest report: some hundred imports.
const MAX_REPORT: u64 = 1 << 20;
/// The largest compiled component. A component with a whole interpreter makes 40 MiB.
const MAX_COMPILED: u64 = 256 << 20;
/// The longest error text.
const MAX_ERROR: u64 = 2048;
/// Its text for a module that is no component.
const CORE_MODULE: &str = "core module";

/// The separate program that compiles, `claviger-compile`.
#[derive(Clone, Debug)]
pub struct Compiler {
    path: PathBuf,
}

/// What is in a component, as the compiler process read it. Nothing was compiled for it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The identity of the engine that compiles.
    pub engine: String,
    /// What the component wants.
    pub imports: Vec<Item>,
    /// What it gives.
    pub exports: Vec<Item>,
}

/// One import or export.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its name, `wasi:io/streams@0.2.6`.
    pub name: String,
    /// Its kind: `instance`, `func`, `type`, …
    pub kind: String,
}

impl Compiler {
    /// The program at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Reads imports and exports.
    pub(crate) async fn report(&self, component: &[u8]) -> Result<Report, InstallError> {
        let line = self.run("report", component, MAX_REPORT).await?;
        serde_json::from_slice(&line).map_err(|error| InstallError::Compiler(error.to_string()))
    }

    /// Compiles.
    pub(crate) async fn compile(&self, component: &[u8]) -> Result<Vec<u8>, InstallError> {
        self.run("compile", component, MAX_COMPILED).await
    }

    async fn run(&self, verb: &str, component: &[u8], limit: u64) -> Result<Vec<u8>, InstallError> {
        let run = tokio::time::timeout(WALL, self.converse(verb, component, limit));
        // The child is killed when its handle is dropped.
        run.await.unwrap_or(Err(InstallError::CompilerLimit("time")))
    }

    async fn converse(&self, verb: &str, component: &[u8], limit: u64) -> Result<Vec<u8>, InstallError> {
        let broken = |error: std::io::Error| InstallError::Compiler(error.to_string());
        let mut command = Command::new(&self.path);
        command.arg(verb).env_clear().current_dir("/").kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(broken)?;
        let (Some(mut input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(InstallError::Compiler("it has no standard streams".to_owned()));
        };
        let feed = async move {
            // A child that stops reading says why on standard error or by its exit status.
            let _closed = input.write_all(component).await.is_err();
        };
        let ((), output, errors) = tokio::join!(feed, read(output, limit + 1), read(errors, MAX_ERROR));
        let status = child.wait().await.map_err(broken)?;
        if !status.success() {
            return Err(failure(status, &String::from_utf8_lossy(&errors.map_err(broken)?)));
        }
        let output = output.map_err(broken)?;
        let fits = u64::try_from(output.len()).is_ok_and(|length| length <= limit);
        if fits { Ok(output) } else { Err(InstallError::CompilerLimit("room for its result")) }
    }
}

/// Reads up to `limit` bytes, and the rest to nowhere, so that the writer is never stuck.
async fn read(mut stream: impl AsyncRead + Unpin, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    (&mut stream).take(limit).read_to_end(&mut bytes).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(bytes)
}

/// The process ends by a signal when it meets one of the limits that it set on itself.
fn failure(status: ExitStatus, said: &str) -> InstallError {
    use std::os::unix::process::ExitStatusExt as _;
    match status.signal().map(rustix::process::Signal::from_named_raw) {
        Some(Some(rustix::process::Signal::XCPU | rustix::process::Signal::KILL)) => {
            InstallError::CompilerLimit("time")
        }
        // An allocation that fails aborts; one that the loader cannot map ends in a fault.
        Some(_) => InstallError::CompilerLimit("memory"),
        None if said.contains(CORE_MODULE) => InstallError::NotAComponent,
        None => InstallError::Compile(tame(said.trim(), usize::try_from(MAX_ERROR).unwrap_or_default())),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::Stdio;
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;
    use tokio::process::Command;

    use super::{Compiler, MAX_REPORT};
    use crate::error::InstallError;

    /// A program that behaves as the compiler process does when something is wrong with it.
    fn program(directory: &Path, script: &str) -> Compiler {
        let path = directory.join("compiler");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        Compiler::new(path)
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_process_that_meets_its_limits_is_told_apart_from_a_component_that_is_wrong() {
        let directory = tempfile::tempdir().unwrap();
        let run = async |script| program(directory.path(), script).compile(&[0; 1 << 20]).await.unwrap_err();
        assert!(matches!(run("kill -XCPU $$").await, InstallError::CompilerLimit("time")));
        assert!(matches!(run("kill -ABRT $$").await, InstallError::CompilerLimit("memory")));
        assert!(matches!(run("echo 'a core module' >&2; exit 1").await, InstallError::NotAComponent));
        let error = run("printf 'bad \\033[31m type' >&2; exit 1").await.to_string();
        assert!(error.contains("bad \\u{1b}[31m type"), "{error}");
        let endless = program(directory.path(), "exec head -c 300000000 /dev/zero").report(b"").await;
        assert!(matches!(endless, Err(InstallError::CompilerLimit("room for its result"))), "{MAX_REPORT}");
        let nonsense = program(directory.path(), "echo nonsense").report(b"").await;
        assert!(matches!(nonsense, Err(InstallError::Compiler(_))));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn nothing_of_the_host_s_environment_is_handed_on() {
        let directory = tempfile::tempdir().unwrap();
        let compiler = program(directory.path(), "cat >/dev/null; pwd; exec /usr/bin/env");
        let seen = String::from_utf8(compiler.compile(b"x").await.unwrap()).unwrap();
        assert!(seen.starts_with("/\n"), "{seen}");
        // cargo sets dozens of these for a test; the shell itself sets PWD and little else.
        for name in ["CARGO", "HOME=", "USER="] {
            assert!(!seen.contains(name), "{seen}");
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_real_process_limits_itself_before_it_reads() {
        let mut command = Command::new(crate::testkit::compiler_path());
        command.arg("compile").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let limits = format!("/proc/{}/limits", child.id().unwrap());
        let row = |text: &str, name: &str| {
            let row = text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
            row.trim_start_matches(name).split_whitespace().map(str::to_owned).take(2).collect::<Vec<_>>()
        };
        let expected = [
            ("Max cpu time", "120"),
            ("Max address space", "2147483648"),
            ("Max open files", "16"),
            ("Max file size", "0"),
            ("Max core file size", "0"),
        ];
        let mut set = false;
        for _ in 0..500 {
            let text = std::fs::read_to_string(&limits).unwrap();
            set = expected.iter().all(|(name, value)| row(&text, name) == [*value, *value]);
            if set {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(set, "{}", std::fs::read_to_string(&limits).unwrap());
        child.stdin.take().unwrap().shutdown().await.unwrap();
        child.wait().await.unwrap();
    }
}
