//! Secrets onto a request: header templates, Basic, bearer, query.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use claviger_manifest::{Name, Scheme, Template, TemplatePart};
use http::{HeaderName, HeaderValue};

use crate::failure::FailureKind;
use crate::reveal::Secret;
use crate::scan::Live;

/// The resolved secrets of one credential, by their name in the manifest.
pub(crate) type Resolved = BTreeMap<Name, Secret>;

/// What a credential adds to a request.
#[derive(Default)]
pub(crate) struct Placement {
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// One encoded `name=value` pair, for schemes that use the query.
    pub(crate) query: Option<Secret>,
}

/// Builds the placement and adds every derived form (a Basic pair, a filled template) to the live set that answers are
/// scanned for.
pub(crate) fn place(
    scheme: &Scheme,
    extra: &BTreeMap<String, Template>,
    secrets: &Resolved,
    token: Option<&Secret>,
    live: &mut Live,
) -> Result<Placement, FailureKind> {
    let mut placement = Placement::default();
    match scheme {
        Scheme::Header => {}
        Scheme::Bearer { token } => {
            placement.headers.push(bearer(find(secrets, token)?, token)?);
        }
        Scheme::Basic { username, password } => {
            placement.headers.push(basic(username, password, secrets, live)?);
        }
        Scheme::Query { parameter, value } => placement.query = Some(query(parameter, value, secrets)?),
        Scheme::Oauth2ClientCredentials(oauth) => {
            let token = token.ok_or_else(|| FailureKind::EmptySlot(oauth.client_secret.clone()))?;
            placement.headers.push(bearer(token, &oauth.client_secret)?);
        }
    }
    for (header, template) in extra {
        placement.headers.push(templated(header, template, secrets)?);
    }
    Ok(placement)
}

fn find<'a>(secrets: &'a Resolved, name: &Name) -> Result<&'a Secret, FailureKind> {
    secrets.get(name).ok_or_else(|| FailureKind::EmptySlot(name.clone()))
}

fn bearer(token: &Secret, name: &Name) -> Result<(HeaderName, HeaderValue), FailureKind> {
    let mut value = Vec::with_capacity(token.len() + 7);
    value.extend_from_slice(b"Bearer ");
    // EXPOSE: RFC 6750 §2.1 places the token in this header; the value is marked sensitive and freed with the request.
    value.extend_from_slice(token.expose());
    Ok((http::header::AUTHORIZATION, sensitive(Secret::new(value), name)?))
}

fn basic(
    username: &Template,
    password: &Template,
    secrets: &Resolved,
    live: &mut Live,
) -> Result<(HeaderName, HeaderValue), FailureKind> {
    let user = fill(username, secrets)?;
    let password = fill(password, secrets)?;
    let name = username.names().next().cloned();
    let mut pair = Vec::with_capacity(user.len() + password.len() + 1);
    // EXPOSE: RFC 7617 §2 composes the pair; it is wrapped again at once and scanned for like the parts.
    pair.extend_from_slice(user.expose());
    pair.push(b':');
    pair.extend_from_slice(password.expose());
    let pair = Secret::new(pair);
    let mut value = String::with_capacity(pair.len() * 2 + 16);
    value.push_str("Basic ");
    BASE64_STANDARD.encode_string(pair.expose(), &mut value);
    live.add_derived(&pair);
    let named = name.as_ref().map_or_else(|| Err(FailureKind::Body), Ok)?;
    Ok((http::header::AUTHORIZATION, sensitive(Secret::new(value.into_bytes()), named)?))
}

fn query(parameter: &str, template: &Template, secrets: &Resolved) -> Result<Secret, FailureKind> {
    let value = fill(template, secrets)?;
    let mut encoder = form_urlencoded::Serializer::new(String::with_capacity(value.len() * 3 + parameter.len() + 1));
    // EXPOSE: the scheme places the value in the query; the encoded pair is wrapped again at once.
    let text = std::str::from_utf8(value.expose()).map_err(|_| FailureKind::Body)?;
    encoder.append_pair(parameter, text);
    Ok(Secret::new(encoder.finish().into_bytes()))
}

fn templated(
    header: &str,
    template: &Template,
    secrets: &Resolved,
) -> Result<(HeaderName, HeaderValue), FailureKind> {
    let name = HeaderName::from_bytes(header.as_bytes()).map_err(|_| FailureKind::Body)?;
    let source = template.names().next().cloned();
    let value = fill(template, secrets)?;
    match source {
        Some(source) => Ok((name, sensitive(value, &source)?)),
        None => Err(FailureKind::Body),
    }
}

/// Fills a template: constants and secrets in their order.
fn fill(template: &Template, secrets: &Resolved) -> Result<Secret, FailureKind> {
    let mut filled = Vec::with_capacity(length(template, secrets)?);
    for part in template.parts() {
        match part {
            TemplatePart::Literal(text) => filled.extend_from_slice(text.as_bytes()),
            // EXPOSE: the template says that the value stands here; the buffer has its final size, so no copy is left
            // behind by growth, and it is wrapped again at once.
            TemplatePart::Reference(name) => filled.extend_from_slice(find(secrets, name)?.expose()),
        }
    }
    Ok(Secret::new(filled))
}

fn length(template: &Template, secrets: &Resolved) -> Result<usize, FailureKind> {
    template.parts().iter().try_fold(0_usize, |sum, part| {
        Ok(sum.saturating_add(match part {
            TemplatePart::Literal(text) => text.len(),
            TemplatePart::Reference(name) => find(secrets, name)?.len(),
        }))
    })
}

/// A header value that libraries keep out of their own debug output.
fn sensitive(value: Secret, name: &Name) -> Result<HeaderValue, FailureKind> {
    // EXPOSE: header values are how credentials travel; line breaks and control characters are refused by the type.
    let mut header = HeaderValue::from_bytes(value.expose()).map_err(|_| FailureKind::Unplaceable(name.clone()))?;
    header.set_sensitive(true);
    Ok(header)
}
