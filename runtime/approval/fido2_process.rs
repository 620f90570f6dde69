//! One run of a program of libfido2: no shell, no inherited environment, an end to its time and to its talk. A PIN goes from
//! the terminal to the program; nothing of it comes here.

use std::io::{self, Read, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::SecurityKeyError;

/// How long a run may take in which nobody does anything.
pub(crate) const QUICK: Duration = Duration::from_secs(10);

/// How long a run may take in which somebody types a PIN and touches a key. Keys give up after half a minute, and the desk
/// withdraws its question before this; what takes longer hangs.
pub(crate) const UNHURRIED: Duration = Duration::from_secs(180);

/// The most that is read of either stream, bytes: a certificate and what belongs to it is some kilobytes.
const OUTPUT_MAX: u64 = 64 * 1024;

/// How often a program that runs is looked at.
const PAUSE: Duration = Duration::from_millis(20);

/// How long a program that is asked to end may take for it. It gives the terminal its echo back, then ends.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Where the programs are, and the terminal that they ask on.
#[derive(Clone, Debug)]
pub(crate) struct Fido2 {
    directory: PathBuf,
    terminal: PathBuf,
}

/// What one run is.
pub(crate) struct Run<'a> {
    pub(crate) program: &'static str,
    pub(crate) arguments: &'a [&'a str],
    /// What it reads from its standard input: parameters, none of them secret.
    pub(crate) input: &'a str,
    pub(crate) patience: Duration,
}

impl Fido2 {
    pub(crate) fn new(directory: PathBuf, terminal: PathBuf) -> Self {
        Self { directory, terminal }
    }

    /// Runs a program and gives what it printed.
    pub(crate) fn run(&self, run: &Run<'_>, withdrawn: &AtomicBool) -> Result<String, SecurityKeyError> {
        if withdrawn.load(Ordering::Acquire) {
            return Err(SecurityKeyError::Withdrawn);
        }
        let path = self.directory.join(run.program);
        let terminal = Terminal::of(&self.terminal);
        let mut child = command(&path, run.arguments).spawn().map_err(|error| unstartable(&path, &error))?;
        if let Some(mut stdin) = child.stdin.take() {
            // It fits into the pipe. A program that ends before it has read says why by its exit code.
            let _unread = stdin.write_all(run.input.as_bytes());
        }
        let (printed, complaint) = (reading(child.stdout.take()), reading(child.stderr.take()));
        let status = wait(&mut child, run.patience, withdrawn).inspect_err(|_| {
            end(&mut child);
            terminal.iter().for_each(Terminal::restore);
        })?;
        // Its end closes both, unless it left a child of its own that holds them.
        let text = |from: &Receiver<Option<String>>| from.recv_timeout(QUICK).ok().flatten();
        let nonsense = |what| SecurityKeyError::Nonsense { program: run.program, what };
        if !status.success() {
            return Err(SecurityKeyError::of_complaint(&text(&complaint).unwrap_or_default()));
        }
        text(&printed).ok_or(nonsense("it prints no text, or more than it has to say"))
    }
}

fn command(path: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(path);
    command.args(arguments).env_clear().current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn unstartable(path: &Path, error: &io::Error) -> SecurityKeyError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory => {
            SecurityKeyError::NotInstalled(crate::plain(&path.to_string_lossy()))
        }
        _ => SecurityKeyError::Failed("it could not be started".to_owned()),
    }
}

/// Reads a stream to its end, on a thread of its own: a program that is not read from never ends.
fn reading(from: Option<impl Read + Send + 'static>) -> Receiver<Option<String>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        let whole = from.and_then(|from| from.take(OUTPUT_MAX).read_to_end(&mut text).ok());
        let whole = whole.filter(|length| u64::try_from(*length).is_ok_and(|length| length < OUTPUT_MAX));
        // Nobody listens any more when the run was given up.
        let _heard = sender.send(whole.and_then(|_| String::from_utf8(text).ok()));
    });
    receiver
}

fn wait(child: &mut Child, patience: Duration, withdrawn: &AtomicBool) -> Result<ExitStatus, SecurityKeyError> {
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if withdrawn.load(Ordering::Acquire) => return Err(SecurityKeyError::Withdrawn),
            Ok(None) if began.elapsed() < patience => thread::sleep(PAUSE),
            Ok(None) => return Err(SecurityKeyError::Hangs),
            Err(_) => return Err(SecurityKeyError::Failed("it could not be waited for".to_owned())),
        }
    }
}

/// Asks a program to end, and ends it when it does not.
fn end(child: &mut Child) {
    let asked = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // It may have ended by itself; either way it is gone after this.
    let _gone = asked.map(|pid| kill_process(pid, Signal::TERM));
    let began = Instant::now();
    while began.elapsed() < LAST_WORDS {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(PAUSE);
    }
    let _gone = child.kill().and_then(|()| child.wait());
}

/// The terminal as it was before a program asked on it for what must not be seen.
struct Terminal {
    file: OwnedFd,
    before: Termios,
}

impl Terminal {
    fn of(path: &Path) -> Option<Self> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty()).ok()?;
        let before = tcgetattr(&file).ok()?;
        Some(Self { file, before })
    }

    fn restore(&self) {
        // A terminal that is gone needs no echo.
        let _gone = tcsetattr(&self.file, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
pub(crate) mod tests;
