//! The terminal itself: opened apart from standard input, which may be a protocol's stream.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::getpgrp;
use rustix::termios::{LocalModes, QueueSelector, isatty, tcflush, tcgetattr, tcgetpgrp};

use crate::Refused;

/// The longest answer, in bytes. `lease` has five.
const MAX_ANSWER: usize = 32;

/// How often a terminal that has nothing to read is looked at again. Nobody sees it; a withdrawn question ends as fast.
const PAUSE: Duration = Duration::from_millis(25);

/// An open terminal. Its reads and writes never block, so a question can always be withdrawn.
pub(crate) struct Device {
    file: File,
}

/// Why an exchange with the terminal ended without an answer.
#[derive(Debug)]
pub(crate) enum Silence {
    /// Nobody waits for the answer any more.
    Withdrawn,
    /// The terminal is gone.
    Gone,
}

impl From<io::Error> for Silence {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl Device {
    /// Opens a terminal that a person can answer on.
    pub(crate) fn open(path: &Path) -> Result<Self, Refused> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|_| Refused::NoTerminal { why: "this process has no controlling terminal" })?;
        if !isatty(&file) {
            return Err(Refused::NoTerminal { why: "the device is no terminal" });
        }
        // A background process that reads from its terminal is stopped by the kernel, and would hang instead of denying.
        if tcgetpgrp(&file).is_ok_and(|foreground| foreground != getpgrp()) {
            return Err(Refused::NoTerminal { why: "this process is in the background" });
        }
        // Another program draws on it and takes single keys: it would eat the answer, or supply one.
        if !tcgetattr(&file).is_ok_and(|state| state.local_modes.contains(LocalModes::ICANON)) {
            return Err(Refused::NoTerminal { why: "another program uses the terminal in raw mode" });
        }
        Ok(Self { file: File::from(file) })
    }

    /// Forgets what was typed and not yet read.
    pub(crate) fn forget_input(&self) -> Result<(), Silence> {
        tcflush(&self.file, QueueSelector::IFlush).map_err(|_| Silence::Gone)
    }

    pub(crate) fn say(&mut self, text: &str, withdrawn: &AtomicBool) -> Result<(), Silence> {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) => pause(error, withdrawn)?,
            }
        }
        Ok(())
    }

    /// One line without its end. A line that is too long for an answer is returned as far as it was read.
    pub(crate) fn line(&mut self, withdrawn: &AtomicBool) -> Result<Vec<u8>, Silence> {
        let mut line = Vec::new();
        while line.len() <= MAX_ANSWER {
            let mut byte = [0_u8];
            match self.file.read(&mut byte) {
                Ok(0) => return Err(Silence::Gone),
                Ok(_) if matches!(byte, [b'\n' | b'\r']) => break,
                Ok(_) => line.extend(byte),
                Err(error) => pause(error, withdrawn)?,
            }
        }
        Ok(line)
    }
}

fn pause(error: io::Error, withdrawn: &AtomicBool) -> Result<(), Silence> {
    match error.kind() {
        _ if withdrawn.load(Ordering::Acquire) => Err(Silence::Withdrawn),
        ErrorKind::WouldBlock => {
            thread::sleep(PAUSE);
            Ok(())
        }
        ErrorKind::Interrupted => Ok(()),
        _ => Err(error.into()),
    }
}
