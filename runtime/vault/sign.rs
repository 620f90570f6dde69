//! A request that is complete, signed. The last step before it is sent: whatever changed after it would not be covered.

use std::sync::Arc;
use std::time::SystemTime;

use claviger_manifest::{Name, Scheme};
use http::{HeaderName, HeaderValue};

use crate::failure::FailureKind;
use crate::inject::Resolved;
use crate::reveal::Secret;
use crate::scan::Live;
use crate::{sign_aws, sign_hmac};

/// What is signed: every part as it goes out.
pub(crate) struct Unsigned<'a> {
    pub(crate) scheme: &'static str,
    pub(crate) method: &'a str,
    /// As the `Host` header has it.
    pub(crate) host: &'a str,
    /// Encoded.
    pub(crate) path: &'a str,
    /// Encoded, without `?`.
    pub(crate) query: &'a str,
    /// Constants of the manifest.
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a [u8],
}

/// What a signature adds to a request.
#[derive(Default)]
pub(crate) struct Signed {
    /// Headers that the scheme itself sets.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Values that the credential's header templates place.
    pub(crate) values: Vec<(Name, Arc<Secret>)>,
}

/// Signs for the schemes that sign. A signature authenticates as a secret does, for as long as the upstream takes it, so
/// it joins the live set under the names of what it is made of.
pub(crate) fn sign(
    scheme: &Scheme,
    secrets: &Resolved,
    request: &Unsigned<'_>,
    now: SystemTime,
    live: &mut Live,
) -> Result<Signed, FailureKind> {
    match scheme {
        Scheme::AwsSigv4(aws) => sign_aws::sign(aws, secrets, request, now, live),
        Scheme::Hmac(hmac) => sign_hmac::sign(hmac, secrets, request, now, live),
        _ => Ok(Signed::default()),
    }
}

/// Adds a signature to the live set, as its bytes and as the text that is sent: an echo may encode either.
pub(crate) fn live_signature(bytes: Vec<u8>, text: &Arc<Secret>, key: &Name, live: &mut Live) {
    live.add(&Arc::new(Secret::new(bytes)), [key]);
    live.add(text, [key]);
}
