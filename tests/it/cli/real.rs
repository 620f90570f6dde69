//! A state directory that is not throw-away, beside the laboratory's: people are asked on the terminal.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use claviger_lab::{Canary, Lab, Ran};

use crate::laboratory::swept;

/// How long a terminal is read for something that must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a terminal is given to show what comes of a line.
const SETTLE: Duration = Duration::from_millis(200);

/// A real state directory.
pub(crate) struct Real<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) state: PathBuf,
    identity: Option<PathBuf>,
}

impl<'a> Real<'a> {
    /// One that an age identity unlocks: the laboratory's own, which is a file like any other.
    pub(crate) fn with_identity(lab: &'a Lab) -> Self {
        let identity = lab.state().join("identity.age");
        let text = fs::read_to_string(&identity).unwrap();
        let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
        let real = Self { lab, state: lab.beside("real"), identity: Some(identity) };
        let ran = real.run(&["init", "--principal", "alex", "--age-recipient", &recipient], b"");
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        real
    }

    /// One that a passphrase unlocks; `init` is the test's.
    pub(crate) fn unmade(lab: &'a Lab) -> Self {
        Self { lab, state: lab.beside("real"), identity: None }
    }

    /// The laboratory's ConnectWise connection, moved here.
    pub(crate) fn take_psa(&self, canaries: &[Canary]) {
        for canary in canaries {
            let ran =
                self.run(&["secret", "put", &format!("op://MSP/ConnectWise/{}", canary.name)], canary.value.as_bytes());
            assert_eq!(ran.code, 0, "{}", ran.stderr);
        }
        let package = self.lab.package("psa");
        let key = package.with_file_name("publisher.pub");
        let ran = self.run(&["plugin", "install", package.to_str().unwrap(), "--trust", key.to_str().unwrap()], b"");
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        fs::copy(self.lab.state().join("connections/psa.toml"), self.state.join("connections/psa.toml")).unwrap();
    }

    fn arguments(&self, arguments: &[&str]) -> Vec<String> {
        let mut all = vec!["--state".to_owned(), self.state.to_str().unwrap().to_owned()];
        if let Some(identity) = &self.identity {
            all.extend(["--identity".to_owned(), identity.to_str().unwrap().to_owned()]);
        }
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        all
    }

    /// Runs the program where there is no terminal at all.
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(env!("CARGO_BIN_EXE_claviger")).args(self.arguments(arguments));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that refuses early closes its end: then its exit code says why.
        let _closed = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        self.lab.heard(&output.stdout);
        self.lab.heard(&output.stderr);
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs the program on a terminal of its own.
    pub(crate) fn on_terminal(&self, arguments: &[&str]) -> Terminal<'_> {
        self.shell(arguments, "")
    }

    /// The same in a shell that then does something else.
    pub(crate) fn shell(&self, arguments: &[&str], then: &str) -> Terminal<'_> {
        let quoted = |word: &String| format!("'{}'", word.replace('\'', r"'\''"));
        let words: Vec<String> = self.arguments(arguments).iter().map(quoted).collect();
        let exec = if then.is_empty() { "exec " } else { "" };
        let line = format!("{exec}'{}' {}{then}", env!("CARGO_BIN_EXE_claviger"), words.join(" "));
        Terminal::start(self.lab, &line)
    }

    /// As [`swept`], with the files of this directory.
    pub(crate) fn swept(&self) {
        files(&self.state, &mut |path| self.lab.heard(&fs::read(path).unwrap()));
        swept(self.lab);
    }
}

fn files(directory: &Path, each: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, each) } else { each(&path) }
    }
}

/// A pseudo-terminal with a program on it, held by `script` of util-linux.
pub(crate) struct Terminal<'a> {
    lab: &'a Lab,
    child: Child,
    keys: ChildStdin,
    shown: Receiver<Vec<u8>>,
    reader: Option<JoinHandle<()>>,
    screen: String,
    read: usize,
}

impl<'a> Terminal<'a> {
    /// Runs a line of the shell on it.
    pub(crate) fn start(lab: &'a Lab, line: &str) -> Self {
        Self::with(lab, line, &[])
    }

    /// The same, with more in its environment.
    pub(crate) fn with(lab: &'a Lab, line: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new("script");
        command.envs(environment.iter().copied());
        command.args(["--quiet", "--flush", "--return", "--command", line, "/dev/null"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (keys, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, shown) = channel();
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { lab, child, keys, shown, reader: Some(reader), screen: String::new(), read: 0 }
    }

    /// Waits until the terminal shows a text that was not waited for yet.
    pub(crate) fn expect(&mut self, text: &str) -> &str {
        let until = Instant::now() + PATIENCE;
        while !self.screen[self.read..].contains(text) {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(bytes) = self.shown.recv_timeout(left) else {
                panic!("the terminal never showed {text:?}, but:\n{}", self.screen);
            };
            self.screen.push_str(&String::from_utf8_lossy(&bytes));
        }
        self.read += self.screen[self.read..].find(text).unwrap() + text.len();
        &self.screen
    }

    /// Answers an approval: what was typed before the question stood there is not taken, so the line is typed until the
    /// answer shows.
    pub(crate) fn answer(&mut self, line: &str, says: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.screen[self.read..].contains(says) {
            assert!(Instant::now() < until, "the answer was never taken:\n{}", self.screen);
            self.enter(line);
            while let Ok(bytes) = self.shown.recv_timeout(SETTLE) {
                self.screen.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    }

    /// Types a line.
    pub(crate) fn enter(&mut self, line: &str) {
        // A program that has ended takes no more lines; what it ended with says why.
        let _ended = self.keys.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.keys.flush());
    }

    /// Waits for the end; gives the exit code and everything that was shown.
    pub(crate) fn end(mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().unwrap();
        self.reader.take().unwrap().join().unwrap();
        while let Ok(bytes) = self.shown.try_recv() {
            self.screen.push_str(&String::from_utf8_lossy(&bytes));
        }
        self.lab.heard(self.screen.as_bytes());
        (code, std::mem::take(&mut self.screen))
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        // Only after a failure is it still there.
        let _ended = self.child.kill();
    }
}
