//! The laboratory of these tests: the real program of this build, and the packages that `cargo xtask` signed.

use std::path::{Path, PathBuf};

use claviger_lab::Lab;

/// A fresh laboratory.
pub(crate) fn lab() -> Lab {
    Lab::new(Path::new(env!("CARGO_BIN_EXE_claviger")), &packages()).unwrap()
}

/// Where the signed packages are.
pub(crate) fn packages() -> PathBuf {
    let packages = Path::new(env!("CARGO_BIN_EXE_claviger")).ancestors().nth(2).unwrap().join("packages");
    assert!(packages.join("psa/manifest.sig").exists(), "the plugins are not packed: run `cargo xtask test`");
    packages
}

/// Nothing that was printed or kept holds a canary.
pub(crate) fn swept(lab: &Lab) {
    let found = lab.sweep().unwrap();
    assert!(found.is_empty(), "secrets got out: {found:#?}");
}
