//! A session, frame by frame, with an end to every wait.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use claviger_lab::Lab;
use serde_json::{Value, json};

/// How long any one frame is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long nothing must come before it counts as nothing.
const SILENCE: Duration = Duration::from_millis(300);

/// A running `claviger mcp`. Every line of its standard output must be a frame.
pub(crate) struct Wire<'a> {
    lab: &'a Lab,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Option<JoinHandle<Vec<u8>>>,
    next: u64,
}

impl<'a> Wire<'a> {
    /// Starts the program; the session is the test's.
    pub(crate) fn new(lab: &'a Lab, more: &[&str]) -> Self {
        let mut command = lab.command();
        command.arg("mcp").args(more).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (output, mut errors) = (BufReader::new(child.stdout.take().unwrap()), child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let errors = std::thread::spawn(move || {
            let mut said = Vec::new();
            errors.read_to_end(&mut said).unwrap();
            said
        });
        let stdin = child.stdin.take();
        Self { lab, child, stdin, lines, errors: Some(errors), next: 1 }
    }

    /// Starts the program and begins a session.
    pub(crate) fn begin(lab: &'a Lab) -> Self {
        let mut wire = Self::new(lab, &[]);
        wire.initialize("2025-11-25");
        wire
    }

    /// The handshake; gives the result.
    pub(crate) fn initialize(&mut self, version: &str) -> Value {
        let client = json!({ "name": "wire", "version": "1" });
        let answer =
            self.ask("initialize", json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": client }));
        self.notify("notifications/initialized", json!({}));
        answer["result"].clone()
    }

    /// Whether a handshake still succeeds after a line, on a wire that may be closed by then.
    pub(crate) fn begins_after(&mut self, line: &[u8], version: &str) -> bool {
        let client = json!({ "name": "wire", "version": "1" });
        let parameters = json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": client });
        let request = json!({ "jsonrpc": "2.0", "id": "begins", "method": "initialize", "params": parameters });
        let both = [line, b"\n", request.to_string().as_bytes(), b"\n"].concat();
        let sent = self.stdin.as_mut().unwrap().write_all(&both);
        if sent.is_err() {
            return false;
        }
        let begun =
            std::iter::from_fn(|| self.frame()).any(|frame| frame["id"] == "begins" && frame.get("result").is_some());
        if begun {
            self.notify("notifications/initialized", json!({}));
        }
        begun
    }

    /// Sends a request without waiting.
    pub(crate) fn send(&mut self, method: &str, parameters: Value) -> u64 {
        let id = self.next;
        self.next += 1;
        self.raw(
            format!("{}\n", json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters })).as_bytes(),
        );
        id
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn ask(&mut self, method: &str, parameters: Value) -> Value {
        let id = self.send(method, parameters);
        self.answer(id).0
    }

    /// Calls a tool.
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({ "name": tool, "arguments": arguments }))
    }

    /// Sends a notification.
    pub(crate) fn notify(&mut self, method: &str, parameters: Value) {
        self.raw(format!("{}\n", json!({ "jsonrpc": "2.0", "method": method, "params": parameters })).as_bytes());
    }

    /// Sends bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes).unwrap();
        stdin.flush().unwrap();
    }

    /// The answer to a request, and the frames that came before it.
    pub(crate) fn answer(&mut self, id: u64) -> (Value, Vec<Value>) {
        let mut before = Vec::new();
        loop {
            let frame = self.frame().expect("an answer");
            if frame["id"] == id && frame.get("method").is_none() {
                return (frame, before);
            }
            before.push(frame);
        }
    }

    /// The next frame; `None` at the end.
    pub(crate) fn frame(&self) -> Option<Value> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(self.read(&line)),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("nothing came for {PATIENCE:?}"),
        }
    }

    fn read(&self, line: &str) -> Value {
        self.lab.heard(line.as_bytes());
        let frame: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("no frame: {error}: {line}"));
        assert_eq!(frame["jsonrpc"], "2.0", "{line}");
        frame
    }

    /// Frames that nobody asked for, if any come.
    pub(crate) fn unasked(&self) -> Vec<Value> {
        std::iter::from_fn(|| self.lines.recv_timeout(SILENCE).ok()).map(|line| self.read(&line)).collect()
    }

    /// Ends the session; gives the exit code and what was said on standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        drop(self.stdin.take());
        while self.frame().is_some() {}
        let code = self.child.wait().unwrap().code();
        let said = self.errors.take().unwrap().join().unwrap();
        self.lab.heard(&said);
        (code, String::from_utf8_lossy(&said).into_owned())
    }
}

impl Drop for Wire<'_> {
    fn drop(&mut self) {
        // Only after a failure is it still there.
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}
