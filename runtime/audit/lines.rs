//! A file, line by line, in bounded memory.

use std::io::{self, BufRead, Read};

use crate::format::MAX_LINE;

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A line that ended in a newline.
    Line,
    /// The file's last bytes, without a newline.
    Unterminated,
    /// More bytes than a line may have.
    TooLong,
    /// Nothing is left.
    End,
}

/// Reads lines into one buffer that is used again.
pub(crate) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    offset: u64,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self::starting_at(reader, 0)
    }

    /// For a reader that stands at this place already.
    pub(crate) fn starting_at(reader: R, offset: u64) -> Self {
        Self { reader, line: Vec::new(), offset }
    }

    /// Reads the next line; [`Lines::line`] has it, without the newline.
    pub(crate) fn step(&mut self) -> io::Result<Step> {
        self.offset += length(&self.line);
        self.line.clear();
        let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX).saturating_add(1);
        let read = (&mut self.reader).take(limit).read_until(b'\n', &mut self.line)?;
        Ok(match self.line.last() {
            None => Step::End,
            Some(b'\n') => Step::Line,
            Some(_) if read > MAX_LINE => Step::TooLong,
            Some(_) => Step::Unterminated,
        })
    }

    /// The line, without its newline.
    pub(crate) fn line(&self) -> &[u8] {
        self.line.strip_suffix(b"\n").unwrap_or(&self.line)
    }

    /// Where the line begins in the file.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Lines, Step};
    use crate::format::MAX_LINE;

    #[test]
    fn lines_offsets_and_the_end() {
        let mut lines = Lines::new(&b"one\n\nthree"[..]);
        assert_eq!((lines.step().unwrap(), lines.line(), lines.offset()), (Step::Line, &b"one"[..], 0));
        assert_eq!((lines.step().unwrap(), lines.line(), lines.offset()), (Step::Line, &b""[..], 4));
        assert_eq!((lines.step().unwrap(), lines.line(), lines.offset()), (Step::Unterminated, &b"three"[..], 5));
        assert_eq!((lines.step().unwrap(), lines.offset()), (Step::End, 10));
        assert_eq!(lines.step().unwrap(), Step::End);
    }

    #[test]
    fn a_line_without_end_takes_bounded_memory() {
        let endless = std::io::BufReader::new(std::io::repeat(b'x'));
        let mut lines = Lines::new(endless);
        assert_eq!(lines.step().unwrap(), Step::TooLong);
        assert!(lines.line().len() <= MAX_LINE + 1);
    }
}
