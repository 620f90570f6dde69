//! `cargo xtask`: the two commands of the README, and the pieces they are made of.

mod lint;
mod packages;
mod sabotage;
mod servers;
mod sinks;
mod step;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::step::{Failed, Step, say};

/// Developer commands. Each does all of its own set-up.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the main job against simulated upstreams: secrets in, three plugins, approvals, write-back, a verified log.
    Demo,
    /// Builds the program and keeps a made-up service desk running: for a first approval by hand, as README tells it.
    Try,
    /// Builds everything, passes every test, and sweeps what the tests left behind for every secret.
    Test {
        /// Passed on to `cargo test` of the workspace, after `--`.
        #[arg(last = true)]
        filter: Vec<String>,
    },
    /// Formatting, clippy, documentation and dependency rules.
    Lint,
    /// Builds the release binaries and runs the benches; prints the table that the README quotes.
    Bench,
    /// Takes one control away at a time, in a copy of the tree; a test must notice each.
    Sabotage(sabotage::Options),
    /// Runs one test program and keeps what it leaves behind. For cargo, which `test` tells to use it.
    #[command(hide = true)]
    Observe {
        /// The program.
        program: PathBuf,
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Only the set-up: targets, compiler process, plugins, packages, third-party servers.
    Setup,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments.command) {
        Ok(code) => code,
        Err(failed) => {
            say(&format!("failed: {failed}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<ExitCode, Failed> {
    if let Command::Observe { program, arguments } = command {
        return sinks::observe(program, arguments);
    }
    done(command).map(|()| ExitCode::SUCCESS)
}

fn done(command: &Command) -> Result<(), Failed> {
    match command {
        Command::Demo => demo(),
        Command::Try => try_by_hand(),
        Command::Test { filter } => test(filter),
        Command::Lint => lint::run(),
        Command::Bench => bench(),
        Command::Sabotage(options) => sabotage::run(options),
        Command::Observe { .. } => Ok(()),
        Command::Setup => {
            packages::build()?;
            toolchain::ELSEWHERE.into_iter().try_for_each(toolchain::ensure)?;
            servers::install()
        }
    }
}

fn demo() -> Result<(), Failed> {
    build_demo()?;
    Step::new("running the demo", Path::new("target/debug/claviger-demo")).run()
}

/// The demo's program; the program itself is built with the packages.
fn build_demo() -> Result<(), Failed> {
    packages::build()?;
    Step::cargo("building the demo").args(["build", "--quiet", "--package", "claviger-demo"]).run()
}

fn try_by_hand() -> Result<(), Failed> {
    build_demo()?;
    Step::new("keeping a desk", Path::new("target/debug/claviger-demo")).args(["desk", "target/try"]).run()
}

fn test(filter: &[String]) -> Result<(), Failed> {
    build_demo()?;
    servers::install()?;
    Step::cargo("building the hostile guests")
        .args(["build", "--quiet", "--release", "--examples", "--manifest-path", "tests/hostile/Cargo.toml"])
        .args(["--target", toolchain::TARGET, "--target-dir", "tests/hostile/target"])
        .run()?;
    Step::cargo("testing the plugins' own logic")
        .args(["test", "--quiet", "--manifest-path", "plugins/Cargo.toml", "--target-dir", "target/plugins"])
        .run()?;
    sinks::prepare()?;
    let tested = Step::cargo("testing the house")
        .args(["test", "--workspace", "--lib", "--bins", "--tests", "--config", &sinks::runner()?])
        .args(filter)
        .run();
    // Also after a failure: what fails may be what leaks.
    sinks::sweep().and(tested)?;
    Step::cargo("testing the documentation's examples").args(["test", "--workspace", "--doc", "--quiet"]).run()
}

/// Client and upstream share one core: idle cores of a virtual machine halt, and waking one costs more than what is measured.
fn bench() -> Result<(), Failed> {
    packages::build()?;
    Step::cargo("building the benches (minutes)").args(["bench", "--package", "claviger", "--no-run"]).run()?;
    Step::cargo("running the bench of the scan").args(["bench", "--quiet", "--package", "claviger-vault"]).run()?;
    Step::cargo("running the bench of the log").args(["bench", "--quiet", "--package", "claviger-audit"]).run()?;
    Step::cargo("running the bench of approvals").args(["bench", "--quiet", "--package", "claviger-approval"]).run()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Step::new("running the benches on one core", Path::new("taskset"))
        .args(["--cpu-list".as_ref(), "0".as_ref(), cargo.as_os_str()])
        .args(["bench", "--quiet", "--package", "claviger", "--bench", "call"])
        .run()
}
