//! A publisher's signing key.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};

use crate::note::Statement;
use crate::package::{check_against_manifest, statement_of};
use crate::trust::{ED25519, is_key_name, key_id, vkey};
use crate::{Manifest, PackageError};

const PREFIX: &str = "PRIVATE+KEY+";

/// A publisher's Ed25519 signing key with its name. Wiped when it is dropped.
pub struct PublisherKey {
    name: String,
    key: SigningKey,
}

/// Why a text or name does not make a signing key. The text is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublisherKeyError {
    /// The name.
    #[error("a key name holds visible ASCII characters without spaces and `+`, 128 at most")]
    Name,
    /// The text.
    #[error(
        "a signing key is one line `PRIVATE+KEY+<name>+<8 hexadecimal digits>+<base64>`, with the algorithm Ed25519"
    )]
    Malformed,
    /// The key does not belong to its name.
    #[error("the signing key's identifier does not match its name and value; restore the line from its backup")]
    Identifier,
}

impl PublisherKey {
    /// A key from 32 random bytes, which the caller draws and forgets.
    ///
    /// # Errors
    /// [`PublisherKeyError::Name`] when the name is not one.
    pub fn generate(name: &str, seed: [u8; 32]) -> Result<Self, PublisherKeyError> {
        if !is_key_name(name) {
            return Err(PublisherKeyError::Name);
        }
        Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(&seed) })
    }

    /// Reads the text that [`PublisherKey::to_text`] writes; space at the end is ignored.
    ///
    /// # Errors
    /// [`PublisherKeyError`] when it is not such a text.
    pub fn from_text(text: &str) -> Result<Self, PublisherKeyError> {
        let text = text.trim_ascii_end();
        let mut fields = text.strip_prefix(PREFIX).ok_or(PublisherKeyError::Malformed)?.splitn(3, '+');
        let (name, id, base64) = (fields.next(), fields.next(), fields.next());
        let (Some(name), Some(id), Some(base64)) = (name, id, base64) else {
            return Err(PublisherKeyError::Malformed);
        };
        let bytes = BASE64_STANDARD.decode(base64).map_err(|_| PublisherKeyError::Malformed)?;
        let [ED25519, seed @ ..] = bytes.as_slice() else { return Err(PublisherKeyError::Malformed) };
        let key = Self::generate(name, seed.try_into().map_err(|_| PublisherKeyError::Malformed)?)?;
        if key.id() == id { Ok(key) } else { Err(PublisherKeyError::Identifier) }
    }

    /// The signing key as text, in the form that the Go note tools use. Whoever has it signs as this publisher.
    pub fn to_text(&self) -> String {
        let mut bytes = vec![ED25519];
        bytes.extend_from_slice(self.key.as_bytes());
        format!("{PREFIX}{}+{}+{}", self.name, self.id(), BASE64_STANDARD.encode(bytes))
    }

    /// The name, which manifests give as their publisher.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key in the C2SP form, for trust stores.
    pub fn vkey(&self) -> String {
        vkey(&self.name, &self.key.verifying_key())
    }

    /// Signs a package: the text of its signature file.
    ///
    /// # Errors
    /// [`PackageError`] when the manifest breaks a rule, names another publisher or component, or a schema is missing:
    /// what would not verify is not signed.
    pub fn sign(
        &self,
        manifest: &str,
        component: &[u8],
        schemas: &BTreeMap<String, Vec<u8>>,
    ) -> Result<String, PackageError> {
        let parsed = Manifest::parse(manifest)?;
        let statement = statement_of(&parsed, manifest, component, schemas);
        check_against_manifest(&statement, &parsed, [self.name.as_str()])?;
        self.sign_text(&statement.to_string())
    }

    pub(crate) fn sign_text(&self, text: &str) -> Result<String, PackageError> {
        // A statement that could not be read back must not be signed.
        Statement::parse(text).ok_or(PackageError::NotAStatement)?;
        let signature = self.key.sign(text.as_bytes()).to_bytes().to_vec();
        let id = key_id(&self.name, &self.key.verifying_key());
        let line = signed_note::Signature::new(self.name.clone(), id, signature);
        let note = line.and_then(|line| signed_note::Note::new(text.as_bytes(), &[line]));
        let bytes = note.map_err(|_| PackageError::NotAStatement)?.to_bytes();
        String::from_utf8(bytes).map_err(|_| PackageError::NotAStatement)
    }

    fn id(&self) -> String {
        format!("{:08x}", key_id(&self.name, &self.key.verifying_key()))
    }
}

impl fmt::Debug for PublisherKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PublisherKey").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{PublisherKey, PublisherKeyError};
    use crate::PackageError;
    use crate::testkit::{COMPONENT, edited, key, manifest, schemas};

    #[test]
    fn text_form_round_trip() {
        let key = key();
        let again = PublisherKey::from_text(&format!("{}\n", key.to_text())).unwrap();
        assert_eq!((again.vkey(), again.name()), (key.vkey(), "example.org/plugins"));
    }

    #[test]
    fn a_published_pair_fits_together() {
        // The example of the signed-note specification's Go implementation.
        let text = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
        let key = PublisherKey::from_text(text).unwrap();
        assert_eq!(key.vkey(), "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
        assert_eq!(key.to_text(), text);
    }

    #[test]
    fn each_way_to_go_wrong_has_its_reason() {
        let text = key().to_text();
        for (changed, reason) in [
            (String::new(), PublisherKeyError::Malformed),
            (text.replace("PRIVATE", "private"), PublisherKeyError::Malformed),
            (text.replace("+AQ", "+BQ"), PublisherKeyError::Malformed),
            (text.replace("+AQ", "+A"), PublisherKeyError::Malformed),
            (text.replace("example.org", "example.net"), PublisherKeyError::Identifier),
            (text.replace("example.org", "example org"), PublisherKeyError::Name),
        ] {
            assert_ne!(changed, text);
            assert_eq!(PublisherKey::from_text(&changed).unwrap_err(), reason);
        }
        assert_eq!(PublisherKey::generate("a+b", [1; 32]).unwrap_err(), PublisherKeyError::Name);
    }

    #[test]
    fn debug_output_does_not_hold_the_key() {
        let text = key().to_text();
        let secret = text.rsplit('+').next().unwrap();
        assert!(!format!("{:?}", key()).contains(secret));
        assert_eq!(format!("{:?}", key()), "PublisherKey { name: \"example.org/plugins\", .. }");
    }

    #[test]
    fn what_would_not_verify_is_not_signed() {
        let sign = |manifest: &str, component: &[u8]| key().sign(manifest, component, &schemas()).unwrap_err();
        assert!(matches!(sign(&manifest(), b"other"), PackageError::Component(_)));
        assert!(matches!(sign(&edited("example.org/plugins", "acme"), COMPONENT), PackageError::Publisher { .. }));
        assert!(matches!(sign("", COMPONENT), PackageError::Manifest(_)));
        let absent = key().sign(&manifest(), COMPONENT, &Default::default()).unwrap_err();
        assert!(matches!(absent, PackageError::SchemaAbsent(_)));
        let mut odd = schemas();
        odd.insert("schemas/../x.json".to_owned(), Vec::new());
        assert_eq!(key().sign(&manifest(), COMPONENT, &odd).unwrap_err(), PackageError::NotAStatement);
    }
}
