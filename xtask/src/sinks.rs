//! What the tests leave behind, kept and swept for secrets.
//!
//! Every test program runs under `cargo xtask observe`: what it prints is shown and kept, its temporary files lie below one
//! directory, and a file that is deleted there is kept by a link (`keep.c`). `claviger-sweep` then looks for every secret.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;

use crate::step::{Failed, Step, file};

/// Everything that is swept: what was printed, temporary files, deleted files.
const SINKS: &str = "target/test-sinks";
/// What is not: the list of the secrets themselves.
const REGISTER: &str = "target/test-canaries";
/// The library that keeps deleted files.
const KEEP: &str = "target/test-keep.so";
/// What sources may hold, and where secrets may lie.
const RULES: &str = "tests/vectors/sweep.toml";
/// The sources whose literals are secrets.
const SOURCES: [&str; 2] = ["runtime", "tests/it"];

/// Empties the sinks and compiles what keeps deleted files.
///
/// # Errors
/// [`Failed`] when a directory cannot be made or there is no C compiler.
pub(crate) fn prepare() -> Result<(), Failed> {
    let what = "emptying the sinks of the tests";
    if Path::new(SINKS).exists() {
        file(what, fs::remove_dir_all(SINKS))?;
    }
    for part in ["printed", "tmp", "deleted"] {
        file(what, fs::create_dir_all(Path::new(SINKS).join(part)))?;
    }
    file(what, fs::write(REGISTER, ""))?;
    Step::new("compiling what keeps deleted files", Path::new("cc"))
        .args(["-O1", "-Wall", "-shared", "-fPIC", "-o", KEEP, "xtask/src/keep.c", "-ldl"])
        .run()
}

/// The configuration of cargo that runs every test program under [`observe`].
///
/// # Errors
/// [`Failed`] when this program does not know where it is.
pub(crate) fn runner() -> Result<String, Failed> {
    let this = file("looking for this program", std::env::current_exe())?;
    Ok(format!("target.'cfg(unix)'.runner = ['{}', 'observe']", this.display()))
}

/// Looks for every secret in everything that was kept.
///
/// # Errors
/// [`Failed`] when one is found; what was found is printed.
pub(crate) fn sweep() -> Result<(), Failed> {
    Step::cargo("sweeping what the tests left behind for every secret")
        .args(["run", "--quiet", "--package", "claviger-lab", "--bin", "claviger-sweep", "--"])
        .args([REGISTER, SINKS, RULES])
        .args(SOURCES)
        .run()
}

/// Runs a test program with its sinks in place, shows what it prints, and keeps that too.
///
/// # Errors
/// [`Failed`] when it cannot be started or its output cannot be kept.
pub(crate) fn observe(program: &Path, arguments: &[String]) -> Result<ExitCode, Failed> {
    let what = format!("observing {}", program.display());
    // Cargo starts tests in their package's directory; the sinks are beside the programs.
    let target = program.ancestors().find(|path| path.join("test-sinks").is_dir()).unwrap_or(Path::new("target"));
    let sinks = target.join("test-sinks");
    let name = program.file_name().unwrap_or_default();
    let temporary = sinks.join("tmp").join(name);
    file(&what, fs::create_dir_all(&temporary))?;
    let mut command = Command::new(program);
    command.args(arguments).arg("--show-output").env("TMPDIR", &temporary);
    command.env("CLAVIGER_TEST_CANARIES", target.join("test-canaries"));
    command.env("LD_PRELOAD", target.join("test-keep.so"));
    command.env("KEEP_UNDER", &temporary).env("KEEP_IN", sinks.join("deleted"));
    let mut child = file(&what, command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn())?;
    let kept = |stream: &str| {
        let path = sinks.join("printed").join(format!("{}.{stream}", name.display()));
        file(&what, File::create(path))
    };
    let (out, err, kept_out, kept_err) = (child.stdout.take(), child.stderr.take(), kept("stdout")?, kept("stderr")?);
    let copies = [
        thread::spawn(move || out.map_or(Ok(()), |out| shown(out, std::io::stdout(), kept_out))),
        thread::spawn(move || err.map_or(Ok(()), |err| shown(err, std::io::stderr(), kept_err))),
    ];
    let status = file(&what, child.wait())?;
    for copy in copies {
        let copied = copy.join().unwrap_or_else(|_| Err(std::io::Error::other("the copying of its output failed")));
        file(&what, copied)?;
    }
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Keeps everything, and shows everything but what tests that passed have printed, as cargo does.
fn shown(from: impl Read, mut to: impl Write, mut kept: impl Write) -> std::io::Result<()> {
    let mut from = BufReader::new(from);
    let (mut line, mut quiet) = (Vec::new(), false);
    while from.read_until(b'\n', &mut line)? > 0 {
        kept.write_all(&line)?;
        match line.as_slice() {
            b"successes:\n" => quiet = true,
            b"failures:\n" => quiet = false,
            text if text.starts_with(b"test result: ") => quiet = false,
            _ => {}
        }
        if !quiet {
            to.write_all(&line)?;
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::shown;

    #[test]
    fn everything_is_kept_and_what_passed_is_not_shown() {
        let printed = "test a ... ok\nsuccesses:\n\n---- a stdout ----\nwhat a said\n\nsuccesses:\n    a\n\n\
            failures:\n\n---- b stdout ----\nwhat b said\n\ntest result: FAILED.\nno line end";
        let (mut to, mut kept) = (Vec::new(), Vec::new());
        shown(printed.as_bytes(), &mut to, &mut kept).unwrap();
        let to = String::from_utf8(to).unwrap();
        assert_eq!(kept, printed.as_bytes());
        assert!(to.contains("test a") && to.contains("what b said") && to.ends_with("no line end"), "{to}");
        assert!(!to.contains("what a said"), "{to}");
    }
}
