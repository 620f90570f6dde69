#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use age::secrecy::ExposeSecret;
use age::x25519::Identity;

use super::{KeySlot, NewSlot, Unlock, UnlockError, unwrap};
use crate::reveal::Secret;
use crate::seal::Key;

const VAULT: &str = "k3mwq7x2p9d5r8t1v6b4n0c7jh";

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn passphrase_slot(master: &Key) -> KeySlot {
    KeySlot::wrap(&NewSlot::Passphrase(secret("Zk8-vorpal-quince-41x")), VAULT, master).unwrap()
}

fn refusal(slots: &[KeySlot], unlock: &Unlock) -> UnlockError {
    unwrap(slots, VAULT, unlock).unwrap_err()
}

#[test]
fn the_right_passphrase_opens_and_no_other() {
    let master = Key::random().unwrap();
    let slots = [passphrase_slot(&master)];
    let right = Unlock::Passphrase(secret("Zk8-vorpal-quince-41x"));
    assert_eq!(unwrap(&slots, VAULT, &right).unwrap().bytes(), master.bytes());
    assert_eq!(refusal(&slots, &Unlock::Passphrase(secret("Zk8-vorpal-quince-41X"))), UnlockError::WrongPassphrase);
    let another_vault = unwrap(&slots, "another", &right).unwrap_err();
    assert_eq!(another_vault, UnlockError::WrongPassphrase);
}

#[test]
fn the_right_identity_opens_and_no_other() {
    let master = Key::random().unwrap();
    let (mine, theirs) = (Identity::generate(), Identity::generate());
    let recipient = NewSlot::AgeRecipient(mine.to_public().to_string());
    let slots = [passphrase_slot(&master), KeySlot::wrap(&recipient, VAULT, &master).unwrap()];
    let file = format!("# created: today\n\n{}\n", mine.to_string().expose_secret());
    assert_eq!(unwrap(&slots, VAULT, &Unlock::AgeIdentity(secret(&file))).unwrap().bytes(), master.bytes());
    let wrong = Unlock::AgeIdentity(secret(theirs.to_string().expose_secret()));
    assert_eq!(refusal(&slots, &wrong), UnlockError::WrongIdentity);
}

#[test]
fn what_has_no_slot_is_named() {
    let master = Key::random().unwrap();
    let slots = [passphrase_slot(&master)];
    let identity = Unlock::AgeIdentity(secret(Identity::generate().to_string().expose_secret()));
    assert_eq!(refusal(&slots, &identity), UnlockError::NoSlot("age"));
    assert_eq!(refusal(&[], &identity), UnlockError::SlotCount);
    for text in ["", "# only a comment", "AGE-SECRET-KEY-1NONSENSE"] {
        assert_eq!(refusal(&slots, &Unlock::AgeIdentity(secret(text))), UnlockError::NotAnIdentity);
    }
}

#[test]
fn parameters_out_of_bounds_are_refused_before_the_derivation() {
    let master = Key::random().unwrap();
    let bad = [(8, 3, 1), (u32::MAX, 3, 1), (65536, 0, 1), (65536, u32::MAX, 1), (65536, 3, 0), (65536, 3, 1 << 20)];
    for (memory, pass, lane) in bad {
        let mut slot = passphrase_slot(&master);
        let KeySlot::Argon2id { memory_kib, passes, lanes, .. } = &mut slot else { panic!("a passphrase slot") };
        (*memory_kib, *passes, *lanes) = (memory, pass, lane);
        let begun = std::time::Instant::now();
        let unlock = Unlock::Passphrase(secret("Zk8-vorpal-quince-41x"));
        assert_eq!(refusal(&[slot], &unlock), UnlockError::Parameters);
        assert!(begun.elapsed().as_millis() < 50);
    }
}

#[test]
fn weak_or_wrong_new_slots_are_refused() {
    let master = Key::random().unwrap();
    let short = KeySlot::wrap(&NewSlot::Passphrase(secret("seven77")), VAULT, &master).unwrap_err();
    assert_eq!(short, UnlockError::PassphraseTooShort);
    let recipient = KeySlot::wrap(&NewSlot::AgeRecipient("age1nonsense".to_owned()), VAULT, &master).unwrap_err();
    assert_eq!(recipient, UnlockError::NotARecipient);
}
