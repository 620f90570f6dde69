//! The entries, for whoever wants to read them. Reading verifies nothing; [`verify()`](crate::verify()) does.

use std::io::BufReader;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use crate::error::{Broken, LogError, Why};
use crate::format::{Kind, Line};
use crate::lines::{Lines, Step};
use crate::segments::Joined;

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its index, from 0.
    pub index: u64,
    /// When.
    pub at: Timestamp,
    /// What it says.
    pub kind: Kind,
    /// All of it. Texts in it may have been written by a plugin or a model: show them with [`Text`](crate::Text).
    pub value: Value,
}

/// The entries of a log, in order. Ends at the last whole one, or with the first line that is no entry.
pub struct Entries {
    lines: Lines<BufReader<Joined>>,
    next: u64,
    is_over: bool,
}

/// Reads the log in a directory: a state directory's, also while its host runs, or an export's.
///
/// # Errors
/// [`LogError::Io`].
pub fn entries(directory: &Path) -> Result<Entries, LogError> {
    let file = Joined::open(directory).map_err(LogError::io("file of entries"))?;
    Ok(Entries { lines: Lines::new(BufReader::new(file)), next: 0, is_over: false })
}

impl Iterator for Entries {
    type Item = Result<Entry, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let step = self.lines.step().map_err(|error| Why::Unreadable(error.kind()));
        let entry = match step {
            Ok(Step::Line) => entry(self.lines.line()),
            Ok(Step::TooLong) => Err(Why::TooLong),
            Ok(Step::End | Step::Unterminated) => return None,
            Err(why) => Err(why),
        };
        self.is_over = entry.is_err();
        let index = self.next;
        self.next += 1;
        Some(entry.map_err(|why| why.at(index)))
    }
}

fn entry(line: &[u8]) -> Result<Entry, Why> {
    let parsed = Line::parse(line)?;
    let value = serde_json::from_slice(line).map_err(|_| Why::NotJson)?;
    Ok(Entry { index: parsed.index, at: parsed.time, kind: parsed.kind, value })
}
