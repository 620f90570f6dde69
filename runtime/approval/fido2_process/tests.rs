//! Programs that do what libfido2's do not.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::termios::{LocalModes, tcgetattr};
use tempfile::TempDir;

use super::{Fido2, Run};
use crate::SecurityKeyError;
use crate::terminal::tests::Screen;

/// A directory in which `fido2-token` is this script.
pub(crate) fn script(text: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "fido2-token", text);
    directory
}

/// Puts a script into a directory of programs.
pub(crate) fn write(directory: &Path, program: &str, text: &str) {
    let path = directory.join(program);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
}

fn ran(directory: &Path, terminal: &Path, patience: u64, withdrawn: &AtomicBool) -> Result<String, SecurityKeyError> {
    let run =
        Run { program: "fido2-token", arguments: &["-L"], input: "in\n", patience: Duration::from_millis(patience) };
    Fido2::new(directory.to_owned(), terminal.to_owned()).run(&run, withdrawn)
}

fn said(text: &str) -> Result<String, SecurityKeyError> {
    ran(script(text).path(), Path::new("/nowhere"), 20_000, &AtomicBool::new(false))
}

#[test]
fn a_program_gets_its_input_and_nothing_of_the_environment() {
    // The shell itself sets PWD and what it counts with.
    let printed = said("cat; /usr/bin/env | /usr/bin/cut -d= -f1 | /usr/bin/sort; pwd").unwrap();
    assert_eq!(printed, "in\nPWD\n/\n");
}

#[test]
fn too_much_and_what_is_no_text_are_refused() {
    for endless in ["/usr/bin/yes | /usr/bin/head -c 100000", "printf '\\377'"] {
        // A stream that is not read to its end may also end the program.
        assert!(said(endless).is_err(), "{endless}");
    }
    // Its complaint is read for libfido2's name of it, and not repeated.
    assert_eq!(said("echo secret FIDO_ERR_RX >&2; exit 1"), Err(SecurityKeyError::Failed("RX".to_owned())));
}

#[test]
fn a_missing_program_is_named_with_what_brings_it() {
    let empty = tempfile::tempdir().unwrap();
    let why = ran(empty.path(), Path::new("/nowhere"), 1_000, &AtomicBool::new(false)).unwrap_err();
    assert!(why.to_string().contains("fido2-tools"), "{why}");
}

#[test]
fn one_that_hangs_is_ended_though_it_would_not() {
    let began = Instant::now();
    let stubborn = script("trap '' TERM; while :; do /usr/bin/sleep 0.1; done");
    let why = ran(stubborn.path(), Path::new("/nowhere"), 200, &AtomicBool::new(false)).unwrap_err();
    assert_eq!(why, SecurityKeyError::Hangs);
    assert!(began.elapsed() < Duration::from_secs(8));
}

#[test]
fn a_question_that_is_taken_back_leaves_a_terminal_that_echoes() {
    let screen = Screen::new();
    let hides =
        format!("trap '' TERM; /usr/bin/stty -echo < {}; while :; do /usr/bin/sleep 0.1; done", screen.path.display());
    let directory = script(&hides);
    let withdrawn = Arc::new(AtomicBool::new(false));
    let terminal = fs::File::open(&screen.path).unwrap();
    let echoes = || tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ECHO);
    assert!(echoes());
    let (flag, path, programs) = (Arc::clone(&withdrawn), screen.path.clone(), directory.path().to_owned());
    let running = thread::spawn(move || ran(&programs, &path, 20_000, &flag));
    while echoes() {
        thread::yield_now();
    }
    withdrawn.store(true, Ordering::Release);
    assert_eq!(running.join().unwrap(), Err(SecurityKeyError::Withdrawn));
    assert!(echoes(), "whoever types next does not see it");
    assert_eq!(ran(directory.path(), &screen.path, 20_000, &withdrawn), Err(SecurityKeyError::Withdrawn));
}
