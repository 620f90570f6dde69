//! From a choice on the page to an assertion that counts.

use std::time::Duration;

use claviger_approval::{ApproverKind, Ask, Assertion, Base64Url, Batch, Enrolled, EnrolledKey, check};
use serde::{Deserialize, Serialize};

use super::origin::Origin;
use super::trouble::Trouble;

/// What a person chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Choice {
    /// This request alone.
    Once,
    /// The lease that is offered.
    Lease,
}

/// The page begins a ceremony.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Begin {
    choice: Choice,
    /// The two digits, where the question has some.
    #[serde(default)]
    code: Option<String>,
}

/// What the browser needs to ask a passkey (WebAuthn Level 3 §5.5). Whatever the page makes of it, an assertion counts only
/// for this challenge and with its user verified.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Challenge {
    challenge: Base64Url,
    rp_id: String,
    /// Milliseconds.
    timeout: u64,
    allow_credentials: Vec<Base64Url>,
}

/// The assertion as the page sends it on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Given {
    credential_id: Base64Url,
    authenticator_data: Base64Url,
    client_data_json: Base64Url,
    signature: Base64Url,
}

/// The keys that can sign on this page.
pub(crate) fn usable<'a>(enrolled: &'a Enrolled, origin: &'a Origin) -> impl Iterator<Item = &'a EnrolledKey> {
    enrolled.keys().iter().filter(move |key| is_usable(key, origin))
}

/// Whether a key can sign on this page.
pub(crate) fn is_usable(key: &EnrolledKey, origin: &Origin) -> bool {
    let is_for_page = key.rp_id() == origin.rp_id() && key.origins().contains(&origin.to_string());
    key.kind() == ApproverKind::Webauthn && is_for_page
}

/// Whether somebody else's key has signed than one of `own`.
pub(crate) fn is_anothers(given: &Given, own: &Enrolled, all: &Enrolled) -> bool {
    own.find(&given.credential_id).is_none() && all.find(&given.credential_id).is_some()
}

/// The challenge for a choice. Nobody gets one who has not seen where the call was made, if its code is asked for: the page
/// does not know it, and neither does whoever opened the page unseen.
pub(crate) fn begin(ask: &Ask, begin: &Begin, enrolled: &Enrolled, origin: &Origin) -> Result<Challenge, Trouble> {
    if ask.match_code().is_some_and(|code| begin.code.as_deref().map(str::trim) != Some(code)) {
        return Err(Trouble::Code);
    }
    let chosen = match begin.choice {
        Choice::Once => ask,
        Choice::Lease => ask.as_lease().ok_or(Trouble::NoLease)?,
    };
    let others = usable(enrolled, origin).filter(|key| !has_signed(ask, key));
    challenge(&chosen.digest(), ask.wait(), others, origin)
}

/// The challenge for several questions at once: none of them needs a code, and nobody has signed one before.
pub(crate) fn begin_batch(
    batch: &Batch,
    asks: &[&Ask],
    enrolled: &Enrolled,
    origin: &Origin,
) -> Result<Challenge, Trouble> {
    let wait = asks.iter().map(|ask| ask.wait()).min().unwrap_or_default();
    challenge(&batch.digest(), wait, usable(enrolled, origin), origin)
}

fn challenge<'a>(
    digest: &[u8; 32],
    wait: Duration,
    keys: impl Iterator<Item = &'a EnrolledKey>,
    origin: &Origin,
) -> Result<Challenge, Trouble> {
    let keys: Vec<Base64Url> = keys.map(|key| key.credential_id().clone()).collect();
    if keys.is_empty() {
        return Err(Trouble::NoKey);
    }
    Ok(Challenge {
        challenge: digest.as_slice().into(),
        rp_id: origin.rp_id().to_owned(),
        timeout: wait.as_millis().try_into().unwrap_or(u64::MAX),
        allow_credentials: keys,
    })
}

/// Of several people who must agree, each does once, whatever keys they have.
fn has_signed(ask: &Ask, key: &EnrolledKey) -> bool {
    ask.signed_by().iter().any(|name| name == key.name())
}

impl From<Given> for Assertion {
    fn from(given: Given) -> Self {
        Self {
            credential_id: given.credential_id,
            authenticator_data: given.authenticator_data,
            client_data_json: given.client_data_json,
            signature: given.signature,
            batch: None,
        }
    }
}

/// The assertion, if the desk would take it.
pub(crate) fn finish(ask: &Ask, given: Given, enrolled: &Enrolled) -> Result<Assertion, Trouble> {
    let assertion = Assertion::from(given);
    if enrolled.find(&assertion.credential_id).is_some_and(|key| has_signed(ask, key)) {
        return Err(Trouble::SamePerson);
    }
    check(ask, &assertion, enrolled)?;
    Ok(assertion)
}

/// The assertion over a batch, if the desk would take it for each of these questions.
pub(crate) fn finish_batch(
    batch: &Batch,
    asks: &[&Ask],
    given: Given,
    enrolled: &Enrolled,
) -> Result<Assertion, Trouble> {
    let assertion = Assertion { batch: Some(batch.canonical().to_owned()), ..Assertion::from(given) };
    asks.iter().try_for_each(|ask| check(ask, &assertion, enrolled))?;
    Ok(assertion)
}
