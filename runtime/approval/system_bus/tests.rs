//! A bus of a test's own, and what else it needs of a machine.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use super::SystemBus;

/// How long a daemon is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Starts a daemon of Debian's.
pub(crate) fn started(command: &mut Command) -> Child {
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn();
    started.expect("a daemon is missing: `cargo xtask test` installs fprintd, polkitd and dbus")
}

/// A directory with a bus in it, on which everybody may do everything.
pub(crate) struct PrivateBus {
    directory: tempfile::TempDir,
    pub(crate) address: String,
    _daemon: Child,
}

impl PrivateBus {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Daemons that give root up still find it.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let address = format!("unix:path={}", directory.path().join("bus").display());
        let rules = r#"<auth>EXTERNAL</auth><policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/></policy>"#;
        let config = format!("<busconfig><type>system</type><listen>{address}</listen>{rules}</busconfig>");
        let file = directory.path().join("bus.conf");
        fs::write(&file, config).unwrap();
        let config = format!("--config-file={}", file.display());
        let daemon = started(Command::new("dbus-daemon").args([config.as_str(), "--nofork", "--nopidfile"]));
        let bus = Self { directory, address, _daemon: daemon };
        let begin = Instant::now();
        while bus.bus().connect().await.is_err() {
            assert!(begin.elapsed() < PATIENCE, "dbus-daemon never answered");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bus
    }

    /// It, as the host finds it.
    pub(crate) fn bus(&self) -> SystemBus {
        SystemBus::at(&self.address)
    }

    /// A file of the test's own.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// The only test of this room's that could set the variable would race with the others; that it is read nowhere is seen
/// in what the default is.
#[test]
fn the_default_is_the_machines_own_bus() {
    assert_eq!(SystemBus::default().0, "unix:path=/run/dbus/system_bus_socket");
}
