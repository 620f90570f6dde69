#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use claviger_manifest::Name;

use super::{About, Journal, JournalError, file};
use crate::embedded::JournalKey;
use crate::key_cell::KeyCell;
use crate::reveal::Secret;
use crate::seal::{KEY_BYTES, Key};

/// Where the child of the crash test finds its journal.
const CRASH_DIRECTORY: &str = "CLAVIGER_TEST_JOURNAL_DIRECTORY";

fn key() -> JournalKey {
    let mut key = Key::blank();
    key.fill().copy_from_slice(&[0x5c; KEY_BYTES]);
    JournalKey(KeyCell::new(key))
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn append(journal: &Journal, value: &str) -> Result<u64, JournalError> {
    journal.append(&name("pve-acme"), &name("new-token"), &Secret::new(value.as_bytes().to_vec()))
}

fn recovered(journal: &Journal, number: u64) -> Result<Vec<u8>, JournalError> {
    journal.recover(number).map(|secret| secret.expose().to_vec())
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "pending")).collect()
}

#[test]
fn what_was_appended_is_there_after_opening_again_until_it_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path(), key()).unwrap();
    let (one, two) = (append(&journal, "J6w-gannet-07").unwrap(), append(&journal, "Q2n-osprey-91").unwrap());
    let journal = Journal::open(directory.path(), key()).unwrap();
    assert_eq!(recovered(&journal, one).unwrap(), b"J6w-gannet-07");
    assert_eq!(journal.pending().unwrap().len(), 2);
    journal.done(&[one]).unwrap();
    journal.done(&[one]).unwrap();
    let pending = journal.pending().unwrap();
    assert_eq!((pending.len(), pending[0].number), (1, two));
    assert!(pending[0].written.unwrap().elapsed().unwrap() < Duration::from_secs(3600));
    assert_eq!((pending[0].connection.as_str(), pending[0].slot.as_str()), ("pve-acme", "new-token"));
    assert_eq!(recovered(&journal, one).unwrap_err(), JournalError::NoSuchEntry);
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn newest(journal: &Journal, held: &str) -> Option<Vec<u8>> {
    journal.succession(&secret(held)).unwrap().newest.map(|(_, value)| value.expose().to_vec())
}

#[test]
fn a_successor_is_found_by_the_value_that_it_succeeds_in_every_process() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path(), key()).unwrap();
    let succeed = |held: &str, follows, value: &str| {
        journal.succeed(&name("acme"), &name("refresh"), &secret(held), follows, &secret(value)).unwrap()
    };
    let first = succeed("J6w-gannet-07", None, "Q2n-osprey-91");
    append(&journal, "M5k-curlew-33").unwrap();
    let other = Journal::open(directory.path(), key()).unwrap();
    assert_eq!(newest(&other, "J6w-gannet-07").unwrap(), b"Q2n-osprey-91");
    assert_eq!((newest(&other, "M5k-curlew-33"), newest(&other, "W8r-dunlin-20")), (None, None));
    // Killed before the one before was forgotten: the order is in the entries, not in the clock.
    let second = succeed("J6w-gannet-07", Some(first), "W8r-dunlin-20");
    let later = fs::File::options().write(true).open(directory.path().join(file(first))).unwrap();
    later.set_modified(std::time::SystemTime::now() + Duration::from_secs(3600)).unwrap();
    let succession = other.succession(&secret("J6w-gannet-07")).unwrap();
    assert_eq!((succession.newest.unwrap().0, succession.followed), (second, vec![first]));
    // Killed after it was stored: what is held now is what the entry says.
    let succession = other.succession(&secret("W8r-dunlin-20")).unwrap();
    assert_eq!((succession.newest.is_none(), succession.own, succession.followed), (true, Some(second), vec![first]));
    let listed: Vec<bool> = other.pending().unwrap().iter().map(|pending| pending.is_successor).collect();
    assert_eq!(listed.iter().filter(|is| **is).count(), 2);
}

/// Whatever of a line turns up again: the newest is what counts, also when it was stored and recovered meanwhile.
#[test]
fn a_successor_knows_every_value_that_came_before() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path(), key()).unwrap();
    let token = |number: usize| format!("{number:04}-sanderling-Qw3Er5Ty");
    let mut follows = None;
    for number in 1..=40 {
        // Every second one reaches the provider, as if somebody recovered it now and then.
        let held = secret(&token((number - 1) / 2 * 2));
        let entry = journal.succeed(&name("acme"), &name("refresh"), &held, follows, &secret(&token(number))).unwrap();
        journal.done(&follows.into_iter().collect::<Vec<_>>()).unwrap();
        follows = Some(entry);
        for older in 0..number {
            assert_eq!(newest(&journal, &token(older)).unwrap(), token(number).as_bytes(), "{older} after {number}");
        }
        assert_eq!(newest(&journal, &token(number)), None);
    }
    journal.stored(follows.unwrap()).unwrap();
    let other = Journal::open(directory.path(), key()).unwrap();
    assert_eq!((other.pending().unwrap().len(), files(directory.path()).len()), (0, 1));
    assert_eq!(newest(&other, &token(3)).unwrap(), token(40).as_bytes());
    assert_eq!(other.succession(&secret(&token(40))).unwrap().own, follows);
    // An issuer that gives an old value again makes it the newest, and not its own successor.
    other.succeed(&name("acme"), &name("refresh"), &secret(&token(40)), follows, &secret(&token(3))).unwrap();
    assert_eq!(newest(&other, &token(3)), None);
    assert_eq!(newest(&other, &token(40)).unwrap(), token(3).as_bytes());
}

#[test]
fn an_entry_that_knows_as_much_as_it_may_is_still_an_entry() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path(), key()).unwrap();
    let token = |number: usize| secret(&format!("{number:04}-sanderling-Qw3Er5Ty"));
    let before: Vec<String> = (0..1028).map(|number| journal.mark(&token(number)).unwrap()).collect();
    let (supersedes, slot) = (Some(journal.mark(&token(1028)).unwrap()), name("refresh"));
    let about = About { connection: name("acme"), slot, supersedes, before, follows: None, stored: false };
    let long = journal.write(&about, &token(1029)).unwrap();
    journal.succeed(&name("acme"), &name("refresh"), &token(1029), Some(long), &token(1030)).unwrap();
    journal.done(&[long]).unwrap();
    let knows = |number| journal.succession(&token(number)).unwrap().newest.is_some();
    assert_eq!([0, 4, 5, 1029].map(knows), [false, false, true, true]);
    assert!(files(directory.path())[0].metadata().unwrap().len() < 64 * 1024);
}

#[test]
fn a_damaged_successor_is_not_taken_for_none() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path(), key()).unwrap();
    let held = secret("J6w-gannet-07");
    let number = journal.succeed(&name("acme"), &name("refresh"), &held, None, &secret("Q2n-osprey-91")).unwrap();
    let path = directory.path().join(file(number));
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(journal.succession(&held).is_err(), "using the old one would kill the family");
}

#[test]
fn nothing_readable_is_on_the_disk_or_in_debug_output() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path(), key()).unwrap();
    append(&journal, "J6w-gannet-07").unwrap();
    let bytes = fs::read(&files(directory.path())[0]).unwrap();
    for text in ["gannet", "pve-acme", "new-token"] {
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text} is in the file");
    }
    assert!(!format!("{journal:?}").contains("5c"));
}

#[test]
fn a_damaged_entry_is_named_and_harms_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path(), key()).unwrap();
    let id = append(&journal, "J6w-gannet-07").unwrap();
    let path = files(directory.path())[0].clone();
    let other = append(&journal, "Q2n-osprey-91").unwrap();
    let good = fs::read(&path).unwrap();
    for index in 0..good.len() {
        let mut bad = good.clone();
        bad[index] ^= 1 << (index % 8);
        fs::write(&path, &bad).unwrap();
        assert!(recovered(&journal, id).is_err(), "byte {index}");
        fs::write(&path, &good[..index]).unwrap();
        assert!(recovered(&journal, id).is_err(), "cut at {index}");
    }
    fs::write(&path, b"").unwrap();
    assert_eq!(journal.unreadable().unwrap(), [id]);
    assert_eq!(journal.pending().unwrap()[0].number, other);
    assert_eq!(recovered(&journal, other).unwrap(), b"Q2n-osprey-91");
}

#[test]
fn an_entry_under_another_name_or_key_does_not_open() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path(), key()).unwrap();
    let (one, two) = (append(&journal, "J6w-gannet-07").unwrap(), append(&journal, "Q2n-osprey-91").unwrap());
    fs::copy(directory.path().join(file(one)), directory.path().join(file(two))).unwrap();
    assert_eq!(recovered(&journal, two).unwrap_err(), JournalError::Damaged);
    let other = Journal::open(directory.path(), JournalKey(KeyCell::new(Key::random().unwrap()))).unwrap();
    assert_eq!(recovered(&other, one).unwrap_err(), JournalError::Damaged);
}

#[test]
fn an_unfinished_entry_is_removed_and_a_huge_one_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("0123456789abcdef.pending.new"), b"claviger pen").unwrap();
    let journal = Journal::open(directory.path(), key()).unwrap();
    assert!(journal.pending().unwrap().is_empty() && journal.unreadable().unwrap().is_empty());
    let huge = append(&journal, &"x".repeat(2 * 1024 * 1024)).unwrap_err();
    assert_eq!(huge, JournalError::TooLarge);
}

/// Killed while it appends, a process loses no value whose append returned: it prints the identifier of each, and every
/// line that came out must be recoverable.
#[test]
fn a_killed_process_loses_no_value_that_it_was_told_is_safe() {
    for kill in 0..8_u64 {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::tests::process_that_is_killed", "--ignored", "--nocapture"])
            .env(CRASH_DIRECTORY, directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut told: Vec<String> = lines.by_ref().take(3).map(Result::unwrap).collect();
        std::thread::sleep(Duration::from_micros(kill * 1_100));
        child.kill().unwrap();
        child.wait().unwrap();
        told.extend(lines.map(Result::unwrap).filter(|line| line.split(' ').count() == 2));
        assert!(told.len() >= 3);
        let journal = Journal::open(directory.path(), key()).unwrap();
        for line in &told {
            let (id, value) = line.split_once(' ').unwrap();
            assert_eq!(recovered(&journal, u64::from_str_radix(id, 16).unwrap()).unwrap(), value.as_bytes());
        }
        // At most the one entry whose append was about to return is there without having been told.
        assert!(journal.pending().unwrap().len() <= told.len() + 1);
        assert!(journal.unreadable().unwrap().is_empty());
    }
}

#[test]
#[ignore = "the child process of a_killed_process_loses_no_value_that_it_was_told_is_safe"]
fn process_that_is_killed() {
    let directory = PathBuf::from(std::env::var_os(CRASH_DIRECTORY).unwrap());
    let journal = Journal::open(&directory, key()).unwrap();
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < Duration::from_secs(30) {
        count += 1;
        let value = format!("value-{count}");
        let line = format!("{:016x} {value}\n", append(&journal, &value).unwrap());
        std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
    }
}
