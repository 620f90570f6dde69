//! Limits that the process sets on itself before it reads a byte.

use rustix::process::{Resource, Rlimit, setrlimit};

/// CPU time, in seconds. A Rust plugin takes a fraction of one, a component with a whole JavaScript or Python
/// interpreter 10 to 30 on a busy machine.
const CPU_SECONDS: u64 = 120;
/// Address space, in bytes. An interpreter takes half a GiB.
const ADDRESS_SPACE: u64 = 2 << 30;
/// Open files: the three standard streams and what the dynamic loader needs for a moment.
const OPEN_FILES: u64 = 16;

/// Sets them, hard and soft: they cannot be raised again.
pub(crate) fn set() -> Result<(), rustix::io::Errno> {
    let limits = [
        (Resource::Cpu, CPU_SECONDS),
        (Resource::As, ADDRESS_SPACE),
        (Resource::Nofile, OPEN_FILES),
        // No file can grow and no core can be dumped: the process writes to its standard output and nowhere else.
        (Resource::Fsize, 0),
        (Resource::Core, 0),
    ];
    for (resource, limit) in limits {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    Ok(())
}
