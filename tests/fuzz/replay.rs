//! The seeds and what becomes of them by chance, on every run of the tests: the same inputs each time, a second for each
//! target. The fuzzer finds more; this keeps every target compiled, honest and green.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use claviger_fuzz::{BETWEEN, TARGETS};

/// How long one target is tried. The first thousand inputs are tried even where that takes longer.
const TIME: Duration = Duration::from_secs(1);

/// Pieces that parsers stumble over, put in by chance.
const PIECES: [&[u8]; 16] = [
    BETWEEN,
    b"\"",
    b"\\u0000",
    b"{}",
    b"[[",
    b"]]",
    b"\xff",
    b"\0",
    b"\n\n",
    b"..",
    b"%2f",
    b"\xe2\x80\xae",
    b"\x1b[2J",
    b"99999999999999999999",
    b"-1",
    b"\xef\xbc\xa1",
];

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let listed = std::fs::read_dir(&directory).unwrap_or_else(|_| panic!("{} is missing", directory.display()));
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", directory.display());
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// xorshift64: the same numbers each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    /// One to four small changes.
    fn mutated(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.seed(seeds).to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => drop(bytes.splice(at..at, self.piece().iter().copied())),
                2 => drop(bytes.drain(at..(at + self.below(16)).min(bytes.len()))),
                3 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (at % 8)),
                4 => bytes.extend_from_within(at..(at + 32).min(bytes.len())),
                _ => bytes.extend(self.seed(seeds).iter().skip(at)),
            }
        }
        bytes
    }

    fn seed<'a>(&mut self, seeds: &'a [Vec<u8>]) -> &'a [u8] {
        &seeds[self.below(seeds.len())]
    }

    fn piece(&mut self) -> &'static [u8] {
        PIECES[self.below(PIECES.len())]
    }
}

#[test]
fn seeds_and_their_mutations_are_survived() {
    for (name, target) in TARGETS {
        let seeds = corpus(name);
        seeds.iter().for_each(|seed| target(seed));
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        let begun = Instant::now();
        let mut tried = 0;
        while tried < 1_000 || begun.elapsed() < TIME {
            target(&chance.mutated(&seeds));
            tried += 1;
        }
    }
}

#[test]
fn every_corpus_has_a_target() {
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|(target, _)| *target == name), "corpus/{name} belongs to no target");
    }
}
