//! Who holds a lock that this process did not get.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// A process that holds a lock.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    process: u32,
    /// The program's name. Not its arguments: they are that process's own business.
    program: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "process {}", self.process)?;
        self.program.as_ref().map_or(Ok(()), |program| write!(formatter, " ({program})"))
    }
}

/// The holder of the lock on a file, where the kernel tells (`/proc/locks`, proc(5)); it may be gone by now.
pub(crate) fn holder(file: &Path) -> Option<Holder> {
    let inode = std::fs::metadata(file).ok()?.ino();
    let process = process(&std::fs::read_to_string("/proc/locks").ok()?, inode)?;
    let program = std::fs::read_to_string(format!("/proc/{process}/comm")).ok();
    Some(Holder { process, program: program.map(|name| claviger_audit::Text::new(name.trim()).to_string()) })
}

/// Lines look like `3: FLOCK  ADVISORY  WRITE 4711 fe:00:262145 0 EOF`. Inodes alone can be shared by two file systems;
/// then the name of the process shows that it is another.
fn process(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let is_flock = words.next()? == "FLOCK";
        let process = words.nth(2)?.parse().ok()?;
        let found = words.next()?.rsplit(':').next()?.parse::<u64>().ok()?;
        (is_flock && found == inode).then_some(process)
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{holder, process};

    #[test]
    fn the_kernels_list_is_read() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 fe:00:77 0 EOF\n\
            2: -> FLOCK  ADVISORY  WRITE 12 fe:00:77 0 EOF\n\
            3: FLOCK  ADVISORY  WRITE 13 fe:00:78 0 EOF\n\
            4: FLOCK  ADVISORY  WRITE 14 fe:00:77 0 EOF\n";
        assert_eq!(process(locks, 77), Some(14));
        assert_eq!(process(locks, 79), None);
        assert_eq!(process("rubbish", 77), None);
    }

    #[test]
    fn this_process_is_found() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(holder(file.path()), None);
        file.as_file().lock().unwrap();
        assert!(holder(file.path()).unwrap().to_string().starts_with(&format!("process {} (", std::process::id())));
    }
}
