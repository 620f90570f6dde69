#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use claviger_manifest::SecretReference;
use tempfile::TempDir;

use super::{Embedded, FILE};
use crate::embedded_error::EmbeddedError;
use crate::identity_file::IdentityFile;
use crate::journal::{Journal, JournalError};
use crate::key_slots::{NewSlot, Unlock, UnlockError};
use crate::provider::{NewItem, Provider, ProviderError};
use crate::reveal::Secret;

/// Where the child of the crash test finds its store.
const CRASH_DIRECTORY: &str = "CLAVIGER_TEST_CRASH_DIRECTORY";

struct Place {
    _root: TempDir,
    directory: PathBuf,
    identity: PathBuf,
}

impl Place {
    fn new() -> (Self, Embedded) {
        let root = tempfile::tempdir().unwrap();
        let (directory, identity) = (root.path().join("vault"), root.path().join("identity"));
        let slot = IdentityFile::create(&identity).unwrap();
        let store = Embedded::create(&directory, &[slot]).unwrap();
        (Self { _root: root, directory, identity }, store)
    }

    fn open(&self) -> Result<Embedded, EmbeddedError> {
        Embedded::open(&self.directory, &IdentityFile::read(&self.identity).unwrap())
    }

    fn file(&self) -> PathBuf {
        self.directory.join(FILE)
    }
}

fn reference(text: &str) -> SecretReference {
    text.parse().unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

/// A value that is nowhere else.
fn canary() -> String {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).unwrap();
    format!("canary-{}", hex::encode(random))
}

fn put(store: &Embedded, place: &str, value: &str) -> Result<(), EmbeddedError> {
    store.put(&reference(place), &secret(value), false)
}

fn value(store: &Embedded, place: &str) -> Result<(String, String), ProviderError> {
    let resolved = now(store.resolve(&reference(place)))?;
    Ok((String::from_utf8(resolved.value.expose().to_vec()).unwrap(), resolved.version))
}

fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn new_item(title: &str, fields: &[(&str, &str)]) -> NewItem {
    let fields = fields.iter().map(|(label, value)| ((*label).to_owned(), secret(value))).collect();
    NewItem { vault: "MSP".to_owned(), title: title.to_owned(), fields }
}

#[test]
fn what_is_put_resolves_now_and_after_opening_again() {
    let (place, store) = Place::new();
    let (id, key) = (canary(), canary());
    put(&store, "op://MSP/Pax8/client id", &id).unwrap();
    put(&store, "op://MSP/Pax8/Test/client secret", &key).unwrap();
    for store in [store, place.open().unwrap()] {
        assert_eq!(value(&store, "op://msp/pax8/CLIENT ID").unwrap().0, id);
        assert_eq!(value(&store, "op://MSP/Pax8/client secret").unwrap().0, key);
        let listed = store.list().unwrap();
        assert_eq!(listed.iter().map(|field| field.label.as_str()).collect::<Vec<_>>(), ["client id", "client secret"]);
    }
}

#[test]
fn nothing_readable_is_in_the_file() {
    let (place, store) = Place::new();
    let value = canary();
    put(&store, "op://Kestrel Industries/Border router/enable password", &value).unwrap();
    let bytes = fs::read(place.file()).unwrap();
    for text in [value.as_str(), "Kestrel", "router", "enable"] {
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text} is in the file");
    }
    assert!(!format!("{store:?}").contains(&value));
}

#[test]
fn a_value_is_replaced_only_on_demand_and_as_a_new_version() {
    let (_place, store) = Place::new();
    put(&store, "op://MSP/Pax8/key", "first value").unwrap();
    let first = value(&store, "op://MSP/Pax8/key").unwrap();
    assert_eq!(put(&store, "op://MSP/pax8/KEY", "second").unwrap_err(), ProviderError::FieldExists.into());
    assert_eq!(value(&store, "op://MSP/Pax8/key").unwrap(), first);
    store.put(&reference("op://MSP/Pax8/key"), &secret("second"), true).unwrap();
    let second = value(&store, "op://MSP/Pax8/key").unwrap();
    assert_eq!(second.0, "second");
    assert_ne!(second.1, first.1);
    assert_eq!(store.list().unwrap()[0].version, 2);
}

#[test]
fn empty_huge_and_attributed_puts_are_refused() {
    let (_place, store) = Place::new();
    assert_eq!(put(&store, "op://MSP/Pax8/key", "").unwrap_err(), ProviderError::Empty.into());
    assert_eq!(put(&store, "op://MSP/Pax8/key", &"x".repeat(1_048_577)).unwrap_err(), EmbeddedError::TooLarge);
    let attributed = put(&store, "op://MSP/Pax8/key?attribute=otp", "value").unwrap_err();
    assert!(matches!(attributed, EmbeddedError::Refused(ProviderError::Unsupported(_))));
    assert!(store.list().unwrap().is_empty());
    assert_eq!(store.generation(), 1);
}

#[test]
fn write_back_creates_and_never_overwrites() {
    let (place, store) = Place::new();
    let fields = [("token id", "root@pam!claviger"), ("secret", "b1946ac9-2492-4d23")];
    let created = now(store.create(&new_item("pve api token 2031-04-05 060708", &fields))).unwrap();
    for (reference, (_, expected)) in created.references.iter().zip(fields) {
        assert_eq!(value(&store, &reference.to_string()).unwrap().0, expected);
    }
    let before = fs::read(place.file()).unwrap();
    let again = now(store.create(&new_item("PVE API token 2031-04-05 060708", &fields))).unwrap_err();
    assert_eq!(again, ProviderError::Exists);
    assert_eq!(fs::read(place.file()).unwrap(), before);
}

#[test]
fn a_title_that_no_reference_can_hold_is_referred_to_by_identifier() {
    let (_place, store) = Place::new();
    for (title, label) in
        [("pve/api", "key"), ("pve: token", "key"), ("pve", "schlüssel"), ("pve ", "key?attribute=otp")]
    {
        let created = now(store.create(&new_item(title, &[(label, "b1946ac9-2492-4d23")]))).unwrap();
        let text = created.references[0].to_string();
        assert!(!text.contains("pve"), "{text}");
        assert_eq!(value(&store, &text).unwrap().0, "b1946ac9-2492-4d23");
    }
}

#[test]
fn the_wrong_key_opens_nothing() {
    let (place, _store) = Place::new();
    fs::remove_file(&place.identity).unwrap();
    IdentityFile::create(&place.identity).unwrap();
    assert_eq!(place.open().unwrap_err(), UnlockError::WrongIdentity.into());
    let passphrase = Unlock::Passphrase(secret("a passphrase that nobody set"));
    let refused = Embedded::open(&place.directory, &passphrase).unwrap_err();
    assert_eq!(refused, UnlockError::NoSlot("passphrase").into());
}

#[test]
fn an_added_slot_opens_what_was_there_before() {
    let (place, store) = Place::new();
    put(&store, "op://MSP/Pax8/key", "J6w-gannet-07").unwrap();
    store.add_slot(&NewSlot::Passphrase(secret("tulip-41-orbit-thaw"))).unwrap();
    let right = Unlock::Passphrase(secret("tulip-41-orbit-thaw"));
    let opened = Embedded::open(&place.directory, &right).unwrap();
    assert_eq!(value(&opened, "op://MSP/Pax8/key").unwrap().0, "J6w-gannet-07");
    let wrong = Unlock::Passphrase(secret("tulip-41-orbit-thaW"));
    assert_eq!(Embedded::open(&place.directory, &wrong).unwrap_err(), UnlockError::WrongPassphrase.into());
    assert!(place.open().is_ok());
}

#[test]
fn a_flipped_bit_in_any_byte_and_a_cut_at_any_byte_are_seen() {
    let (place, store) = Place::new();
    put(&store, "op://MSP/Pax8/key", "J6w-gannet-07").unwrap();
    put(&store, "op://MSP/Pax8/other", "Q2n-osprey-91").unwrap();
    let good = fs::read(place.file()).unwrap();
    let write = |bytes: &[u8]| fs::write(place.file(), bytes).unwrap();
    for index in 0..good.len() {
        let mut bad = good.clone();
        bad[index] ^= 1 << (index % 8);
        write(&bad);
        assert!(place.open().is_err(), "bit {} of byte {index}", index % 8);
        write(&good[..index]);
        assert!(place.open().is_err(), "cut at {index}");
    }
    write(&[good.as_slice(), b"\n"].concat());
    assert_eq!(place.open().unwrap_err(), EmbeddedError::Damaged("the end of it"));
    write(&good);
    assert!(place.open().is_ok());
}

/// The sealed bytes of a field as they stand in the file.
fn sealed(store: &Embedded, label: &str) -> Vec<u8> {
    let state = store.inner.current().unwrap();
    let mut fields = state.index.items.iter().flat_map(|item| &item.fields);
    fields.find(|field| field.label == label).unwrap().sealed.to_vec()
}

fn paste(bytes: &mut [u8], over: &[u8], with: &[u8]) {
    let at = bytes.windows(over.len()).position(|window| window == over).unwrap();
    bytes[at..at + over.len()].copy_from_slice(with);
}

#[test]
fn an_older_version_of_one_value_pasted_back_is_seen() {
    let (place, store) = Place::new();
    put(&store, "op://MSP/Pax8/key", "old-J6w-gannet").unwrap();
    let old = sealed(&store, "key");
    store.put(&reference("op://MSP/Pax8/key"), &secret("new-Q2n-osprey"), true).unwrap();
    let mut bytes = fs::read(place.file()).unwrap();
    paste(&mut bytes, &sealed(&store, "key"), &old);
    fs::write(place.file(), bytes).unwrap();
    assert_eq!(place.open().unwrap_err(), EmbeddedError::Damaged("one of its values"));
}

#[test]
fn two_values_that_change_places_are_seen() {
    let (place, store) = Place::new();
    put(&store, "op://MSP/Pax8/one", "J6w-gannet-07").unwrap();
    put(&store, "op://MSP/Pax8/two", "Q2n-osprey-91").unwrap();
    let (one, two) = (sealed(&store, "one"), sealed(&store, "two"));
    let mut bytes = fs::read(place.file()).unwrap();
    paste(&mut bytes, &[one.as_slice(), &two].concat(), &[two.as_slice(), &one].concat());
    fs::write(place.file(), bytes).unwrap();
    assert_eq!(place.open().unwrap_err(), EmbeddedError::Damaged("one of its values"));
}

#[test]
fn a_whole_older_file_is_refused_by_who_knows_better() {
    let (place, store) = Place::new();
    put(&store, "op://MSP/Pax8/key", "J6w-gannet-07").unwrap();
    let old = fs::read(place.file()).unwrap();
    store.put(&reference("op://MSP/Pax8/key"), &secret("Q2n-osprey-91"), true).unwrap();
    fs::write(place.file(), old).unwrap();
    assert!(matches!(value(&store, "op://MSP/Pax8/key").unwrap_err(), ProviderError::Damaged(_)));
    assert_eq!(store.put(&reference("op://MSP/a/b"), &secret("value"), true).unwrap_err(), EmbeddedError::RolledBack);
}

#[test]
fn a_future_format_is_refused_and_left_alone() {
    let (place, _store) = Place::new();
    let mut bytes = fs::read(place.file()).unwrap();
    paste(&mut bytes, b"vault 1\n", b"vault 2\n");
    fs::write(place.file(), &bytes).unwrap();
    assert_eq!(place.open().unwrap_err(), EmbeddedError::Version);
    assert_eq!(fs::read(place.file()).unwrap(), bytes);
}

#[test]
fn files_that_others_can_reach_are_refused() {
    let (place, _store) = Place::new();
    fs::set_permissions(place.file(), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(place.open().unwrap_err(), EmbeddedError::OpenToOthers);
    fs::set_permissions(place.file(), Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(&place.directory, Permissions::from_mode(0o777)).unwrap();
    assert_eq!(place.open().unwrap_err(), EmbeddedError::OpenToOthers);
}

#[test]
fn a_store_is_never_created_over_another() {
    let (place, store) = Place::new();
    put(&store, "op://MSP/Pax8/key", "J6w-gannet-07").unwrap();
    let slot = IdentityFile::create(&place.directory.join("second")).unwrap();
    assert_eq!(Embedded::create(&place.directory, &[slot]).unwrap_err(), EmbeddedError::AlreadyThere);
    assert_eq!(value(&place.open().unwrap(), "op://MSP/Pax8/key").unwrap().0, "J6w-gannet-07");
    let empty = place.directory.join("empty");
    assert_eq!(Embedded::create(&empty, &[]).unwrap_err(), UnlockError::SlotCount.into());
    assert_eq!(
        Embedded::open(&empty, &IdentityFile::read(&place.identity).unwrap()).unwrap_err(),
        EmbeddedError::Missing
    );
}

#[test]
fn two_writers_lose_nothing_and_see_each_other() {
    const PUTS: u64 = 12;
    let (place, store) = Place::new();
    let writers = [place.open().unwrap(), place.open().unwrap()];
    std::thread::scope(|scope| {
        for (number, writer) in writers.iter().enumerate() {
            scope.spawn(move || {
                for count in 0..PUTS {
                    put(writer, &format!("op://MSP/item {number}/field {count}"), &canary()).unwrap();
                }
            });
        }
    });
    assert_eq!(store.list().unwrap().len(), 24);
    assert_eq!(store.generation(), 1 + 2 * PUTS);
    for writer in &writers {
        assert!(value(writer, "op://MSP/item 0/field 11").is_ok());
        assert!(value(writer, "op://MSP/item 1/field 11").is_ok());
    }
}

#[test]
fn what_a_crashed_save_left_is_removed_and_never_read() {
    let (place, store) = Place::new();
    put(&store, "op://MSP/Pax8/key", "J6w-gannet-07").unwrap();
    let old = fs::read(place.file()).unwrap();
    store.put(&reference("op://MSP/Pax8/key"), &secret("Q2n-osprey-91"), true).unwrap();
    let new = fs::read(place.file()).unwrap();
    fs::write(place.file(), &old).unwrap();
    // Each state that a save goes through before its rename: the new file holds any number of its bytes.
    for length in (0..=new.len()).step_by(37) {
        fs::write(place.directory.join(format!("{FILE}.new")), &new[..length]).unwrap();
        let opened = place.open().unwrap();
        assert_eq!(value(&opened, "op://MSP/Pax8/key").unwrap().0, "J6w-gannet-07");
        assert_eq!(unfinished(&place.directory), 0);
    }
}

fn unfinished(directory: &Path) -> usize {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".new")).count()
}

/// Killed again and again while it saves, the store opens to a generation that somebody saved, with exactly that
/// generation's value: the child's n-th save is generation 2 + n and holds n.
#[test]
fn a_killed_writer_leaves_the_old_generation_or_the_new() {
    const KILLS: u32 = 12;
    let (place, store) = Place::new();
    put(&store, "op://MSP/Crash/count", "0").unwrap();
    let mut last = 2;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "embedded::tests::writer_that_is_killed", "--ignored"])
            .env(CRASH_DIRECTORY, &place.directory)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while place.open().unwrap().generation() == last {
            assert!(begun.elapsed() < Duration::from_secs(30), "the writer does not write");
        }
        // A different point of the save each time.
        std::thread::sleep(Duration::from_micros(u64::from(kill) * 1_300));
        child.kill().unwrap();
        child.wait().unwrap();
        let opened = place.open().unwrap();
        assert!(opened.generation() > last);
        last = opened.generation();
        assert_eq!(value(&opened, "op://MSP/Crash/count").unwrap().0, (last - 2).to_string());
        assert_eq!(unfinished(&place.directory), 0);
    }
}

#[test]
#[ignore = "the child process of a_killed_writer_leaves_the_old_generation_or_the_new"]
fn writer_that_is_killed() {
    let directory = PathBuf::from(std::env::var_os(CRASH_DIRECTORY).unwrap());
    let identity = directory.parent().unwrap().join("identity");
    let store = Embedded::open(&directory, &IdentityFile::read(&identity).unwrap()).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        let next = (store.generation() - 1).to_string();
        store.put(&reference("op://MSP/Crash/count"), &secret(&next), true).unwrap();
    }
}

#[test]
fn after_a_write_that_the_disk_did_not_confirm_nothing_is_written() {
    let (_place, store) = Place::new();
    put(&store, "op://MSP/a/b", "before-the-doubt").unwrap();
    store.inner.doubtful.store(true, std::sync::atomic::Ordering::Release);
    assert_eq!(put(&store, "op://MSP/c/d", "in-doubt"), Err(EmbeddedError::Doubtful));
    assert_eq!(value(&store, "op://MSP/a/b").unwrap().0, "before-the-doubt");
}

#[test]
fn a_locked_store_does_nothing_for_any_holder_until_it_is_opened_anew() {
    let (place, store) = Place::new();
    put(&store, "op://MSP/Pax8/key", "J6w-gannet-07").unwrap();
    let (other, root) = (store.clone(), place.directory.parent().unwrap().to_owned());
    let journal = Journal::open(&root.join("journal"), store.journal_key().unwrap()).unwrap();
    let append = || journal.append(&"acme".parse().unwrap(), &"token".parse().unwrap(), &secret("Q2n-osprey-91"));
    append().unwrap();
    store.lock();
    assert_eq!(value(&other, "op://MSP/Pax8/key").unwrap_err(), ProviderError::Locked);
    assert_eq!(put(&other, "op://MSP/Pax8/more", "Q2n-osprey-91").unwrap_err(), EmbeddedError::Locked);
    assert_eq!(append().unwrap_err(), JournalError::Locked);
    assert_eq!(value(&place.open().unwrap(), "op://MSP/Pax8/key").unwrap().0, "J6w-gannet-07");
}
