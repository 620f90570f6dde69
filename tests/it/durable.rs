//! What is kept survives a power cut: every file is on the disk before its name is, and its name before the program goes on.
//!
//! A real power cut cannot be had here. So the program runs with a library before the C library that notes each write, each
//! sync and each new name, and what POSIX lets a disk forget is found in those notes.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use claviger_lab::Lab;
use serde_json::json;

use crate::bad_input::{besieged, echo, refused};
use crate::laboratory::{packages, swept};

/// One thing that the program did, in the order of all its threads.
#[derive(Debug)]
struct Act {
    thread: String,
    what: String,
    inode: u64,
    path: PathBuf,
}

/// A program whose acts are noted.
struct Watched {
    lab: Lab,
    /// Runs the program with the library.
    _script: tempfile::TempPath,
    notes: tempfile::TempDir,
}

impl Watched {
    fn new() -> Self {
        let notes = tempfile::tempdir().unwrap();
        let library = compiled(notes.path());
        // In the build's directory, because the laboratory finds what belongs to a program beside it.
        let script = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap().into_temp_path();
        let (below, library, acts) =
            (std::env::temp_dir().canonicalize().unwrap(), library.display(), notes.path().join("acts"));
        let (below, acts) = (below.display(), acts.display());
        let environment =
            format!("LD_PRELOAD=\"{library}${{LD_PRELOAD:+:$LD_PRELOAD}}\" WATCHED={below} WATCHED_IN={acts}");
        let program = env!("CARGO_BIN_EXE_claviger");
        fs::write(&script, format!("#!/bin/sh\n{environment} exec {program} \"$@\"\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let lab = Lab::new(&script, &packages()).unwrap();
        Self { lab, _script: script, notes }
    }

    fn acts(&self) -> Vec<Act> {
        let text = fs::read_to_string(self.notes.path().join("acts")).unwrap();
        let act = |line: &str| {
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            let [thread, what, inode, path] = words[..] else { panic!("{line}") };
            let (thread, what) = (thread.to_owned(), what.to_owned());
            Act { thread, what, inode: inode.parse().unwrap(), path: PathBuf::from(path) }
        };
        text.lines().map(act).collect()
    }

    /// Holds everything that was done so far against the rule.
    fn nothing_can_be_lost(&self, after: &str) {
        let acts = self.acts();
        let root = self.lab.state().parent().unwrap().canonicalize().unwrap();
        let mut lost = named_too_early(&acts, &root);
        for kept in [root.join("state"), root.join("export")] {
            if kept.exists() {
                lost.extend(forgotten(&acts, &kept));
            }
            walk(&kept, &mut |path| lost.extend(forgotten(&acts, path)));
        }
        assert!(lost.is_empty(), "a power cut after {after} may lose: {lost:#?}");
    }
}

fn compiled(directory: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/durable/watched_disk.c");
    let library = directory.join("watched_disk.so");
    let mut compile = Command::new("cc");
    compile.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl");
    assert!(compile.status().unwrap().success(), "the C compiler failed");
    library
}

/// What may be lost: native code, which is made again from the component; and the newest checkpoint, because the one before
/// it is as good, and the entries after that are there.
fn may_be_lost(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "compiled") || path.ends_with("audit/checkpoint")
}

fn walk(path: &Path, each: &mut dyn FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        each(&path);
        walk(&path, each);
    }
}

fn last(acts: &[Act], which: impl Fn(&Act) -> bool) -> Option<usize> {
    acts.iter().rposition(which)
}

fn synced(acts: &[Act], inode: u64) -> bool {
    acts.iter().any(|act| act.what == "sync" && act.inode == inode)
}

/// A plugin's directory while it is being filled: it gets its name when it is whole.
fn is_staged(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str().to_string_lossy().ends_with(".new"))
}

/// What took a name before its bytes were on the disk, and what went on before the name was. The first would leave an empty
/// file in the place of a good one; the second, files in a directory that is not there.
fn named_too_early(acts: &[Act], root: &Path) -> Vec<String> {
    let named = |act: &Act| act.what == "rename" || (act.what == "make" && !is_staged(&act.path));
    let named = acts.iter().enumerate().filter(|(_, act)| named(act) && act.path.starts_with(root.join("state")));
    let early = named.filter_map(|(at, act)| {
        let written = last(&acts[..at], |other| other.what == "write" && other.inode == act.inode);
        if act.what == "rename" && written.is_none_or(|written| !synced(&acts[written..at], act.inode)) {
            return Some(format!("the bytes of {}", act.path.display()));
        }
        let next = acts[at + 1..].iter().find(|other| other.thread == act.thread);
        let is_kept = next.is_some_and(|next| next.what == "sync" && Some(next.path.as_path()) == act.path.parent());
        (!is_kept && !may_be_lost(&act.path)).then(|| format!("the new name {}", act.path.display()))
    });
    early.collect()
}

/// Why a file or a directory that is there now may not be there after a power cut.
fn forgotten(acts: &[Act], path: &Path) -> Option<String> {
    let found = fs::symlink_metadata(path).unwrap();
    let (is_directory, inode) = (found.is_dir(), found.ino());
    // A lock has nothing to lose. Its inode may be that of a file that was written and is gone.
    if !is_directory && found.len() == 0 {
        return None;
    }
    let own = |act: &Act, what: &str| act.inode == inode && act.what == what;
    // What was not touched is not the program's.
    let written = last(acts, |act| own(act, if is_directory { "make" } else { "write" }))?;
    if may_be_lost(path) {
        return None;
    }
    if !is_directory && !synced(&acts[written..], inode) {
        return Some(format!("what was written to {}", path.display()));
    }
    let got = |what: &str| last(acts, |act| own(act, what) && act.path == path);
    // Made without the C library: before it was written for the first time. Otherwise renamed without it: after it was
    // synced for the last time.
    let first = || acts.iter().position(|act| own(act, "write") && act.path == path);
    let named = got("rename")
        .or(got("make"))
        .or(got("create"))
        .or_else(first)
        .or_else(|| last(acts, |act| own(act, "sync")))?;
    let above = fs::metadata(path.parent().unwrap()).unwrap().ino();
    (!synced(&acts[named..], above)).then(|| format!("the name {}", path.display()))
}

#[test]
fn whatever_is_kept_is_on_the_disk_when_the_program_says_so() {
    let watched = Watched::new();
    let lab = &watched.lab;
    watched.nothing_can_be_lost("init");
    let pve = lab.proxmox(false).unwrap();
    watched.nothing_can_be_lost("secret put");
    lab.install("hypervisor").unwrap();
    watched.nothing_can_be_lost("plugin install");
    lab.connect_hypervisor("pve", "hypervisor", &pve, "MSP").unwrap();
    watched.nothing_can_be_lost("connection add");
    let rotation = json!({ "userid": "claviger@pve", "old_token": "agent", "new_token": "agent-2" });
    lab.result("pve.rotate_api_token", &rotation).unwrap();
    watched.nothing_can_be_lost("a rotation");
    lab.must(&["audit", "export", lab.beside("export").to_str().unwrap()]).unwrap();
    watched.nothing_can_be_lost("audit export");
    // Everything that was to be seen was seen, or nothing of this holds.
    let acts = watched.acts();
    for (what, name) in [
        ("write", "audit/log.jsonl"),
        ("rename", "vault/embedded.vault"),
        ("make", "vault/journal"),
        ("sync", "state/plugins"),
        ("sync", "state/connections"),
    ] {
        assert!(acts.iter().any(|act| act.what == what && act.path.ends_with(name)), "no {what} of {name}");
    }
    let journalled = |act: &Act| act.what == "rename" && act.path.parent().unwrap().ends_with("vault/journal");
    assert!(acts.iter().any(journalled), "nothing went through the journal");
    swept(lab);
}

#[test]
fn a_quarantine_is_on_the_disk_when_the_call_is_refused() {
    let watched = Watched::new();
    let _lair = besieged(&watched.lab);
    refused(&watched.lab, "probe.rotate_api_token", &echo("header", "raw"), 1);
    watched.nothing_can_be_lost("a leak");
    let acts = watched.acts();
    assert!(acts.iter().any(|act| act.what == "rename" && act.path.ends_with("state/quarantine.json")));
    swept(&watched.lab);
}
