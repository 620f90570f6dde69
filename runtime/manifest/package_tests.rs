//! One broken package for each way to go wrong.

use std::ops::{Add, Mul};

use ed25519_dalek::{Signature, SigningKey, Verifier as _, VerifyingKey};
use sha2::Sha512;

use crate::testkit::{CANARY, COMPONENT, edited, key, package, schemas, signed, trust};
use crate::{Digest, Package, PackageError, PublisherKey, TrustStore};

fn refused(package: Package) -> PackageError {
    package.verify(&trust(&[&key()])).unwrap_err()
}

fn changed(change: impl FnOnce(&mut Package)) -> PackageError {
    let mut package = package();
    change(&mut package);
    refused(package)
}

#[test]
fn a_signed_package_is_accepted_as_it_is() {
    let original = package();
    let verified = original.clone().verify(&trust(&[&key()])).unwrap();
    assert_eq!(verified.manifest().plugin.name.as_str(), "hypervisor");
    assert_eq!(verified.manifest_text(), original.manifest);
    assert_eq!(verified.manifest_digest(), &Digest::of(original.manifest.as_bytes()));
    assert_eq!((verified.component(), verified.component_digest()), (COMPONENT, &Digest::of(COMPONENT)));
    assert_eq!(verified.schema("schemas/rotate.input.json"), Some(b"rotate.input".as_slice()));
    assert_eq!((verified.schema("schemas/other.json"), verified.schemas().len()), (None, 3));
    assert_eq!(verified.signature(), original.signature);
    assert_eq!(verified.publisher_key(), key().vkey());
    assert!(!format!("{verified:?}").contains("stand-in"));
}

#[test]
fn nothing_is_trusted_by_default() {
    let error = package().verify(&TrustStore::default()).unwrap_err();
    let id = key().vkey().split('+').nth(1).unwrap().to_owned();
    assert_eq!(error, PackageError::UnknownKey(format!("key example.org/plugins+{id}")));
}

#[test]
fn a_key_of_the_same_name_is_not_the_same_key() {
    let other = PublisherKey::generate("example.org/plugins", [8; 32]).unwrap();
    assert!(matches!(package().verify(&trust(&[&other])), Err(PackageError::UnknownKey(_))));
}

#[test]
fn a_trusted_key_does_not_speak_for_another_publisher() {
    let other = PublisherKey::generate("example.net", [9; 32]).unwrap();
    // Signed by the other key for its own name, then the statement is put together for the first publisher's manifest.
    let own = edited("example.org/plugins", "example.net");
    let mut package =
        Package { manifest: own.clone(), component: COMPONENT.to_vec(), schemas: schemas(), signature: String::new() };
    package.signature = other.sign(&own, COMPONENT, &schemas()).unwrap();
    assert!(package.clone().verify(&trust(&[&other])).is_ok());
    package.manifest = super::testkit::manifest();
    let text = crate::note::Statement::parse(
        package.signature.split("\n\n").next().map(|text| format!("{text}\n")).unwrap().as_str(),
    );
    let mut statement = text.unwrap();
    statement.manifest = Digest::of(package.manifest.as_bytes());
    package.signature = other.sign_text(&statement.to_string()).unwrap();
    let error = package.verify(&trust(&[&key(), &other])).unwrap_err();
    assert_eq!(
        error,
        PackageError::Publisher { publisher: "example.org/plugins".to_owned(), signer: "example.net".to_owned() }
    );
}

#[test]
fn unsigned_and_garbled_signatures() {
    assert_eq!(changed(|package| package.signature.clear()), PackageError::Unsigned);
    assert_eq!(changed(|package| package.signature = " \n".to_owned()), PackageError::Unsigned);
    assert_eq!(changed(|package| package.signature = "hello".to_owned()), PackageError::NotANote);
    assert_eq!(changed(|package| package.signature.push('x')), PackageError::NotANote);
    let other_statement = changed(|package| package.signature = package.signature.replacen("1.2.0", "1.2.1", 1));
    assert!(matches!(other_statement, PackageError::WrongSignature(_)), "{other_statement}");
}

#[test]
fn each_changed_file_is_named() {
    let changed_manifest = changed(|package| package.manifest.push('\n'));
    assert_eq!(changed_manifest, PackageError::ManifestChanged);
    assert_eq!(changed(|package| package.component.push(0)), PackageError::ComponentChanged);
    let path = "schemas/rotate.input.json".to_owned();
    assert_eq!(
        changed(|package| package.schemas.get_mut(&path).unwrap().push(0)),
        PackageError::SchemaChanged(path.clone())
    );
    assert_eq!(changed(|package| drop(package.schemas.remove(&path))), PackageError::SchemaMissing(path.clone()));
    let extra = "schemas/extra.json".to_owned();
    let with = |name: String| changed(|package| drop(package.schemas.insert(name, Vec::new())));
    assert_eq!(with(extra.clone()), PackageError::SchemaUnsigned(extra));
    assert!(!with(format!("../{CANARY}\u{1b}")).to_string().contains(CANARY));
}

#[test]
fn a_signed_manifest_that_breaks_a_rule_is_refused_all_the_same() {
    let mut package = package();
    let digest = Digest::of(package.manifest.as_bytes()).to_string();
    package.manifest = edited("[limits]", "[surprise]\n[limits]");
    let statement = package.signature.split("\n\n").next().unwrap();
    let statement = statement.replace(&digest, &Digest::of(package.manifest.as_bytes()).to_string());
    package.signature = key().sign_text(&format!("{statement}\n")).unwrap();
    assert!(matches!(refused(package), PackageError::Manifest(_)));
}

/// Signs a statement that was changed by hand.
fn resigned(from: &str, to: &str, change: impl FnOnce(&mut Package)) -> PackageError {
    let mut package = package();
    change(&mut package);
    let statement = package.signature.split("\n\n").next().unwrap();
    assert!(statement.contains(from));
    package.signature = key().sign_text(&format!("{}\n", statement.replace(from, to))).unwrap();
    refused(package)
}

#[test]
fn statement_and_manifest_agree() {
    assert_eq!(resigned("1.2.0", "1.2.1", |_| ()), PackageError::OtherPlugin);
    assert_eq!(resigned("\nhypervisor\n", "\npsa\n", |_| ()), PackageError::OtherPlugin);
    let other = Digest::of(b"other");
    let error = resigned(&Digest::of(COMPONENT).to_string(), &other.to_string(), |package| {
        package.component = b"other".to_vec()
    });
    assert_eq!(error, PackageError::Component(other));
    let schema = format!("schema schemas/rotate.input.json {}", Digest::of(b"rotate.input"));
    let error =
        resigned(&format!("\n{schema}"), "", |package| drop(package.schemas.remove("schemas/rotate.input.json")));
    assert_eq!(error, PackageError::SchemaAbsent("schemas/rotate.input.json".to_owned()));
}

#[test]
fn another_kind_of_note_by_the_same_key_is_not_a_package() {
    let mut package = package();
    let text = "claviger audit v1\n";
    let key = SigningKey::from_bytes(&[7; 32]);
    let signature = ed25519_dalek::Signer::sign(&key, text.as_bytes()).to_bytes().to_vec();
    let id = crate::trust::key_id("example.org/plugins", &key.verifying_key());
    let line = signed_note::Signature::new("example.org/plugins".to_owned(), id, signature).unwrap();
    let note = signed_note::Note::new(text.as_bytes(), &[line]).unwrap();
    package.signature = String::from_utf8(note.to_bytes()).unwrap();
    assert_eq!(refused(package), PackageError::NotAStatement);
}

#[test]
fn a_second_signature_by_a_stranger_does_no_harm() {
    let stranger = PublisherKey::generate("stranger", [3; 32]).unwrap();
    let mut package = package();
    let statement = package.signature.split("\n\n").next().unwrap();
    let line = stranger.sign_text(&format!("{statement}\n")).unwrap();
    package.signature.push_str(&format!("{}\n", line.lines().last().unwrap()));
    assert!(package.verify(&trust(&[&key()])).is_ok());
}

#[test]
fn absurd_sizes_are_refused_first() {
    let error = changed(|package| package.component = vec![0; 64 * 1024 * 1024 + 1]);
    assert!(matches!(error, PackageError::TooLarge { .. }), "{error}");
    let error = changed(|package| drop(package.schemas.insert("schemas/x.json".to_owned(), vec![0; 256 * 1024 + 1])));
    assert!(matches!(error, PackageError::TooLarge { .. }), "{error}");
    let error = changed(|package| {
        package.schemas = (0..257).map(|index| (format!("schemas/{index}.json"), Vec::new())).collect()
    });
    assert!(matches!(error, PackageError::TooLarge { .. }), "{error}");
}

#[test]
fn files_that_no_tool_names_may_be_signed_too() {
    let mut more = schemas();
    more.insert("schemas/shared.json".to_owned(), Vec::new());
    assert!(signed(super::testkit::manifest(), more).verify(&trust(&[&key()])).is_ok());
}

/// A little-endian number, modulo the group's order, in whatever type the key's scalar has.
fn reduced<S: From<u64> + Add<Output = S> + Mul<Output = S>>(_like: &S, bytes: &[u8]) -> S {
    bytes.iter().rev().fold(S::from(0), |sum, byte| sum * S::from(256) + S::from(u64::from(*byte)))
}

/// RFC 8032's equation holds for a signature whose first half is the neutral element; strict verification refuses it.
#[test]
fn verification_is_strict() {
    let signing = SigningKey::from_bytes(&[7; 32]);
    let verifying: VerifyingKey = signing.verifying_key();
    let package = package();
    let text = format!("{}\n", package.signature.split("\n\n").next().unwrap());
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let hashed = [neutral.as_slice(), verifying.as_bytes(), text.as_bytes()].concat();
    let secret = signing.to_scalar();
    let challenge = reduced(&secret, &<Sha512 as sha2::Digest>::digest(&hashed));
    let second = (challenge * secret).to_bytes();
    let lenient = Signature::from_components(neutral, second);
    assert!(verifying.verify(text.as_bytes(), &lenient).is_ok(), "the lenient equation holds");
    assert!(verifying.verify_strict(text.as_bytes(), &lenient).is_err());
    let id = crate::trust::key_id("example.org/plugins", &verifying);
    let line = signed_note::Signature::new("example.org/plugins".to_owned(), id, lenient.to_bytes().to_vec()).unwrap();
    let note = signed_note::Note::new(text.as_bytes(), &[line]).unwrap();
    let package = Package { signature: String::from_utf8(note.to_bytes()).unwrap(), ..package };
    assert!(matches!(refused(package), PackageError::WrongSignature(_)));
}
