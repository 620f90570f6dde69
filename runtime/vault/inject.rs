//! Secrets onto a request: header templates, Basic, bearer, query.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use claviger_manifest::{FieldValue, Name, Scheme, Template, TemplatePart};
use http::{HeaderName, HeaderValue};

use crate::body::{self, Placed};
use crate::failure::FailureKind;
use crate::reveal::Secret;
use crate::scan::Live;

/// The secrets of one credential, by their name in the manifest. A handful at most, so they are searched in order.
#[derive(Default)]
pub(crate) struct Resolved(Vec<Held>);

struct Held {
    name: Name,
    value: Arc<Secret>,
    /// Whether answers are scanned for it: settings and identifiers are placed like secrets and are none.
    secret: bool,
}

impl Resolved {
    pub(crate) fn add(&mut self, name: Name, value: Arc<Secret>, secret: bool) {
        self.0.push(Held { name, value, secret });
    }

    /// Those of the names that are secrets: what is made of them is a leak of these, and of nothing else.
    fn secrets<'a>(&self, names: impl Iterator<Item = &'a Name>) -> impl Iterator<Item = &'a Name> {
        names.filter(|name| self.0.iter().any(|held| held.secret && held.name == **name))
    }

    /// The names of all that are secrets.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().filter(|held| held.secret).map(|held| &held.name)
    }

    /// These, and values that the host made for one request. What those are derived from is live under its own names.
    pub(crate) fn with(&self, made: Vec<(Name, Arc<Secret>)>) -> Self {
        let held = self.0.iter().map(|held| Held {
            name: held.name.clone(),
            value: Arc::clone(&held.value),
            secret: held.secret,
        });
        let made = made.into_iter().map(|(name, value)| Held { name, value, secret: false });
        Self(held.chain(made).collect())
    }

    pub(crate) fn find(&self, name: &Name) -> Result<&Arc<Secret>, FailureKind> {
        let found = self.0.iter().find(|held| held.name == *name).map(|held| &held.value);
        found.ok_or_else(|| FailureKind::EmptySlot(name.clone()))
    }
}

/// What a credential adds to a request.
#[derive(Default)]
pub(crate) struct Placement {
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// One encoded `name=value` pair, for schemes that use the query.
    pub(crate) query: Option<Secret>,
    /// The whole target, path and query, in the place of the message's own: for addresses that are secrets themselves.
    pub(crate) target: Option<Secret>,
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
        // Fields of the body are placed by `fields`, before the body is encoded; a signature is made after that.
        // Cookies of a session depend on the method, see `session::places`.
        Scheme::Header
        | Scheme::ClientCertificate
        | Scheme::Body { .. }
        | Scheme::Session(_)
        | Scheme::AwsSigv4(_)
        | Scheme::Hmac(_) => {}
        Scheme::Bearer { token } => placement.headers.push(bearer(secrets.find(token)?, token)?),
        Scheme::Basic { username, password } => placement.headers.push(basic(username, password, secrets, live)?),
        Scheme::Query { parameter, value } => placement.query = Some(query(parameter, value, secrets, live)?),
        Scheme::Oauth2(oauth) => {
            let token = token.ok_or_else(|| FailureKind::EmptySlot(oauth.client_id.clone()))?;
            placement.headers.push(bearer(token, &oauth.client_id)?);
        }
    }
    for (header, template) in extra {
        placement.headers.push(templated(header, template, secrets, live)?);
    }
    Ok(placement)
}

/// The fields that a credential sets in the body. They join the live set like every other place.
pub(crate) fn fields(
    scheme: &Scheme,
    secrets: &Resolved,
    live: &mut Live,
) -> Result<Vec<(String, Placed)>, FailureKind> {
    let Scheme::Body { fields } = scheme else { return Ok(Vec::new()) };
    fields.iter().map(|(pointer, value)| Ok((pointer.clone(), field(value, secrets, live)?))).collect()
}

fn field(value: &FieldValue, secrets: &Resolved, live: &mut Live) -> Result<Placed, FailureKind> {
    match value {
        FieldValue::Constant(value) => Ok(Placed::Constant(value.clone())),
        FieldValue::Template(template) => {
            let name = template.names().next().ok_or(FailureKind::Body)?.clone();
            Ok(Placed::Secret(name, filled(template, secrets, live)?))
        }
    }
}

fn bearer(token: &Secret, name: &Name) -> Result<(HeaderName, HeaderValue), FailureKind> {
    let mut value = Vec::with_capacity(token.len() + 7);
    value.extend_from_slice(b"Bearer ");
    // EXPOSE: RFC 6750 §2.1 places the token in this header; the buffer has its final size and is wiped with the request.
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
    let password_value = fill(password, secrets)?;
    let name = username.names().chain(password.names()).next().cloned().ok_or(FailureKind::Body)?;
    // RFC 7617 §2: a colon in the user part would move the border between the two.
    // EXPOSE: looked at for a colon only.
    if user.expose().contains(&b':') {
        return Err(FailureKind::Unplaceable(name));
    }
    let mut pair = Vec::with_capacity(user.len() + password_value.len() + 1);
    // EXPOSE: RFC 7617 §2 composes the pair; it is wrapped again at once and scanned for like the parts.
    pair.extend_from_slice(user.expose());
    pair.push(b':');
    pair.extend_from_slice(password_value.expose());
    let pair = Arc::new(Secret::new(pair));
    live.add(&pair, secrets.secrets(username.names().chain(password.names())));
    Ok((http::header::AUTHORIZATION, sensitive(basic_value(&pair), &name)?))
}

/// `Basic` and the base64 of a pair, in a buffer of its final size.
pub(crate) fn basic_value(pair: &Secret) -> Secret {
    let mut value = String::with_capacity(pair.len().div_ceil(3) * 4 + 6);
    value.push_str("Basic ");
    // EXPOSE: RFC 7617 §2 sends the pair in base64; the text is wrapped again at once.
    BASE64_STANDARD.encode_string(pair.expose(), &mut value);
    Secret::new(value.into_bytes())
}

fn query(parameter: &str, template: &Template, secrets: &Resolved, live: &mut Live) -> Result<Secret, FailureKind> {
    let value = filled(template, secrets, live)?;
    let mut pair = Vec::with_capacity((value.len() + parameter.len()) * 3 + 1);
    // EXPOSE: the scheme places the value in the query; the buffer has room for it, and is wrapped again at once.
    body::pair(parameter, value.expose(), &mut pair);
    Ok(Secret::new(pair))
}

pub(crate) fn templated(
    header: &str,
    template: &Template,
    secrets: &Resolved,
    live: &mut Live,
) -> Result<(HeaderName, HeaderValue), FailureKind> {
    let header = HeaderName::from_bytes(header.as_bytes()).map_err(|_| FailureKind::Body)?;
    let name = template.names().next().ok_or(FailureKind::Body)?;
    let value = filled(template, secrets, live)?;
    // EXPOSE: header values are how credentials travel; the copy is wiped with the request.
    Ok((header, sensitive(value.duplicate(), name)?))
}

/// Fills a template and adds the result to the live set: short parts can make one long secret.
pub(crate) fn filled(template: &Template, secrets: &Resolved, live: &mut Live) -> Result<Arc<Secret>, FailureKind> {
    // A lone reference is the secret itself, which is live already.
    if let [TemplatePart::Reference(name)] = template.parts() {
        return secrets.find(name).cloned();
    }
    let value = Arc::new(fill(template, secrets)?);
    live.add(&value, secrets.secrets(template.names()));
    Ok(value)
}

/// Fills a template: constants and secrets in their order.
pub(crate) fn fill(template: &Template, secrets: &Resolved) -> Result<Secret, FailureKind> {
    let mut filled = Vec::with_capacity(length(template, secrets)?);
    for part in template.parts() {
        match part {
            TemplatePart::Literal(text) => filled.extend_from_slice(text.as_bytes()),
            // EXPOSE: the template says that the value stands here; the buffer has its final size, so no copy is left
            // behind by growth, and it is wrapped again at once.
            TemplatePart::Reference(name) => filled.extend_from_slice(secrets.find(name)?.expose()),
        }
    }
    Ok(Secret::new(filled))
}

fn length(template: &Template, secrets: &Resolved) -> Result<usize, FailureKind> {
    template.parts().iter().try_fold(0_usize, |sum, part| {
        Ok(sum.saturating_add(match part {
            TemplatePart::Literal(text) => text.len(),
            TemplatePart::Reference(name) => secrets.find(name)?.len(),
        }))
    })
}

/// A header value that libraries keep out of their own debug output, in a buffer that is wiped after sending. Line breaks
/// and control characters are refused by the type.
pub(crate) fn sensitive(value: Secret, name: &Name) -> Result<HeaderValue, FailureKind> {
    let header = HeaderValue::from_maybe_shared(body::wiped(value));
    let mut header = header.map_err(|_| FailureKind::Unplaceable(name.clone()))?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::sensitive;
    use crate::reveal::Secret;

    #[test]
    fn a_header_with_a_secret_prints_nothing_of_it() {
        let header = sensitive(Secret::new(b"Bearer Vq7ZrX2kT9nLwB4p".to_vec()), &"token".parse().unwrap()).unwrap();
        assert!(header.is_sensitive());
        assert_eq!(format!("{header:?}"), "Sensitive");
    }
}
