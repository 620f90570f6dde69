//! No record, no act: with no room for the intent nothing is resolved and nothing goes out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use claviger_lab::{Lab, Upstream};

use super::{count, entries};
use crate::laboratory::{lab, swept};
use crate::op::Account;

/// tmpfs gives room by the page.
const PAGE: u64 = 4096;
/// The script's word for a machine on which nothing can be mounted.
const NO_MOUNT: i32 = 99;

/// A laboratory whose secrets are at 1Password, so that every reading of one is seen there.
fn with_secrets_elsewhere(lab: &Lab) -> (Upstream, Account) {
    let psa = lab.psa(0).unwrap();
    let account = Account::of(lab, &psa.canaries);
    (psa, account)
}

/// The failing disk of `failing_disk.c`, compiled.
fn failing_disk(directory: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/log/failing_disk.c");
    let library = directory.join("failing_disk.so");
    let mut compile = Command::new("cc");
    compile.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl");
    assert!(compile.status().unwrap().success(), "the C compiler failed");
    library
}

#[test]
fn a_disk_that_fails_refuses_the_call_before_a_secret_is_read() {
    let lab = lab();
    let (psa, account) = with_secrets_elsewhere(&lab);
    let library = failing_disk(lab.state().parent().unwrap());
    let before = count(&lab);
    for (failing, after) in [("write", before), ("sync", before + 1)] {
        let mut command = lab.command();
        command.args(["call", "psa.search_tickets"]).env("XDG_CONFIG_HOME", account.home());
        let output = command.env("LD_PRELOAD", &library).env("FAILING_DISK", failing).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        lab.heard(said.as_bytes());
        assert_eq!(output.status.code(), Some(5), "{failing}: {said}");
        assert!(said.contains("the audit log could not be written") && said.contains("check space"), "{said}");
        assert_eq!(psa.running.connections(), 0, "{failing}: a request went out without a record");
        assert_eq!(account.reads(), 0, "{failing}: a secret was read without a record");
        assert_eq!(count(&lab), after, "{failing}");
    }
    // With a disk again it goes on: the intent that may have become durable has an outcome that nobody knows.
    let ran = lab.run_with(&["secret", "put", "op://Other/a/b"], b"x").unwrap();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let kinds: Vec<_> = entries(&lab, 3).iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["intent", "outcome-unknown", "event"]);
    lab.must(&["audit", "verify"]).unwrap();
    swept(&lab);
}

/// Room for what is in a directory, and not for one entry more.
fn pages(directory: &Path) -> u64 {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
    files.map(|length| length.div_ceil(PAGE)).sum::<u64>() * PAGE
}

/// In a name space of its own: the log on a file system that is full, a call there, more room, and an operator's action.
const FULL: &str = r#"
mount -t tmpfs -o size="$2" tmpfs "$1/audit" && cp -p "$1/../kept/"* "$1/audit/" || exit 99
"$0" --state "$1" call psa.search_tickets; echo "call ends with $?" >&2
mount -o remount,size=1m "$1/audit" || exit 99
echo x | "$0" --state "$1" secret put op://Other/a/b; echo "put ends with $?" >&2
"$0" --state "$1" audit verify; echo "verify ends with $?" >&2
"#;

#[test]
fn a_full_file_system_refuses_the_call_and_loses_nothing() {
    let lab = lab();
    let (psa, account) = with_secrets_elsewhere(&lab);
    let (audit, kept) = (lab.state().join("audit"), lab.beside("kept"));
    fs::create_dir(&kept).unwrap();
    for entry in fs::read_dir(&audit).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), kept.join(entry.file_name())).unwrap();
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", FULL, env!("CARGO_BIN_EXE_claviger")]);
    command.arg(lab.state()).arg(pages(&kept).to_string()).env("XDG_CONFIG_HOME", account.home());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    lab.heard(said.as_bytes());
    assert_eq!((psa.running.connections(), account.reads()), (0, 0), "{said}");
    // Where nothing can be mounted, the test above is what there is.
    if !said.contains("unshare failed") && output.status.code() != Some(NO_MOUNT) {
        for expected in
            ["(no storage space)", "call ends with 5", "was cut off", "put ends with 0", "verify ends with 0"]
        {
            assert!(said.contains(expected), "{expected:?} is not in: {said}");
        }
    }
    swept(&lab);
}
