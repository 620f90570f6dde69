//! What a command prints: text for people, or one JSON document.

use std::io::Write as _;

use claviger_host::{Level, LogLine};
use serde::Serialize;
use serde_json::Value;

use crate::error::{Code, Failure};

/// What a command has to say: both forms, of which one is printed.
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

/// Prints a result on standard output.
pub(crate) fn print(output: &Output, as_json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        serde_json::to_writer_pretty(&mut out, &output.json)?;
        return out.write_all(b"\n");
    }
    out.write_all(output.text.as_bytes())?;
    if output.text.is_empty() || output.text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") }
}

/// Prints a failure on standard error; with `--json` it is a document too.
pub(crate) fn complain(failure: &Failure, as_json: bool) {
    let line = if as_json {
        serde_json::json!({ "error": { "code": failure.code.number(), "message": failure.message } }).to_string()
    } else {
        format!("claviger: {}", failure.message)
    };
    // When standard error is closed there is nobody left to tell.
    let _unheard = writeln!(std::io::stderr(), "{line}");
}

/// Says something on standard error that is no failure.
pub(crate) fn notice(line: &str) {
    // When standard error is closed there is nobody left to tell.
    let _unheard = writeln!(std::io::stderr(), "claviger: {line}");
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

/// Columns that line up.
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
