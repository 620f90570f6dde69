//! What the tests of this room share: built attacks, the real compiler, and the far side of the hallway.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use claviger_grant::{SendRequest, SlotHandle};
use claviger_manifest::{Digest, Limits};
use claviger_pipeline::{Reason, Refusal};
use claviger_vault::{Answer, HttpAnswer};

use crate::compiled::Origin;
use crate::console::{Console, LogLine};
use crate::errand::{Errand, Hallside};
use crate::error::{CallError, InstallError};
use crate::limits::Limit;
use crate::run::{Answered, run};
use crate::{Compiler, HostKey, Prepared, Sandbox};

/// What the far side of the hallway does in a test: it refuses, answers, or keeps a human waiting first.
pub(crate) struct Far {
    pub(crate) declared: &'static str,
    /// How long a human thinks about each request, and how long the upstream does.
    pub(crate) human: Duration,
    pub(crate) slow: Duration,
    pub(crate) waited: Arc<Mutex<(Duration, Option<Instant>)>>,
    pub(crate) sent: Vec<SendRequest>,
    pub(crate) stored: Vec<SlotHandle>,
    pub(crate) body: Option<Vec<u8>>,
}

impl Far {
    pub(crate) fn new() -> Self {
        Self {
            declared: "key",
            human: Duration::ZERO,
            slow: Duration::ZERO,
            waited: Arc::default(),
            sent: Vec::new(),
            stored: Vec::new(),
            body: None,
        }
    }

    async fn ask_a_human(&self) {
        let start = Instant::now();
        self.waited.lock().unwrap().1 = Some(start);
        tokio::time::sleep(self.human).await;
        *self.waited.lock().unwrap() = (start.elapsed(), None);
    }

    fn answer(&mut self, request: SendRequest) -> Result<Answer, Refusal> {
        self.sent.push(request);
        let Some(body) = self.body.clone() else {
            return Err(Refusal::before_sending(Reason::NotApproved, "a human said no"));
        };
        Ok(Answer::Http(HttpAnswer {
            status: 200,
            headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            body: body.into(),
            captured: vec![slot("token", 0)],
        }))
    }
}

impl Hallside for Far {
    async fn serve(&mut self, errand: Errand) {
        let undeclared = || Refusal::before_sending(Reason::Undeclared, "the manifest does not declare it");
        match errand {
            Errand::Open { name, reply } => {
                let declared = if name == self.declared { Ok(()) } else { Err(undeclared()) };
                let _ = reply.send(declared);
            }
            Errand::Generate { slot: name, reply } => {
                let _ = reply.send(Ok(slot(&name, 1)));
            }
            Errand::Send { request, reply } => {
                self.ask_a_human().await;
                tokio::time::sleep(self.slow).await;
                let _ = reply.send(self.answer(request));
            }
            Errand::Store { values, reply, .. } => {
                self.stored = values;
                let reference = "op://MSP/Node/token".parse().unwrap();
                let _ = reply.send(Ok(Answer::Stored(vec![reference])));
            }
        }
    }

    fn waited(&self) -> Box<dyn Fn() -> Duration + Send + Sync> {
        let waited = Arc::clone(&self.waited);
        Box::new(move || {
            let (total, since) = *waited.lock().unwrap();
            total + since.map_or(Duration::ZERO, |since| since.elapsed())
        })
    }
}

pub(crate) fn slot(name: &str, id: u32) -> SlotHandle {
    SlotHandle { slot: name.parse().unwrap(), id }
}

pub(crate) fn limits() -> Limits {
    Limits {
        memory: 64 << 20,
        cpu: Duration::from_millis(200),
        deadline: Duration::from_secs(30),
        approval: Duration::from_secs(60),
        handles: 64,
        host_bytes: 8 << 20,
        requests: 5,
        request: 1 << 20,
        response: 8 << 20,
        log_lines: 20,
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A built attack. Missing ones are an error that says how to build them, never a test that is skipped.
fn component(name: &str) -> Vec<u8> {
    let path = root().join("tests/hostile/target").join(name);
    std::fs::read(&path).unwrap_or_else(|_| {
        panic!(
            "{} is missing: cd tests/hostile && cargo build --release --examples --target wasm32-wasip2",
            path.display()
        )
    })
}

pub(crate) fn rust(name: &str) -> Vec<u8> {
    component(&format!("wasm32-wasip2/release/examples/{name}.wasm"))
}

pub(crate) fn wat(name: &str) -> Vec<u8> {
    component(&format!("wat/{name}.wasm"))
}

/// The compiler program, for whoever starts it in a test.
pub(crate) fn compiler_path() -> PathBuf {
    let path = root().join("target/compiler/release/claviger-compile");
    assert!(
        path.exists(),
        "the compiler is missing: cargo build --release --manifest-path runtime/compiler/Cargo.toml --target-dir target/compiler"
    );
    path
}

pub(crate) fn compiler() -> Compiler {
    Compiler::new(compiler_path())
}

pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) cache: tempfile::TempDir,
    pub(crate) lines: Arc<Mutex<Vec<LogLine>>>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let cache = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::new(compiler(), cache.path(), HostKey::new([3; 32])).unwrap();
        Self { sandbox, cache, lines: Arc::default() }
    }

    pub(crate) async fn prepare(&self, component: &[u8], limits: Limits) -> Result<Prepared, InstallError> {
        let (digest, manifest) = (Digest::of(component), Digest::of(b"a manifest"));
        let origin = Origin { component: &digest, manifest: &manifest };
        self.sandbox.prepare(component, &origin, limits, BTreeMap::new()).await
    }

    pub(crate) async fn attacks(&self) -> Prepared {
        self.prepare(&rust("attacks"), limits()).await.unwrap()
    }

    pub(crate) async fn run(&self, prepared: &Prepared, tool: &str, far: &mut Far) -> Result<Answered, CallError> {
        let lines = Arc::clone(&self.lines);
        let listener = Arc::new(move |line| lines.lock().unwrap().push(line));
        let console = Console::new("here".parse().unwrap(), "t".parse().unwrap(), listener, prepared.limits.log_lines);
        run(prepared, tool, "{\"a\":1}", console, far).await
    }

    /// Runs an attack, then a harmless call on the same plugin.
    pub(crate) async fn attack(&self, prepared: &Prepared, tool: &str) -> CallError {
        let error = self.run(prepared, tool, &mut Far::new()).await.map(|answered| answered.text).unwrap_err();
        assert_eq!(self.run(prepared, "noop", &mut Far::new()).await.unwrap().text, "{}", "after {tool}");
        error
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.lines.lock().unwrap().iter().map(|line| line.text.clone()).collect()
    }
}

#[track_caller]
pub(crate) fn assert_limit(error: &CallError, expected: Limit, expected_line: &str) {
    let CallError::Limit { limit, line } = error else { panic!("{error}") };
    assert_eq!((*limit, line.as_str()), (expected, expected_line));
    assert!(error.to_string().contains(expected_line), "{error}");
}
