//! What is served, what is not, and what happens while somebody renews.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, KeyPair};

use super::{CertificateError, Kept};

const HOST: &str = "approve.acme.example";

struct Files {
    _directory: tempfile::TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new(host: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name| directory.path().join(name);
        let files = Self { certificate: at("page.crt"), key: at("page.key"), _directory: directory };
        files.issue(host);
        files
    }

    /// Writes a new pair over the old one.
    fn issue(&self, host: &str) {
        let (certificate, key) = pair(host);
        fs::write(&self.certificate, certificate).unwrap();
        private(&self.key, &key);
    }

    fn load(&self) -> Result<Kept, CertificateError> {
        Kept::load(HOST, &self.certificate, &self.key)
    }
}

fn pair(host: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

fn served(kept: &Kept) -> Vec<u8> {
    kept.current().end_entity_cert().unwrap().to_vec()
}

#[test]
fn a_pair_for_the_host_is_served() {
    let kept = Files::new(HOST).load().unwrap();
    assert!(kept.config().is_ok());
    assert!(Files::new("*.acme.example").load().is_ok(), "a wildcard is for the host too");
}

#[test]
fn a_key_that_others_can_read_is_not() {
    let files = Files::new(HOST);
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&files.key, Permissions::from_mode(mode)).unwrap();
        assert!(matches!(files.load(), Err(CertificateError::OpenToOthers { .. })), "{mode:o}");
    }
}

#[test]
fn what_does_not_fit_is_told_by_its_reason() {
    let other_host = Files::new("approve.evil.example");
    assert!(matches!(other_host.load(), Err(CertificateError::OtherHost { .. })));
    let files = Files::new(HOST);
    private(&files.key, &pair(HOST).1);
    assert!(matches!(files.load(), Err(CertificateError::Apart { .. })));
    private(&files.key, "no key");
    assert!(matches!(files.load(), Err(CertificateError::Pem { what: "private key", .. })));
    fs::write(&files.certificate, "").unwrap();
    assert!(matches!(files.load(), Err(CertificateError::Pem { what: "certificate", .. })));
    fs::remove_file(&files.certificate).unwrap();
    assert!(matches!(files.load(), Err(CertificateError::File { .. })));
}

#[test]
fn a_renewed_pair_is_served_as_soon_as_both_halves_are_there() {
    let files = Files::new(HOST);
    let kept = files.load().unwrap();
    let before = served(&kept);
    let (certificate, key) = pair(HOST);
    fs::write(&files.certificate, certificate).unwrap();
    assert_eq!(served(&kept), before, "half of a new pair is none");
    private(&files.key, &key);
    let renewed = served(&kept);
    assert_ne!(renewed, before);
    // One for somebody else is not taken, nor is one that is gone.
    files.issue("approve.evil.example");
    assert_eq!(served(&kept), renewed);
    fs::remove_file(&files.key).unwrap();
    assert_eq!(served(&kept), renewed);
}
