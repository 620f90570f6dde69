//! What does a parser do with bytes that an enemy chose? It returns, and what it accepts means one thing.
//!
//! Each target takes any bytes. Targets that need several texts split them with `parts`. Parsers that are private to
//! their room are reached through the room's own entry: a door for fuzzing would be a door.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a target fails by panicking")]

mod audit;
mod manifest;
mod request;
mod scanner;
mod vault;

pub use vault::{IDENTITY, RECIPIENT};

/// A function that must return, whatever it is given.
pub type Target = fn(&[u8]);

/// Every target, by the name of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("manifest", manifest::manifest),
    ("connection", manifest::connection),
    ("reference", manifest::reference),
    ("templates", manifest::templates),
    ("keys", manifest::keys),
    ("package", manifest::package),
    ("request", request::request),
    ("question", request::question),
    ("receipt", request::receipt),
    ("approvers", request::approvers),
    ("log", audit::log),
    ("checkpoint", audit::checkpoint),
    ("witness", audit::witness),
    ("text", audit::text),
    ("export", audit::export),
    ("vault", vault::vault),
    ("journal", vault::journal),
    ("quarantine", vault::quarantine),
    ("identity", vault::identity),
    ("scanner", scanner::scanner),
    ("pieces", scanner::pieces),
];

/// Runs the target of this name.
///
/// # Panics
/// When there is none, or the target finds a fault.
pub fn run(name: &str, bytes: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name");
    target(bytes);
}

/// Separates the texts of one input. A mutator keeps what it does not touch, so they stay apart.
pub const BETWEEN: &[u8] = b"\n%%%%\n";

/// The first `N` texts of an input; what is not there is empty.
fn parts<const N: usize>(bytes: &[u8]) -> [&[u8]; N] {
    let mut rest = Some(bytes);
    [(); N].map(|()| {
        let text = rest.take().unwrap_or_default();
        match text.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
            Some(at) => {
                let (before, after) = text.split_at(at);
                rest = after.get(BETWEEN.len()..);
                before
            }
            None => text,
        }
    })
}

/// Text, if it is any: what is not UTF-8 never comes this far.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
