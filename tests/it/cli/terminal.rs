//! A person at a terminal: asked there and nowhere else, and never by accident.

use std::fs;

use claviger::approval::{ApproverKind, Enrolled, EnrolledKey, Enrolment, PublicKey};
use p256::ecdsa::SigningKey;

use super::real::Real;
use crate::laboratory::lab;

const CALL: [&str; 4] = ["call", "psa.search_tickets", "--args", r#"{"company":"Acme"}"#];

#[test]
fn a_request_is_shown_on_the_terminal_and_yes_lets_it_go() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let real = Real::with_identity(&lab);
    real.take_psa(&psa.canaries);
    for (typed, code, says) in [("yes", 0, "Approved, once."), ("y", 4, "Denied."), ("", 4, "Denied.")] {
        let mut terminal = real.on_terminal(&CALL);
        let before = psa.running.seen().len();
        let question = terminal.expect("anything else denies: ").to_owned();
        for shown in [
            "READ",
            "\"alex\"",
            "\"Acme Manufacturing\"",
            "GET https://api-na.myconnectwise.net/",
            "op://MSP/ConnectWise/private-key",
        ] {
            assert!(question.contains(shown), "{shown} is not shown: {question}");
        }
        assert_eq!(psa.running.seen().len(), before, "the request went before the answer");
        terminal.answer(typed, says);
        let (ended, screen) = terminal.end();
        assert_eq!(ended, code, "{screen}");
        assert_eq!(screen.contains("\"tickets\""), code == 0, "{screen}");
        assert_eq!(psa.running.seen().len() > before, code == 0);
    }
    let log = real.run(&["audit", "log", "--json"], b"").json();
    let receipts: Vec<_> =
        log.as_array().unwrap().iter().filter_map(|entry| entry.pointer("/proof/receipts/0/kind")).collect();
    assert_eq!(receipts, ["host-asserted"]);
    assert_eq!(real.run(&["audit", "verify"], b"").code, 0);
    real.swept();
}

/// Somebody enrols a passkey while a question stands on the terminal: the weaker way ends there and then.
#[test]
fn a_yes_on_the_terminal_counts_no_more_once_a_passkey_is_enrolled() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let real = Real::with_identity(&lab);
    real.take_psa(&psa.canaries);
    let file = real.state.join("approvers.toml");
    let mut enrolled: Enrolled = toml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let mut terminal = real.on_terminal(&CALL);
    terminal.expect("anything else denies: ");
    let key = SigningKey::from_slice(&[0x5a; 32]).unwrap();
    let enrolment = Enrolment {
        name: "alex".to_owned(),
        role: None,
        kind: ApproverKind::Webauthn,
        credential_id: b"a passkey of somebody".as_slice().into(),
        public_key: PublicKey::from_sec1(key.verifying_key().to_sec1_point(false).as_bytes()).unwrap(),
        rp_id: "claviger.localhost".to_owned(),
        origins: ["http://claviger.localhost:7443".to_owned()].into(),
    };
    enrolled.add(EnrolledKey::try_from(enrolment).unwrap()).unwrap();
    fs::write(&file, toml::to_string(&enrolled).unwrap()).unwrap();
    terminal.enter("yes");
    let (ended, screen) = terminal.end();
    assert!(ended == 4 && screen.contains("counts no more; start the host again"), "{ended}: {screen}");
    assert_eq!(psa.running.connections(), 0);
    real.swept();
}

#[test]
fn without_a_terminal_nothing_is_approved() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let real = Real::with_identity(&lab);
    real.take_psa(&psa.canaries);
    // What comes in by standard input is no answer.
    let ran = real.run(&CALL, b"yes\nyes\n");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("no terminal to ask on") && ran.stderr.contains("in the foreground"), "{}", ran.stderr);
    assert_eq!(psa.running.connections(), 0);
    real.swept();
}

#[test]
fn a_passphrase_is_typed_unseen_and_nothing_opens_without_it() {
    let lab = lab();
    let real = Real::unmade(&lab);
    let (passphrase, value) = (lab.canary("passphrase").unwrap(), lab.canary("value").unwrap());
    let refused = real.run(&["init", "--principal", "alex"], b"");
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("--age-recipient") && !real.state.exists(), "{}", refused.stderr);
    for (second, code) in [("another passphrase", 2), (passphrase.value.as_str(), 0)] {
        let mut terminal = real.on_terminal(&["init", "--principal", "alex"]);
        terminal.expect("New vault passphrase: ");
        terminal.enter(&passphrase.value);
        terminal.expect("Once more: ");
        terminal.enter(second);
        let (ended, screen) = terminal.end();
        assert_eq!(ended, code, "{screen}");
        assert_eq!(real.state.exists(), code == 0, "a mismatch makes nothing");
    }
    let mut terminal = real.on_terminal(&["secret", "put", "op://MSP/Item/field"]);
    terminal.expect("Vault passphrase: ");
    terminal.enter(&passphrase.value);
    terminal.expect("Value for op://MSP/Item/field: ");
    terminal.enter(&value.value);
    let (ended, screen) = terminal.end();
    assert_eq!(ended, 0, "{screen}");
    let mut terminal = real.on_terminal(&["secret", "list"]);
    terminal.expect("Vault passphrase: ");
    terminal.enter("not the passphrase");
    let (ended, screen) = terminal.end();
    assert_eq!(ended, 6);
    assert!(screen.contains("opens no slot") && !screen.contains("op://MSP"), "{screen}");
    let unattended = real.run(&["secret", "list"], passphrase.value.as_bytes());
    assert_eq!(unattended.code, 6);
    assert!(unattended.stderr.contains("--identity"), "{}", unattended.stderr);
    real.swept();
}
