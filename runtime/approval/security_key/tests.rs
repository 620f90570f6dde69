//! libfido2's own programs against a key behind a pseudo-terminal, and programs that lie.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use claviger_key::{Fault, SecurityKey as Plugged, Verification};
use tempfile::TempDir;

use super::{NewCredential, SecurityKey, SecurityKeyPlace};
use crate::fido2_process::tests::write;
use crate::fixtures::{self, moment};
use crate::{EnrolledKey, Receipt, ReceiptError, SecurityKeyError, verify};

/// A key with a fingerprint reader.
pub(crate) fn with_reader() -> Plugged {
    Plugged::new(Verification::Builtin).unwrap()
}

/// Where it is.
pub(crate) fn place(device: &Path, programs: Option<PathBuf>) -> SecurityKeyPlace {
    SecurityKeyPlace { device: Some(device.to_str().unwrap().to_owned()), programs }
}

fn at(plugged: &Plugged) -> SecurityKey {
    SecurityKey::new(&place(plugged.path(), None), "/nowhere".into()).unwrap()
}

/// Enrols it for somebody.
pub(crate) fn enrolled(plugged: &Plugged, name: &str) -> EnrolledKey {
    at(plugged).enrol(&new(name)).unwrap()
}

fn new(name: &str) -> NewCredential<'_> {
    NewCredential { name, role: None, challenge: [5; 32], user: [6; 32] }
}

fn signed(key: &SecurityKey, candidates: &[EnrolledKey]) -> Result<Receipt, SecurityKeyError> {
    let ask = fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, 7)).unwrap();
    let assertion = key.sign(&ask.digest(), candidates, &AtomicBool::new(false))?;
    let key = candidates.iter().find(|key| *key.credential_id() == assertion.credential_id).unwrap();
    Ok(Receipt::new(&ask, assertion, key))
}

#[test]
fn a_key_is_enrolled_and_its_signature_verifies() {
    let plugged = with_reader();
    let anna = enrolled(&plugged, "anna");
    assert!(anna.signs_on_terminal());
    let receipt = signed(&at(&plugged), std::slice::from_ref(&anna)).unwrap();
    let verified = verify(&receipt, &anna).unwrap();
    assert!(verified.user_verified() && verified.counter() > 0);
    assert_eq!(plugged.asked(), 2);
}

#[test]
fn of_several_enrolled_keys_the_one_that_is_plugged_in_signs() {
    let (first, second) = (with_reader(), with_reader());
    let keys = [enrolled(&first, "anna"), enrolled(&second, "ben")];
    for (plugged, name) in [(&first, "anna"), (&second, "ben")] {
        assert_eq!(signed(&at(plugged), &keys).unwrap().approver, name);
        assert_eq!(plugged.asked(), 2, "looking for the key needs no touch");
    }
    let other = with_reader();
    assert_eq!(signed(&at(&other), &keys).unwrap_err(), SecurityKeyError::NotEnrolled);
    assert_eq!(signed(&at(&other), &keys[..1]).unwrap_err(), SecurityKeyError::NotEnrolled);
    assert_eq!(other.asked(), 0);
}

#[test]
fn what_a_key_does_wrong_is_no_signature() {
    let plugged = with_reader();
    let anna = [enrolled(&plugged, "anna")];
    let [key] = &anna;
    for (fault, why) in [
        (Fault::Unverified, ReceiptError::UserNotVerified),
        (Fault::OtherRelyingParty, ReceiptError::RelyingParty),
        (Fault::Extension, ReceiptError::AuthenticatorData),
    ] {
        plugged.misbehave(Some(fault));
        match signed(&at(&plugged), &anna) {
            Ok(receipt) => assert_eq!(verify(&receipt, key).unwrap_err(), why, "{fault:?}"),
            // libfido2 itself looks at some of it.
            Err(SecurityKeyError::Failed(name)) => assert_eq!(name, "INVALID_PARAM", "{fault:?}"),
            Err(other) => panic!("{fault:?}: {other}"),
        }
        assert!(at(&plugged).enrol(&new("anna")).is_err(), "{fault:?}");
    }
    for (fault, why) in
        [(Fault::WrongFinger, SecurityKeyError::Finger), (Fault::ReaderBlocked, SecurityKeyError::FingerBlocked)]
    {
        plugged.misbehave(Some(fault));
        assert_eq!(signed(&at(&plugged), &anna).unwrap_err(), why);
    }
}

#[test]
fn nobody_touches_it_and_somebody_pulls_it_out() {
    let mut plugged = with_reader();
    let anna = [enrolled(&plugged, "anna")];
    plugged.touch(false, Duration::from_millis(300));
    assert_eq!(signed(&at(&plugged), &anna).unwrap_err(), SecurityKeyError::NotTouched);
    let key = at(&plugged);
    plugged.unplug();
    assert!(matches!(signed(&key, &anna), Err(SecurityKeyError::Failed(_))));
}

#[test]
fn a_key_that_cannot_verify_its_user_is_refused_with_the_advice() {
    let plugged = Plugged::new(Verification::None).unwrap();
    let why = at(&plugged).enrol(&new("anna")).unwrap_err().to_string();
    assert!(why.contains(&format!("fido2-token -S {}", plugged.path().display())), "{why}");
    assert_eq!(plugged.asked(), 0);
}

/// The real programs in a directory, one of them with something before or after it.
fn wrapped(program: &str, line: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in ["fido2-token", "fido2-assert", "fido2-cred"] {
        let line = if name == program { line.to_owned() } else { format!("exec /usr/bin/{name} \"$@\"") };
        write(directory.path(), name, &line);
    }
    directory
}

#[test]
fn a_program_that_lies_can_only_fail() {
    let plugged = with_reader();
    let anna = [enrolled(&plugged, "anna")];
    let lying = |program, line: &str| {
        let directory = wrapped(program, line);
        let key = SecurityKey::new(&place(plugged.path(), Some(directory.path().to_owned())), "/nowhere".into());
        (key.unwrap(), directory)
    };
    let [enrolled] = &anna;
    // It has something else signed, and says that it is this.
    let swaps = "read hash; read party; read id
        other=$(/usr/bin/head -c 32 /dev/zero | /usr/bin/base64)
        printf '%s\\n%s\\n%s\\n' \"$other\" \"$party\" \"$id\" | /usr/bin/fido2-assert \"$@\" | /usr/bin/sed \"1s|.*|$hash|\"";
    let (key, _kept) = lying("fido2-assert", swaps);
    assert_eq!(verify(&signed(&key, &anna).unwrap(), enrolled).unwrap_err(), ReceiptError::Signature);
    // It says so.
    let (key, _kept) = lying("fido2-assert", &swaps.replace("| /usr/bin/sed \"1s|.*|$hash|\"", ""));
    assert!(matches!(signed(&key, &anna), Err(SecurityKeyError::Nonsense { .. })));
    // It has the key sign without its user.
    let (key, _kept) = lying("fido2-assert", "for last; do :; done; exec /usr/bin/fido2-assert -G \"$last\"");
    assert_eq!(verify(&signed(&key, &anna).unwrap(), enrolled).unwrap_err(), ReceiptError::UserNotVerified);
    // It says that everything went well.
    let (key, _kept) = lying("fido2-assert", "exit 0");
    assert!(matches!(signed(&key, &anna), Err(SecurityKeyError::Nonsense { .. })));
    // What it makes and what it verifies are two credentials.
    let (key, _kept) = lying("fido2-cred", "case $1 in -M) exec /usr/bin/fido2-cred \"$@\";; esac; echo aWQ=");
    assert!(matches!(key.enrol(&new("anna")), Err(SecurityKeyError::Nonsense { .. })));
}

#[test]
fn a_place_is_a_whole_path_and_a_device() {
    for place in [
        SecurityKeyPlace { device: None, programs: Some("bin".into()) },
        SecurityKeyPlace { device: Some("-o/tmp/x".to_owned()), programs: None },
        SecurityKeyPlace { device: Some("hidraw0".to_owned()), programs: None },
    ] {
        let why = SecurityKey::new(&place, "/nowhere".into()).unwrap_err();
        assert!(matches!(why, SecurityKeyError::Configuration(_)), "{why}");
    }
}

#[test]
fn one_key_must_be_plugged_in_to_enrol_and_the_list_tells_which() {
    let plugged = with_reader();
    let listed = |lines: &str| {
        let directory = wrapped(
            "fido2-token",
            &format!("case $1 in -L) printf '{lines}';; *) exec /usr/bin/fido2-token \"$@\";; esac"),
        );
        let place = SecurityKeyPlace { device: None, programs: Some(directory.path().to_owned()) };
        (SecurityKey::new(&place, "/nowhere".into()).unwrap(), directory)
    };
    let line = format!("{}: vendor=0x1, product=0x1 (a b)\\n", plugged.path().display());
    let (one, _kept) = listed(&line);
    let anna = [one.enrol(&new("anna")).unwrap()];
    let (none, _kept) = listed("");
    assert_eq!(none.enrol(&new("anna")).unwrap_err(), SecurityKeyError::NoKey);
    let other = with_reader();
    let (two, _kept) = listed(&format!("{}: vendor=0x1, product=0x1 (c d)\\n{line}", other.path().display()));
    let why = two.enrol(&new("anna")).unwrap_err();
    assert!(matches!(why, SecurityKeyError::SeveralKeys(_)) && why.to_string().contains("/dev/pts/"), "{why}");
    // For a signature it does not matter: one of them is enrolled.
    assert_eq!(signed(&two, &anna).unwrap().approver, "anna");
    assert_eq!(other.asked(), 0);
}
