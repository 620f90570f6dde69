//! `claviger audit`. Reading needs no lock: it works while a host writes.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use claviger_audit::{
    CheckpointVerifier, Cosignature, Entry, Keys, LogError, OperatorAction, Proof, Summary, WitnessError,
};
use claviger_pipeline::Outside;
use serde_json::{Value, json};

use crate::approver;
use crate::audit_arguments::Verify;
use crate::audit_filter::{LogFilter, Sieve};
use crate::audit_forms::{Form, Told};
use crate::audit_report::Report;
use crate::book::Book;
use crate::error::{Code, Failure};
use crate::output::{Output, table};
use crate::state::{self, State};
use crate::{audit_html, entry, output, witness};

/// How often a log that is followed is looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(250);

/// Shows the newest entries of those that are asked for.
pub(crate) fn log(state: &State, last: usize, filter: &LogFilter) -> Result<Output, Failure> {
    let (newest, _, _) = newest(state, last, filter)?;
    let rows: Vec<Vec<String>> = newest.iter().map(entry::row).collect();
    let json: Vec<&Value> = newest.iter().map(|entry| &entry.value).collect();
    Output::new(table(&entry::HEADER, &rows), &json)
}

/// Shows the newest entries and then every other, until the reader goes away.
pub(crate) fn follow(state: &State, last: usize, filter: &LogFilter) -> Result<Output, Failure> {
    let (newest, mut sieve, mut next) = newest(state, last, filter)?;
    let mut is_read = newest.iter().all(told);
    while is_read {
        std::thread::sleep(LOOKED_AT_EVERY);
        for entry in claviger_audit::entries_from(&state.audit(), next).map_err(broken)? {
            let entry = entry.map_err(|error| at(&error))?;
            next = entry.index.saturating_add(1);
            is_read = is_read && (!sieve.passes(&entry) || told(&entry));
        }
    }
    Output::new("", &Value::Null)
}

/// Tells one entry: a line for people, a line of JSON. False when nobody reads any more.
fn told(entry: &Entry) -> bool {
    output::line(&entry::row(entry).join("  "), &entry.value)
}

/// The newest entries that pass, the sieve for those that follow, and the index of the next.
fn newest(state: &State, last: usize, filter: &LogFilter) -> Result<(VecDeque<Entry>, Sieve, u64), Failure> {
    state.config()?;
    let mut sieve = Sieve::new(filter, (Outside::system().now)()).map_err(Failure::usage)?;
    let (mut newest, mut next) = (VecDeque::new(), 0);
    for entry in claviger_audit::entries(&state.audit()).map_err(broken)? {
        let entry = entry.map_err(|error| at(&error))?;
        next = entry.index.saturating_add(1);
        if sieve.passes(&entry) {
            newest.push_back(entry);
        }
        if newest.len() > last {
            newest.pop_front();
        }
    }
    Ok((newest, sieve, next))
}

/// Reports what was used.
pub(crate) fn report(state: &State, filter: &LogFilter, html: Option<&Path>) -> Result<Output, Failure> {
    state.config()?;
    let mut sieve = Sieve::new(filter, (Outside::system().now)()).map_err(Failure::usage)?;
    let mut report = Report::default();
    for entry in claviger_audit::entries(&state.audit()).map_err(broken)? {
        let entry = entry.map_err(|error| at(&error))?;
        if sieve.passes(&entry) {
            report.add(&entry);
        }
    }
    let Some(page) = html else { return Output::new(report.told(), &report) };
    state::write(page, audit_html::page(&report).into_string().as_bytes())?;
    Output::new(format!("{} holds the report", page.display()), &json!({ "page": page, "report": report }))
}

/// Writes the proof of one entry.
pub(crate) fn prove(state: &State, index: u64, out: &Path) -> Result<Output, Failure> {
    state.config()?;
    if out.exists() {
        return Err(Failure::usage(format!("{} exists; name a new file", out.display())));
    }
    let proof = claviger_audit::prove(&state.audit(), index, &log_key(state)?).map_err(broken)?;
    let text = serde_json::to_vec_pretty(&proof).map_err(|error| Failure::new(Code::Failed, error))?;
    state::write(out, &text)?;
    let shown = out.display();
    Output::new(format!("{shown} proves entry {index}; check it with: claviger audit verify {shown} --key KEY"), &proof)
}

/// Verifies a proof. The key never comes along with it: a proof that brings its own key proves nothing.
fn verify_proof(path: &Path, key: Option<CheckpointVerifier>) -> Result<Output, Failure> {
    let key =
        key.ok_or_else(|| Failure::usage("a proof is checked against a key that you have already: --key FILE"))?;
    let file = std::fs::File::open(path).map_err(|error| Failure::file(path, &error))?;
    let proof: Proof = serde_json::from_reader(std::io::Read::take(file, claviger_audit::MAX_PROOF))
        .map_err(|_| Failure::usage(format!("{} is no proof; `claviger audit prove` writes one", path.display())))?;
    let head = proof.check(&key).map_err(|broken| at(&broken))?;
    let told =
        format!("entry {} is one of the {} that the checkpoint signs\n{}", proof.index, head.size(), proof.entry);
    Output::new(told, &json!({ "index": proof.index, "covered": head.size(), "root": head.root() }))
}

/// Verifies the log, an export of it, or the proof of one entry.
pub(crate) fn verify(state: &State, arguments: &Verify) -> Result<Output, Failure> {
    let given = arguments.key.as_deref().map(verifier).transpose()?;
    let mut others: Vec<Vec<u8>> = arguments.other.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    let bundle = arguments.bundle.as_deref();
    let cosigned = bundle.map_or_else(|| state.cosigned(), |bundle| bundle.join(claviger_audit::COSIGNED_FILE));
    if cosigned.exists() {
        others.push(read(&cosigned)?);
    }
    let summary = match bundle {
        None => {
            state.config()?;
            let mut keys = own_keys(state)?;
            keys.log = given.unwrap_or(keys.log);
            claviger_audit::verify_directory(&state.audit(), &keys, &others).map_err(|broken| at(&broken))?
        }
        Some(proof) if proof.is_file() => return verify_proof(proof, given),
        Some(bundle) if !bundle.join(claviger_audit::KEYS_FILE).exists() => {
            let bundle = bundle.display();
            return Err(Failure::usage(format!("{bundle} is no exported bundle; `claviger audit export` makes one")));
        }
        Some(bundle) => {
            let mut keys = claviger_audit::export_keys(bundle).map_err(broken)?;
            keys.log = given.unwrap_or(keys.log);
            claviger_audit::verify_export(bundle, &keys, &others).map_err(broken)?
        }
    };
    let witnessed = witnessed(&others, &arguments.witness)?;
    let unkeyed =
        arguments.key.is_none().then_some("\nthe key came with the log; compare it with one that did not, with --key");
    let mut json = serde_json::to_value(&summary).map_err(|error| Failure::new(Code::Failed, error))?;
    if let (Some(json), false) = (json.as_object_mut(), witnessed.is_empty()) {
        json.insert("cosignatures".to_owned(), json!(witnessed));
    }
    let by = if witnessed.is_empty() { String::new() } else { format!("\n{}", witness::told(&witnessed)) };
    Output::new(format!("{}{by}{}", told_of(&summary), unkeyed.unwrap_or_default()), &json)
}

/// What each of these witnesses said of a checkpoint that the log was held against. One that said nothing is a failure:
/// its key is given because its word is wanted.
fn witnessed(notes: &[Vec<u8>], keys: &[PathBuf]) -> Result<Vec<Cosignature>, Failure> {
    let mut found = Vec::new();
    for known in witness::known(keys)? {
        let known = [known];
        let said = notes.iter().flat_map(|note| claviger_audit::cosignatures(note, &known)).max_by_key(|one| one.at);
        found.push(said.ok_or_else(|| Failure::new(Code::Audit, WitnessError::Unsigned))?);
    }
    Ok(found)
}

/// A checkpoint.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    state::read(path).map(String::into_bytes)
}

fn told_of(summary: &Summary) -> String {
    format!(
        "the log is what was signed: {} entries, {} of them under the checkpoint, {} intents without outcome\nroot {}",
        summary.entries, summary.covered, summary.open_intents, summary.root
    )
}

pub(crate) fn verifier(path: &Path) -> Result<CheckpointVerifier, Failure> {
    CheckpointVerifier::parse(state::read(path)?.trim())
        .map_err(|error| Failure::state(format!("{}: {error}", path.display())))
}

/// The log's own public key.
pub(crate) fn log_key(state: &State) -> Result<CheckpointVerifier, Failure> {
    verifier(&state.audit_public_key())
}

pub(crate) fn own_keys(state: &State) -> Result<Keys, Failure> {
    // What a key signed before it was revoked was approved.
    Ok(Keys { log: log_key(state)?, approvers: approver::ever(state)? })
}

/// Writes a bundle that verifies with public keys alone.
pub(crate) fn export(state: &State, identity: Option<&Path>, out: &Path) -> Result<Output, Failure> {
    state.config()?;
    if out.exists() {
        return Err(Failure::usage(format!("{} exists; name a new directory", out.display())));
    }
    note_export(state, identity, out)?;
    let head = claviger_audit::export(&state.audit(), out, &own_keys(state)?).map_err(broken)?;
    let out_shown = out.display();
    let text = format!("{out_shown} holds {} entries; check it with: claviger audit verify {out_shown}", head.size());
    Output::new(text, &json!({ "bundle": out, "entries": head.size(), "root": head.root() }))
}

/// Writes the log in a form that other systems read. Nothing of it is signed, so it takes what is there.
pub(crate) fn export_as(state: &State, identity: Option<&Path>, out: &Path, form: Form) -> Result<Output, Failure> {
    state.config()?;
    if out.exists() {
        return Err(Failure::usage(format!("{} exists; name a new file", out.display())));
    }
    note_export(state, identity, out)?;
    let file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(out);
    let mut file = std::io::BufWriter::new(file.map_err(|error| Failure::file(out, &error))?);
    let (mut intents, mut written) = (BTreeMap::new(), 0_u64);
    for entry in claviger_audit::entries(&state.audit()).map_err(broken)? {
        let entry = entry.map_err(|error| at(&error))?;
        let closed = entry.value.get("intent").and_then(Value::as_u64);
        let intent: Option<Value> = closed.and_then(|closed| intents.remove(&closed));
        let line = Told { entry: &entry, intent: intent.as_ref() }.line(form);
        writeln!(file, "{line}").map_err(|error| Failure::file(out, &error))?;
        written += 1;
        if let Some(request) = entry.value.get("request") {
            intents.insert(entry.index, request.clone());
        }
    }
    file.flush().map_err(|error| Failure::file(out, &error))?;
    let told = format!("{} holds {written} entries; it proves nothing, a bundle does", out.display());
    Output::new(told, &json!({ "file": out, "entries": written }))
}

fn note_export(state: &State, identity: Option<&Path>, out: &Path) -> Result<(), Failure> {
    let mut book = Book::open(state, identity)?;
    book.note_now(OperatorAction::LogExported, &out.display().to_string(), None)?;
    book.close()
}

pub(crate) fn broken(error: LogError) -> Failure {
    match error {
        LogError::Broken(broken) => at(&broken),
        other => Failure::new(Code::Audit, other),
    }
}

/// The first bad entry, with its index for scripts.
fn at(broken: &claviger_audit::Broken) -> Failure {
    Failure::new(Code::Audit, broken).with(json!({ "entry": broken.index }))
}
