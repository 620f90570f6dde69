//! What a command prints: text for people, or one JSON document.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use claviger_host::{Level, LogLine};
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Code, Failure};

/// Whether this process speaks JSON. Set once, from argv, before anything is said; it is the process's own, as its
/// standard streams are.
static SPEAKS_JSON: AtomicBool = AtomicBool::new(false);

/// Decides how this process speaks.
pub(crate) fn speak_json(as_json: bool) {
    SPEAKS_JSON.store(as_json, Ordering::Relaxed);
}

fn speaks_json() -> bool {
    SPEAKS_JSON.load(Ordering::Relaxed)
}

/// What a command has to say: both forms, of which one is printed.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Output {
    /// Text and its JSON form.
    pub(crate) fn new(text: impl Into<String>, json: &impl Serialize) -> Result<Self, Failure> {
        let json = serde_json::to_value(json).map_err(|error| Failure::new(Code::Failed, error))?;
        Ok(Self { text: text.into(), json })
    }
}

/// Prints a result on standard output. A reader that has seen enough (`| head`) is no failure.
pub(crate) fn print(output: &Output) -> Result<(), Failure> {
    match written(output) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Code::Failed, format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints one of many lines as it comes: text, or a document on one line. False when nobody reads any more.
pub(crate) fn line(text: &str, document: &Value) -> bool {
    let line = if speaks_json() { document.to_string() } else { text.to_owned() };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
}

fn written(output: &Output) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if speaks_json() {
        serde_json::to_writer_pretty(&mut out, &output.json)?;
        out.write_all(b"\n")?;
    } else {
        out.write_all(output.text.as_bytes())?;
        let is_whole = output.text.is_empty() || output.text.ends_with('\n');
        out.write_all(if is_whole { b"" } else { b"\n" })?;
    }
    out.flush()
}

/// Prints a failure on standard error; with `--json` it is a document too.
pub(crate) fn complain(failure: &Failure) {
    let mut error = json!({ "code": failure.code.number(), "message": failure.message });
    if let (Some(error), Some(details)) = (error.as_object_mut(), &failure.details) {
        error.insert("details".to_owned(), details.clone());
    }
    say(&failure.message, || json!({ "error": error }));
}

/// Says something on standard error that is no failure.
pub(crate) fn notice(line: &str) {
    say(line, || json!({ "notice": line }));
}

/// One line for people, or one document.
fn say(text: &str, document: impl FnOnce() -> Value) {
    let line = if speaks_json() { document().to_string() } else { format!("claviger: {text}") };
    // When standard error is closed there is nobody left to tell.
    let _unheard = writeln!(std::io::stderr(), "{line}");
}

/// A line that a plugin logged: bounded and escaped by the host, and marked as the plugin's own claim.
pub(crate) fn plugin_line(line: LogLine) {
    let level = match line.level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    notice(&format!("{}.{} says ({level}): {}", line.connection, line.tool, line.text));
}

/// A list, or what it means that there is nothing on it.
pub(crate) fn list(header: &[&str], rows: &[Vec<String>], nothing: &str) -> String {
    if rows.is_empty() { nothing.to_owned() } else { table(header, rows) }
}

/// Columns that line up. The last one is not padded.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut all: Vec<Vec<String>> = vec![header.iter().map(|cell| (*cell).to_owned()).collect()];
    all.extend(rows.iter().cloned());
    let width = |column: usize| {
        all.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    all.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::{list, table};

    #[test]
    fn columns_line_up_and_lines_have_no_tail() {
        let rows = [vec!["a".to_owned(), "x".to_owned()], vec!["blé".to_owned(), String::new()]];
        assert_eq!(table(&["N", "WHAT"], &rows), "N    WHAT\na    x\nblé\n");
        assert_eq!(table(&["N"], &[]), "N\n");
        assert_eq!(list(&["N"], &[], "none"), "none");
    }
}
