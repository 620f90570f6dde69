//! Whose yes counts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{ApproverKind, Base64Url, PublicKey};

/// The relying party of the software passkey. Not a domain name, so no browser will sign for it.
pub const SIMULATED_RP_ID: &str = "claviger:simulated";

/// The relying party of what only the host asserts. Not a domain name either.
pub const HOST_ASSERTED_RP_ID: &str = "claviger:host-asserted";

/// The relying party of security keys that sign on the terminal. Not a domain name either, so what such a key is made for
/// here, no page can ask it for.
pub const TERMINAL_RP_ID: &str = "claviger:terminal";

/// What the client data of those signatures name as their origin. The host writes them, as a browser does for its pages.
pub(crate) const TERMINAL_ORIGIN: &str = "claviger:terminal/security-key";

/// The longest credential identifier, in bytes (WebAuthn Level 3 §4).
const MAX_CREDENTIAL_ID: usize = 1_023;

/// One key as `approvers.toml` has it, before it is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Enrolment {
    /// The person, as receipts name them.
    pub name: String,
    /// What they are, for rules that ask for a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What stands behind the key.
    pub kind: ApproverKind,
    /// The credential's identifier.
    pub credential_id: Base64Url,
    /// The public key.
    pub public_key: PublicKey,
    /// The relying party that the key signs for.
    pub rp_id: String,
    /// The origins that its signatures may come from: scheme, host and port, as a browser writes them.
    pub origins: BTreeSet<String>,
}

/// A key whose signatures are accepted, and under which conditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Enrolment", into = "Enrolment")]
pub struct EnrolledKey(Enrolment);

/// Why a key is not accepted. The texts name the approver, never key material.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentError {
    /// The name is missing.
    #[error("an approver has no name; give the person's name, it goes into every receipt")]
    NoName,
    /// The identifier has an impossible length.
    #[error(
        "approver {0:?} has a credential-id that is empty or longer than {MAX_CREDENTIAL_ID} bytes; enrol the key again"
    )]
    CredentialId(String),
    /// Nothing could ever be accepted.
    #[error(
        "approver {0:?} lists no origins; list the origin of the approval page, for example \"http://claviger.localhost:7443\""
    )]
    NoOrigin(String),
    /// The kind and the relying party do not belong together, so the kind in receipts would be a lie.
    #[error(
        "approver {0:?} is {1}, but its rp-id belongs to another kind; enrol the key again instead of editing its kind"
    )]
    KindAndRelyingParty(String, ApproverKind),
    /// A key of the terminal that counts on a page, or the other way round.
    #[error(
        "approver {0:?} has an origin that does not belong to its rp-id; enrol the key again instead of editing either"
    )]
    OriginAndRelyingParty(String),
    /// Two keys with one identifier: a receipt could mean either.
    #[error("approver {0:?} has the credential-id of another approver; remove one of the two")]
    Duplicate(String),
}

impl TryFrom<Enrolment> for EnrolledKey {
    type Error = EnrolmentError;

    fn try_from(enrolment: Enrolment) -> Result<Self, EnrolmentError> {
        let name = || enrolment.name.clone();
        if enrolment.name.trim().is_empty() {
            return Err(EnrolmentError::NoName);
        }
        if !(1..=MAX_CREDENTIAL_ID).contains(&enrolment.credential_id.as_bytes().len()) {
            return Err(EnrolmentError::CredentialId(name()));
        }
        if enrolment.origins.is_empty() {
            return Err(EnrolmentError::NoOrigin(name()));
        }
        if kind_of(&enrolment.rp_id) != enrolment.kind {
            return Err(EnrolmentError::KindAndRelyingParty(name(), enrolment.kind));
        }
        // A receipt tells the page from the terminal by its origin, so one key has one of the two.
        let on_terminal = enrolment.rp_id == TERMINAL_RP_ID;
        if enrolment.origins.iter().any(|origin| (origin == TERMINAL_ORIGIN) != on_terminal) {
            return Err(EnrolmentError::OriginAndRelyingParty(name()));
        }
        Ok(Self(enrolment))
    }
}

/// The authenticator signs the relying party's hash, so this is how a kind becomes part of what is signed.
fn kind_of(rp_id: &str) -> ApproverKind {
    match rp_id {
        SIMULATED_RP_ID => ApproverKind::Simulated,
        HOST_ASSERTED_RP_ID => ApproverKind::HostAsserted,
        _ => ApproverKind::Webauthn,
    }
}

impl From<EnrolledKey> for Enrolment {
    fn from(key: EnrolledKey) -> Self {
        key.0
    }
}

impl EnrolledKey {
    /// The person.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Their role, if one was given.
    pub fn role(&self) -> Option<&str> {
        self.0.role.as_deref()
    }

    /// What stands behind the key.
    pub fn kind(&self) -> ApproverKind {
        self.0.kind
    }

    /// The credential's identifier.
    pub fn credential_id(&self) -> &Base64Url {
        &self.0.credential_id
    }

    /// The public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// The relying party.
    pub fn rp_id(&self) -> &str {
        &self.0.rp_id
    }

    /// Whether it is a security key that signs on the terminal, and on no page.
    pub fn signs_on_terminal(&self) -> bool {
        self.0.rp_id == TERMINAL_RP_ID
    }

    /// The origins that signatures may come from.
    pub fn origins(&self) -> &BTreeSet<String> {
        &self.0.origins
    }
}

/// Every enrolled key. Read from and written to `approvers.toml` as `[[approver]]` tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "File", into = "File")]
pub struct Enrolled(Vec<EnrolledKey>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    approver: Vec<EnrolledKey>,
}

impl TryFrom<File> for Enrolled {
    type Error = EnrolmentError;

    fn try_from(file: File) -> Result<Self, EnrolmentError> {
        Self::new(file.approver)
    }
}

impl From<Enrolled> for File {
    fn from(enrolled: Enrolled) -> Self {
        Self { approver: enrolled.0 }
    }
}

impl Enrolled {
    /// The set of these keys.
    ///
    /// # Errors
    /// [`EnrolmentError::Duplicate`] when two have one identifier.
    pub fn new(keys: impl IntoIterator<Item = EnrolledKey>) -> Result<Self, EnrolmentError> {
        let mut enrolled = Self::default();
        keys.into_iter().try_for_each(|key| enrolled.add(key))?;
        Ok(enrolled)
    }

    /// Adds a key.
    ///
    /// # Errors
    /// [`EnrolmentError::Duplicate`] when its identifier is taken.
    pub fn add(&mut self, key: EnrolledKey) -> Result<(), EnrolmentError> {
        if self.find(key.credential_id()).is_some() {
            return Err(EnrolmentError::Duplicate(key.name().to_owned()));
        }
        self.0.push(key);
        Ok(())
    }

    /// The key with this identifier.
    pub fn find(&self, credential_id: &Base64Url) -> Option<&EnrolledKey> {
        self.0.iter().find(|key| key.credential_id() == credential_id)
    }

    /// Those keys that `keep` keeps.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&EnrolledKey) -> bool) -> Self {
        Self(self.0.iter().filter(|key| keep(key)).cloned().collect())
    }

    /// Every key, in the order of the file.
    pub fn keys(&self) -> &[EnrolledKey] {
        &self.0
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Enrolled, EnrolledKey, Enrolment, EnrolmentError, HOST_ASSERTED_RP_ID, SIMULATED_RP_ID};
    use super::{TERMINAL_ORIGIN, TERMINAL_RP_ID};
    use crate::{ApproverKind, fixtures};

    fn enrolment() -> Enrolment {
        fixtures::webauthn_key().0.into()
    }

    #[test]
    fn the_file_is_toml_and_comes_back_the_same() {
        let mut other = enrolment();
        other.credential_id = vec![1, 2, 3].into();
        other.role = Some("security".to_owned());
        let keys = [enrolment(), other].map(|one| EnrolledKey::try_from(one).unwrap());
        let enrolled = Enrolled::new(keys).unwrap();
        let text = toml::to_string(&enrolled).unwrap();
        assert!(text.contains("[[approver]]") && text.contains("kind = \"webauthn\""), "{text}");
        assert_eq!(toml::from_str::<Enrolled>(&text).unwrap(), enrolled);
        assert_eq!(toml::from_str::<Enrolled>("").unwrap(), Enrolled::default());
        let json = serde_json::to_string(&enrolled).unwrap();
        assert_eq!(serde_json::from_str::<Enrolled>(&json).unwrap(), enrolled);
    }

    #[test]
    fn unknown_keys_in_the_file_are_refused() {
        let text = toml::to_string(&Enrolled::new([EnrolledKey::try_from(enrolment()).unwrap()]).unwrap()).unwrap();
        assert!(toml::from_str::<Enrolled>(&format!("{text}\nuser-verification = false\n")).is_err());
    }

    #[test]
    fn a_kind_cannot_be_edited_into_another() {
        for (rp_id, kind) in [
            (SIMULATED_RP_ID, ApproverKind::Webauthn),
            (SIMULATED_RP_ID, ApproverKind::HostAsserted),
            (HOST_ASSERTED_RP_ID, ApproverKind::Webauthn),
            ("claviger.localhost", ApproverKind::HostAsserted),
            ("claviger.localhost", ApproverKind::Simulated),
        ] {
            let edited = Enrolment { rp_id: rp_id.to_owned(), kind, ..enrolment() };
            let why = EnrolledKey::try_from(edited).unwrap_err();
            assert!(matches!(why, EnrolmentError::KindAndRelyingParty(_, _)), "{rp_id} {kind}: {why}");
        }
    }

    #[test]
    fn a_key_of_the_terminal_counts_on_no_page_and_no_other_key_on_the_terminal() {
        let key = |rp_id: &str, origins: &[&str]| {
            let origins = origins.iter().map(|&origin| origin.to_owned()).collect();
            EnrolledKey::try_from(Enrolment { rp_id: rp_id.to_owned(), origins, ..enrolment() })
        };
        assert!(key(TERMINAL_RP_ID, &[TERMINAL_ORIGIN]).unwrap().signs_on_terminal());
        let page = "http://claviger.localhost:7443";
        for (rp_id, origins) in [
            (TERMINAL_RP_ID, [page].as_slice()),
            (TERMINAL_RP_ID, &[TERMINAL_ORIGIN, page]),
            ("claviger.localhost", &[TERMINAL_ORIGIN]),
            ("claviger.localhost", &[page, TERMINAL_ORIGIN]),
        ] {
            let why = key(rp_id, origins).unwrap_err();
            assert!(matches!(why, EnrolmentError::OriginAndRelyingParty(_)), "{rp_id} {origins:?}: {why}");
        }
    }

    #[test]
    fn keys_that_mean_nothing_are_refused() {
        let nameless = Enrolment { name: " ".to_owned(), ..enrolment() };
        let homeless = Enrolment { origins: [].into(), ..enrolment() };
        let unidentified = Enrolment { credential_id: Vec::new().into(), ..enrolment() };
        let endless = Enrolment { credential_id: vec![7; 1_024].into(), ..enrolment() };
        assert_eq!(EnrolledKey::try_from(nameless), Err(EnrolmentError::NoName));
        assert!(matches!(EnrolledKey::try_from(homeless), Err(EnrolmentError::NoOrigin(_))));
        assert!(matches!(EnrolledKey::try_from(unidentified), Err(EnrolmentError::CredentialId(_))));
        assert!(matches!(EnrolledKey::try_from(endless), Err(EnrolmentError::CredentialId(_))));
    }

    #[test]
    fn two_keys_with_one_identifier_are_refused() {
        let twice = [enrolment(), enrolment()].map(|one| EnrolledKey::try_from(one).unwrap());
        assert!(matches!(Enrolled::new(twice), Err(EnrolmentError::Duplicate(_))));
    }
}
