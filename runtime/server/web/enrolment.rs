//! How a person's passkey becomes one that counts.

use std::sync::{Mutex, PoisonError};

use claviger_approval::{ApproverKind, Enrolled, EnrolledKey, Enrolment, PublicKey};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use webauthn_rs::prelude::{
    COSEAlgorithm, COSEKeyType, CreationChallengeResponse, CredentialID, Passkey, PasskeyRegistration,
    RegisterPublicKeyCredential, Url, Uuid, Webauthn, WebauthnBuilder,
};

use super::ceremony::usable;
use super::id::{Id, random};
use super::origin::Origin;
use super::site::WebError;
use super::trouble::Trouble;

/// ES256 in the registry of COSE algorithms (RFC 9053 §2.1): the one that this house verifies, and that every platform has.
const ES256: i64 = -7;

/// The first byte of an uncompressed point (SEC 1 §2.3.3).
const UNCOMPRESSED: u8 = 4;

/// Whose passkey it will be.
#[derive(Clone, Debug)]
pub struct Person {
    /// The person, as receipts name them.
    pub name: String,
    /// What they are, for rules that ask for a role.
    pub role: Option<String>,
}

/// A key that was verified and waits to be written down.
struct Made {
    key: EnrolledKey,
    written: oneshot::Sender<bool>,
}

/// Where the page hands in what the browser made.
pub(crate) struct EnrolmentDesk {
    webauthn: Webauthn,
    person: Person,
    origin: Origin,
    path: String,
    known: Vec<CredentialID>,
    begun: Mutex<Option<PasskeyRegistration>>,
    made: mpsc::Sender<Made>,
}

/// Where whoever keeps the approvers waits for it.
pub struct Enrolling(mpsc::Receiver<Made>);

impl Enrolling {
    /// Waits for a key and writes it down with `write`; the page is told whether that went well. Gives the key when it is
    /// written. `None` when nobody can make one any more.
    ///
    /// # Errors
    /// What `write` says.
    pub async fn complete<E>(
        &mut self,
        write: impl AsyncFnOnce(&EnrolledKey) -> Result<(), E>,
    ) -> Option<Result<EnrolledKey, E>> {
        let Made { key, written } = self.0.recv().await?;
        let done = write(&key).await;
        // A page that was closed meanwhile hears it from the terminal.
        let _unheard = written.send(done.is_ok());
        Some(done.map(|()| key))
    }
}

impl EnrolmentDesk {
    /// A desk for one person, and the other end of it.
    pub(crate) fn new(origin: &Origin, enrolled: &Enrolled, person: Person) -> Result<(Self, Enrolling), WebError> {
        let refused =
            |why: &dyn std::fmt::Display| WebError::Enrolment { origin: origin.to_string(), why: why.to_string() };
        let url = Url::parse(&origin.to_string()).map_err(|why| refused(&why))?;
        let builder = WebauthnBuilder::new(origin.rp_id(), &url).map_err(|why| refused(&why))?;
        let webauthn = builder.rp_name("Claviger").build().map_err(|why| refused(&why))?;
        let known = usable(enrolled, origin).map(|key| key.credential_id().as_bytes().to_vec()).collect();
        let (made, keys) = mpsc::channel(1);
        let (path, begun) = (format!("/enrol/{}", Id::random()?), Mutex::default());
        let desk = Self { webauthn, person, origin: origin.clone(), path, known, begun, made };
        Ok((desk, Enrolling(keys)))
    }

    /// Whether nobody waits for a key any more.
    pub(crate) fn is_over(&self) -> bool {
        self.made.is_closed()
    }

    /// The page's path.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Whose passkey it will be.
    pub(crate) fn person(&self) -> &Person {
        &self.person
    }

    /// The options for the browser: user verification required, no attestation, ES256, none that is enrolled already.
    pub(crate) fn begin(&self) -> Result<Value, Trouble> {
        let user = Uuid::from_bytes(random().map_err(|error| Trouble::Enrolment(error.to_string()))?);
        let name = &self.person.name;
        let begun = self.webauthn.start_passkey_registration(user, name, name, Some(self.known.clone()));
        let (mut options, state) = begun.map_err(failed)?;
        only_es256(&mut options);
        if self.origin.is_team() {
            findable(&mut options);
        }
        *self.lock() = Some(state);
        serde_json::to_value(options).map_err(failed)
    }

    /// Verifies what the browser made and waits until it is written down.
    pub(crate) async fn finish(&self, made: Value) -> Result<(), Trouble> {
        let made: RegisterPublicKeyCredential = serde_json::from_value(made).map_err(|_| Trouble::Malformed)?;
        // One challenge, one try: the next one begins anew.
        let state = self.lock().take().ok_or(Trouble::Malformed)?;
        let passkey = self.webauthn.finish_passkey_registration(&made, &state).map_err(failed)?;
        let (written, done) = oneshot::channel();
        let gone =
            |()| Trouble::Enrolment("the command that asked for this passkey has ended; run it again".to_owned());
        self.made.send(Made { key: self.key(&passkey)?, written }).await.map_err(|_| gone(()))?;
        match done.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Trouble::Enrolment("it could not be written down; the terminal says why".to_owned())),
            Err(_) => Err(gone(())),
        }
    }

    fn key(&self, passkey: &Passkey) -> Result<EnrolledKey, Trouble> {
        let enrolment = Enrolment {
            name: self.person.name.clone(),
            role: self.person.role.clone(),
            kind: ApproverKind::Webauthn,
            credential_id: passkey.cred_id().as_slice().into(),
            public_key: public_key(passkey).ok_or_else(|| failed("it has no ES256 key"))?,
            rp_id: self.origin.rp_id().to_owned(),
            origins: [self.origin.to_string()].into(),
        };
        EnrolledKey::try_from(enrolment).map_err(failed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<PasskeyRegistration>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(why: impl std::fmt::Display) -> Trouble {
    Trouble::Enrolment(format!("this passkey cannot be enrolled: {why}"))
}

/// Asks for the one algorithm that will be verified.
fn only_es256(options: &mut CreationChallengeResponse) {
    options.public_key.pub_key_cred_params.retain(|offered| offered.alg == ES256);
}

/// Asks for a key that the authenticator finds by the page's name alone: a page that nobody has signed in to names no keys.
fn findable(options: &mut CreationChallengeResponse) {
    if let Some(selection) = &mut options.public_key.authenticator_selection {
        // The older of the two ways to say it; every browser that has the newer reads it where that is left out
        // (WebAuthn Level 3 §5.4.4).
        selection.resident_key = None;
        selection.require_resident_key = true;
    }
}

fn public_key(passkey: &Passkey) -> Option<PublicKey> {
    let key = passkey.get_public_key();
    match (&key.type_, &key.key) {
        (COSEAlgorithm::ES256, COSEKeyType::EC_EC2(point)) => {
            PublicKey::from_sec1(&[&[UNCOMPRESSED], point.x.as_slice(), point.y.as_slice()].concat()).ok()
        }
        _ => None,
    }
}
