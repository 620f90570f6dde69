//! One mutation, tried.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use crate::sabotage::mutation::{Command, Expect, Mutation};
use crate::sabotage::tree::Tree;
use crate::step::{Failed, file, say};

/// A test that runs longer than this has stopped noticing anything.
const LIMIT: Duration = Duration::from_secs(120);

/// How often the test is looked at.
const PAUSE: Duration = Duration::from_millis(20);

/// Lines of a failed baseline or build that are shown.
const SHOWN: usize = 30;

/// What became of a mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Killed,
    NotCompiled,
    TimedOut,
    Survived,
}

impl From<Expect> for Verdict {
    fn from(expect: Expect) -> Self {
        match expect {
            Expect::Test => Self::Killed,
            Expect::Compile => Self::NotCompiled,
            Expect::Timeout => Self::TimedOut,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Killed => "killed by a test",
            Self::NotCompiled => "does not compile",
            Self::TimedOut => "ran into the time limit",
            Self::Survived => "SURVIVED",
        })
    }
}

/// Builds and runs tests of the copy.
pub(crate) struct Runner<'a> {
    tree: &'a Tree,
    target: PathBuf,
    /// What is wrong with each command that was tried without a mutation; nothing, most often.
    tried: BTreeMap<Command, Option<String>>,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(tree: &'a Tree, target: PathBuf) -> Self {
        Self { tree, target, tried: BTreeMap::new() }
    }

    /// Runs the tests without a mutation, once. They have to pass, and there have to be some.
    ///
    /// # Errors
    /// [`Failed`] when the code does not compile as it is, or a program cannot be started.
    pub(crate) fn baseline(&mut self, command: &Command) -> Result<(), Failed> {
        if self.tried.contains_key(command) {
            return Ok(());
        }
        let log = self.target.join("baseline.log");
        let verdict = self.run(command, &log)?;
        let said = fs::read_to_string(&log).unwrap_or_default();
        let wrong = match verdict {
            Verdict::Survived if said.lines().any(ran_some) => None,
            Verdict::Survived => Some(format!("`{command}` runs no test")),
            Verdict::NotCompiled => {
                let why = last_lines(&said);
                return Err(Failed::Gate(format!("`{command}` does not compile without a mutation either\n{why}")));
            }
            other => {
                say(&last_lines(&said));
                Some(format!("`{command}`: {other}"))
            }
        };
        self.tried.insert(command.clone(), wrong);
        Ok(())
    }

    /// Why these tests cannot judge a mutation, if they cannot.
    pub(crate) fn unfit(&self, command: &Command) -> Option<&str> {
        self.tried.get(command)?.as_deref()
    }

    /// Applies the mutation, runs its tests, and takes it back.
    ///
    /// # Errors
    /// [`Failed`] when it does not apply, or a program cannot be started.
    pub(crate) fn trial(&self, mutation: &Mutation) -> Result<Verdict, Failed> {
        let path = self.tree.path(&mutation.file);
        let text = file("reading the copy", fs::read_to_string(&path))?;
        file("mutating the copy", fs::write(&path, mutation.apply(&text)?))?;
        let log = self.target.join("mutant.log");
        let verdict = self.run(&mutation.command(), &log);
        file("restoring the copy", fs::write(&path, text))?;
        let verdict = verdict?;
        if verdict == Verdict::NotCompiled && mutation.expect != Expect::Compile {
            say(&last_lines(&fs::read_to_string(&log).unwrap_or_default()));
        }
        Ok(verdict)
    }

    /// Builds the tests and runs the program that comes out of it.
    fn run(&self, command: &Command, log: &PathBuf) -> Result<Verdict, Failed> {
        file("the log of a run", fs::create_dir_all(&self.target))?;
        let Some(program) = self.build(command, log)? else { return Ok(Verdict::NotCompiled) };
        let output = file("the log of a run", File::create(log))?;
        let package = self.package_directory(command);
        let mut test = Process::new(&program);
        test.args(command.filter.split_whitespace()).current_dir(&package).stdin(Stdio::null());
        // What a failed test says is enough, and with a trace it would not be among the last lines.
        test.env("RUST_BACKTRACE", "0");
        // Some tests build the programs that they start.
        test.env("CARGO_MANIFEST_DIR", &package).env("CARGO_TARGET_DIR", &self.target);
        test.stderr(file("the log of a run", output.try_clone())?).stdout(output);
        let started = test.spawn().map_err(|error| Failed::Start {
            what: command.to_string(),
            program: program.display().to_string(),
            error,
        })?;
        file("waiting for a test", wait(started))
    }

    /// The test program, or nothing when the code does not compile.
    fn build(&self, command: &Command, log: &PathBuf) -> Result<Option<PathBuf>, Failed> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Process::new(cargo);
        build.args(["test", "--quiet", "--no-run", "--message-format", "json-render-diagnostics"]);
        match &command.integration {
            // One package has it. With the features of all of them, nothing is built again that `cargo xtask test` built.
            Some(test) => build.args(["--workspace", "--test", test]),
            None => build.args(["--package", &command.package, "--lib"]),
        };
        build.current_dir(self.tree.root()).env("CARGO_TARGET_DIR", &self.target);
        // Nobody debugs a mutant, and programs without lines are linked faster.
        build.env("CARGO_PROFILE_DEV_DEBUG", "0");
        build.stderr(file("the log of a build", File::create(log))?);
        let built = build.output().map_err(|error| Failed::Start {
            what: command.to_string(),
            program: "cargo".to_owned(),
            error,
        })?;
        if !built.status.success() {
            return Ok(None);
        }
        let artifacts = String::from_utf8_lossy(&built.stdout);
        let program = artifacts.lines().filter_map(executable).next_back();
        program.map(Some).ok_or_else(|| Failed::Gate(format!("`{command}` builds no test program")))
    }

    /// Where cargo would run the tests of a package. Rooms are in `runtime/`, by their names.
    fn package_directory(&self, command: &Command) -> PathBuf {
        match command.package.strip_prefix("claviger-") {
            Some(room) => self.tree.path("runtime").join(room),
            None => self.tree.root().to_owned(),
        }
    }
}

/// The program of one line of cargo's JSON.
fn executable(line: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    message.pointer("/profile/test")?.as_bool().filter(|test| *test)?;
    Some(message.get("executable")?.as_str()?.into())
}

/// True for libtest's line that says how many tests it runs, when that is not none.
fn ran_some(line: &str) -> bool {
    line.starts_with("running ") && line != "running 0 tests"
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(SHOWN)..).unwrap_or_default().join("\n")
}

fn wait(mut child: Child) -> std::io::Result<Verdict> {
    let begun = Instant::now();
    loop {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(Verdict::Survived),
            Some(_) => return Ok(Verdict::Killed),
            None if begun.elapsed() > LIMIT => {
                child.kill()?;
                child.wait()?;
                return Ok(Verdict::TimedOut);
            }
            None => std::thread::sleep(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{executable, last_lines, ran_some};

    #[test]
    fn a_run_without_tests_is_no_run() {
        assert!(ran_some("running 1 test") && ran_some("running 12 tests"));
        assert!(!ran_some("running 0 tests") && !ran_some("test result: ok"));
    }

    #[test]
    fn the_test_program_is_found_among_the_messages() {
        let of = |test, program| {
            format!("{{\"reason\":\"compiler-artifact\",\"profile\":{{\"test\":{test}}},\"executable\":{program}}}")
        };
        assert_eq!(executable(&of(true, "\"/a/b\"")).as_deref(), Some(std::path::Path::new("/a/b")));
        for other in [of(false, "\"/a/b\""), of(true, "null"), "{\"reason\":\"build-finished\"}".into(), "x".into()] {
            assert_eq!(executable(&other), None, "{other}");
        }
    }

    #[test]
    fn only_the_end_of_a_long_log_is_shown() {
        let log: String = (0..100).map(|line| format!("{line}\n")).collect();
        let shown = last_lines(&log);
        assert!(shown.starts_with("70\n") && shown.ends_with("\n99"), "{shown}");
    }
}
