//! One walk over the log that finds the first entry that is not as it was written. Opening and verifying share it.
//!
//! A signed root says that something in the tree was changed, not where. So the leaf hashes are kept too; they are worth
//! nothing alone, but once their root is the signed one each of them is as good as signed, and the first line that hashes
//! to something else is the place.

use std::io::{self, BufRead, Read, Seek};

use tlog_tiles::Hash;

use crate::chain::Chain;
use crate::checkpoint::Head;
use crate::error::{Broken, Why};
use crate::format::Line;
use crate::lines::{Lines, Step};
use crate::resume::Start;
use crate::tree::{HASH_BYTES, Tree, leaf};

/// Whether the stored leaf hashes are those that the checkpoint covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeafHashes {
    /// Their root is the signed one.
    Authentic,
    /// There are fewer than the checkpoint covers, or none.
    Missing,
    /// Their root is another one. The log itself can still be whole: its own hashes are computed from its lines.
    Wrong,
}

/// What a walk looks at.
pub(crate) struct Sources<L, H> {
    /// The lines.
    pub(crate) log: L,
    /// The stored leaf hashes, if there are any.
    pub(crate) hashes: Option<H>,
    /// The log's own head, signature verified.
    pub(crate) head: Head,
    /// Heads of the same log that were kept elsewhere, signatures verified.
    pub(crate) others: Vec<Head>,
    /// Where to begin, if not at the start; then log and leaf hashes stand there, and the hashes are authentic.
    pub(crate) from: Option<Start>,
}

/// What a walk saw.
pub(crate) struct Examined {
    pub(crate) tree: Tree,
    pub(crate) chain: Chain,
    pub(crate) leaf_hashes: LeafHashes,
    /// Where the first entry after the checkpoint begins, in bytes of all segments.
    pub(crate) covered_end: u64,
    /// Where the whole entries end, in bytes, and whether anything follows.
    pub(crate) end: u64,
    pub(crate) is_torn: bool,
    pub(crate) first_at: String,
}

/// Walks the log; `each` sees every entry that the rules between entries accept.
pub(crate) fn examine<L: BufRead, H: Read + Seek>(
    sources: Sources<L, H>,
    mut each: impl FnMut(&Line<'_>) -> Result<(), Why>,
) -> Result<Examined, Broken> {
    let Sources { log, mut hashes, head, others, from } = sources;
    let leaf_hashes = match from {
        Some(_) => LeafHashes::Authentic,
        None => authenticate(hashes.as_mut(), &head).map_err(|error| unreadable(&error).at(0))?,
    };
    let stored = hashes.filter(|_| leaf_hashes == LeafHashes::Authentic);
    let offset = from.as_ref().map_or(0, |start| start.offset);
    let mut walk = Walk::new(stored, head, others, leaf_hashes, from);
    walk.check_heads()?;
    let mut lines = Lines::starting_at(log, offset);
    loop {
        let step = lines.step().map_err(|error| unreadable(&error).at(walk.index()))?;
        walk.seen.end = lines.offset();
        if step == Step::End {
            break;
        }
        if walk.line(step, lines.line(), &mut each)? == Found::Torn {
            walk.seen.is_torn = true;
            break;
        }
    }
    walk.finish()
}

#[derive(PartialEq)]
enum Found {
    Entry,
    Torn,
}

struct Walk<H> {
    stored: Option<io::BufReader<H>>,
    head: Head,
    /// Every head, smallest first; those that were met are gone.
    heads: Vec<Head>,
    /// The size of the largest head that was met.
    met: u64,
    seen: Examined,
}

impl<H: Read> Walk<H> {
    fn new(stored: Option<H>, head: Head, others: Vec<Head>, leaf_hashes: LeafHashes, from: Option<Start>) -> Self {
        let (tree, chain) = from.map(|start| (start.tree, start.chain)).unwrap_or_default();
        let mut heads = others;
        // Heads before the start were met by who found it.
        heads.retain(|head| head.size >= tree.size());
        heads.push(head);
        heads.sort_by_key(|head| std::cmp::Reverse(head.size));
        let first_at = String::new();
        let seen = Examined { tree, chain, leaf_hashes, covered_end: 0, end: 0, is_torn: false, first_at };
        Self { stored: stored.map(io::BufReader::new), head, heads, met: 0, seen }
    }

    fn index(&self) -> u64 {
        self.seen.tree.size()
    }

    fn is_covered(&self) -> bool {
        self.index() < self.head.size
    }

    fn line(
        &mut self,
        step: Step,
        line: &[u8],
        each: &mut impl FnMut(&Line<'_>) -> Result<(), Why>,
    ) -> Result<Found, Broken> {
        let index = self.index();
        if !self.is_covered() && index == self.head.size {
            self.seen.covered_end = self.seen.end;
        }
        let leaf = leaf(line);
        self.compare(line, leaf)?;
        let parsed = match whole(step).and_then(|()| Line::parse(line)) {
            Ok(parsed) => parsed,
            // After the checkpoint, the rest of an entry that a crash cut off is no sign of tampering: nobody was told
            // that it was written.
            Err(Why::Unterminated | Why::NotJson | Why::TooLong) if !self.is_covered() => return Ok(Found::Torn),
            Err(why) => return Err(why.at(index)),
        };
        self.seen.chain.accept(&parsed).and_then(|()| each(&parsed)).map_err(|why| why.at(index))?;
        if index == 0 {
            self.seen.first_at.push_str(parsed.at);
        }
        self.seen.tree.push(leaf);
        self.check_heads()?;
        Ok(Found::Entry)
    }

    /// Holds a covered line against its authentic leaf hash.
    fn compare(&mut self, line: &[u8], leaf: Hash) -> Result<(), Broken> {
        let index = self.index();
        let covered = self.is_covered();
        let Some(stored) = self.stored.as_mut().filter(|_| covered) else { return Ok(()) };
        let mut hash = [0; HASH_BYTES];
        stored.read_exact(&mut hash).map_err(|error| unreadable(&error).at(index))?;
        if hash == leaf.0 {
            return Ok(());
        }
        let found = Line::parse(line).map_or(index, |line| line.index);
        Err(if found == index { Why::Altered } else { Why::Misplaced { found } }.at(index))
    }

    /// Holds the tree against every head of its present size.
    fn check_heads(&mut self) -> Result<(), Broken> {
        let size = self.index();
        while self.heads.last().is_some_and(|head| head.size == size) {
            let Some(head) = self.heads.pop() else { break };
            if head.root != self.seen.tree.root() {
                let fork = Why::Forked { size };
                let why = if head == self.head { Why::NotCovered { last: size.saturating_sub(1) } } else { fork };
                return Err(why.at(self.met));
            }
        }
        if size == self.head.size {
            self.met = size;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Examined, Broken> {
        let size = self.index();
        // The largest head that was not met.
        if let Some(head) = self.heads.first() {
            return Err(Why::Truncated { signed: head.size }.at(size));
        }
        if size == self.head.size {
            self.seen.covered_end = self.seen.end;
        }
        Ok(self.seen)
    }
}

fn whole(step: Step) -> Result<(), Why> {
    match step {
        Step::Unterminated => Err(Why::Unterminated),
        Step::TooLong => Err(Why::TooLong),
        Step::Line | Step::End => Ok(()),
    }
}

/// Whether the first leaf hashes give the signed root; leaves the reader at the first of them.
fn authenticate(hashes: Option<&mut (impl Read + Seek)>, head: &Head) -> io::Result<LeafHashes> {
    let Some(hashes) = hashes else { return Ok(LeafHashes::Missing) };
    hashes.rewind()?;
    let mut tree = Tree::default();
    let mut reader = io::BufReader::new(&mut *hashes);
    while tree.size() < head.size {
        let mut hash = [0; HASH_BYTES];
        match reader.read_exact(&mut hash) {
            Ok(()) => tree.push(Hash(hash)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(LeafHashes::Missing),
            Err(error) => return Err(error),
        }
    }
    drop(reader);
    hashes.rewind()?;
    Ok(if tree.root() == head.root { LeafHashes::Authentic } else { LeafHashes::Wrong })
}

fn unreadable(error: &io::Error) -> Why {
    Why::Unreadable(error.kind())
}
