//! A scripted agent: speaks the Model Context Protocol to `claviger mcp` over its standard streams.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Lab, LabError};

/// The revision of the protocol that this agent speaks.
const PROTOCOL: &str = "2025-11-25";

/// How long a program is waited for that something else ends: three times what it may take for its log-outs.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(5);

/// An agent with an open session. Dropping it ends the session.
pub struct Agent<'a> {
    lab: &'a Lab,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// What the program says on standard error: the operator's, not the agent's. It is swept like everything else.
    stderr: std::fs::File,
    next: u64,
    /// Answers that came before anybody waited for them.
    early: BTreeMap<u64, Value>,
    /// Notifications that came while it waited for answers.
    pub notifications: Vec<Value>,
}

impl<'a> Agent<'a> {
    /// Starts `claviger mcp` and begins a session.
    ///
    /// # Errors
    /// [`LabError`] when there is no session.
    pub fn start(lab: &'a Lab) -> Result<Self, LabError> {
        Self::with(lab, lab.command())
    }

    /// The same with a program that was prepared otherwise: its environment, its directory, its user.
    ///
    /// # Errors
    /// [`LabError`] when there is no session.
    pub fn with(lab: &'a Lab, mut command: Command) -> Result<Self, LabError> {
        let stderr = tempfile::tempfile()?;
        command.arg("mcp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr.try_clone()?);
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or_else(|| LabError::new("no standard output"))?;
        let stdout = BufReader::new(stdout);
        let (early, notifications) = (BTreeMap::new(), Vec::new());
        let mut agent = Self { lab, child, stdin, stdout, stderr, next: 1, early, notifications };
        agent.request(
            "initialize",
            &json!({ "protocolVersion": PROTOCOL, "capabilities": {},
                "clientInfo": { "name": "scripted-agent", "version": "1" } }),
        )?;
        agent.notify("notifications/initialized", &json!({}))?;
        Ok(agent)
    }

    /// Sends a request and waits for its answer: the whole JSON-RPC object.
    ///
    /// # Errors
    /// [`LabError`] when the session ends before the answer.
    pub fn request(&mut self, method: &str, parameters: &Value) -> Result<Value, LabError> {
        let id = self.begin(method, parameters)?;
        self.answer(id)
    }

    /// Sends a request and does not wait.
    ///
    /// # Errors
    /// [`LabError`] when the session is over.
    pub fn begin(&mut self, method: &str, parameters: &Value) -> Result<u64, LabError> {
        let id = self.next;
        self.next += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters }))?;
        Ok(id)
    }

    /// Waits for the answer to a request; answers come in any order.
    ///
    /// # Errors
    /// [`LabError`] when the session ends before the answer.
    pub fn answer(&mut self, id: u64) -> Result<Value, LabError> {
        loop {
            if let Some(answer) = self.early.remove(&id) {
                return Ok(answer);
            }
            let message = self.message()?;
            match message.get("id").and_then(Value::as_u64).filter(|_| message.get("method").is_none()) {
                Some(answered) => drop(self.early.insert(answered, message)),
                None => self.notifications.push(message),
            }
        }
    }

    /// The identifier of the program's process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the program, which something else ends.
    ///
    /// # Errors
    /// [`LabError`] when it goes on, or cannot be waited for.
    pub fn ended(&mut self) -> Result<ExitStatus, LabError> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(ended) = self.child.try_wait()? {
                return Ok(ended);
            }
            std::thread::sleep(PAUSE);
        }
        // Not waited for a second time when this is dropped.
        self.child.kill()?;
        Err(LabError::new(format!("claviger mcp goes on: {}", self.complaints())))
    }

    /// Whether the answer to a request is here, although nobody waited for it.
    #[must_use]
    pub fn has_answered(&self, id: u64) -> bool {
        self.early.contains_key(&id)
    }

    /// The most memory that the program has held so far, in bytes, as the kernel counts it.
    ///
    /// # Errors
    /// [`LabError`] when the kernel does not tell.
    pub fn peak_memory(&self) -> Result<u64, LabError> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kilobytes.map(|count| count * 1024).ok_or_else(|| LabError::new("the kernel does not tell a peak of memory"))
    }

    /// What the program said on standard error so far.
    pub fn complaints(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = self.stderr.rewind().and_then(|()| self.stderr.read_to_end(&mut bytes));
        match read {
            Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => error.to_string(),
        }
    }

    fn message(&mut self) -> Result<Value, LabError> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            return Err(LabError::new(format!("claviger mcp ended before it answered: {}", self.complaints())));
        }
        self.lab.heard(line.as_bytes());
        serde_json::from_str(&line).map_err(|_| LabError::new("a frame on standard output is not JSON"))
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// [`LabError`] when the session is over.
    pub fn notify(&mut self, method: &str, parameters: &Value) -> Result<(), LabError> {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": parameters }))
    }

    /// Sends bytes as they are, to see what becomes of rubbish.
    ///
    /// # Errors
    /// [`LabError`] when the session is over.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<(), LabError> {
        let stdin = self.stdin.as_mut().ok_or_else(|| LabError::new("the session is over"))?;
        stdin.write_all(bytes)?;
        Ok(stdin.flush()?)
    }

    /// The granted tools.
    ///
    /// # Errors
    /// [`LabError`] when the session ends before the answer.
    pub fn tools(&mut self) -> Result<Vec<Value>, LabError> {
        let answer = self.request("tools/list", &json!({}))?;
        let tools = answer.pointer("/result/tools").and_then(Value::as_array).cloned();
        tools.ok_or_else(|| LabError::new(format!("no tools: {answer}")))
    }

    /// Calls a tool: the result object, errors that the model sees included.
    ///
    /// # Errors
    /// [`LabError`] when the session ends before the answer, or the answer is a protocol error.
    pub fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value, LabError> {
        let parameters = json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": tool } });
        let answer = self.request("tools/call", &parameters)?;
        answer.get("result").cloned().ok_or_else(|| LabError::new(format!("protocol error: {answer}")))
    }

    fn send(&mut self, message: &Value) -> Result<(), LabError> {
        self.send_raw(format!("{message}\n").as_bytes())
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        // Closing its standard input ends the session; waiting lets the log be closed.
        drop(self.stdin.take());
        let _ended = self.child.wait();
        let said = self.complaints();
        self.lab.heard(said.as_bytes());
    }
}
