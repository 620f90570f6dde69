//! The laboratory of these tests: the real program of this build, and the packages that `cargo xtask` signed.

use std::path::Path;

use claviger_lab::Lab;

/// A fresh laboratory.
pub(crate) fn lab() -> Lab {
    let claviger = Path::new(env!("CARGO_BIN_EXE_claviger"));
    let packages = claviger.ancestors().nth(2).unwrap().join("packages");
    assert!(packages.join("psa/manifest.sig").exists(), "the plugins are not packed: run `cargo xtask test`");
    Lab::new(claviger, &packages).unwrap()
}

/// Nothing that was printed or kept holds a canary.
pub(crate) fn swept(lab: &Lab) {
    let found = lab.sweep().unwrap();
    assert!(found.is_empty(), "secrets got out: {found:#?}");
}
