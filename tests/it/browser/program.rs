//! The program while it waits for a person.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use claviger_lab::{Lab, Ran};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Child;
use tokio::task::JoinHandle;

use super::chromium::PATIENCE;

/// A command that runs, with what it says.
pub(crate) struct Program<'a> {
    lab: &'a Lab,
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<()>,
    said: Arc<Mutex<String>>,
}

impl<'a> Program<'a> {
    pub(crate) fn start(lab: &'a Lab, arguments: &[&str]) -> Self {
        let mut command = tokio::process::Command::from(lab.command());
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let (mut stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let stdout = tokio::spawn(async move {
            let mut text = String::new();
            stdout.read_to_string(&mut text).await.unwrap();
            text
        });
        let said = Arc::new(Mutex::new(String::new()));
        let stderr = tokio::spawn(hear(stderr, Arc::clone(&said)));
        Self { lab, child, stdout, stderr, said }
    }

    /// The link that it printed last, when it has printed `count` of them.
    pub(crate) async fn link(&self, count: usize) -> String {
        let begin = Instant::now();
        loop {
            let said = self.said.lock().unwrap().clone();
            let links: Vec<&str> = said
                .split_whitespace()
                .filter(|word| word.starts_with("http://") || word.starts_with("https://"))
                .collect();
            if links.len() >= count {
                return links[count - 1].to_owned();
            }
            assert!(begin.elapsed() < PATIENCE, "no link: {said}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// What it has said on standard error so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Ran {
        let status =
            tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("the program does not end").unwrap();
        let stdout = self.stdout.await.unwrap();
        self.stderr.await.unwrap();
        let stderr = self.said.lock().unwrap().clone();
        self.lab.heard(stdout.as_bytes());
        self.lab.heard(stderr.as_bytes());
        Ran { code: status.code().unwrap_or(-1), stdout, stderr }
    }
}

/// `claviger mcp` with an agent that does not wait.
pub(crate) struct Mcp<'a> {
    pub(crate) program: Program<'a>,
    stdin: tokio::process::ChildStdin,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
}

impl<'a> Mcp<'a> {
    pub(crate) async fn start(lab: &'a Lab) -> Self {
        let mut command = tokio::process::Command::from(lab.command());
        command.arg("mcp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = child.stderr.take().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let program = Program {
            lab,
            child,
            stdout: tokio::spawn(async { String::new() }),
            stderr: tokio::spawn(hear(stderr, Arc::clone(&said))),
            said,
        };
        let mut agent = Self { program, stdin, lines };
        let client = json!({ "name": "scripted-agent", "version": "1" });
        let parameters = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
        agent.send(&json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": parameters })).await;
        agent.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized", "params": {} })).await;
        agent
    }

    async fn send(&mut self, message: &Value) {
        self.stdin.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    /// Calls the tool that reads.
    pub(crate) async fn call(&mut self, id: u64) {
        self.call_with(id, &json!({})).await;
    }

    /// The same with arguments.
    pub(crate) async fn call_with(&mut self, id: u64, arguments: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": { "name": "psa_search_tickets", "arguments": arguments, "_meta": { "progressToken": id } } }))
            .await;
    }

    /// Takes a call back.
    pub(crate) async fn cancel(&mut self, id: u64) {
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }))
            .await;
    }

    /// Waits for the answers to these calls, in whatever order they come; each must be a result.
    pub(crate) async fn all_answered(&mut self, ids: &[u64]) {
        let mut missing: std::collections::BTreeSet<u64> = ids.iter().copied().collect();
        while !missing.is_empty() {
            let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("no answer").unwrap();
            let frame: Value = serde_json::from_str(&line.expect("the program ended")).unwrap();
            if frame["id"].as_u64().is_some_and(|id| missing.remove(&id)) {
                assert!(frame["result"]["isError"] != true && frame["error"].is_null(), "{frame}");
            }
        }
    }

    /// Waits for the answer to a call, which must be a result; gives what was told meanwhile.
    pub(crate) async fn answered(&mut self, id: u64) -> Vec<Value> {
        let mut told = Vec::new();
        loop {
            let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("no answer").unwrap();
            let frame: Value = serde_json::from_str(&line.expect("the program ended")).unwrap();
            if frame["id"] == id {
                assert!(frame["result"]["isError"] != true && frame["error"].is_null(), "{frame}");
                return told;
            }
            told.push(frame);
        }
    }

    /// Closes its standard input, which ends it.
    pub(crate) async fn end(self) {
        drop(self.stdin);
        assert_eq!(self.program.ended().await.code, 0);
    }
}

async fn hear(stderr: tokio::process::ChildStderr, heard: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        heard.lock().unwrap().push_str(&format!("{line}\n"));
    }
}
