//! What this process asks of the machine before it holds a secret: no core dump, no other process of the same user that
//! looks into its memory.
//!
//! What the machine refuses is told, never passed over: the caller gets a warning for each, and decides how to say it.

use std::io;

use rustix::process::{Resource, Rlimit};

/// Something that the machine did not do. The process works without it, and secrets are less well kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MachineWarning {
    /// `PR_SET_DUMPABLE` (prctl(2)) was refused.
    #[error("other processes of this user can read this one's memory ({0}); run Claviger as a user of its own")]
    Readable(io::ErrorKind),
    /// The system has no such switch.
    #[error(
        "this system cannot keep other processes of this user out of this one's memory; run Claviger as a user of its own"
    )]
    NoSwitch,
    /// `RLIMIT_CORE` was refused.
    #[error("a crash can write secrets into a core dump ({0}); run `ulimit -c 0` first")]
    CoreDump(io::ErrorKind),
    /// `mlock` was refused.
    #[error(
        "the vault's keys can reach the swap space ({0}); allow some locked memory (`ulimit -l 64`), or encrypt the swap"
    )]
    Swappable(io::ErrorKind),
    /// `MADV_DONTDUMP` was refused.
    #[error("the vault's keys can be part of a memory dump ({0}); use a newer kernel")]
    Dumpable(io::ErrorKind),
}

/// Hardens this process. To be called once, before it reads the first secret; what it starts inherits the limit.
#[must_use = "what the machine refused has to be told"]
pub fn harden() -> Vec<MachineWarning> {
    [no_core_dump(), no_other_reader()].into_iter().filter_map(Result::err).collect()
}

/// Soft and hard limit, so that nothing in this process can raise it again (getrlimit(2)).
fn no_core_dump() -> Result<(), MachineWarning> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none).map_err(|error| MachineWarning::CoreDump(kind(error)))
}

/// The limit above does not bind a `core_pattern` that is a pipe (core(5)); this does. It also gives `/proc/<pid>` to
/// root, which is what keeps other processes of the same user out (proc(5)).
#[cfg(target_os = "linux")]
fn no_other_reader() -> Result<(), MachineWarning> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| MachineWarning::Readable(kind(error)))
}

#[cfg(not(target_os = "linux"))]
fn no_other_reader() -> Result<(), MachineWarning> {
    Err(MachineWarning::NoSwitch)
}

fn kind(error: rustix::io::Errno) -> io::ErrorKind {
    io::Error::from(error).kind()
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::process::Command;

    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

    use super::harden;

    #[test]
    #[ignore = "the body of a process that the test below starts: it cannot be undone"]
    fn a_hardened_process() {
        assert_eq!(harden(), []);
        let core = getrlimit(Resource::Core);
        assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }

    #[test]
    fn a_crash_dumps_nothing_and_nobody_else_reads() {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "machine::tests::a_hardened_process", "--ignored"]);
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }
}
