//! What a guest says: log lines and standard streams. Untrusted, so bounded, escaped and attributed.

use std::sync::Arc;

use claviger_manifest::{Name, ToolName};

use crate::text::tame;

/// The longest line, in bytes: a screenful.
const MAX_LINE: usize = 4096;
/// How much of standard error is kept to explain a trap.
const MAX_LAST_WORDS: usize = 2048;
/// What Rust's standard library begins a panic's text with.
const PANIC: &str = "panicked at";

/// How serious the plugin thinks a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For the plugin's author.
    Debug,
    /// For the record; standard output comes here too.
    Info,
    /// Something odd.
    Warn,
    /// Something broke; standard error comes here too.
    Error,
}

/// A line that a plugin wrote. The text is the plugin's own claim: bounded, with control characters escaped.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// On which connection.
    pub connection: Name,
    /// In which tool.
    pub tool: ToolName,
    /// How serious.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// Takes the lines, while the call runs and on its thread: it must not wait.
pub type Listener = Arc<dyn Fn(LogLine) + Send + Sync>;

/// A standard stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// The listening side of one call.
pub(crate) struct Console {
    connection: Name,
    tool: ToolName,
    listener: Listener,
    limit: u32,
    left: u32,
    /// Lines begun and not ended, of standard output and error.
    begun: [Vec<u8>; 2],
    last_words: String,
}

impl Console {
    pub(crate) fn new(connection: Name, tool: ToolName, listener: Listener, limit: u32) -> Self {
        Self {
            connection,
            tool,
            listener,
            limit,
            left: limit,
            begun: [Vec::new(), Vec::new()],
            last_words: String::new(),
        }
    }

    /// One line. After the limit, one line says that the rest is dropped.
    pub(crate) fn say(&mut self, level: Level, text: &str) {
        match self.left {
            0 => return,
            1 => self.tell(Level::Warn, format!("further lines are dropped; `[limits] log-lines = {}`", self.limit)),
            _ => self.tell(level, tame(text, MAX_LINE)),
        }
        self.left -= 1;
    }

    /// Bytes of a standard stream, as lines.
    pub(crate) fn write(&mut self, stream: Stream, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let begun = self.begun_line(stream);
            begun.extend(piece.iter().take((MAX_LINE + 1).saturating_sub(begun.len())));
            if piece.ends_with(b"\n") {
                self.end_line(stream);
            }
        }
    }

    /// The end of the call: lines without an end are lines too. What standard error said last is what explains a trap.
    pub(crate) fn finish(&mut self) -> Option<String> {
        self.end_line(Stream::Out);
        self.end_line(Stream::Err);
        let said = std::mem::take(&mut self.last_words);
        Some(said).filter(|said| !said.is_empty())
    }

    fn begun_line(&mut self, stream: Stream) -> &mut Vec<u8> {
        let [out, err] = &mut self.begun;
        match stream {
            Stream::Out => out,
            Stream::Err => err,
        }
    }

    fn end_line(&mut self, stream: Stream) {
        let line = std::mem::take(self.begun_line(stream));
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if line.is_empty() {
            return;
        }
        if stream == Stream::Out {
            return self.say(Level::Info, line);
        }
        self.remember(line);
        self.say(Level::Error, line);
    }

    fn remember(&mut self, line: &str) {
        if line.contains(PANIC) {
            self.last_words.clear();
        }
        if line.starts_with("note: run with `RUST_BACKTRACE") || self.last_words.len() >= MAX_LAST_WORDS {
            return;
        }
        if !self.last_words.is_empty() {
            self.last_words.push_str(" | ");
        }
        self.last_words.push_str(&tame(line, MAX_LAST_WORDS));
    }

    fn tell(&self, level: Level, text: String) {
        (self.listener)(LogLine { connection: self.connection.clone(), tool: self.tool.clone(), level, text });
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::{Console, Level, LogLine, Stream};

    fn console(limit: u32) -> (Console, Arc<Mutex<Vec<LogLine>>>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let listener = Arc::new(move |line| kept.lock().unwrap().push(line));
        (Console::new("c".parse().unwrap(), "t".parse().unwrap(), listener, limit), lines)
    }

    #[test]
    fn a_flood_ends_with_one_line_that_says_so() {
        let (mut console, lines) = console(3);
        for number in 0..1000 {
            console.say(Level::Info, &format!("line {number}"));
        }
        let texts: Vec<String> = lines.lock().unwrap().iter().map(|line| line.text.clone()).collect();
        assert_eq!(texts, ["line 0", "line 1", "further lines are dropped; `[limits] log-lines = 3`"]);
    }

    #[test]
    fn streams_are_cut_into_lines_of_bounded_length() {
        let (mut console, lines) = console(100);
        console.write(Stream::Out, b"one\ntw");
        console.write(Stream::Out, b"o\n\n");
        console.write(Stream::Err, &vec![b'x'; 1 << 20]);
        assert!(console.finish().unwrap().starts_with("xxx"));
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 3);
        assert_eq!((lines[0].text.as_str(), lines[1].text.as_str()), ("one", "two"));
        assert!(lines[2].text.len() < 5000 && lines[2].text.ends_with("(cut)"));
        assert_eq!(lines[2].level, Level::Error);
    }

    #[test]
    fn the_last_panic_explains_a_trap() {
        let (mut console, _) = console(100);
        console.write(Stream::Err, b"earlier\n\nthread '<unnamed>' panicked at src/lib.rs:5:9:\nno \x1b[31m page\n");
        console.write(Stream::Err, b"note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n");
        let said = console.finish().unwrap();
        assert_eq!(said, "thread '<unnamed>' panicked at src/lib.rs:5:9: | no \\u{1b}[31m page");
    }
}
