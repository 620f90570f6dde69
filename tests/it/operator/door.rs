//! The door of a host that runs, and those who have no business there.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use claviger::vault::{Embedded, IdentityFile};
use claviger_lab::{Agent, Lab};
use serde_json::{Value, json};

use super::{notes, search};
use crate::laboratory::{lab, swept};

/// Longer than a host waits for somebody who says nothing.
const PATIENCE: Duration = Duration::from_secs(20);

/// A visitor who is not the program.
struct Stranger {
    lines: BufReader<UnixStream>,
    nonce: Vec<u8>,
}

impl Stranger {
    fn at(lab: &Lab) -> Self {
        let stream = UnixStream::connect(lab.state().join("door.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut lines = BufReader::new(stream);
        let mut greeting = String::new();
        lines.read_line(&mut greeting).unwrap();
        let greeting: Value = serde_json::from_str(&greeting).unwrap();
        assert_eq!(greeting["v"], 1);
        Self { lines, nonce: hex::decode(greeting["nonce"].as_str().unwrap()).unwrap() }
    }

    /// What comes back for a line; nothing when the line was cut.
    fn says(&mut self, line: &[u8]) -> String {
        // A line that was cut before takes no more.
        let _cut = self.lines.get_mut().write_all(line);
        let mut answer = String::new();
        let _cut = self.lines.read_line(&mut answer);
        answer
    }
}

fn sentence(action: &str, proof: &str) -> Vec<u8> {
    let note = json!({ "action": action, "subject": "psa private-key", "detail": null });
    format!("{}\n", json!({ "note": { "note": note, "proof": proof } })).into_bytes()
}

/// What the program itself vouches for.
fn statement(number: u64, action: &str) -> Vec<u8> {
    format!(r#"[1,{number},{{"action":"{action}","subject":"psa private-key","detail":null}}]"#).into_bytes()
}

/// The vault, as only somebody has it who can open it.
fn vault(lab: &Lab) -> Embedded {
    let identity = IdentityFile::read(&lab.state().join("identity.age")).unwrap();
    Embedded::open(&lab.state().join("vault"), &identity).unwrap()
}

#[test]
fn nobody_is_heard_without_proof_and_no_proof_counts_twice() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let mut agent = Agent::start(&lab).unwrap();
    let before = notes(&lab).len();
    let mode = fs::metadata(lab.state()).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "only the owner comes to the door");

    let (mut first, vault) = (Stranger::at(&lab), vault(&lab));
    let lifted = "quarantine-lifted";
    let proof =
        |nonce: &[u8], number, action: &str| hex::encode(vault.vouch(nonce, &statement(number, action)).unwrap());
    let good = sentence(lifted, &proof(&first.nonce, 0, lifted));
    assert_eq!(first.says(&good), "\"noted\"\n", "so the rest is refused for what is different in it");
    assert!(first.says(&good).contains("can open the vault"), "the same sentence again");

    let refused = |make: &dyn Fn(&[u8]) -> Vec<u8>, why: &str| {
        let mut stranger = Stranger::at(&lab);
        let line = make(&stranger.nonce);
        let answer = stranger.says(&line);
        assert!(answer.contains(why), "{answer:?} for {}", String::from_utf8_lossy(&line));
        assert_eq!(stranger.says(&line), "", "the line is cut");
    };
    refused(&|_| sentence(lifted, ""), "can open the vault");
    refused(&|_| sentence(lifted, &"0".repeat(64)), "can open the vault");
    refused(&|_| good.clone(), "can open the vault");
    refused(&|nonce| sentence("approver-added", &proof(nonce, 0, lifted)), "can open the vault");
    // Nobody becomes an approver without proof, and a proof of another kind is none.
    let ben =
        |proof: &str| format!("{}\n", json!({ "enrol": { "name": "ben", "role": null, "proof": proof } })).into_bytes();
    refused(&|_| ben(&"0".repeat(64)), "can open the vault");
    refused(&|nonce| ben(&proof(nonce, 0, "approver-added")), "can open the vault");
    refused(&|nonce| sentence("host-started", &proof(nonce, 0, "host-started")), "no command does");
    refused(&|nonce| sentence("initialised", &proof(nonce, 0, "initialised")), "no command does");

    assert_eq!(notes(&lab).len(), before + 1, "one sentence was true");
    assert!(!search(&mut agent).0, "the host goes on");
    drop(agent);
    lab.must(&["audit", "verify"]).unwrap();
    swept(&lab);
}

/// Somebody loosened the permissions: the kernel still says whose the other end is.
#[test]
fn another_user_is_not_spoken_to() {
    // Every Debian has it where every user may run it.
    const LISTEN: &str = r#"use Socket; alarm 20; socket(my $door, AF_UNIX, SOCK_STREAM, 0) or die $!;
        connect($door, sockaddr_un("door.sock")) or die $!; my $said = <$door>; print length($said // "");"#;
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let agent = Agent::start(&lab).unwrap();
    for loosened in [lab.state(), lab.state().join("door.sock")] {
        fs::set_permissions(loosened, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let heard = |user: &str| {
        let mut listening = Command::new("setpriv");
        listening.args([user, "--clear-groups", "/usr/bin/perl", "-e", LISTEN]).current_dir(lab.state());
        let output = listening.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().parse::<usize>().unwrap()
    };
    assert!(heard("--reuid=0") > 64, "its own user is greeted");
    assert_eq!(heard("--reuid=65534"), 0);
    fs::set_permissions(lab.state(), fs::Permissions::from_mode(0o700)).unwrap();
    drop(agent);
    swept(&lab);
}

#[test]
fn rubbish_and_silence_hold_up_nobody() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let mut agent = Agent::start(&lab).unwrap();
    let silent: Vec<Stranger> = (0..4).map(|_| Stranger::at(&lab)).collect();
    for rubbish in [&b"\n"[..], b"{}\n", b"\xff\xfe\n", &[b'['; 70_000], &vec![b'x'; 600 * 1024]] {
        let mut stranger = Stranger::at(&lab);
        let _cut = stranger.lines.get_mut().write_all(rubbish);
        let _cut = stranger.lines.get_mut().shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _cut = stranger.lines.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    }
    // Neither the agent nor a command waits for those who stand there.
    assert!(!search(&mut agent).0);
    lab.must(&["grant", "revoke", "psa", "search-tickets"]).unwrap();
    assert!(search(&mut agent).0);
    // And they do not stand there for long.
    for mut stranger in silent {
        assert_eq!(stranger.lines.read_line(&mut String::new()).unwrap(), 0);
    }
    drop(agent);
    swept(&lab);
}

#[test]
fn a_door_that_a_killed_host_left_is_no_door() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let agent = Agent::start(&lab).unwrap();
    let killed = Command::new("kill").args(["-KILL", &agent.process().to_string()]).status().unwrap();
    assert!(killed.success());
    drop(agent);
    assert!(lab.state().join("door.sock").exists());
    lab.must(&["grant", "revoke", "psa", "search-tickets"]).unwrap();
    let agent = Agent::start(&lab).unwrap();
    lab.must(&["connection", "remove", "psa"]).unwrap();
    drop(agent);
    let actions: Vec<String> = notes(&lab).into_iter().map(|[action, ..]| action).collect();
    assert!(actions.ends_with(&["connection-removed", "connection-followed"].map(str::to_owned)), "{actions:?}");
    swept(&lab);
}
