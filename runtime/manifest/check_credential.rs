//! Does a credential hold together?

use std::collections::BTreeMap;

use crate::check::{broken, declared, distinct, query_name};
use crate::{
    AwsSigv4, Credential, Encoding, FieldValue, Hmac, Lifetime, Logout, Manifest, ManifestError, Method, Name, Oauth,
    OauthGrant, Operation, PathTemplate, Rule, Scheme, Session, SessionValue, Template, headers, pointer, text,
};

/// The longest audience or scope, in bytes.
const MAX_TOKEN_TEXT: usize = 1024;

/// What a token request holds anyway (RFC 6749 §2.3.1, §4.4.2, §6; RFC 8707's relatives). Further parameters may not
/// replace it.
const TOKEN_FIELDS: [&str; 6] = ["grant_type", "client_id", "client_secret", "refresh_token", "audience", "scope"];

/// The longest AWS service name: theirs have a third of that.
const MAX_SERVICE: usize = 64;

type Checked = Result<(), ManifestError>;

pub(crate) fn check_credential(manifest: &Manifest, name: &Name, credential: &Credential) -> Checked {
    let at = format!("[credentials.{name}]");
    check_sources(manifest, &at, credential)?;
    check_headers(&at, credential)?;
    if let Some(pair) = &credential.client_certificate {
        must_be_secret(manifest, &at, "client-certificate", &pair.key)?;
    }
    match &credential.scheme {
        Scheme::Header | Scheme::ClientCertificate => Ok(()),
        Scheme::Bearer { token } if manifest.settings.contains_key(token) => {
            Err(broken(format!("{at} token"), Rule::NotASecret))
        }
        Scheme::Bearer { .. } => Ok(()),
        Scheme::Basic { username, .. } if username.literals_contain(':') => {
            Err(broken(format!("{at} username"), Rule::BasicColon))
        }
        Scheme::Basic { .. } => Ok(()),
        Scheme::Query { parameter, .. } => query_name(parameter, &format!("{at} parameter")),
        Scheme::Body { fields } => check_fields(&at, fields),
        Scheme::Oauth2(oauth) => check_oauth(manifest, &at, oauth),
        Scheme::Session(session) => {
            check_ending(manifest, &at, credential, session)?;
            check_session(manifest, &at, session)
        }
        Scheme::AwsSigv4(aws) => check_aws(manifest, &at, aws),
        Scheme::Hmac(hmac) => check_hmac(manifest, &at, credential, hmac),
    }
}

/// Every name means one thing, and at least one of them is a secret: a credential of constants would be none.
fn check_sources(manifest: &Manifest, at: &str, credential: &Credential) -> Checked {
    let mut secret = false;
    for source in credential.sources() {
        let held = manifest.secrets.contains_key(source) || manifest.slots.contains_key(source);
        secret |= held;
        declared(held || manifest.settings.contains_key(source), at.to_owned(), source, "secrets")?;
    }
    let known = manifest.secrets.keys().chain(manifest.slots.keys()).chain(manifest.settings.keys());
    if known.into_iter().any(|name| credential.makes(name)) {
        return Err(broken(at, Rule::MadeName));
    }
    // A session's secrets are those of its log-in.
    if secret || matches!(credential.scheme, Scheme::Session(_)) { Ok(()) } else { Err(broken(at, Rule::NoSecret)) }
}

fn check_headers(at: &str, credential: &Credential) -> Checked {
    let here = format!("{at} headers");
    let empty = BTreeMap::new();
    let (cookies, write_headers) = match &credential.scheme {
        Scheme::Session(session) => (!session.cookies.is_empty(), &session.write_headers),
        _ => (false, &empty),
    };
    let names: Vec<String> =
        credential.headers.keys().chain(write_headers.keys()).map(|header| header.to_ascii_lowercase()).collect();
    distinct(&names, &here)?;
    for header in &names {
        headers::placed(header).map_err(|rule| broken(here.as_str(), rule))?;
        let taken = (credential.scheme.sets_authorization() && header == "authorization")
            || (cookies && header == "cookie")
            || (matches!(credential.scheme, Scheme::AwsSigv4(_)) && header.starts_with("x-amz-"));
        if taken {
            return Err(broken(here, Rule::HeaderConflict));
        }
    }
    Ok(())
}

/// A secret, not a slot and not a setting: what is derived from it outlives the call.
fn must_be_secret(manifest: &Manifest, at: &str, key: &str, name: &Name) -> Checked {
    let here = format!("{at} {key}");
    if manifest.slots.contains_key(name) {
        return Err(broken(here, Rule::SlotClient));
    }
    if manifest.settings.contains_key(name) {
        return Err(broken(here, Rule::NotASecret));
    }
    Ok(())
}

/// Sites of their own: none within another.
fn check_fields(at: &str, fields: &BTreeMap<String, FieldValue>) -> Checked {
    let here = format!("{at} fields");
    for (index, place) in fields.keys().enumerate() {
        if !pointer::is_valid(place) {
            return Err(broken(here, Rule::Pointer));
        }
        let within = |other: &String| pointer::tokens(place).zip(pointer::tokens(other)).all(|(one, two)| one == two);
        if fields.keys().skip(index + 1).any(within) {
            return Err(broken(here, Rule::LendOverlap));
        }
    }
    Ok(())
}

fn check_oauth(manifest: &Manifest, at: &str, oauth: &Oauth) -> Checked {
    let token = &oauth.token_endpoint;
    let here = format!("{at} token-endpoint");
    declared(manifest.endpoints.contains_key(&token.endpoint), here.clone(), &token.endpoint, "endpoints")?;
    let path: Result<PathTemplate, _> = token.path.parse();
    if !path.is_ok_and(|path| path.parameters().next().is_none()) {
        return Err(broken(here, Rule::TokenPath));
    }
    for (parameter, value) in token.parameters.iter().chain(&token.query) {
        query_name(parameter, &here)?;
        if TOKEN_FIELDS.contains(&parameter.as_str()) || !value.is_text() {
            return Err(broken(here, Rule::TokenParameter));
        }
    }
    for (key, words) in [("audience", &oauth.audience), ("scope", &oauth.scope)] {
        if words.as_ref().is_some_and(|words| !text::is_plain(words, MAX_TOKEN_TEXT)) {
            return Err(broken(format!("{at} {key}"), Rule::TokenText));
        }
    }
    if oauth.names().iter().any(|name| manifest.slots.contains_key(*name)) {
        return Err(broken(at, Rule::SlotClient));
    }
    if let Some(secret) = &oauth.client_secret {
        must_be_secret(manifest, at, "client-secret", secret)?;
    }
    match &oauth.grant {
        OauthGrant::RefreshToken(secret) => must_be_secret(manifest, at, "refresh-token", secret),
        OauthGrant::ClientCredentials => Ok(()),
    }
}

fn check_session(manifest: &Manifest, at: &str, session: &Session) -> Checked {
    check_values(at, session)?;
    for cookie in session.cookies.keys() {
        headers::token(cookie).map_err(|_| broken(format!("{at} cookies"), Rule::CookieName))?;
    }
    if session.login_status.iter().any(|status| !(300..400).contains(status)) {
        return Err(broken(format!("{at} login-status"), Rule::LoginStatus));
    }
    match &session.lifetime {
        Some(Lifetime::Seconds(place) | Lifetime::Until(place)) if !pointer::is_valid(place) => {
            return Err(broken(format!("{at} lifetime"), Rule::Pointer));
        }
        _ => {}
    }
    check_login(manifest, at, &session.login)?;
    session.logout.as_ref().map_or(Ok(()), |logout| check_logout(manifest, at, logout))
}

/// The log-out brings all that a request brings. By then the call is over, and its slots are empty.
fn check_ending(manifest: &Manifest, at: &str, credential: &Credential, session: &Session) -> Checked {
    let slot = credential.sources().into_iter().any(|name| manifest.slots.contains_key(name));
    if slot && session.logout.is_some() { Err(broken(format!("{at} logout"), Rule::SlotLogout)) } else { Ok(()) }
}

fn check_values(at: &str, session: &Session) -> Checked {
    let here = format!("{at} values");
    if session.values.is_empty() {
        return Err(broken(here, Rule::NoValue));
    }
    session.values.values().try_for_each(|value| match value {
        SessionValue::Pointer(place) if place.is_empty() || pointer::is_valid(place) => Ok(()),
        SessionValue::Pointer(_) => Err(broken(here.as_str(), Rule::Pointer)),
        SessionValue::Header(header) => headers::token(header).map_err(|rule| broken(here.as_str(), rule)),
        SessionValue::Cookie(cookie) => headers::token(cookie).map_err(|_| broken(here.as_str(), Rule::CookieName)),
    })
}

/// An operation that the host runs by itself. A tool that had it too could read the answer, which is the secret.
fn host_operation<'a>(manifest: &'a Manifest, at: &str, name: &Name) -> Result<&'a Operation, ManifestError> {
    let found = manifest.operations.get(name);
    declared(found.is_some(), at.to_owned(), name, "operations")?;
    let shared = manifest.tools.values().any(|tool| tool.operations.contains(name));
    found.filter(|_| !shared).ok_or_else(|| broken(at, Rule::HostOperation))
}

fn check_login(manifest: &Manifest, at: &str, name: &Name) -> Checked {
    let here = format!("{at} login");
    let operation = host_operation(manifest, &here, name)?;
    let plain = operation.path.parameters().next().is_none()
        && operation.query.is_empty()
        && operation.body.is_empty()
        && operation.lend.is_empty()
        && operation.capture.is_empty();
    let [credential] = operation.credentials.as_slice() else { return Err(broken(here, Rule::LoginShape)) };
    let credential = manifest.credentials.get(credential);
    let direct = credential.is_some_and(|credential| {
        let scheme = &credential.scheme;
        !matches!(scheme, Scheme::Session(_) | Scheme::Oauth2(_))
            && !credential.sources().iter().any(|source| manifest.slots.contains_key(*source))
    });
    if plain && direct { Ok(()) } else { Err(broken(here, Rule::LoginShape)) }
}

fn check_logout(manifest: &Manifest, at: &str, logout: &Logout) -> Checked {
    let here = format!("{at} logout");
    let operation = host_operation(manifest, &here, &logout.operation)?;
    let filled = operation.path.parameters().all(|name| logout.parameters.contains_key(name))
        && logout.parameters.keys().all(|name| operation.path.parameters().any(|parameter| parameter == name));
    let bare = operation.credentials.is_empty() && operation.lend.is_empty() && operation.capture.is_empty();
    if !filled || !bare {
        return Err(broken(here, Rule::LogoutShape));
    }
    logout.headers.keys().try_for_each(|header| headers::placed(header).map_err(|rule| broken(here.as_str(), rule)))
}

fn check_aws(manifest: &Manifest, at: &str, aws: &AwsSigv4) -> Checked {
    must_be_secret(manifest, at, "secret-access-key", &aws.secret_access_key)?;
    if aws.session_token.as_ref().is_some_and(|token| manifest.settings.contains_key(token)) {
        return Err(broken(format!("{at} session-token"), Rule::NotASecret));
    }
    let word = |text: &str| {
        (1..=MAX_SERVICE).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let region = match &aws.region {
        FieldValue::Constant(value) => value.as_str().is_some_and(word),
        FieldValue::Template(_) => true,
    };
    if region && word(&aws.service) { Ok(()) } else { Err(broken(at, Rule::AwsWord)) }
}

fn check_hmac(manifest: &Manifest, at: &str, credential: &Credential, hmac: &Hmac) -> Checked {
    must_be_secret(manifest, at, "key", &hmac.key)?;
    let names =
        |wanted: &str| credential.headers.values().flat_map(Template::names).any(|name| name.as_str() == wanted);
    if !names("signature") || hmac.signature == Encoding::Text {
        return Err(broken(at, Rule::Signature));
    }
    let timed = hmac.message.parts().contains(&crate::MessagePart::Timestamp);
    if timed == names("timestamp") { Ok(()) } else { Err(broken(at, Rule::SignedTime)) }
}

/// A credential's places are its own: neither the manifest's constants nor a plugin's parameters reach them.
pub(crate) fn check_conflicts(at: &str, operation: &Operation, credential: &Credential) -> Checked {
    let same = |one: &String| operation.headers.keys().any(|other| other.eq_ignore_ascii_case(one));
    let written = match &credential.scheme {
        Scheme::Session(session) => session.write_headers.keys().any(same),
        _ => false,
    };
    if written || credential.headers.keys().any(same) {
        return Err(broken(format!("{at} headers"), Rule::HeaderConflict));
    }
    let set = |name: &String| AwsSigv4::SETS.iter().any(|set| name.eq_ignore_ascii_case(set));
    match &credential.scheme {
        Scheme::AwsSigv4(_) if operation.headers.keys().any(set) => {
            Err(broken(format!("{at} headers"), Rule::HeaderConflict))
        }
        Scheme::Query { parameter, .. } if operation.query.iter().any(|name| name.eq_ignore_ascii_case(parameter)) => {
            Err(broken(format!("{at} query"), Rule::QueryConflict))
        }
        Scheme::Body { fields } => check_body_conflicts(at, operation, fields),
        _ => Ok(()),
    }
}

fn check_body_conflicts(at: &str, operation: &Operation, fields: &BTreeMap<String, FieldValue>) -> Checked {
    let here = format!("{at} body");
    if matches!(operation.method, Method::Get | Method::Head) {
        return Err(broken(here, Rule::BodyOnGet));
    }
    for (place, value) in fields {
        let deep = pointer::tokens(place).count() != 1 || !value.is_text();
        if operation.body_type == crate::BodyType::Form && deep {
            return Err(broken(here, Rule::FormDepth));
        }
        let lent = |site: &String| pointer::tokens(place).zip(pointer::tokens(site)).all(|(one, two)| one == two);
        if operation.body.iter().any(|pattern| pattern.overlaps(place)) || operation.lend.values().any(lent) {
            return Err(broken(here, Rule::LendOverlap));
        }
    }
    Ok(())
}
