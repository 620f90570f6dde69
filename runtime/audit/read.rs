//! The entries, for whoever wants to read them. Reading verifies nothing; [`verify()`](crate::verify()) does.

use std::io::BufReader;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use crate::error::{Broken, LogError, Why};
use crate::format::{Kind, Line};
use crate::lines::{Lines, Step};
use crate::segments::{Joined, segments};

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

/// As [`entries`], from this one on. Reads the log from the start of the segment that it is in.
///
/// # Errors
/// [`LogError::Io`].
pub fn entries_from(directory: &Path, index: u64) -> Result<impl Iterator<Item = Result<Entry, Broken>>, LogError> {
    let io = LogError::io("file of entries");
    let mut from = segments(directory).map_err(&io)?;
    let skipped = from.partition_point(|segment| segment.first <= index).saturating_sub(1);
    from.drain(..skipped);
    let next = from.first().map_or(0, |segment| segment.first);
    let lines = Lines::new(BufReader::new(Joined::of(from, 0).map_err(io)?));
    let all = Entries { lines, next, is_over: false };
    Ok(all.skip_while(move |entry| entry.as_ref().is_ok_and(|entry| entry.index < index)))
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
