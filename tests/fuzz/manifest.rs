//! What a plugin's author, a publisher and an operator write.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::str::FromStr;

use claviger_grant::{Connection, Pin};
use claviger_manifest::{
    BodyPattern, Digest, Manifest, Name, OriginTemplate, Package, PathTemplate, PublisherKey, SecretReference,
    Template, TitleTemplate, TrustStore,
};

use crate::{parts, text};

/// The manifest, and an error that repeats nothing that could move a terminal.
pub(crate) fn manifest(bytes: &[u8]) {
    if let Err(error) = Manifest::parse(text(bytes)) {
        let said = error.to_string();
        assert!(!said.chars().any(|character| character.is_control() && character != '\n'), "{said:?}");
    }
}

/// A connection file.
pub(crate) fn connection(bytes: &[u8]) {
    // What is accepted is held against a manifest later; here it only has to come back.
    drop(Connection::parse(text(bytes)));
}

/// A secret reference: one spelling, and no way out of its provider's command line.
pub(crate) fn reference(bytes: &[u8]) {
    if let Some(reference) = same::<SecretReference>(text(bytes)) {
        for part in [reference.vault(), reference.item(), reference.field()] {
            assert!(!part.is_empty() && part.is_ascii() && !part.contains(['/', '*', '?', '\n']), "{part:?}");
        }
    }
}

/// Paths, origins, body patterns, header templates, titles and pins.
pub(crate) fn templates(bytes: &[u8]) {
    let text = text(bytes);
    if let Some(path) = same::<PathTemplate>(text) {
        assert!(!path.to_string().split('/').any(|segment| segment == ".." || segment == "."));
    }
    same::<Template>(text);
    same::<TitleTemplate>(text);
    if let Some(pattern) = same::<BodyPattern>(text) {
        assert!(text.contains('*') || pattern.matches(text), "{text:?} does not match itself");
    }
    if let Ok(pin) = Pin::from_str(text) {
        assert_eq!(Pin::from_str(&pin.to_string()), Ok(pin));
    }
    origin(text);
}

/// What an origin renders to is an origin, and of the template's own domain.
fn origin(text: &str) {
    let Some(template) = same::<OriginTemplate>(text) else { return };
    for value in ["a", "pve-1", "evil.example", "127.0.0.1", "x@y", "8006", "a/b"] {
        let settings: BTreeMap<Name, String> =
            template.settings().map(|name| (name.clone(), value.to_owned())).collect();
        if let Ok(origin) = template.render(&settings) {
            let shown = origin.to_string();
            assert!(!shown.contains(['@', '?', '#', '\\', ' ', '%']), "{shown:?}");
            let again: OriginTemplate = shown.parse().expect("an origin is a template without settings");
            assert_eq!(again.render(&BTreeMap::new()).expect("it needs none"), origin);
        }
    }
}

/// What is accepted is written as it was read, or at least read as it is written.
fn same<T: FromStr + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    let shown = value.to_string();
    let Ok(again) = shown.parse::<T>() else { panic!("{text:?} is shown as {shown:?}, which is none") };
    assert_eq!(again, value, "{text:?} is shown as {shown:?}");
    Some(value)
}

/// Keys of publishers: what is trusted, and what signs.
pub(crate) fn keys(bytes: &[u8]) {
    let mut trust = TrustStore::default();
    if trust.add_key(text(bytes)).is_ok() {
        let kept: Vec<String> = trust.keys().collect();
        assert_eq!(kept, [text(bytes).trim_ascii_end()], "one spelling of a key");
    }
    if let Ok(key) = PublisherKey::from_text(text(bytes)) {
        assert!(!format!("{key:?}").contains(&key.to_text()), "a private key is printed");
    }
    drop(Digest::from_str(text(bytes)));
}

/// A package under a trusted key. Nothing that was not signed verifies.
pub(crate) fn package(bytes: &[u8]) {
    let [signature, manifest, component] = parts(bytes);
    let key = PublisherKey::generate("example.org/plugins", [5; 32]).expect("a good name");
    let mut trust = TrustStore::default();
    trust.add_key(&key.vkey()).expect("the first key");
    let package = Package {
        manifest: text(manifest).to_owned(),
        component: component.to_vec(),
        schemas: BTreeMap::from([("schemas/any.json".to_owned(), b"{}".to_vec())]),
        signature: text(signature).to_owned(),
    };
    let Ok(verified) = package.clone().verify(&trust) else { return };
    // Ed25519 is deterministic and a note has one form, so whatever verifies is what the key would have signed.
    let signed = key.sign(&package.manifest, &package.component, &package.schemas).expect("it was signed before");
    let statement = |note: &str| note.split("\n\n").next().unwrap_or_default().to_owned();
    assert_eq!(statement(&signed), statement(verified.signature()), "another statement than this package's verifies");
}
