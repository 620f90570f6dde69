//! `claviger demo` runs the program beside it, and says where that comes from when it is not there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn installed(directory: &Path) -> Command {
    let program = directory.join("claviger");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_claviger"), &program).unwrap();
    }
    Command::new(program)
}

fn ran(directory: &Path, arguments: &[&str]) -> Output {
    installed(directory).arg("demo").args(arguments).output().unwrap()
}

#[test]
fn the_demo_lies_beside_the_program_or_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let alone = ran(directory.path(), &[]);
    assert_eq!(alone.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&alone.stderr).contains("cargo xtask demo"));
    let script = directory.path().join("claviger-demo");
    for (text, code, shown) in [("echo one; echo two", 0, "one\ntwo\n"), ("echo one; exit 3", 1, "one\n")] {
        fs::write(&script, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let told = ran(directory.path(), &[]);
        assert_eq!((told.status.code(), String::from_utf8_lossy(&told.stdout).as_ref()), (Some(code), shown));
    }
    fs::write(&script, "#!/bin/sh\necho one; echo two\n").unwrap();
    let told: Value = serde_json::from_slice(&ran(directory.path(), &["--json"]).stdout).unwrap();
    assert_eq!(told, serde_json::json!({ "story": ["one", "two"] }));
}
