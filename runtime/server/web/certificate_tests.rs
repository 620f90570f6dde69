//! What is served, what is not, and what happens while somebody renews.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, ServerConnection, SupportedProtocolVersion,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

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

/// Shakes hands in memory; gives the version that both agreed on, or the alert that ended it.
fn shaken(versions: &[&'static SupportedProtocolVersion]) -> Result<ProtocolVersion, rustls::Error> {
    let files = Files::new(HOST);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.certificate).unwrap()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let client = client.with_protocol_versions(versions).unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(client), HOST.try_into().unwrap()).unwrap();
    let mut server = ServerConnection::new(Arc::new(files.load().unwrap().config().unwrap())).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets()?;
        bytes.clear();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    assert_eq!(client.protocol_version(), server.protocol_version());
    Ok(server.protocol_version().unwrap())
}

#[test]
fn tls_1_2_and_1_3_are_spoken_and_the_newer_where_both_can() {
    assert_eq!(shaken(&[&TLS12]), Ok(ProtocolVersion::TLSv1_2));
    assert_eq!(shaken(&[&TLS13]), Ok(ProtocolVersion::TLSv1_3));
    assert_eq!(shaken(&[&TLS12, &TLS13]), Ok(ProtocolVersion::TLSv1_3));
}

/// A ClientHello (RFC 5246 §7.4.1.2) that names this host and offers no version but one, in the old way.
fn hello(version: u8) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    let prefixed = |bytes: &[u8]| [length(bytes), bytes.to_vec()].concat();
    let name = prefixed(&[&[0][..], &prefixed(HOST.as_bytes())].concat());
    // server_name; supported_groups with x25519 and P-256; signature_algorithms with ECDSA and SHA-256; extended_master_secret.
    let extensions = [
        [&[0, 0][..], &prefixed(&name)].concat(),
        vec![0, 10, 0, 6, 0, 4, 0, 29, 0, 23],
        vec![0, 13, 0, 4, 0, 2, 4, 3],
        vec![0, 23, 0, 0],
    ]
    .concat();
    // ECDHE-ECDSA with AES-128: in GCM, which TLS 1.2 takes, and in CBC, as TLS 1.1 had it.
    let body =
        [&[3, version][..], &[7; 32], &[0], &[0, 4, 0xc0, 0x2b, 0xc0, 0x09], &[1, 0], &prefixed(&extensions)].concat();
    let handshake = [&[1, 0][..], &prefixed(&body)].concat();
    [&[22, 3, 1][..], &prefixed(&handshake)].concat()
}

#[test]
fn nothing_older_than_tls_1_2_is_spoken() {
    let answer = |version| {
        let mut server = ServerConnection::new(Arc::new(Files::new(HOST).load().unwrap().config().unwrap())).unwrap();
        server.read_tls(&mut hello(version).as_slice()).unwrap();
        let processed = server.process_new_packets().map(drop);
        let mut bytes = Vec::new();
        server.write_tls(&mut bytes).unwrap();
        (processed, bytes)
    };
    let (spoken, bytes) = answer(3);
    assert!(spoken.is_ok() && bytes.starts_with(&[22, 3, 3]), "the same hello of TLS 1.2 is answered: {spoken:?}");
    for older in [0, 1, 2] {
        let (refused, bytes) = answer(older);
        assert!(refused.is_err(), "3.{older}");
        // A fatal alert, protocol_version (RFC 8446 §6.2).
        assert_eq!(bytes.get(5..), Some(&[2, 70][..]), "3.{older}: {bytes:?}");
    }
}
