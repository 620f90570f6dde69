//! What others on the machine can see of the program: its memory, its environment, its files, its remains.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use claviger_lab::{Agent, Lab, Upstream};
use serde_json::json;

use crate::cli::variant::configure;
use crate::laboratory::{lab, swept};
use crate::op::Account;

/// What is promised.
const AFTER_A_CALL: Duration = Duration::from_millis(250);
/// The signal of a wrong access to memory (signal(7)).
const SEGMENTATION_FAULT: i32 = 11;
/// An ordinary user, for what root may always do: `nobody` on every distribution.
const NOBODY: &str = "65534";

/// A program as an ordinary user would run it: root reads the memory of everybody.
fn ordinary(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"]).arg(program);
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The served program, run by an ordinary user in a directory of its own.
fn served<'a>(lab: &'a Lab, directory: &Path) -> Agent<'a> {
    let root = lab.state().parent().unwrap().to_owned();
    if is_root() {
        let owner = format!("{NOBODY}:{NOBODY}");
        assert!(Command::new("chown").args(["-R", &owner]).arg(&root).status().unwrap().success());
    }
    let real = lab.command();
    // A copy, because a directory of the build may be closed to others.
    let program = root.join("claviger");
    fs::copy(real.get_program(), &program).unwrap();
    fs::copy(Path::new(real.get_program()).with_file_name("claviger-compile"), root.join("claviger-compile")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = ordinary(&program);
    command.args(real.get_args()).current_dir(directory);
    command.env("SSLKEYLOGFILE", directory.join("keys")).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
    Agent::with(lab, command).unwrap()
}

fn read(agent: &Agent<'_>, file: &str) -> Vec<u8> {
    fs::read(format!("/proc/{}/{file}", agent.process())).unwrap()
}

/// A line of `/proc/<pid>/status` or `limits`, its words behind the name.
fn line(agent: &Agent<'_>, file: &str, name: &str) -> Vec<String> {
    let text = String::from_utf8(read(agent, file)).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}

fn files(directory: &Path) -> Vec<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A directory that an ordinary user can write to.
fn open_to_all(lab: &Lab) -> std::path::PathBuf {
    let directory = lab.beside("work");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    directory
}

fn called(agent: &mut Agent<'_>) {
    let answer = agent.call("psa_search_tickets", &json!({})).unwrap();
    assert_ne!(answer["isError"], true, "{answer}");
}

/// With a connection to a PSA.
fn prepared() -> (Lab, Upstream) {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    (lab, psa)
}

#[test]
fn a_serving_program_keeps_its_memory_to_itself() {
    let (lab, _psa) = prepared();
    let directory = open_to_all(&lab);
    let mut agent = served(&lab, &directory);
    called(&mut agent);
    assert_eq!(line(&agent, "limits", "Max core file size"), ["0", "0", "bytes"]);
    let locked: u64 = line(&agent, "status", "VmLck:")[0].parse().unwrap();
    assert!(locked >= 8, "master key and journal key lie on locked pages: {locked} KiB");
    let mut other = ordinary(Path::new("/usr/bin/env")).args(["sleep", "60"]).spawn().unwrap();
    // setpriv and env run first in the same process.
    while !fs::read_to_string(format!("/proc/{}/comm", other.id())).unwrap().starts_with("sleep") {
        std::thread::yield_now();
    }
    assert!(opens(other.id(), "environ"), "an ordinary process is open to its user, or this test shows nothing");
    for file in ["mem", "environ", "auxv"] {
        assert!(!opens(agent.process(), file), "{file} of the program is open to other processes of its user");
    }
    other.kill().unwrap();
    other.wait().unwrap();
}

/// Whether another process of the same user can read a file of a process.
fn opens(process: u32, file: &str) -> bool {
    let mut shell = ordinary(Path::new("/bin/sh"));
    shell.arg("-c").arg(format!(": < /proc/{process}/{file}")).stderr(Stdio::null());
    shell.status().unwrap().success()
}

/// Calls before memory is looked at. What one call frees, the next may use again, so that a copy shows in some looks only;
/// with this many, of two connections in turn, a program whose allocator does not wipe has never passed.
const CALLS: usize = 12;

#[test]
fn a_call_leaves_no_secret_in_the_program() {
    let (lab, psa) = prepared();
    let _pve = lab.hypervisor().unwrap();
    let directory = open_to_all(&lab);
    let mut agent = served(&lab, &directory);
    for _ in 0..CALLS {
        called(&mut agent);
        let answer = agent.call("pve_list_nodes", &json!({})).unwrap();
        assert_ne!(answer["isError"], true, "{answer}");
    }
    std::thread::sleep(AFTER_A_CALL);
    match memory(agent.process()) {
        Ok(memory) => {
            assert!(String::from_utf8_lossy(&memory).contains("psa_search_tickets"), "another memory was read");
            lab.heard(&memory);
        }
        // Whoever runs this is kept out like everybody else: then the test in the vault's room stands alone.
        Err(error) => assert!(!is_root() && error == ErrorKind::PermissionDenied, "{error}"),
    }
    if is_root() {
        lab.heard(&read(&agent, "environ"));
    }
    lab.heard(&read(&agent, "cmdline"));
    drop(agent);
    assert!(psa.running.connections() > 0);
    assert_eq!(files(&directory), Vec::<String>::new(), "TLS keys or other files were written");
    swept(&lab);
}

/// Bytes that the kernel gives out at once.
const PAGE: usize = 4096;

/// Everything that a process can write to (proc(5)), but for pages of zeros: a sandbox reserves gigabytes of them.
fn memory(process: u32) -> Result<Vec<u8>, ErrorKind> {
    let file = File::open(format!("/proc/{process}/mem")).map_err(|error| error.kind())?;
    let (mut all, mut block) = (Vec::new(), vec![0; 1 << 20]);
    for line in fs::read_to_string(format!("/proc/{process}/maps")).map_err(|error| error.kind())?.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        let (from, end) = range.split_once('-').unwrap();
        let (mut at, end) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        if rest.as_bytes()[1] != b'w' {
            continue;
        }
        while at < end {
            let most = usize::try_from(end - at).unwrap_or(usize::MAX).min(block.len());
            let read = file.read_at(&mut block[..most], at).unwrap_or_default();
            if read == 0 {
                break;
            }
            for page in block[..read].chunks(PAGE).filter(|page| **page != [0; PAGE][..page.len()]) {
                all.extend_from_slice(page);
            }
            at += u64::try_from(read).unwrap();
        }
    }
    Ok(all)
}

#[test]
fn a_crash_leaves_no_core_dump() {
    let (lab, _psa) = prepared();
    let directory = open_to_all(&lab);
    let mut agent = served(&lab, &directory);
    called(&mut agent);
    // The first one takes the standard library's handler away, which waits for the fault to come again.
    for _ in 0..2 {
        let kill = Command::new("kill").arg("-SEGV").arg(agent.process().to_string()).status().unwrap();
        assert!(kill.success());
        std::thread::sleep(Duration::from_millis(300));
    }
    let ended = agent.ended().unwrap();
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(SEGMENTATION_FAULT), false));
    assert_eq!(files(&directory), Vec::<String>::new());
}

#[test]
fn keys_that_cannot_be_locked_are_told_and_used() {
    let (lab, _psa) = prepared();
    let directory = open_to_all(&lab);
    let root = lab.state().parent().unwrap().to_owned();
    drop(served(&lab, &directory));
    let mut shell = ordinary(Path::new("/bin/sh"));
    shell.arg("-c").arg("ulimit -l 0 && exec \"$0\" --state \"$1\" secret list --json");
    let output = shell.arg(root.join("claviger")).arg(lab.state()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.starts_with(r#"{"notice":"the vault's keys can reach the swap space"#), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn op_finds_no_secret_in_its_arguments_and_its_environment() {
    let (lab, psa) = prepared();
    let account = Account::of(&lab, &psa.canaries);
    let (wrapper, record) = (lab.beside("1password/wrapped"), lab.beside("1password/given"));
    configure(&lab.state(), |text| {
        let real = text.lines().find_map(|line| line.strip_prefix("path = ")).unwrap().trim_matches('"').to_owned();
        let script =
            format!("#!/bin/sh\ncat /proc/$$/environ /proc/$$/cmdline >> {}\nexec {real} \"$@\"\n", record.display());
        fs::write(&wrapper, script).unwrap();
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o700)).unwrap();
        text.replace(&real, wrapper.to_str().unwrap())
    });
    let mut command = lab.command();
    let output = command.args(["call", "psa.search_tickets"]).env("XDG_CONFIG_HOME", account.home()).output().unwrap();
    lab.heard(&output.stdout);
    lab.heard(&output.stderr);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let given = fs::read(&record).unwrap();
    let text = String::from_utf8_lossy(&given);
    assert!(text.contains("OP_INTEGRATION_NAME=Claviger") && text.contains("read"), "{text}");
    lab.heard(&given);
    swept(&lab);
}
