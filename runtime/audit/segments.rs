//! The files that the entries are in. They are numbered by their first entry and read as one.
//!
//! A file is only ever appended to, and the next one begins when it is full: nothing is renamed or moved, so a log of one
//! file is a log of segments already, and a kill at any point leaves at most an empty last file.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::format::LOG_FILE;

/// Digits of the first entry's index in a segment's name: as many as the largest index has (2^53 - 1).
const DIGITS: usize = 16;

/// When a segment is full, and the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentLimits {
    /// Bytes: a segment ends with the entry that reaches them.
    pub bytes: u64,
    /// Entries.
    pub entries: u64,
}

impl Default for SegmentLimits {
    /// 64 MiB, which is some 20,000 calls, or 100,000 entries: read in a second when a log is opened.
    fn default() -> Self {
        Self { bytes: 64 * 1024 * 1024, entries: 100_000 }
    }
}

/// One file of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The index of its first entry.
    pub(crate) first: u64,
    pub(crate) path: PathBuf,
}

impl Segment {
    /// The segment that begins at this entry.
    pub(crate) fn starting_at(directory: &Path, first: u64) -> Self {
        let name = if first == 0 { LOG_FILE.to_owned() } else { format!("log-{first:0DIGITS$}.jsonl") };
        Self { first, path: directory.join(name) }
    }

    pub(crate) fn length(&self) -> io::Result<u64> {
        Ok(fs::metadata(&self.path)?.len())
    }
}

/// The segments of a log, in order. The first is always named, whether it is there or not.
pub(crate) fn segments(directory: &Path) -> io::Result<Vec<Segment>> {
    let mut later = Vec::new();
    for entry in fs::read_dir(directory)? {
        if let Some(first) = entry?.file_name().to_str().and_then(first_of) {
            later.push(Segment::starting_at(directory, first));
        }
    }
    later.push(Segment::starting_at(directory, 0));
    later.sort_by_key(|segment| segment.first);
    Ok(later)
}

fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("log-")?.strip_suffix(".jsonl")?;
    let is_number = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    // A later segment has entries before it.
    digits.parse().ok().filter(|first| is_number && *first > 0)
}

/// The bytes of several segments, one after the other.
pub(crate) struct Joined {
    rest: std::vec::IntoIter<Segment>,
    file: File,
}

impl Joined {
    /// The whole log of a directory.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        Self::of(segments(directory)?, 0)
    }

    /// These segments from a place on, in bytes of all of them.
    pub(crate) fn of(segments: Vec<Segment>, mut offset: u64) -> io::Result<Self> {
        let mut rest = segments.into_iter();
        let mut segment = rest.next().ok_or(io::ErrorKind::NotFound)?;
        loop {
            let length = segment.length()?;
            let Some(next) = (offset > length).then(|| rest.next()).flatten() else { break };
            offset -= length;
            segment = next;
        }
        let mut file = File::open(&segment.path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self { rest, file })
    }
}

impl Read for Joined {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.file.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(next) = self.rest.next() else { return Ok(0) };
            self.file = File::open(next.path)?;
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::io::Read as _;

    use super::{Joined, Segment, segments};

    #[test]
    fn they_are_read_as_one_in_the_order_of_their_names() {
        let directory = tempfile::tempdir().unwrap();
        for (first, text) in [(12, "c"), (0, "a"), (2, "bb"), (1_000, "")] {
            std::fs::write(Segment::starting_at(directory.path(), first).path, text).unwrap();
        }
        for other in ["log-2.jsonl", "log-0000000000000000.jsonl", "log-00000000000000+7.jsonl", "torn-1"] {
            std::fs::write(directory.path().join(other), "x").unwrap();
        }
        let found = segments(directory.path()).unwrap();
        assert_eq!(found.iter().map(|segment| segment.first).collect::<Vec<_>>(), [0, 2, 12, 1_000]);
        for (offset, rest) in [(0, "abbc"), (1, "bbc"), (2, "bc"), (3, "c"), (4, "")] {
            let mut text = String::new();
            Joined::of(found.clone(), offset).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, rest, "from {offset}");
        }
    }
}
