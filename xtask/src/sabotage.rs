//! `cargo xtask sabotage`: does a test notice when a control is taken away?
//!
//! Each file of `tests/sabotage/` lists mutations of one room. The tree is copied, one mutation is applied, and the test
//! that it names must fail. A mutation that survives is a control that nobody tests.

mod changed;
mod git;
mod mutation;
mod plan;
mod seed;
mod tree;
mod trial;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::sabotage::mutation::{Mutation, Room};
use crate::sabotage::plan::Choice;
use crate::sabotage::tree::Tree;
use crate::sabotage::trial::{Runner, Verdict};
use crate::step::{Failed, say};

/// Where the copy, its build and nothing else live.
const PLACE: &str = "target/sabotage";

/// Which mutations are tried.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only this room's.
    #[arg(long)]
    room: Option<String>,
    /// Only the one with this id.
    #[arg(long)]
    only: Option<String>,
    /// Only rooms whose files differ from a commit, a limited number of mutations each: what CI runs. Without a commit:
    /// from where the branch began, or from the commit before the last one.
    #[arg(long, num_args = 0..=1, default_missing_value = "", value_name = "BASE")]
    changed: Option<String>,
    /// Lists the mutations and runs nothing.
    #[arg(long)]
    list: bool,
}

/// Tries the mutations that were asked for.
///
/// # Errors
/// [`Failed`] when a mutation survives, does not apply any more, or cannot be tried.
pub(crate) fn run(options: &Options) -> Result<(), Failed> {
    let rooms = mutation::load(Path::new("tests/sabotage"))?;
    // Every mutation, also of rooms that are not run: one that is forgotten now is missing when it is needed.
    mutation::check(&rooms, Path::new("."))?;
    if options.list {
        return list(&rooms);
    }
    let choice = choose(options, &rooms)?;
    let root = std::env::current_dir().map_err(|error| Failed::File { what: "the workspace".to_owned(), error })?;
    let place = root.join(PLACE);
    // Held until the end: two that mutate one copy would judge each other's mutations.
    let _alone = tree::alone(&place)?;
    let tree = Tree::copy(&root, &place.join("tree"))?;
    seed::from(&root.join("target/debug"), &place.join("target/debug"))?;
    seed::beside(&root.join("target"), &place.join("target"))?;
    try_all(&choice, &tree, place.join("target"))
}

fn list(rooms: &[Room]) -> Result<(), Failed> {
    for room in rooms {
        for mutation in &room.mutations {
            say(&format!("{:<9} {:<34} promise {:<2} {}", room.name, mutation.id, mutation.promise, mutation.removes));
        }
    }
    say(&format!("{} mutations", rooms.iter().map(|room| room.mutations.len()).sum::<usize>()));
    Ok(())
}

fn choose<'a>(options: &Options, rooms: &'a [Room]) -> Result<Choice<'a>, Failed> {
    let choice = match (&options.only, &options.room, &options.changed) {
        (Some(id), _, _) => plan::one(rooms, id),
        (None, Some(room), _) => plan::room(rooms, room),
        (None, None, Some(base)) => {
            let changes = changed::since(Path::new("."), base)?;
            say(&format!("{} files differ from {}", changes.files.len(), changes.base));
            plan::limited(rooms, &changes)
        }
        (None, None, None) => plan::all(rooms),
    };
    if choice.is_empty() && options.changed.is_none() {
        return Err(Failed::Gate("no mutation has this room or id; --list shows them".to_owned()));
    }
    Ok(choice)
}

fn try_all(choice: &Choice<'_>, tree: &Tree, target: PathBuf) -> Result<(), Failed> {
    let begun = Instant::now();
    let mut runner = Runner::new(tree, target);
    let mut score = Score::default();
    let is_over = || choice.time.is_some_and(|time| begun.elapsed() > time);
    for (room, mutations) in &choice.rooms {
        let before = Instant::now();
        for program in programs(mutations) {
            // Together, so that they are one build of the code as it is.
            for mutation in program.iter().take_while(|_| !is_over()) {
                runner.baseline(&mutation.command())?;
            }
            for mutation in program {
                if is_over() {
                    score.untried += 1;
                } else if let Some(why) = runner.unfit(&mutation.command()) {
                    score.unfit(mutation, why);
                } else {
                    score.count(mutation, runner.trial(mutation)?);
                }
            }
        }
        say(&format!("{room}: {} mutations in {} s", mutations.len(), before.elapsed().as_secs()));
    }
    score.left_out = choice.left_out;
    score.say(begun.elapsed().as_secs())
}

/// The mutations by the test program that judges them, the room's own first: an integration test is built from every room.
fn programs<'a>(mutations: &[&'a Mutation]) -> Vec<Vec<&'a Mutation>> {
    let mut programs: BTreeMap<(Option<String>, String), Vec<&Mutation>> = BTreeMap::new();
    for mutation in mutations {
        let command = mutation.command();
        programs.entry((command.integration, command.package)).or_default().push(mutation);
    }
    programs.into_values().collect()
}

/// How it went.
#[derive(Default)]
struct Score {
    killed: usize,
    bad: Vec<String>,
    untried: usize,
    left_out: usize,
}

impl Score {
    fn count(&mut self, mutation: &Mutation, verdict: Verdict) {
        let good = verdict == mutation.expect.into();
        say(&format!("{} {:<34} {verdict}", if good { "ok  " } else { "BAD " }, mutation.id));
        if good {
            self.killed += 1;
        } else {
            self.bad.push(format!("{} ({verdict}): {}", mutation.id, mutation.removes));
        }
    }

    fn unfit(&mut self, mutation: &Mutation, why: &str) {
        say(&format!("BAD  {:<34} {why}", mutation.id));
        self.bad.push(format!("{} (its tests, without it: {why})", mutation.id));
    }

    fn say(&self, seconds: u64) -> Result<(), Failed> {
        let Self { killed, bad, untried, left_out } = self;
        say(&format!("{killed} killed, {} not, in {seconds} s", bad.len()));
        if untried + left_out > 0 {
            say(&format!(
                "{left_out} mutations of these rooms wait for another commit, {untried} for more time; `cargo xtask sabotage` tries all"
            ));
        }
        if bad.is_empty() { Ok(()) } else { Err(Failed::Gate(format!("not killed:\n  {}", bad.join("\n  ")))) }
    }
}
