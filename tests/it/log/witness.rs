//! A witness in a process of its own, asked over HTTP: it signs what grows, and no other history.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use claviger_lab::Lab;
use serde_json::Value;

use crate::laboratory::{lab, swept};

const NAMES: [&str; 3] = ["log.jsonl", "tree.hashes", "checkpoint"];

/// `claviger audit witness serve` for the log of a laboratory.
pub(super) struct Witness {
    child: Child,
    pub(super) address: String,
}

impl Witness {
    pub(super) fn start(lab: &Lab) -> Self {
        let path = |name: &str| lab.beside(name).to_str().unwrap().to_owned();
        if !lab.beside("w1.key").exists() {
            lab.must(&["audit", "witness", "key", "witness.example/w1", "--out", &path("w1.key")]).unwrap();
        }
        let log = lab.state().join("audit.pub").to_str().unwrap().to_owned();
        let mut command = lab.command();
        command.args(["audit", "witness", "serve", "--listen", "127.0.0.1:0", "--name", "witness.example/w1"]);
        command.args(["--key", &path("w1.key"), "--log", &log, "--seen", &path("w1.seen")]);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let address = said.into_iter().find_map(|line| line.split("answers at ").nth(1).map(str::to_owned)).unwrap();
        Self { child, address: address.strip_suffix("/add-checkpoint").unwrap().to_owned() }
    }

    /// The status with which it answers a request of bytes.
    #[expect(clippy::disallowed_methods, reason = "a stranger asks the witness")]
    fn asked(&self, request: &str) -> u16 {
        let mut stream = std::net::TcpStream::connect(self.address.strip_prefix("http://").unwrap()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Witness {
    /// As a power cut would.
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn submit(lab: &Lab, witness: &Witness) -> claviger_lab::Ran {
    let public = lab.beside("w1.pub").to_str().unwrap().to_owned();
    lab.run(&["audit", "witness", "submit", "--url", &witness.address, "--witness", &public]).unwrap()
}

fn signed(lab: &Lab, witness: &Witness) {
    let ran = submit(lab, witness);
    assert!(ran.code == 0 && ran.stdout.contains("cosigned by witness.example/w1"), "{}{}", ran.stdout, ran.stderr);
}

fn grow(lab: &Lab, reference: &str) {
    assert_eq!(lab.run_with(&["secret", "put", reference], b"x").unwrap().code, 0);
}

fn forget(lab: &Lab) {
    fs::remove_file(lab.state().join("audit/cosigned")).unwrap();
}

#[test]
fn a_log_that_grows_is_signed_and_one_that_was_rewritten_is_not() {
    let lab = lab();
    let witness = Witness::start(&lab);
    signed(&lab, &witness);
    let public = lab.beside("w1.pub").to_str().unwrap().to_owned();
    lab.must(&["audit", "verify", "--witness", &public]).unwrap();
    let audit = lab.state().join("audit");
    let earlier = NAMES.map(|name| fs::read(audit.join(name)).unwrap());
    grow(&lab, "op://MSP/a/b");
    signed(&lab, &witness);
    // It says where it stands to a log that does not know.
    forget(&lab);
    signed(&lab, &witness);

    // What it has signed survives it.
    drop(witness);
    let witness = Witness::start(&lab);
    grow(&lab, "op://MSP/a/c");
    signed(&lab, &witness);
    assert_eq!(python(&lab)["cosigned"][0]["witness"], "witness.example/w1");

    for (name, bytes) in NAMES.iter().zip(&earlier) {
        fs::write(audit.join(name), bytes).unwrap();
    }
    let rolled_back = submit(&lab, &witness);
    assert_eq!(rolled_back.code, 5, "{}{}", rolled_back.stdout, rolled_back.stderr);
    // Longer than what was signed, under the same key, and another history.
    for number in 0..6 {
        grow(&lab, &format!("op://MSP/other/{number}"));
    }
    forget(&lab);
    let rewritten = submit(&lab, &witness);
    assert!(rewritten.code == 5 && rewritten.stderr.contains("rewritten or forked"), "{}", rewritten.stderr);
    assert!(!audit.join("cosigned").exists(), "nothing was signed");
    swept(&lab);
}

#[test]
fn strangers_get_nothing_signed() {
    let (lab, other) = (lab(), lab());
    let witness = Witness::start(&lab);
    fs::copy(lab.beside("w1.pub"), other.beside("w1.pub")).unwrap();
    let unknown = submit(&other, &witness);
    assert!(unknown.code == 5 && unknown.stderr.contains("does not know this log"), "{}", unknown.stderr);
    let request = lab.must(&["audit", "witness", "request"]).unwrap().stdout;
    let post = |body: &str| {
        let length = body.len();
        witness.asked(&format!(
            "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    };
    assert_eq!(post("no request"), 400);
    assert_eq!(post(&request.replacen("old 0", "old 99999", 1)), 400, "it begins after its own checkpoint");
    // Another root under the same signature.
    let mut lines: Vec<&str> = request.lines().collect();
    lines[4] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert_eq!(post(&format!("{}\n", lines.join("\n"))), 403);
    // One byte more than is read, so that nothing is left in the socket when it closes.
    assert_eq!(post(&"x".repeat(128 * 1024 + 1)), 413);
    assert_eq!(witness.asked("GET /add-checkpoint HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n"), 405);
    assert_eq!(witness.asked("GET / HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n"), 404);
    assert!(!lab.beside("w1.seen").exists(), "something was signed");
    signed(&lab, &witness);
    swept(&lab);
}

/// What the verifier in Python says of the log and the checkpoint that the witness signed.
fn python(lab: &Lab) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let servers = std::env::var_os("CLAVIGER_SERVERS").map_or_else(|| root.join("target/servers"), PathBuf::from);
    // An export has the public keys; the log goes on after it.
    let bundle = lab.beside("for-python");
    lab.must(&["audit", "export", bundle.to_str().unwrap()]).unwrap();
    // It goes with the export too.
    let public = lab.beside("w1.pub").to_str().unwrap().to_owned();
    let verified = lab.must(&["audit", "verify", "--json", "--witness", &public, bundle.to_str().unwrap()]).unwrap();
    assert_eq!(verified.json()["cosignatures"][0]["witness"], "witness.example/w1");
    let audit = lab.state().join("audit");
    let mut command = Command::new(servers.join("venv/bin/python"));
    command
        .arg("-B")
        .arg(root.join("tests/verifier/verify.py"))
        .arg(&audit)
        .arg("--keys")
        .arg(bundle.join("keys.json"));
    command.arg("--cosigned").arg(audit.join("cosigned")).arg("--witness").arg(lab.beside("w1.pub"));
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).unwrap()
}
