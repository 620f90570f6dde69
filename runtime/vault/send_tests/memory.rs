//! No copy of a secret is left in the memory of a process that called an upstream, and none of a key after `lock`.
//!
//! A child process calls over TLS and writes its own memory to files; the parent is the upstream, holds the secrets that
//! it looks for, and reads the files. So the child holds no secret but in the vault.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use claviger_grant::SendRequest;
use memmap2::MmapMut;
use zeroize::Zeroizing;

use super::house::{House, Place, lent, put, request, show};
use super::needles::{Copies, Needles};
use super::site::Site;
use super::upstream::{Reply, Upstream};

/// What the child is to do, and the directory where it does it.
const TASK: &str = "CLAVIGER_TEST_MEMORY_TASK";
const DIRECTORY: &str = "CLAVIGER_TEST_MEMORY_DIRECTORY";

/// When the memory is looked at, after the call. Half of what is promised, so that a busy machine is still in time.
const AFTER: Duration = Duration::from_millis(125);
/// What is promised.
const PROMISED: Duration = Duration::from_millis(250);

/// The keys of a vault, by the names of the files that the child leaves for its parent.
const KEYS: [&str; 2] = ["master", "journal"];

/// A child, and what it left.
struct Child {
    directory: tempfile::TempDir,
    needles: Needles,
}

impl Child {
    /// Runs the child of a task, with an upstream of each kind.
    async fn run(task: &str) -> Self {
        let site = Site::new(&["127.0.0.1"]);
        // One for the client in the body, one for the client in `Authorization`: two credentials.
        let tokens = [random(), random()];
        let answers = tokens
            .clone()
            .map(|token| format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#));
        let mint = Upstream::tls(&site, move |seen| {
            Reply::json(200, &answers[usize::from(!seen.header("authorization").is_empty())])
        });
        let mint = mint.await;
        let api = Upstream::tls(&site, |_| Reply::json(200, r#"{"ok":true}"#)).await;
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("authority"), &site.authority).unwrap();
        fs::write(directory.path().join("ports"), format!("{} {}", api.port, mint.port)).unwrap();
        let values =
            ["key", "client id", "client secret", "company", "public", "private"].map(|field| (field, value(field)));
        let told: String = values.iter().map(|(field, value)| format!("{field}\t{value}\n")).collect();
        let mut child = command(task, directory.path());
        tokio::task::spawn_blocking(move || feed(&mut child, told.as_bytes())).await.unwrap();
        let mut needles = Needles::default();
        values.iter().for_each(|(field, value)| needles.add(field, value.as_bytes()));
        let [.., (_, company), (_, public), (_, private)] = &values;
        needles.add("Basic pair", format!("{company}+{public}:{private}").as_bytes());
        needles.add("token", tokens[0].as_bytes());
        needles.add("other token", tokens[1].as_bytes());
        let seen = api.seen();
        let body: serde_json::Value = serde_json::from_str(&seen[4].body).unwrap();
        needles.add("lent password", body["user"]["password"].as_str().unwrap().as_bytes());
        // What is looked for is what was sent.
        assert_eq!((seen.len(), mint.seen().len()), (7, 2));
        assert!(
            seen[0].head.contains(&values[0].1)
                && seen[5].head.contains(&tokens[0])
                && seen[6].head.contains(&tokens[1])
        );
        assert!(seen[2].head.contains(&BASE64_STANDARD.encode(format!("{company}+{public}:{private}"))));
        Self { directory, needles }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// From now on, the keys instead of the secrets.
    fn look_for_keys(&mut self) {
        self.needles = Needles::default();
        for name in KEYS {
            self.needles.add(name, &fs::read(self.file(name)).unwrap());
        }
    }

    fn copies(&self, snapshot: &str) -> Copies {
        self.needles.count(&self.file(snapshot))
    }
}

/// Twenty random bytes as text.
fn random() -> String {
    let mut bytes = [0_u8; 20];
    getrandom::fill(&mut bytes).unwrap();
    hex::encode(bytes)
}

/// A value whose escaped forms differ from it, where the placement allows that.
fn value(field: &str) -> String {
    if field == "client secret" { format!("{}\"/+ %{}", random(), random()) } else { random() }
}

fn command(task: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "vault::tests::memory::a_process_with_secrets", "--ignored", "--nocapture"])
        .env(TASK, task)
        .env(DIRECTORY, directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    command
}

fn feed(command: &mut Command, input: &[u8]) {
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn no_copy_of_a_secret_outlives_its_call_and_none_of_a_key_its_lock() {
    let mut child = Child::run("call").await;
    let late: u64 = fs::read_to_string(child.file("late")).unwrap().parse().unwrap();
    assert!(u128::from(late) <= PROMISED.as_millis(), "the machine was too busy to look in time: {late} ms");
    // A token is kept for the next call, one copy for each of two credentials; everything else is gone.
    let kept = Copies::from([("token raw".to_owned(), 1), ("other token raw".to_owned(), 1)]);
    assert_eq!(child.copies("after"), kept, "copies are left after {late} ms");
    assert_eq!(child.copies("dropped"), Copies::new(), "copies are left without a vault");
    child.look_for_keys();
    let pages = Copies::from([("master raw".to_owned(), 1), ("journal raw".to_owned(), 1)]);
    assert_eq!(child.copies("after"), pages, "a key lies on its page and nowhere else");
    assert_eq!(child.copies("locked"), Copies::new(), "a key is left after the lock");
}

/// Nothing else runs in between that could overwrite what was left on the stack.
#[test]
fn a_vault_that_is_locked_at_once_leaves_no_key() {
    let mut child = Child { directory: tempfile::tempdir().unwrap(), needles: Needles::default() };
    feed(&mut command("lock", child.directory.path()), b"");
    child.look_for_keys();
    assert_eq!(child.copies("locked"), Copies::new());
}

#[tokio::test]
async fn without_the_allocator_copies_stay() {
    let copies = Child::run("call without the allocator").await.copies("after");
    // More than the two that are kept: which buffer is used again, and so overwritten, is chance.
    assert!(copies.values().sum::<usize>() > 2, "{copies:?}");
}

#[tokio::test]
async fn every_form_is_found_where_it_was_left() {
    let mut child = Child { directory: tempfile::tempdir().unwrap(), needles: Needles::default() };
    child.needles.add("text", value("client secret").as_bytes());
    child.needles.add("bytes", &[0x9e, 0x37, 0x79, 0xb9, 0x7f, 0x4a, 0x7c, 0x15, 0xf3, 0x9c, 0xc0, 0x60]);
    let all: Vec<u8> = child.needles.0.iter().flat_map(|(_, form)| [form.as_slice(), b"\n"].concat()).collect();
    feed(&mut command("plant", child.directory.path()), &all);
    let copies = child.copies("planted");
    for (name, _) in &child.needles.0 {
        // On the heap and on the stack.
        assert!(copies.get(name).is_some_and(|found| *found >= 2), "{name} is not found: {copies:?}");
    }
}

#[tokio::test]
async fn no_library_says_a_secret_at_any_level() {
    let child = Child::run("trace").await;
    let said = fs::read_to_string(child.file("trace")).unwrap();
    assert!(said.contains("TRACE") && said.contains("rustls"), "nobody was heard: {said}");
    assert_eq!(child.copies("trace"), Copies::new());
}

#[test]
#[ignore = "the child process of the tests of this file"]
fn a_process_with_secrets() {
    let directory = PathBuf::from(std::env::var_os(DIRECTORY).unwrap());
    let task = std::env::var_os(TASK).unwrap();
    // Not through the buffer of the standard library, which nobody wipes.
    let mut told = Zeroizing::new(Vec::with_capacity(64 * 1024));
    File::open("/dev/stdin").unwrap().read_to_end(&mut told).unwrap();
    match task.to_str().unwrap() {
        "lock" => return lock(&House::at(&Place::here(1)), &directory),
        "plant" => return plant(&told, &directory),
        "trace" => trace(&directory),
        "call without the allocator" => super::allocator::stop_wiping(),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(call(told, &directory));
}

/// Leaves everything on the heap and on the stack.
fn plant(told: &[u8], directory: &Path) {
    let mut stack = [0_u8; 16 * 1024];
    stack[..told.len()].copy_from_slice(told);
    std::hint::black_box(&mut stack);
    snapshot(&directory.join("planted"));
    std::hint::black_box(&mut stack);
}

/// Everything that any library says goes to a file.
fn trace(directory: &Path) {
    let file = File::create(directory.join("trace")).unwrap();
    let heard = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
    heard.with_ansi(false).with_writer(file).init();
}

async fn call(told: Zeroizing<Vec<u8>>, directory: &Path) {
    let ports = fs::read_to_string(directory.join("ports")).unwrap();
    let (api, mint) = ports.split_once(' ').unwrap();
    let place = Place {
        scheme: "https",
        mint: mint.parse().unwrap(),
        authority: Some(fs::read_to_string(directory.join("authority")).unwrap()),
        ..Place::here(api.parse().unwrap())
    };
    let house = House::at(&place);
    for line in std::str::from_utf8(&told).unwrap().lines() {
        let (field, value) = line.split_once('\t').unwrap();
        put(&house.store, field, value);
    }
    drop(told);
    every_placement(&house).await;
    let ended = Instant::now();
    snapshot(&directory.join("at once"));
    tokio::time::sleep(AFTER.saturating_sub(ended.elapsed())).await;
    snapshot(&directory.join("after"));
    fs::write(directory.join("late"), ended.elapsed().as_millis().to_string()).unwrap();
    lock(&house, directory);
    drop(house);
    snapshot(&directory.join("dropped"));
}

fn lock(house: &House, directory: &Path) {
    for (name, key) in KEYS.iter().zip(house.store.keys()) {
        fs::write(directory.join(name), &*key).unwrap();
    }
    house.store.lock();
    snapshot(&directory.join("locked"));
}

/// One tool call with every way to place a secret.
async fn every_placement(house: &House) {
    let mut scope = house.begin();
    for credential in ["bearer", "template", "basic", "query"] {
        house.send(show(credential), &mut scope).await.unwrap();
    }
    let password = house.generate(&mut scope);
    let body = Some(br#"{"name":"n","user":{"mail":"m"}}"#.to_vec());
    let parameters = vec![("id".to_owned(), "7".to_owned())];
    let change = SendRequest { parameters, body, lent: lent(&password), ..request("change", Some("bearer")) };
    house.send(change, &mut scope).await.unwrap();
    for credential in ["partner", "partner-basic"] {
        house.send(show(credential), &mut scope).await.unwrap();
    }
}

/// Writes everything that this process could have written to: each writable mapping (proc(5)), one behind the other.
fn snapshot(to: &Path) {
    let (memory, mut file) = (File::open("/proc/self/mem").unwrap(), File::create(to).unwrap());
    let mut buffer = MmapMut::map_anon(64 * 1024).unwrap();
    // What is read through must not be read itself, or everything is there twice.
    let own = u64::try_from(buffer.as_ptr().addr()).unwrap();
    let own = own..own + u64::try_from(buffer.len()).unwrap();
    for line in fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        if rest.as_bytes()[1] != b'w' {
            continue;
        }
        let (from, end) = range.split_once('-').unwrap();
        let (mut at, end) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        while at < end {
            if own.contains(&at) {
                at = own.end;
                continue;
            }
            let until = if at < own.start { end.min(own.start) } else { end };
            let wanted = buffer.len().min(usize::try_from(until - at).unwrap());
            // A guard page cannot be read; there is nothing on it.
            let Ok(read @ 1..) = memory.read_at(&mut buffer[..wanted], at) else { break };
            file.write_all(&buffer[..read]).unwrap();
            at += u64::try_from(read).unwrap();
        }
    }
}
