//! One run of `op`: no shell, no inherited environment, no secret in its arguments, an end to its time and to its talk.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use crate::op_error::classify;
use crate::provider::ProviderError;
use crate::reveal::Secret;

/// How long a run may take. The desktop app's dialogue ends by itself after one to two minutes, and `op` then says so;
/// what takes longer hangs.
pub(crate) const OP_TIMEOUT: Duration = Duration::from_secs(130);
/// The most that is read, bytes: a list of ten thousand items is below this.
const OUTPUT_MAX: usize = 16 * 1024 * 1024;
/// What is allocated for output at first; most answers are one value.
const OUTPUT_EXPECTED: usize = 16 * 1024;
/// What `op` may have of the host's environment: where programs and configuration are, and the way to the network.
/// Sessions (`OP_SESSION_…`, which would win over the desktop app) and tokens are not among it.
const PASSED_ON: [&str; 13] = [
    "PATH",
    "HOME",
    "USER",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "all_proxy",
    "no_proxy",
];

/// How `op` is run.
pub(crate) struct OpProcess {
    path: PathBuf,
    environment: Vec<(OsString, OsString)>,
    token: Option<Secret>,
    timeout: Duration,
}

impl OpProcess {
    /// `environment` is the host's; only what [`PASSED_ON`] names is taken from it. `token` is a service account's.
    pub(crate) fn new(path: PathBuf, environment: &[(OsString, OsString)], token: Option<Secret>) -> Self {
        let wanted = |(name, _): &&(OsString, OsString)| PASSED_ON.iter().any(|passed| name == passed);
        let mut environment: Vec<_> = environment.iter().filter(wanted).cloned().collect();
        environment.extend(own_variables(token.is_some()));
        Self { path, environment, token, timeout: OP_TIMEOUT }
    }

    /// Another limit than 130 seconds.
    #[cfg(test)]
    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Runs `op` and gives what it printed. `input` goes through a pipe; without it, standard input is empty, so that
    /// nothing can ask there.
    pub(crate) async fn run(
        &self,
        arguments: &[&str],
        input: Option<&[u8]>,
    ) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let mut child = self.command(arguments, input.is_some()).spawn().map_err(|error| unstartable(&error))?;
        let ended = tokio::time::timeout(self.timeout, talk(&mut child, input)).await;
        // The desktop app's dialogue may still be open; asking again would open another one.
        let (status, stdout, stderr) = match ended.unwrap_or(Err(ProviderError::Dismissed)) {
            Ok(ended) => ended,
            Err(error) => {
                // It may have ended by itself; either way it is gone.
                let _ = child.kill().await;
                return Err(error);
            }
        };
        if status.success() { Ok(stdout) } else { Err(classify(status.code(), &stderr)) }
    }

    fn command(&self, arguments: &[&str], piped: bool) -> Command {
        let mut command = Command::new(&self.path);
        command
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(if piped { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(token) = &self.token {
            // EXPOSE: the environment of the child is the only place where `op` takes a service account's token; other
            // users cannot read it, and the command that holds the copy lives as long as the run.
            command.env("OP_SERVICE_ACCOUNT_TOKEN", OsStr::from_bytes(token.expose()));
        }
        command
    }
}

impl fmt::Debug for OpProcess {
    /// Without the environment: a proxy's address can hold a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OpProcess").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What `op` is told beside its arguments.
fn own_variables(service_account: bool) -> impl Iterator<Item = (OsString, OsString)> {
    // 1Password's form of a version: major, two digits of minor and of patch, and 01.
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    let build = format!(
        "{}{:02}{:02}01",
        number(env!("CARGO_PKG_VERSION_MAJOR")),
        number(env!("CARGO_PKG_VERSION_MINOR")),
        number(env!("CARGO_PKG_VERSION_PATCH"))
    );
    [
        ("OP_BIOMETRIC_UNLOCK_ENABLED", if service_account { "false" } else { "true" }.to_owned()),
        ("OP_INTEGRATION_NAME", "Claviger".to_owned()),
        ("OP_INTEGRATION_ID", "CLV".to_owned()),
        ("OP_INTEGRATION_BUILDNUMBER", build),
    ]
    .into_iter()
    .map(|(name, value)| (name.into(), value.into()))
}

type Ended = (ExitStatus, Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>);

/// Writes, reads and waits at once: a child that is not read from never ends.
async fn talk(child: &mut Child, input: Option<&[u8]>) -> Result<Ended, ProviderError> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // A child that ends before it has read says why by its exit code.
            let _ = stdin.write_all(input).await;
        }
        Ok(())
    };
    let wait = async { child.wait().await.map_err(|_| ProviderError::Unavailable("op could not be waited for")) };
    let ((), stdout, stderr, status) = tokio::try_join!(write, read(stdout), read(stderr), wait)?;
    Ok((status, stdout, stderr))
}

/// Reads to the end. The buffer is wiped when it is dropped, and also each time that it has to grow.
async fn read(from: Option<impl AsyncRead + Unpin>) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(OUTPUT_EXPECTED));
    let Some(mut from) = from else { return Ok(bytes) };
    loop {
        if bytes.len() == bytes.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(bytes.capacity() * 2));
            larger.extend_from_slice(&bytes);
            bytes = larger;
        }
        match from.read_buf(&mut *bytes).await {
            Ok(0) => return Ok(bytes),
            Ok(_) if bytes.len() > OUTPUT_MAX => return Err(ProviderError::Unavailable("op printed more than 16 MiB")),
            Ok(_) => {}
            Err(_) => return Err(ProviderError::Unavailable("op's output could not be read")),
        }
    }
}

fn unstartable(error: &io::Error) -> ProviderError {
    match error.kind() {
        io::ErrorKind::NotFound => ProviderError::Misconfigured("there is no program at the configured path of op"),
        io::ErrorKind::PermissionDenied => ProviderError::Misconfigured("the configured path of op is no program"),
        _ => ProviderError::Unavailable("op could not be started"),
    }
}
