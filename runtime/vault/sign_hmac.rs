//! A keyed hash over a text that describes the request (HMAC, RFC 2104).

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use claviger_manifest::{Encoding, Hmac, HmacAlgorithm, MessagePart, Name, Timestamp};
use hmac::{KeyInit as _, Mac};
use sha2::{Digest as _, Sha256, Sha512};

use crate::failure::FailureKind;
use crate::inject::Resolved;
use crate::reveal::Secret;
use crate::scan::Live;
use crate::sign::{self, Signed, Unsigned};

/// The signature and the time in it, for the credential's header templates.
pub(crate) fn sign(
    scheme: &Hmac,
    secrets: &Resolved,
    request: &Unsigned<'_>,
    now: SystemTime,
    live: &mut Live,
) -> Result<Signed, FailureKind> {
    let time = written(scheme.timestamp, now)?;
    let key = key(scheme, secrets)?;
    // The bytes of the key are another spelling than the text in the vault.
    live.add(&key, [&scheme.key]);
    let code = code(scheme, &key, request, &time)?;
    let text = match scheme.signature {
        Encoding::Base64 => BASE64_STANDARD.encode(&code),
        Encoding::Hex => hex::encode(&code),
        Encoding::Text => return Err(FailureKind::Body),
    };
    let text = Arc::new(Secret::new(text.into_bytes()));
    sign::live_signature(code, &text, &scheme.key, live);
    let [signature, timestamp] = Hmac::MADE.map(|name| name.parse::<Name>().map_err(|_| FailureKind::Body));
    Ok(Signed {
        headers: Vec::new(),
        values: vec![(signature?, text), (timestamp?, Arc::new(Secret::new(time.into_bytes())))],
    })
}

/// The key's bytes, whatever the vault's text writes them as.
fn key(scheme: &Hmac, secrets: &Resolved) -> Result<Arc<Secret>, FailureKind> {
    let stored = secrets.find(&scheme.key)?;
    let wrong = |why| FailureKind::SigningKey { secret: scheme.key.clone(), why };
    // EXPOSE: decoded into the bytes that are hashed with, which are wrapped again at once.
    let bytes = match scheme.key_encoding {
        Encoding::Text => return Ok(Arc::clone(stored)),
        Encoding::Base64 => BASE64_STANDARD.decode(stored.expose()).map_err(|_| wrong("base64 with padding"))?,
        Encoding::Hex => hex::decode(stored.expose()).map_err(|_| wrong("hexadecimal digits"))?,
    };
    Ok(Arc::new(Secret::new(bytes)))
}

fn code(scheme: &Hmac, key: &Secret, request: &Unsigned<'_>, time: &str) -> Result<Vec<u8>, FailureKind> {
    let parts = scheme.message.parts();
    match scheme.algorithm {
        HmacAlgorithm::Sha256 => hashed(<hmac::Hmac<Sha256>>::new_from_slice(exposed(key)), parts, request, time),
        HmacAlgorithm::Sha512 => hashed(<hmac::Hmac<Sha512>>::new_from_slice(exposed(key)), parts, request, time),
    }
}

fn exposed(key: &Secret) -> &[u8] {
    // EXPOSE: the key of the hash; the hash's state is wiped when it is dropped.
    key.expose()
}

/// Hashes the message piece by piece, so that a body with secrets in it is not copied for it.
fn hashed<M: Mac, E>(
    mac: Result<M, E>,
    parts: &[MessagePart],
    request: &Unsigned<'_>,
    time: &str,
) -> Result<Vec<u8>, FailureKind> {
    let mut mac = mac.map_err(|_| FailureKind::Body)?;
    for part in parts {
        match part {
            MessagePart::Literal(text) => mac.update(text.as_bytes()),
            MessagePart::Method => mac.update(request.method.as_bytes()),
            MessagePart::Host => mac.update(request.host.as_bytes()),
            MessagePart::Path => mac.update(request.path.as_bytes()),
            MessagePart::Query => mac.update(request.query.as_bytes()),
            MessagePart::Timestamp => mac.update(time.as_bytes()),
            MessagePart::BodySha256 => mac.update(hex::encode(Sha256::digest(request.body)).as_bytes()),
            MessagePart::Body => mac.update(request.body),
        }
    }
    Ok(mac.finalize().into_bytes().to_vec())
}

/// A time as the scheme writes it.
fn written(format: Timestamp, now: SystemTime) -> Result<String, FailureKind> {
    let since = now.duration_since(UNIX_EPOCH).map_err(|_| FailureKind::Body)?;
    let seconds = i64::try_from(since.as_secs()).map_err(|_| FailureKind::Body)?;
    let whole = jiff::Timestamp::from_second(seconds).map_err(|_| FailureKind::Body)?;
    Ok(match format {
        Timestamp::Unix => seconds.to_string(),
        Timestamp::UnixMilliseconds => since.as_millis().to_string(),
        Timestamp::Rfc3339 => whole.to_string(),
        Timestamp::HttpDate => jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&whole)
            .map_err(|_| FailureKind::Body)?,
    })
}

#[cfg(test)]
#[path = "sign_hmac_tests.rs"]
mod tests;
