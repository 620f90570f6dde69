//! `claviger audit witness`: both sides of a cosignature, as texts on standard input and output, which a file or a pipe to
//! another machine carries. `witness_http.rs` carries them over HTTP.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use claviger_audit::{
    CheckpointVerifier, Cosignature, Head, WitnessError, WitnessKey, WitnessRequest, WitnessVerifier,
};
use claviger_pipeline::Outside;
use serde_json::json;

use crate::audit_arguments::{Witness, WitnessDesk};
use crate::error::{Code, Failure};
use crate::output::Output;
use crate::state::{self, State};
use crate::{audit, keys, witness_http};

/// More than a request holds: 63 hashes and a checkpoint with its signatures.
const MAX_TEXT: u64 = 128 * 1024;

pub(crate) fn run(state: &State, command: &Witness) -> Result<Output, Failure> {
    match command {
        Witness::Key { name, out } => key(name, out),
        Witness::Request { old } => request(state, *old),
        Witness::Cosign(desk) => cosign(desk),
        Witness::Serve { desk, listen } => witness_http::serve(desk, *listen),
        Witness::Submit { url, witness, ca, network } => {
            witness_http::submit(state, &witness_http::Post { url, witness, ca: ca.as_deref(), network })
        }
        Witness::Accept { witness } => accept(state, witness),
    }
}

/// Makes a witness's key, beside its public half.
fn key(name: &str, out: &Path) -> Result<Output, Failure> {
    let public = out.with_extension("pub");
    if out.exists() || public.exists() {
        return Err(Failure::usage(format!("{} exists; name a new file", out.display())));
    }
    // The name is tried before anything is written.
    witness_key(name, keys::random()?)?;
    let vkey = witness_key(name, keys::create(out)?)?.public().vkey();
    state::write(&public, format!("{vkey}\n").as_bytes())?;
    Output::new(format!("{} signs as {vkey}", out.display()), &json!({ "key": out, "public": vkey }))
}

fn witness_key(name: &str, seed: [u8; 32]) -> Result<WitnessKey, Failure> {
    WitnessKey::from_seed(name, seed).map_err(|_| Failure::usage("a witness's name has no space and no plus"))
}

/// Asks a witness to sign the log's present checkpoint.
fn request(state: &State, old: u64) -> Result<Output, Failure> {
    state.config()?;
    let log = audit::log_key(state)?;
    let request = WitnessRequest::new(&state.audit(), old, &log).map_err(audit::broken)?;
    Output::new(request.to_text(), &json!({ "request": request.to_text() }))
}

/// Signs what a log asks, if its history goes on.
fn cosign(desk: &WitnessDesk) -> Result<Output, Failure> {
    let desk = Desk::open(desk)?;
    let request = WitnessRequest::parse(&from_stdin()?).map_err(refused)?;
    let line = desk.sign(&request)?.map_err(refused)?;
    Output::new(&line, &json!({ "cosignature": line }))
}

/// A witness of one log.
pub(crate) struct Desk {
    key: WitnessKey,
    pub(crate) log: CheckpointVerifier,
    seen: PathBuf,
}

impl Desk {
    pub(crate) fn open(desk: &WitnessDesk) -> Result<Self, Failure> {
        let (key, log) = (witness_key(&desk.name, keys::read(&desk.key)?)?, audit::verifier(&desk.log)?);
        // What cannot be read now would be refused with each request.
        last(&desk.seen, &log)?;
        Ok(Self { key, log, seen: desk.seen.clone() })
    }

    /// Signs. What was signed last is kept before the signature is given away, and one request at a time is looked at, in
    /// whatever process: a witness that forgets could sign two histories.
    pub(crate) fn sign(&self, request: &WitnessRequest) -> Result<Result<String, WitnessError>, Failure> {
        let path = self.seen.with_added_extension("lock");
        let lock = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let lock = lock.map_err(|error| Failure::file(&path, &error))?;
        lock.lock().map_err(|error| Failure::file(&path, &error))?;
        let seen = last(&self.seen, &self.log)?;
        let signed = self.key.cosign(request, &self.log, seen, (Outside::system().now)());
        if signed.is_ok() {
            state::write(&self.seen, request.checkpoint().as_bytes())?;
        }
        Ok(signed.map(|(line, _)| line))
    }
}

/// The head that was signed last for this log.
fn last(seen: &Path, log: &CheckpointVerifier) -> Result<Option<Head>, Failure> {
    if !seen.exists() {
        return Ok(None);
    }
    let note = state::read(seen)?;
    let head = log.open(note.as_bytes());
    head.map(Some).map_err(|error| Failure::state(format!("{}: {error}", seen.display())))
}

/// Keeps a witness's answer with the checkpoint.
fn accept(state: &State, witnesses: &[PathBuf]) -> Result<Output, Failure> {
    state.config()?;
    let (known, answer) = (known(witnesses)?, from_stdin()?);
    let note = state.checkpoint()?;
    keep(state, &note, &answer, &known)
}

/// Keeps what witnesses said of a checkpoint, beside what others said of the same one.
pub(crate) fn keep(state: &State, note: &str, answer: &str, known: &[WitnessVerifier]) -> Result<Output, Failure> {
    let before = if state.cosigned().exists() { state::read(&state.cosigned())? } else { String::new() };
    let text = |note: &str| note.rsplit_once("\n\n").map(|(text, _)| text.to_owned());
    let note = if text(&before) == text(note) { &before } else { note };
    let cosigned = claviger_audit::add_cosignatures(note.as_bytes(), answer, known).map_err(refused)?;
    state::write(&state.cosigned(), &cosigned)?;
    let by = claviger_audit::cosignatures(&cosigned, known);
    Output::new(told(&by), &json!({ "cosignatures": by }))
}

/// How many entries were under the checkpoint that came back from a witness last.
pub(crate) fn last_cosigned(state: &State, log: &CheckpointVerifier) -> u64 {
    let note = std::fs::read(state.cosigned()).unwrap_or_default();
    log.open(&note).map_or(0, |head| head.size())
}

/// The keys of witnesses.
pub(crate) fn known(files: &[PathBuf]) -> Result<Vec<WitnessVerifier>, Failure> {
    let one = |path: &PathBuf| {
        WitnessVerifier::parse(&state::read(path)?)
            .map_err(|error| Failure::state(format!("{}: {error}", path.display())))
    };
    files.iter().map(one).collect()
}

/// For people.
pub(crate) fn told(cosignatures: &[Cosignature]) -> String {
    let lines: Vec<String> =
        cosignatures.iter().map(|one| format!("cosigned by {} at {}", one.witness, one.at)).collect();
    lines.join("\n")
}

pub(crate) fn refused(error: WitnessError) -> Failure {
    Failure::new(Code::Audit, error)
}

fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().take(MAX_TEXT).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("standard input: {error}")))?;
    Ok(text)
}
