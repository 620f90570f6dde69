//! Files that nobody but their owner reads, and that are replaced whole or not at all.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};

/// Read and write for the owner, nothing for anybody else.
const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);
/// Permission bits that let somebody else read or write.
const OTHERS: u32 = 0o077;
/// Permission bits that let somebody else put files into a directory.
const OTHERS_WRITE: u32 = 0o022;
/// How long a writer waits for another: far longer than any save takes, short enough that a person sees a message.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
/// How often a waiting writer looks again.
const LOCK_PAUSE: Duration = Duration::from_millis(5);
/// What a file is called until it is complete and durable.
const UNFINISHED: &str = ".new";

/// Why a private file could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PrivateFileError {
    /// The operating system said no.
    #[error("{0}")]
    Io(io::ErrorKind),
    /// `fsync` failed: whether the bytes are on the disk is unknown, and asking again does not help, because the kernel
    /// has dropped the pages (the lesson of PostgreSQL's "fsyncgate").
    #[error("the disk did not confirm a write: {0}")]
    NotDurable(io::ErrorKind),
    /// Others can read or write it, or it belongs to somebody else.
    #[error("others can reach the file; `chmod go=` it, and see that it is yours")]
    OpenToOthers,
    /// A symbolic link, a directory, a device.
    #[error("not a regular file")]
    NotAFile,
    /// Longer than its reader allows.
    #[error("longer than it can be")]
    TooLong,
    /// Another process holds the lock.
    #[error("another process holds the lock")]
    Busy,
}

impl From<io::Error> for PrivateFileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}

/// The state of a file when it was read. The file is kept open: as long as it is, no other file gets its inode number, so
/// that one `stat` tells for certain whether another has taken its place.
#[derive(Debug)]
pub(crate) struct Pinned {
    file: File,
    stamp: Stamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Pinned {
    /// Pins the file that is at `path` now.
    pub(crate) fn open(path: &Path) -> Result<Self, PrivateFileError> {
        // Not blocking, so that a pipe in the file's place cannot hang its reader.
        let file = open(path, OFlags::RDONLY | OFlags::NONBLOCK)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(PrivateFileError::NotAFile);
        }
        if metadata.mode() & OTHERS != 0 || metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(PrivateFileError::OpenToOthers);
        }
        Ok(Self { file, stamp: Stamp::of(&metadata) })
    }

    /// Whether `path` is still this file, unchanged.
    pub(crate) fn is_at(&self, path: &Path) -> Result<bool, PrivateFileError> {
        Ok(Stamp::of(&fs::symlink_metadata(path)?) == self.stamp)
    }
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Makes a directory for private files if it is not there, durably, and refuses one that others can put files into.
pub(crate) fn ensure_directory(directory: &Path) -> Result<(), PrivateFileError> {
    make_directory(directory)?;
    let metadata = fs::metadata(directory)?;
    if metadata.permissions().mode() & OTHERS_WRITE != 0 {
        return Err(PrivateFileError::OpenToOthers);
    }
    Ok(())
}

/// A file is as durable as the names of all directories above it.
fn make_directory(directory: &Path) -> Result<(), PrivateFileError> {
    if directory.is_dir() {
        return Ok(());
    }
    make_directory(parent(directory))?;
    // Recursive only so that whoever makes it at the same moment is no error.
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    sync_directory(parent(directory))
}

/// The directory that a name is in.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Reads a whole private file. What is checked is the file that was opened, so nothing can be swapped in between.
pub(crate) fn read(path: &Path, limit: u64) -> Result<(Vec<u8>, Pinned), PrivateFileError> {
    let pinned = Pinned::open(path)?;
    if pinned.stamp.length > limit {
        return Err(PrivateFileError::TooLong);
    }
    // One byte more than expected, so that the buffer never grows and leaves a copy behind.
    let mut bytes = Vec::with_capacity(usize::try_from(pinned.stamp.length).unwrap_or(0).saturating_add(1));
    (&pinned.file).take(limit).read_to_end(&mut bytes)?;
    Ok((bytes, pinned))
}

/// Puts `bytes` in the place of `directory/name`: written beside it, made durable, renamed over it, the rename made
/// durable. A crash at any point leaves the old file or the new one. The caller holds the directory's lock.
pub(crate) fn replace(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), PrivateFileError> {
    let unfinished = directory.join(format!("{name}{UNFINISHED}"));
    let replaced = remove(&unfinished)
        .and_then(|()| write_new(&unfinished, bytes))
        .and_then(|()| Ok(fs::rename(&unfinished, directory.join(name))?));
    if let Err(error) = replaced {
        // Best effort: what is left is removed at the next open.
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    sync_directory(directory)
}

/// Creates a file that must not exist yet, durably.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<(), PrivateFileError> {
    write_new(path, bytes)?;
    sync_directory(parent(path))
}

/// Removes a file, which need not exist. Not yet durable.
pub(crate) fn remove(path: &Path) -> Result<(), PrivateFileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes what writers that crashed have left unfinished. The caller holds the directory's lock.
pub(crate) fn remove_unfinished(directory: &Path) -> Result<(), PrivateFileError> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().ends_with(UNFINISHED.as_bytes()) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Makes renames and removals in a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), PrivateFileError> {
    File::open(directory)?.sync_all().map_err(|error| PrivateFileError::NotDurable(error.kind()))
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), PrivateFileError> {
    let mut file = open(path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
    file.write_all(bytes)?;
    file.sync_all().map_err(|error| PrivateFileError::NotDurable(error.kind()))
}

fn open(path: &Path, flags: OFlags) -> Result<File, PrivateFileError> {
    match rustix::fs::open(path, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, OWNER_ONLY) {
        Ok(descriptor) => Ok(File::from(descriptor)),
        // What Linux answers when the last component is a symbolic link.
        Err(rustix::io::Errno::LOOP) => Err(PrivateFileError::NotAFile),
        Err(error) => Err(io::Error::from(error).into()),
    }
}

/// An advisory lock (`flock`) on a directory's lock file. The kernel releases it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held for what dropping it does")] File);

impl Lock {
    /// Waits for the only lock.
    pub(crate) fn exclusive(path: &Path) -> Result<Self, PrivateFileError> {
        Self::exclusive_within(path, LOCK_PATIENCE)
    }

    /// Waits this long for the only lock.
    pub(crate) fn exclusive_within(path: &Path, patience: Duration) -> Result<Self, PrivateFileError> {
        Self::wait(path, patience, File::try_lock)
    }

    /// Waits until nobody holds the lock exclusively.
    pub(crate) fn shared(path: &Path) -> Result<Self, PrivateFileError> {
        Self::wait(path, LOCK_PATIENCE, File::try_lock_shared)
    }

    /// The only lock, or none when somebody has it.
    pub(crate) fn attempt(path: &Path) -> Result<Option<Self>, PrivateFileError> {
        let file = lock_file(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    fn wait(
        path: &Path,
        patience: Duration,
        attempt: fn(&File) -> Result<(), TryLockError>,
    ) -> Result<Self, PrivateFileError> {
        let file = lock_file(path)?;
        let begun = Instant::now();
        loop {
            match attempt(&file) {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::Error(error)) => return Err(error.into()),
                Err(TryLockError::WouldBlock) if begun.elapsed() > patience => return Err(PrivateFileError::Busy),
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            }
        }
    }
}

fn lock_file(path: &Path) -> Result<File, PrivateFileError> {
    open(path, OFlags::RDWR | OFlags::CREATE)
}

#[cfg(test)]
#[path = "private_file_tests.rs"]
mod tests;
