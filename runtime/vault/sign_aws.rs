//! AWS Signature Version 4, by the library that AWS maintains for it.

use std::sync::Arc;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign as sign_request,
};
use aws_sigv4::sign::v4::SigningParams;
use claviger_manifest::{AwsSigv4, FieldValue, Name};
use http::HeaderName;
use sha2::{Digest as _, Sha256};

use crate::failure::FailureKind;
use crate::inject::{self, Resolved};
use crate::reveal::Secret;
use crate::scan::Live;
use crate::sign::{self, Signed, Unsigned};

/// Where and for what a signature is good: its credential scope but for the day.
struct Scope<'a> {
    region: &'a str,
    service: &'a str,
}

/// Headers by name, and the signature in them.
type SignedHeaders = (Vec<(String, String)>, String);

/// The headers of a signed request: `Authorization`, `x-amz-date`, `x-amz-content-sha256`, and `x-amz-security-token` for
/// temporary credentials. All of them, `Host`, and the manifest's own `x-amz-` headers are covered.
pub(crate) fn sign(
    aws: &AwsSigv4,
    secrets: &Resolved,
    request: &Unsigned<'_>,
    now: SystemTime,
    live: &mut Live,
) -> Result<Signed, FailureKind> {
    let region = region(&aws.region, secrets)?;
    let scope = Scope { region: &region, service: &aws.service };
    let credentials = credentials(aws, secrets)?;
    let covered = covered(request);
    let (headers, signature) = headers(&credentials, &scope, &covered, settings(&aws.service), request, now)?;
    let bytes = hex::decode(&signature).map_err(|_| FailureKind::Body)?;
    let text = Arc::new(Secret::new(signature.into_bytes()));
    sign::live_signature(bytes, &text, &aws.secret_access_key, live);
    let named = headers.into_iter().map(|(name, value)| {
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| FailureKind::Body)?;
        Ok((header, inject::sensitive(Secret::new(value.into_bytes()), &aws.secret_access_key)?))
    });
    Ok(Signed { headers: named.collect::<Result<_, FailureKind>>()?, values: Vec::new() })
}

fn headers(
    credentials: &Credentials,
    scope: &Scope<'_>,
    covered: &[(&str, &str)],
    settings: SigningSettings,
    request: &Unsigned<'_>,
    now: SystemTime,
) -> Result<SignedHeaders, FailureKind> {
    let identity = credentials.clone().into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(now)
        .settings(settings)
        .build()
        .map_err(|_| FailureKind::Body)?
        .into();
    let separator = if request.query.is_empty() { "" } else { "?" };
    let uri = format!("{}://{}{}{separator}{}", request.scheme, request.host, request.path, request.query);
    // Hashed here, so that the library, which can print a body, has none.
    let body = SignableBody::Precomputed(hex::encode(Sha256::digest(request.body)));
    let signable = SignableRequest::new(request.method, uri, covered.iter().copied(), body);
    // The library's own errors quote the request.
    let signed = sign_request(signable.map_err(|_| FailureKind::Body)?, &params).map_err(|_| FailureKind::Body)?;
    let (instructions, signature) = signed.into_parts();
    let headers = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok((headers, signature))
}

/// `Host`, and what the manifest says to AWS itself: services refuse `x-amz-` headers that are not covered.
fn covered<'a>(request: &Unsigned<'a>) -> Vec<(&'a str, &'a str)> {
    let constants = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let spoken = constants.filter(|(name, _)| name.to_ascii_lowercase().starts_with("x-amz-"));
    [("host", request.host)].into_iter().chain(spoken).collect()
}

/// S3 signs the path as it is sent; every other service signs it normalised and encoded once more.
fn settings(service: &str) -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    if service == "s3" || service.starts_with("s3-") {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    settings
}

fn credentials(aws: &AwsSigv4, secrets: &Resolved) -> Result<Credentials, FailureKind> {
    let text = |name: &Name| {
        let value = secrets.find(name)?;
        // EXPOSE: the signing library takes text; it wipes its copy, prints only the key's identifier, and lives no longer
        // than this function.
        std::str::from_utf8(value.expose()).map(str::to_owned).map_err(|_| FailureKind::Unplaceable(name.clone()))
    };
    let token = aws.session_token.as_ref().map(text).transpose()?;
    Ok(Credentials::new(text(&aws.access_key_id)?, text(&aws.secret_access_key)?, token, None, "claviger"))
}

/// The region becomes part of what is signed, between slashes, so it is held to the characters that regions have.
fn region(value: &FieldValue, secrets: &Resolved) -> Result<String, FailureKind> {
    let (text, name) = match value {
        FieldValue::Constant(value) => return value.as_str().map(str::to_owned).ok_or(FailureKind::Body),
        FieldValue::Template(template) => {
            let name = template.names().next().cloned().ok_or(FailureKind::Body)?;
            (inject::fill(template, secrets)?, name)
        }
    };
    // EXPOSE: a region is in the open by its nature; it is sent beside the signature.
    let region = std::str::from_utf8(text.expose()).map_err(|_| FailureKind::Unplaceable(name.clone()))?;
    let fits = !region.is_empty() && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits { Ok(region.to_owned()) } else { Err(FailureKind::Unplaceable(name)) }
}

#[cfg(test)]
#[path = "sign_aws_tests.rs"]
mod tests;
