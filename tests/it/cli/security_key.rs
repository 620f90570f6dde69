//! A security key at the terminal, from enrolment to the audit log: libfido2's own programs, and a key behind a pseudo-terminal.

use std::fs;
use std::path::Path;
use std::time::Duration;

use claviger_key::{Fault, Protocol, SecurityKey, Verification};
use claviger_lab::{Canary, Lab, Upstream};

use super::real::{Real, Terminal};
use super::variant::{configure, packed};
use crate::browser::second_opinion;
use crate::laboratory::lab;

const CALL: [&str; 4] = ["call", "psa.search_tickets", "--args", r#"{"company":"Acme"}"#];

/// Where the key is looked for. Who plugs another one in changes where this leads.
fn socket(lab: &Lab) -> std::path::PathBuf {
    lab.beside("socket")
}

fn plug(lab: &Lab, key: &SecurityKey) {
    let _unplugged = fs::remove_file(socket(lab));
    std::os::unix::fs::symlink(key.path(), socket(lab)).unwrap();
}

fn with_reader() -> SecurityKey {
    SecurityKey::new(Verification::Builtin).unwrap()
}

fn with_pin(pin: &Canary, protocol: Protocol) -> SecurityKey {
    SecurityKey::new(Verification::Pin { pin: pin.value.clone(), protocol }).unwrap()
}

/// A directory with a connection, in which a security key is looked for.
fn prepared<'a>(lab: &'a Lab, psa: &Upstream) -> Real<'a> {
    let real = Real::with_identity(lab);
    real.take_psa(&psa.canaries);
    let device = socket(lab);
    configure(&real.state, |text| format!("{text}\n[security-key]\ndevice = \"{}\"\n", device.display()));
    real
}

/// From now on nothing else counts.
fn only(real: &Real<'_>) {
    configure(&real.state, |text| text.replace("approver = \"terminal\"", "approver = \"security-key\""));
}

/// Enrols what is plugged in.
fn enrol(real: &Real<'_>, name: &str, pin: Option<&Canary>) {
    let mut terminal = real.on_terminal(&["approver", "add", "--security-key", "--name", name]);
    type_pin(&mut terminal, pin);
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains(&format!("{name} approves on the terminal with security key")), "{screen}");
}

fn type_pin(terminal: &mut Terminal<'_>, pin: Option<&Canary>) {
    if let Some(pin) = pin {
        terminal.expect("Enter PIN for ");
        terminal.enter(&pin.value);
    }
}

/// Calls, types a yes, and what the key wants.
fn called(real: &Real<'_>, pin: Option<&Canary>) -> (i32, String) {
    let mut terminal = real.on_terminal(&CALL);
    terminal.expect("anything else denies: ");
    terminal.answer("yes", "Now your security key");
    type_pin(&mut terminal, pin);
    terminal.end()
}

/// Nothing was approved, and why is said.
fn refused(real: &Real<'_>, pin: Option<&Canary>, why: &str) {
    let (code, screen) = called(real, pin);
    assert_eq!(code, 4, "{screen}");
    assert!(screen.contains("Not confirmed, so this was denied.") && screen.contains(why), "{why}: {screen}");
}

/// Both verifiers accept the log.
fn accepted(real: &Real<'_>) {
    assert_eq!(real.run(&["audit", "verify"], b"").code, 0);
    let bundle = real.lab.beside("exported");
    let exported = real.run(&["audit", "export", bundle.to_str().unwrap()], b"");
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    let opinion = second_opinion(&bundle);
    assert_eq!(opinion["ok"], true, "{opinion}");
}

/// A receipt tells the terminal from a page by its origin, so neither verifier takes a key that has both.
fn neither_accepts_a_page_beside_the_terminal(real: &Real<'_>) {
    let bundle = real.lab.beside("edited");
    assert_eq!(real.run(&["audit", "export", bundle.to_str().unwrap()], b"").code, 0);
    let keys = bundle.join("keys.json");
    let text = fs::read_to_string(&keys).unwrap();
    let origin = "\"claviger:terminal/security-key\"";
    assert!(text.contains(origin), "{text}");
    fs::write(&keys, text.replace(origin, &format!("{origin}, \"http://claviger.localhost:7443\""))).unwrap();
    let ours = real.run(&["audit", "verify", bundle.to_str().unwrap()], b"");
    assert!(ours.code != 0 && ours.stderr.contains("no readable public keys"), "{}", ours.stderr);
    let theirs = second_opinion(&bundle);
    assert!(theirs["why"].as_str().unwrap_or_default().contains("origin and relying party"), "{theirs}");
}

#[test]
fn a_key_with_a_pin_approves_and_the_pin_is_nowhere() {
    for protocol in [Protocol::One, Protocol::Two] {
        let lab = lab();
        let psa = lab.psa(0).unwrap();
        let real = prepared(&lab, &psa);
        let (pin, wrong) = (lab.canary("PIN").unwrap(), lab.canary("wrong PIN").unwrap());
        let key = with_pin(&pin, protocol);
        plug(&lab, &key);
        enrol(&real, "alex", Some(&pin));
        only(&real);
        let before = psa.running.seen().len();
        refused(&real, Some(&wrong), "the PIN was wrong");
        assert_eq!(key.retries(), Some(SecurityKey::RETRIES - 1));
        assert_eq!(psa.running.seen().len(), before, "the request went without an approval");
        let (code, screen) = called(&real, Some(&pin));
        assert_eq!(code, 0, "{screen}");
        assert!(screen.contains("Approved, once.") && screen.contains("\"tickets\""), "{screen}");

        let log = real.run(&["audit", "log", "--json"], b"").json();
        let receipt = log.as_array().unwrap().iter().find_map(|entry| entry.pointer("/proof/receipts/0")).unwrap();
        assert_eq!((&receipt["kind"], &receipt["approver"]), (&"webauthn".into(), &"alex".into()));
        let log = real.run(&["audit", "log"], b"").stdout;
        assert!(log.contains("approved by alex (webauthn by security key)"), "{log}");
        let list = real.run(&["approver", "list"], b"").stdout;
        assert!(list.contains("webauthn, security key") && !list.contains("made on another page"), "{list}");
        neither_accepts_a_page_beside_the_terminal(&real);
        // A key that was revoked counts no more, and what it signed before still does.
        let revoked = real.run(&["approver", "revoke", "alex"], b"");
        assert_eq!(revoked.code, 0, "{}", revoked.stderr);
        let (code, screen) = real.on_terminal(&CALL).end();
        assert!(code == 4 && screen.contains("no key that is plugged in is enrolled"), "{code}: {screen}");
        accepted(&real);
        real.swept();
    }
}

#[test]
fn whatever_the_key_does_not_do_is_no_approval() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let real = prepared(&lab, &psa);
    let mut key = with_reader();
    plug(&lab, &key);
    enrol(&real, "alex", None);
    only(&real);
    let before = psa.running.seen().len();
    key.touch(false, Duration::from_millis(500));
    refused(&real, None, "nobody touched the key in time");
    key.touch(true, Duration::from_secs(30));
    for (fault, why) in [
        (Fault::WrongFinger, "did not recognise the finger"),
        (Fault::Unverified, "did not verify its user (flag UV)"),
        (Fault::OtherRelyingParty, ""),
    ] {
        key.misbehave(Some(fault));
        let (code, screen) = called(&real, None);
        assert_eq!(code, 4, "{fault:?}: {screen}");
        assert!(screen.contains(why), "{fault:?}: {screen}");
    }
    key.misbehave(None);
    let other = with_reader();
    plug(&lab, &other);
    refused(&real, None, "no key that is plugged in is enrolled");
    plug(&lab, &key);
    key.unplug();
    refused(&real, None, "plug it in and call again");
    // Nor does it fall back to the host's own word when there is no key at all.
    let text = fs::read_to_string(real.state.join("approvers.toml")).unwrap();
    assert!(text.contains("host-asserted"), "the terminal's own key is enrolled, or this shows nothing");
    assert_eq!(psa.running.seen().len(), before);
    accepted(&real);
    real.swept();
}

#[test]
fn a_swapped_answer_proves_nothing() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let real = prepared(&lab, &psa);
    let key = with_reader();
    plug(&lab, &key);
    enrol(&real, "alex", None);
    only(&real);
    let programs = lab.beside("programs");
    fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink("/usr/bin/fido2-token", programs.join("fido2-token")).unwrap();
    // It has the key sign for something else, and gives that out for what was asked.
    let lie = "#!/bin/sh\nread hash; read party; read id\nother=$(head -c 32 /dev/zero | base64)\nPATH=/usr/bin\n\
        printf '%s\\n%s\\n%s\\n' \"$other\" \"$party\" \"$id\" | fido2-assert \"$@\" | sed \"1s|.*|$hash|\"\n";
    program(&programs.join("fido2-assert"), lie);
    configure(&real.state, |text| format!("{text}programs = \"{}\"\n", programs.display()));
    let asked = key.asked();
    let (code, screen) = called(&real, None);
    assert_eq!(code, 4, "{screen}");
    assert!(screen.contains("is not this key's signature over this statement"), "{screen}");
    assert_eq!(key.asked(), asked + 1, "the key did sign, for something else");
    accepted(&real);
    real.swept();
}

fn program(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn two_people_are_two_keys_one_after_the_other() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let real = prepared(&lab, &psa);
    let connection = real.state.join("connections/psa.toml");
    let text = fs::read_to_string(&connection).unwrap();
    fs::write(&connection, format!("{text}\n[grant.people]\nsearch-tickets = 2\n")).unwrap();
    let (alex, spare, kim) = (with_reader(), with_reader(), with_reader());
    for (key, name) in [(&alex, "alex"), (&spare, "alex"), (&kim, "kim")] {
        plug(&lab, key);
        enrol(&real, name, None);
    }
    // Whoever enrolled a key is not asked for less, though the file still says "terminal".
    for (second, code) in [(&spare, 4), (&kim, 0)] {
        plug(&lab, &alex);
        let mut terminal = real.on_terminal(&CALL);
        terminal.expect("anything else denies: ");
        terminal.answer("yes", "Now your security key");
        terminal.expect("Approved, once.");
        plug(&lab, second);
        terminal.expect("anything else denies: ");
        terminal.answer("yes", "Now your security key");
        let (ended, screen) = terminal.end();
        assert_eq!(ended, code, "{screen}");
        let counted = screen.contains("no key that is plugged in is enrolled");
        assert_eq!(counted, code == 4, "a person's second key is no second person: {screen}");
    }
    let log = real.run(&["audit", "log"], b"").stdout;
    assert!(log.contains("approved by alex (webauthn by security key) and kim (webauthn by security key)"), "{log}");
    accepted(&real);
    real.swept();
}

#[test]
fn a_question_that_ends_under_the_pin_leaves_a_terminal_that_echoes() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let real = prepared(&lab, &psa);
    let pin = lab.canary("PIN").unwrap();
    let key = with_pin(&pin, Protocol::One);
    plug(&lab, &key);
    enrol(&real, "alex", Some(&pin));
    only(&real);
    let limit = "[limits]\napproval = \"5s\"\n";
    let package = packed(&lab, "psa", |manifest| manifest.replacen("[limits]\n", limit, 1));
    let ran = real.run(&["plugin", "install", package.to_str().unwrap()], b"");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut terminal = real.shell(&CALL, "; echo ended $?; stty -a");
    terminal.expect("anything else denies: ");
    terminal.answer("yes", "Now your security key");
    // Nobody types the PIN.
    terminal.expect("Enter PIN for ");
    terminal.expect("ended 4");
    terminal.expect("icanon");
    let (_, screen) = terminal.end();
    let state = screen.rsplit("ended 4").next().unwrap();
    assert!(state.contains(" echo ") && !state.contains("-echo "), "{screen}");
    assert!(screen.contains("nobody answered within"), "{screen}");
    real.swept();
}

#[test]
fn a_key_that_was_never_set_up_is_not_enrolled() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let real = prepared(&lab, &psa);
    let key = SecurityKey::new(Verification::None).unwrap();
    plug(&lab, &key);
    let (code, screen) = real.on_terminal(&["approver", "add", "--security-key"]).end();
    assert_eq!(code, 4, "{screen}");
    assert!(screen.contains("fido2-token -S"), "{screen}");
    assert_eq!(key.asked(), 0);
    let text = fs::read_to_string(real.state.join("approvers.toml")).unwrap();
    assert!(!text.contains("claviger:terminal"), "{text}");
}
