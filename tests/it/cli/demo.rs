//! `claviger demo` runs the program beside it, and says where that comes from when it is not there.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Makes a file with another process. One that is still open for writing cannot be run (execve(2), ETXTBSY), and what
/// this process opens every child that another test starts meanwhile has open too.
fn shell(script: &str, directory: &Path, text: &str) {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(directory).arg(text);
    assert!(command.status().unwrap().success());
}

fn ran(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(directory.join("claviger")).arg("demo").args(arguments).output().unwrap()
}

#[test]
fn the_demo_lies_beside_the_program_or_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    shell("cp \"$2\" \"$1/claviger\"", directory.path(), env!("CARGO_BIN_EXE_claviger"));
    let alone = ran(directory.path(), &[]);
    assert_eq!(alone.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&alone.stderr).contains("cargo xtask demo"));
    let tells = |text: &str| {
        let script = "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1/claviger-demo\" && chmod 755 \"$1/claviger-demo\"";
        shell(script, directory.path(), text);
    };
    for (text, code, shown) in [("echo one; echo two", 0, "one\ntwo\n"), ("echo one; exit 3", 1, "one\n")] {
        tells(text);
        let told = ran(directory.path(), &[]);
        assert_eq!((told.status.code(), String::from_utf8_lossy(&told.stdout).as_ref()), (Some(code), shown));
    }
    tells("echo one; echo two");
    let told: Value = serde_json::from_slice(&ran(directory.path(), &["--json"]).stdout).unwrap();
    assert_eq!(told, serde_json::json!({ "story": ["one", "two"] }));
}
