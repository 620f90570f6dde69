//! Where the seeds come from that are signed or sealed: `cargo test -p claviger-fuzz --test making -- --ignored`.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use claviger_approval::{Enrolled, Throwaway};
use claviger_audit::{CheckpointKey, Event, Keys, Log, OperatorAction, WitnessKey, WitnessRequest, export};
use claviger_fuzz::{BETWEEN, IDENTITY, RECIPIENT};
use claviger_manifest::{Digest, PublisherKey};
use claviger_vault::{Embedded, Journal, NewSlot, Quarantine, Secret};

fn seed(target: &str, name: &str, parts: &[&[u8]]) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join(name), parts.join(BETWEEN)).unwrap();
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

#[test]
#[ignore = "it writes into the sources"]
fn keys_and_a_package() {
    let key = PublisherKey::generate("example.org/plugins", [5; 32]).unwrap();
    seed("keys", "public", &[key.vkey().as_bytes()]);
    seed("keys", "private", &[key.to_text().as_bytes()]);
    let component = b"\0asm stand-in";
    let manifest = include_str!("corpus/manifest/probe.toml");
    let line = manifest.lines().find(|line| line.starts_with("component")).unwrap();
    let publisher = manifest.lines().find(|line| line.starts_with("publisher")).unwrap();
    let manifest = manifest
        .replace(line, &format!("component = \"{}\"", Digest::of(component)))
        .replace(publisher, "publisher = \"example.org/plugins\"")
        .replace("schemas/anything.json", "schemas/any.json");
    let schemas = BTreeMap::from([("schemas/any.json".to_owned(), b"{}".to_vec())]);
    let signature = key.sign(&manifest, component, &schemas).unwrap();
    seed("package", "signed", &[signature.as_bytes(), manifest.as_bytes(), component]);
    seed("package", "other", &[signature.as_bytes(), manifest.as_bytes(), b"\0asm another"]);
}

#[tokio::test]
#[ignore = "it writes into the sources"]
async fn a_log_and_its_export() {
    let directory = tempfile::tempdir().unwrap();
    let (audit, copy) = (directory.path().join("audit"), directory.path().join("copy"));
    let key = || CheckpointKey::from_seed([0x5a; 32]);
    let (log, _) = Log::open(&audit, key()).unwrap();
    for detail in ["one", "two", "three"] {
        let event = Event::operator(OperatorAction::HostStarted, "host", Some(detail));
        log.note(event, "2026-11-23T21:30:00Z".parse().unwrap()).await.unwrap();
    }
    log.shutdown().unwrap();
    let keys = Keys { log: key().public(), approvers: Enrolled::default() };
    export(&audit, &copy, &keys).unwrap();
    let read = |name: &str| std::fs::read(copy.join(name)).unwrap();
    let (entries, note, hashes) = (read("log.jsonl"), read("checkpoint"), read("tree.hashes"));
    seed("log", "whole", &[&entries, &note, &hashes, &note]);
    seed("log", "bare", &[&entries, &note]);
    let witness = WitnessKey::from_seed("witness.example", [0x5a; 32]).unwrap();
    let request = WitnessRequest::new(&audit, 0, &key().public()).unwrap();
    let signed = witness.cosign(&request, &key().public(), None, "2026-11-23T21:30:00Z".parse().unwrap());
    let (answer, vkey) = (signed.unwrap().0, witness.public().vkey());
    seed("witness", "first", &[request.to_text().as_bytes(), answer.as_bytes(), &note, vkey.as_bytes()]);
    let request = WitnessRequest::new(&audit, 2, &key().public()).unwrap();
    seed("witness", "later", &[request.to_text().as_bytes(), b"", &note, b""]);
    seed("checkpoint", "note", &[&note]);
    seed("checkpoint", "key", &[key().public().vkey().as_bytes()]);
    seed("export", "whole", &[&entries, &note, &hashes, &read("keys.json"), &read("digests.json")]);
}

#[test]
#[ignore = "it writes into the sources"]
fn approvers_and_a_receipt() {
    let directory = tempfile::tempdir().unwrap();
    let proof = Throwaway::create(&directory.path().join("state")).unwrap();
    let answer = claviger_approval::SimulatedAnswer::Approve;
    let passkey = claviger_approval::SoftwarePasskey::new(&[0x11; 32], answer, &proof).unwrap();
    let enrolled = passkey.enrolment("Robin").unwrap();
    seed("approvers", "public-key", &[enrolled.public_key().to_string().as_bytes()]);
    seed("approvers", "file", &[toml::to_string(&Enrolled::new([enrolled]).unwrap()).unwrap().as_bytes()]);
    let nonce = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
    let request = format!(
        "{{\"expires\":1700000060,\"facts\":{{}},\"nonce\":\"{nonce}\",\"scope\":{{\"kind\":\"once\"}},\"v\":1}}"
    );
    let client = format!(
        "{{\"type\":\"webauthn.get\",\"challenge\":\"{nonce}\",\"origin\":\"http://claviger.localhost:7443\",\"crossOrigin\":false}}"
    );
    let data = [[0x49; 32].as_slice(), &[5, 0, 0, 0, 41]].concat();
    let signature = b"\x30\x06\x02\x01\x01\x02\x01\x01";
    seed("receipt", "once", &[request.as_bytes(), &data, client.as_bytes(), signature]);
}

#[test]
#[ignore = "it writes into the sources"]
fn a_state_directory() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| -> PathBuf { directory.path().join(name) };
    let slots = [NewSlot::AgeRecipient(RECIPIENT.to_owned())];
    let vault = Embedded::create(&place("vault"), &slots).unwrap();
    vault.put(&"op://MSP/Pax8/client id".parse().unwrap(), &secret("not a secret at all"), false).unwrap();
    seed("vault", "one-item", &[&std::fs::read(place("vault").join("embedded.vault")).unwrap()]);
    seed("identity", "alone", &[IDENTITY.as_bytes()]);
    let journal = Journal::open(&place("journal"), vault.journal_key().unwrap()).unwrap();
    journal.append(&"acme".parse().unwrap(), &"token".parse().unwrap(), &secret("not a secret at all")).unwrap();
    let entries = std::fs::read_dir(place("journal")).unwrap().map(|entry| entry.unwrap().path());
    let entry = entries.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "pending")).unwrap();
    seed("journal", "entry", &[&std::fs::read(entry).unwrap()]);
    let quarantine = Quarantine::open(&place("quarantine.json")).unwrap();
    quarantine.add(&"acme".parse().unwrap(), &"client-secret".parse().unwrap()).unwrap();
    seed("quarantine", "one", &[&std::fs::read(place("quarantine.json")).unwrap()]);
}
