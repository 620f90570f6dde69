//! A bus of a test's own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};
use zbus::Connection;
use zbus::connection::Builder;

/// How long a daemon is waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Everybody may do everything: what the tests are about is not the bus.
const RULES: &str = r#"<auth>EXTERNAL</auth><policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/></policy>"#;

/// Starts a daemon of Debian's, which ends with what this returns.
///
/// # Panics
/// When there is no such program.
pub fn started(command: &mut Command) -> Child {
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn();
    started.expect("a daemon is missing: `cargo xtask test` installs fprintd, polkitd and dbus")
}

/// A directory with a bus in it.
#[derive(Debug)]
pub struct PrivateBus {
    directory: tempfile::TempDir,
    address: String,
    _daemon: Child,
}

impl PrivateBus {
    /// Starts it.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Daemons that give root up still find it.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let address = format!("unix:path={}", directory.path().join("bus").display());
        let config = format!("<busconfig><type>system</type><listen>{address}</listen>{RULES}</busconfig>");
        let file = directory.path().join("bus.conf");
        fs::write(&file, config).unwrap();
        let config = format!("--config-file={}", file.display());
        let daemon = started(Command::new("dbus-daemon").args([config.as_str(), "--nofork", "--nopidfile"]));
        let bus = Self { directory, address, _daemon: daemon };
        let begin = Instant::now();
        while Builder::address(bus.address()).build().await.is_err() {
            assert!(begin.elapsed() < PATIENCE, "dbus-daemon never answered");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bus
    }

    /// Its D-Bus address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A file of the test's own.
    pub fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A program on it.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn connection(&self) -> Connection {
        Builder::address(self.address()).build().await.unwrap()
    }
}
