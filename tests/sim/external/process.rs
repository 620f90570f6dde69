//! A launched server: its configuration on standard input, its port on standard output, its end with ours.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::TestCa;

/// An interpreter starts in about a second; a busy machine needs longer.
const READY: Duration = Duration::from_secs(30);
const LOG: &str = "log";

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) addr: SocketAddr,
    /// The line by which it said that it is ready.
    pub(super) told: Value,
    child: Child,
    /// Held open: the launchers end when it closes, even if we are killed.
    input: Option<ChildStdin>,
    /// Certificate, key, log and whatever the server writes.
    directory: TempDir,
}

/// A directory with a certificate and a key for the server.
pub(super) struct Prepared {
    pub(super) directory: TempDir,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Prepares one; only its owner may read it.
pub(super) fn prepare(ca: &TestCa) -> io::Result<Prepared> {
    let directory = tempfile::Builder::new().prefix("claviger-server-").tempdir()?;
    let identity = ca.issue(&[])?;
    let (certificate, key) = (directory.path().join("certificate.pem"), directory.path().join("key.pem"));
    std::fs::write(&certificate, identity.certificate)?;
    std::fs::write(&key, identity.key)?;
    Ok(Prepared { directory, certificate, key })
}

impl Process {
    /// Starts a launcher and waits until it listens.
    pub(super) fn start(mut command: Command, config: &Value, directory: TempDir) -> io::Result<Self> {
        let log = File::create(directory.path().join(LOG))?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let mut input = child.stdin.take();
        if let Some(input) = &mut input {
            writeln!(input, "{config}")?;
        }
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut process = Self { addr, told: Value::Null, child, input, directory };
        process.told = process.first()?;
        let port = process.told.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
        process.addr.set_port(port.ok_or_else(|| process.failed("it ended before it listened"))?);
        Ok(process)
    }

    /// A file of the server's.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The first line of standard output.
    fn first(&mut self) -> io::Result<Value> {
        let Some(output) = self.child.stdout.take() else { return Err(io::Error::other("no standard output")) };
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(output).read_line(&mut line);
            // Nobody waits any more when the time is over.
            let _late = tell.send(read.map(|_| line));
        });
        let line = told.recv_timeout(READY).map_err(|_| self.failed("it does not get ready"))??;
        serde_json::from_str(&line).map_err(|_| self.failed("it ended before it listened"))
    }

    fn failed(&self, why: &str) -> io::Error {
        let log = std::fs::read_to_string(self.directory.path().join(LOG)).unwrap_or_default();
        io::Error::other(format!("{why}; it says: {log}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        // It may have ended by itself: then there is nothing to kill.
        let _ended = self.child.kill();
        let _gone = self.child.wait();
    }
}
