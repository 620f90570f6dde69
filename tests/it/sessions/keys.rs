//! A host that ends takes its keys with it.

use std::sync::Arc;

use claviger::approval::{Desk, Enrolled, SimulatedAnswer, SoftwarePasskey, Throwaway};
use claviger::audit::{CheckpointKey, Log};
use claviger::grant::Policy;
use claviger::pipeline::{Hallway, Outside};
use claviger::vault::{Embedded, IdentityFile, Journal, Providers, Quarantine, Secret, Vault};
use claviger_lab::Canary;

#[test]
fn a_host_that_ends_opens_no_secret_any_more() {
    let root = tempfile::tempdir().unwrap();
    let proof = Throwaway::create(&root.path().join("state")).unwrap();
    let passkey = SoftwarePasskey::new(&[0x4e; 32], SimulatedAnswer::Approve, &proof).unwrap();
    let enrolled = Enrolled::new([passkey.enrolment("Robin").unwrap()]).unwrap();
    let desk = Desk::throwaway(Box::new(passkey), enrolled, proof);
    let (log, _) = Log::open(&root.path().join("audit"), CheckpointKey::from_seed([0x71; 32])).unwrap();
    let slot = IdentityFile::create(&root.path().join("identity")).unwrap();
    let store = Arc::new(Embedded::create(&root.path().join("vault"), &[slot]).unwrap());
    let journal = Journal::open(&root.path().join("journal"), store.journal_key().unwrap()).unwrap();
    let quarantine = Quarantine::open(&root.path().join("quarantine.json")).unwrap();
    let vault = Vault::new(Providers::new(Arc::<Embedded>::clone(&store)), journal, quarantine);
    let hallway = Hallway::new(Policy::default(), desk, log, vault, Outside::system());

    let canary = Canary::new("key").unwrap();
    let put = |field: &str| {
        let place = format!("op://MSP/Site/{field}").parse().unwrap();
        store.put(&place, &Secret::new(canary.value.clone().into_bytes()), false).map_err(|error| error.to_string())
    };
    put("one").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(hallway.close()), Vec::<String>::new());
    // For every holder of the vault, though this one and the hallway's are still there.
    let told = put("two").unwrap_err();
    assert!(told.contains("locked"), "{told}");
}
