//! Where the servers are, and how they come there.

use std::io;
use std::path::{Path, PathBuf};

/// Names another place for the servers.
const VARIABLE: &str = "CLAVIGER_SERVERS";

/// What pins the versions. `cargo xtask` installs, and leaves copies of both in `installed` when it is done.
const PINS: [&str; 2] = ["package-lock.json", "requirements.txt"];
const INSTALLED: &str = "installed";

/// A directory with `node_modules` and `venv`.
#[derive(Debug, Clone)]
pub struct Installation(PathBuf);

/// The workspace's root.
fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// A launcher.
pub(super) fn launcher(name: &str) -> PathBuf {
    workspace().join("tests/servers").join(name)
}

impl Installation {
    /// Where tests look: the directory of `CLAVIGER_SERVERS`, else `target/servers`.
    #[must_use]
    pub fn find() -> Self {
        Self(std::env::var_os(VARIABLE).map_or_else(|| workspace().join("target/servers"), PathBuf::from))
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0
    }

    /// Whether both servers are there in the versions that are pinned now.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let same = |pin: &str| {
            let noted = std::fs::read(self.0.join(INSTALLED).join(pin)).ok();
            noted.is_some() && noted == std::fs::read(launcher(pin)).ok()
        };
        PINS.iter().all(|pin| same(pin)) && self.modules().is_ok() && self.python().is_ok()
    }

    /// The directory that holds `node_modules`.
    pub(super) fn modules(&self) -> io::Result<&Path> {
        self.present("node_modules/oidc-provider/package.json").map(|_| self.directory())
    }

    /// The interpreter of the virtual environment.
    pub(super) fn python(&self) -> io::Result<PathBuf> {
        self.present("venv/bin/sushy-emulator")?;
        self.present("venv/bin/python")
    }

    fn present(&self, path: &str) -> io::Result<PathBuf> {
        let path = self.0.join(path);
        if path.exists() {
            return Ok(path);
        }
        let told = format!("{} is missing; `cargo xtask setup` installs the servers", path.display());
        Err(io::Error::new(io::ErrorKind::NotFound, told))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_installation_counts_only_with_the_versions_pinned_now() {
        let directory = tempfile::tempdir().unwrap();
        let there = Installation(directory.path().to_path_buf());
        for path in ["node_modules/oidc-provider/package.json", "venv/bin/sushy-emulator", "venv/bin/python"] {
            assert!(!there.is_complete());
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        assert!(!there.is_complete());
        let noted = directory.path().join(INSTALLED);
        std::fs::create_dir(&noted).unwrap();
        for pin in PINS {
            std::fs::copy(launcher(pin), noted.join(pin)).unwrap();
        }
        assert!(there.is_complete());
        std::fs::write(noted.join("requirements.txt"), "sushy-tools==0").unwrap();
        assert!(!there.is_complete());
    }

    #[test]
    fn the_pinned_files_name_no_registry() {
        for pin in ["package.json", "package-lock.json", "requirements.txt"] {
            let text = std::fs::read_to_string(launcher(pin)).unwrap();
            assert!(
                !text.contains("\"resolved\"") && !text.contains("registry") && !text.contains("index-url"),
                "{pin}"
            );
        }
    }
}
