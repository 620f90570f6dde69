//! What does it cost to look through an answer, beside an automaton over the same forms?
//!
//! `cargo bench -p claviger-vault --bench scan` runs the arms interleaved, round by round, and prints their ratios in the one run. The baselines:
//! what `memchr` and a copy of the buffer cost, and a plain `aho-corasick` DFA over the forms of the same secrets, which does
//! not undo a single escape. `cargo bench -p claviger-vault --bench scan -- benign 1024` looks for secrets in so many MiB of generated text
//! that holds none, and prints the false alarms.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a bench that cannot be set up has nothing to say"
)]

mod benign;
mod texts;

use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use claviger_vault::Scanner;
use texts::MIB;

/// Rounds; in each, every arm runs once, so that a busy moment of the machine falls on all of them.
const ROUNDS: usize = 200;

/// The piece that hyper gives at a time, about.
const PIECE: usize = 8192;

pub(crate) fn say(line: &str) {
    writeln!(std::io::stdout().lock(), "{line}").unwrap();
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [what, mib] = arguments.as_slice()
        && what == "benign"
    {
        return benign::run(mib.parse().expect("a number of MiB"));
    }
    let texts = [
        ("clean JSON", texts::clean()),
        ("clean JSON, indented", texts::indented()),
        ("JSON with `\\n`, `\\\"`, `\\/`", texts::escaped()),
        ("JSON of numbers", texts::numbers()),
        ("JSON with URLs", texts::urls()),
    ];
    say(
        "| 1 MiB of | secrets | scan ms | in pieces of 8 KiB | automaton ms | scan / automaton | copy ms | memchr ms |",
    );
    say("|---|---|---|---|---|---|---|---|");
    // What the names of those rows hold that are asked for, to look into one: nothing means all.
    let asked = |name: &str, label: &str| {
        let row = format!("{name} | {label} |");
        arguments.iter().all(|part| row.contains(part.as_str()))
    };
    for (name, text) in &texts {
        assert_eq!(text.len(), MIB);
        for (label, secrets) in [
            ("10", texts::secrets(10, 20..60)),
            ("100", texts::secrets(100, 20..60)),
            ("10 of 8 to 15 bytes", texts::secrets(10, 8..16)),
            ("10 of 32 and more", texts::secrets(10, 32..60)),
        ] {
            if asked(name, label) {
                row(name, text, label, &secrets);
            }
        }
    }
    say("\n| making a scanner | µs |\n|---|---|");
    for count in [1, 10, 100] {
        let secrets = texts::secrets(count, 20..60);
        let values: Vec<&[u8]> = secrets.iter().map(Vec::as_slice).collect();
        let mut taken = Vec::new();
        for _ in 0..ROUNDS {
            timed(&mut taken, || drop(black_box(Scanner::new(&values))));
        }
        say(&format!("| {count} secrets | {:.1} |", best(&mut taken) * 1000.0));
    }
}

fn row(name: &str, text: &[u8], label: &str, secrets: &[Vec<u8>]) {
    let values: Vec<&[u8]> = secrets.iter().map(Vec::as_slice).collect();
    let mut scanner = Scanner::new(&values);
    let forms: Vec<Vec<u8>> = secrets.iter().flat_map(|secret| texts::forms(secret)).collect();
    let automaton = AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(&forms).unwrap();
    let mut copy = vec![0_u8; text.len()];
    let mut arms: [Vec<Duration>; 5] = Default::default();
    for _ in 0..ROUNDS {
        let [whole, pieces, dfa, copied, chr] = &mut arms;
        timed(whole, || scanner.text(black_box(text)));
        timed(pieces, || {
            text.chunks(PIECE).for_each(|piece| scanner.feed(piece));
            scanner.finish();
        });
        timed(dfa, || assert!(!automaton.is_match(black_box(text))));
        timed(copied, || black_box(&mut copy).copy_from_slice(black_box(text)));
        timed(chr, || assert!(memchr::memchr3(1, 2, 3, black_box(text)).is_none()));
        assert!(!scanner.hit(), "the text holds no secret");
    }
    let [whole, pieces, dfa, copied, chr] = arms.each_mut().map(|arm| best(arm));
    say(&format!(
        "| {name} | {label} | {whole:.3} | {pieces:.3} | {dfa:.3} | {:.2} | {copied:.3} | {chr:.3} |",
        whole / dfa
    ));
}

fn timed(samples: &mut Vec<Duration>, run: impl FnOnce()) {
    let began = Instant::now();
    run();
    samples.push(began.elapsed());
}

/// The best round, in milliseconds: these arms compute and nothing else, so whatever else runs on the machine only adds.
fn best(samples: &mut [Duration]) -> f64 {
    samples.sort_unstable();
    samples[0].as_secs_f64() * 1000.0
}
