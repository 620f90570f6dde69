//! Who is at the page? A person signs in with the key that they also approve with.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::verify::{Signed, check_authenticator, check_client, check_signature_of};
use crate::{ApproverKind, Assertion, Base64Url, Enrolled, Refused};

/// The version of the canonical sign-in.
const VERSION: u8 = 1;

/// Separates these challenges from approvals and batches: the same key signs all three, and none may be taken for another.
const DOMAIN: &[u8] = b"claviger/sign-in/v1\0";

/// One invitation to sign in, to a page. Whoever answers it has said who they are and nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    origin: String,
    canonical: String,
}

#[derive(Serialize)]
struct Canonical<'a> {
    v: u8,
    origin: &'a str,
    nonce: Base64Url,
}

/// A person who has signed in. Only [`SignIn::verify`] makes one.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a verified sign-in is a session's owner"]
pub struct SignedIn(String);

impl SignedIn {
    /// The person's name, as enrolled.
    pub fn into_name(self) -> String {
        self.0
    }
}

impl SignIn {
    /// The invitation of the page at `origin`. The nonce is one that was never used; the caller sees to its age.
    ///
    /// # Errors
    /// [`Refused::NoCanonicalForm`], for text that JSON has no form of.
    pub fn new(origin: &str, nonce: &[u8]) -> Result<Self, Refused> {
        let canonical = Canonical { v: VERSION, origin, nonce: nonce.into() };
        let canonical = serde_json_canonicalizer::to_string(&canonical).map_err(|_| Refused::NoCanonicalForm)?;
        Ok(Self { origin: origin.to_owned(), canonical })
    }

    /// The WebAuthn challenge: SHA-256 of `claviger/sign-in/v1`, a zero byte, and RFC 8785 JSON of `{v, origin, nonce}`.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::new().chain_update(DOMAIN).chain_update(self.canonical.as_bytes()).finalize().into()
    }

    /// Verifies an answer by the steps that a receipt is verified by. Only a passkey signs in, and only on this very page,
    /// whatever other pages it is enrolled for.
    ///
    /// # Errors
    /// [`Refused`]: the key is not enrolled, or the first step that failed.
    pub fn verify(&self, assertion: &Assertion, enrolled: &Enrolled) -> Result<SignedIn, Refused> {
        let key = enrolled.find(&assertion.credential_id).ok_or(Refused::NotEnrolled)?;
        if key.kind() != ApproverKind::Webauthn || assertion.batch.is_some() || !key.origins().contains(&self.origin) {
            return Err(Refused::NotEnrolled);
        }
        let signed = Signed::of(assertion)?;
        check_client(&signed.client, &self.digest(), key, Some(&self.origin))?;
        check_authenticator(&signed.authenticator, key)?;
        check_signature_of(assertion, key)?;
        Ok(SignedIn(key.name().to_owned()))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use sha2::Digest as _;

    use super::SignIn;
    use crate::fixtures::{self, ORIGIN, moment};
    use crate::{Base64Url, Enrolled, Enrolment, ReceiptError, Refused, check};

    fn enrolled() -> Enrolled {
        Enrolled::new([fixtures::webauthn_key().0]).unwrap()
    }

    fn page() -> SignIn {
        SignIn::new(ORIGIN, &[7; 32]).unwrap()
    }

    #[test]
    fn a_passkey_says_who_is_there() {
        let signed = page().verify(&fixtures::answer(&page().digest()), &enrolled()).unwrap();
        assert_eq!(signed.into_name(), "anna");
    }

    #[test]
    fn a_sign_in_is_no_approval_and_an_approval_no_sign_in() {
        let ask = fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, 7)).unwrap();
        let challenge = Refused::Receipt(ReceiptError::Challenge);
        let signed_in = fixtures::answer(&page().digest());
        assert_eq!(check(&ask, &signed_in, &enrolled()), Err(challenge.clone()));
        let batch = crate::Batch::of([&write(7), &write(8)]).unwrap();
        for approval in [fixtures::assertion(&ask), fixtures::answer(&batch.digest())] {
            assert_eq!(page().verify(&approval, &enrolled()).unwrap_err(), challenge);
        }
        assert_eq!(page().verify(&fixtures::batched(&batch), &enrolled()).unwrap_err(), Refused::NotEnrolled);
    }

    #[test]
    fn its_challenge_is_made_as_no_other() {
        let page = page();
        assert_ne!(page.digest(), crate::ask::digest(&page.canonical));
        assert_ne!(page.digest(), <[u8; 32]>::from(sha2::Sha256::digest(page.canonical.as_bytes())));
    }

    fn write(nonce: u8) -> crate::Ask {
        let mut facts = fixtures::facts();
        facts.effect = claviger_manifest::Effect::Write;
        fixtures::ask(&facts, &moment(1_700_000_000, nonce)).unwrap()
    }

    #[test]
    fn another_nonce_and_another_page_are_another_invitation() {
        let answer = fixtures::answer(&page().digest());
        let later = SignIn::new(ORIGIN, &[8; 32]).unwrap();
        assert_eq!(later.verify(&answer, &enrolled()), Err(Refused::Receipt(ReceiptError::Challenge)));
        let elsewhere = SignIn::new("https://approve.acme.example", &[7; 32]).unwrap();
        assert_ne!(elsewhere.digest(), page().digest());
        assert_eq!(elsewhere.verify(&fixtures::answer(&elsewhere.digest()), &enrolled()), Err(Refused::NotEnrolled));
    }

    #[test]
    fn a_key_of_two_pages_signs_in_to_the_page_that_it_signed_on() {
        let mut both: Enrolment = fixtures::webauthn_key().0.into();
        both.origins.insert("https://approve.acme.example".to_owned());
        let enrolled = Enrolled::new([both.try_into().unwrap()]).unwrap();
        let elsewhere = SignIn::new("https://approve.acme.example", &[7; 32]).unwrap();
        let on_the_other = fixtures::answer(&elsewhere.digest());
        assert_eq!(elsewhere.verify(&on_the_other, &enrolled), Err(Refused::Receipt(ReceiptError::Origin)));
    }

    #[test]
    fn nobody_signs_in_without_an_enrolled_key_or_with_another_signature() {
        let mut answer = fixtures::answer(&page().digest());
        assert_eq!(page().verify(&answer, &Enrolled::default()), Err(Refused::NotEnrolled));
        answer.signature = Base64Url::from([1, 2, 3].as_slice());
        assert_eq!(page().verify(&answer, &enrolled()), Err(Refused::Receipt(ReceiptError::SignatureEncoding)));
        let other = fixtures::answer(&[9; 32]);
        answer.signature = other.signature;
        assert_eq!(page().verify(&answer, &enrolled()), Err(Refused::Receipt(ReceiptError::Signature)));
    }
}
