#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Lock, PrivateFileError, ensure_directory, read, remove_unfinished, replace};

#[test]
fn a_replaced_file_is_whole_and_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    replace(directory.path(), "file", b"old").unwrap();
    replace(directory.path(), "file", b"new and longer").unwrap();
    let path = directory.path().join("file");
    assert_eq!(read(&path, 100).unwrap().0, b"new and longer");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn whoever_reads_meanwhile_finds_one_file_or_the_other_and_it_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let write = |letter: u8| replace(directory.path(), "file", &[letter; 100_000]).unwrap();
    write(b'a');
    let written = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (0..200).for_each(|number| write(if number % 2 == 0 { b'b' } else { b'a' }));
            written.store(true, Ordering::Relaxed);
        });
        while !written.load(Ordering::Relaxed) {
            let (bytes, _) = read(&directory.path().join("file"), 100_000).unwrap();
            assert!(
                bytes.len() == 100_000 && bytes.iter().all(|byte| Some(byte) == bytes.first()),
                "{} bytes",
                bytes.len()
            );
        }
    });
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    replace(directory.path(), "file", b"bytes").unwrap();
    for mode in [0o640, 0o604, 0o620, 0o602] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert_eq!(read(&path, 100).unwrap_err(), PrivateFileError::OpenToOthers);
    }
}

#[test]
fn links_directories_and_long_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    replace(directory.path(), "file", b"bytes").unwrap();
    let link = directory.path().join("link");
    symlink(directory.path().join("file"), &link).unwrap();
    assert_eq!(read(&link, 100).unwrap_err(), PrivateFileError::NotAFile);
    assert_eq!(read(directory.path(), 100).unwrap_err(), PrivateFileError::NotAFile);
    assert_eq!(read(&directory.path().join("file"), 4).unwrap_err(), PrivateFileError::TooLong);
}

#[test]
fn a_directory_that_others_can_write_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let inside = directory.path().join("a/b");
    ensure_directory(&inside).unwrap();
    assert_eq!(fs::metadata(&inside).unwrap().mode() & 0o777, 0o700);
    fs::set_permissions(&inside, Permissions::from_mode(0o777)).unwrap();
    assert_eq!(ensure_directory(&inside).unwrap_err(), PrivateFileError::OpenToOthers);
}

#[test]
fn leftovers_do_not_stop_a_writer_and_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file.new"), b"half").unwrap();
    replace(directory.path(), "file", b"whole").unwrap();
    fs::write(directory.path().join("other.new"), b"half").unwrap();
    remove_unfinished(directory.path()).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_lock_is_held_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lock");
    let held = Lock::exclusive(&path).unwrap();
    assert!(Lock::attempt(&path).unwrap().is_none());
    drop(held);
    let shared = (Lock::shared(&path).unwrap(), Lock::shared(&path).unwrap());
    assert!(Lock::attempt(&path).unwrap().is_none());
    drop(shared);
    // Not at the first attempt: a process that another test starts holds what is open here until it runs its program.
    Lock::exclusive(&path).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_cannot_be_synced_is_told() {
    // The file system of processes keeps nothing, and says so when it is asked to.
    assert!(matches!(super::sync_directory(Path::new("/proc")), Err(PrivateFileError::NotDurable(_))));
}
