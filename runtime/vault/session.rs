//! Sessions: log in, keep what comes back, place it, log out. All of it from the manifest; nothing of it for the guest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use claviger_grant::{CredentialPlan, LogoutPlan, Source};
use claviger_manifest::{ClientCertificate, Credential, Lifetime, Name, Scheme, Session, SessionValue, Template};
use cookie::Cookie;
use http::{HeaderMap, HeaderName, header};
use serde_json::Value;

use crate::capture::once;
use crate::exchange::Raw;
use crate::failure::FailureKind;
use crate::inject::{self, Placement, Resolved};
use crate::reveal::Secret;
use crate::scan::{Live, MIN_SCANNED};

/// What a log-in brought, and how to end it.
pub(crate) struct Opened {
    /// What requests are authenticated with. Nothing else of the session can be placed on one.
    placed: Vec<(Name, Arc<Secret>)>,
    /// What only tells the log-out which session it ends, in its path.
    naming: Vec<(Name, Arc<Secret>)>,
    declaration: Credential,
    /// Where the credential's own secrets come from. They themselves are not kept.
    sources: BTreeMap<Name, Source>,
    /// Who says goodbye: the client that the session presents, or else the one that logged in.
    presented: Option<ClientCertificate>,
    logout: Option<LogoutPlan>,
}

/// What it takes to make a session of the answer to a log-in.
pub(crate) struct Opening {
    credential: Name,
    session: Session,
    declaration: Credential,
    sources: BTreeMap<Name, Source>,
    presented: Option<ClientCertificate>,
    logout: Option<LogoutPlan>,
}

/// The session declaration of a credential, if it is one.
pub(crate) fn declared(credential: &Credential) -> Option<&Session> {
    match &credential.scheme {
        Scheme::Session(session) => Some(session),
        _ => None,
    }
}

impl Opening {
    /// `login` is the credential that logs in.
    pub(crate) fn of(plan: &CredentialPlan, session: &Session, login: &CredentialPlan) -> Self {
        let mut sources = plan.sources.clone();
        let presented = plan.declaration.client_certificate.clone().or_else(|| {
            let pair = login.declaration.client_certificate.clone()?;
            // By the time of the log-out the client that logged in is gone with its call, and is made again of these.
            let names = [&pair.certificate, &pair.key].into_iter();
            sources.extend(names.filter_map(|name| Some((name.clone(), login.sources.get(name)?.clone()))));
            Some(pair)
        });
        Self {
            credential: plan.name.clone(),
            session: session.clone(),
            declaration: plan.declaration.clone(),
            sources,
            presented,
            logout: plan.logout.as_deref().cloned(),
        }
    }

    /// Takes the values out of the answer to a log-in that worked. Whatever else it holds goes nowhere.
    pub(crate) fn opened(self, raw: &Raw) -> Result<(Opened, Option<Duration>), FailureKind> {
        let status = raw.status.as_u16();
        if !raw.status.is_success() && !self.session.login_status.contains(&status) {
            return Err(FailureKind::Login { credential: self.credential, status });
        }
        let wrong = || FailureKind::LoginAnswer(self.credential.clone());
        let json = once::parse(&raw.body);
        let (mut placed, mut naming) = (Vec::new(), Vec::new());
        for (name, source) in &self.session.values {
            let found = find(source, json.as_ref(), &raw.headers).ok_or_else(wrong)?;
            let (kind, shortest) = match only_names(&self.declaration, &self.session, name) {
                // It lets nobody in, so answers need not be scanned for it; but no name is no session.
                true => (&mut naming, 1),
                // Answers could not be scanned for a shorter one.
                false => (&mut placed, MIN_SCANNED),
            };
            if found.len() < shortest {
                return Err(wrong());
            }
            kind.push((name.clone(), Arc::new(found)));
        }
        let life = match &self.session.lifetime {
            None => None,
            Some(lifetime) => Some(life(lifetime, json.as_ref(), SystemTime::now()).ok_or_else(wrong)?),
        };
        let Self { declaration, sources, presented, logout, .. } = self;
        Ok((Opened { placed, naming, declaration, sources, presented, logout }, life))
    }
}

/// Whether a value of a session stands in the path of the log-out and nowhere else: then it says which session is meant,
/// as `7` in `/Sessions/7`, and authenticates nobody.
fn only_names(declaration: &Credential, session: &Session, value: &Name) -> bool {
    let Some(logout) = &session.logout else { return false };
    let names = |template: &Template| template.names().any(|name| name == value);
    let headers = declaration.headers.values().chain(session.write_headers.values()).chain(logout.headers.values());
    logout.parameters.values().any(names) && !headers.chain(session.cookies.values()).any(names)
}

impl Opened {
    /// A session of canaries, for a probe.
    pub(crate) fn of_canaries(
        plan: &CredentialPlan,
        session: &Session,
        canary: impl Fn(&Name) -> Result<Arc<Secret>, FailureKind>,
    ) -> Result<Self, FailureKind> {
        let values = session.values.keys().map(|name| Ok((name.clone(), canary(name)?)));
        Ok(Self {
            placed: values.collect::<Result<_, FailureKind>>()?,
            naming: Vec::new(),
            declaration: plan.declaration.clone(),
            sources: BTreeMap::new(),
            presented: None,
            logout: None,
        })
    }

    /// What requests are authenticated with.
    pub(crate) fn placed(&self) -> &[(Name, Arc<Secret>)] {
        &self.placed
    }

    /// Everything that the log-in brought, which no answer may show.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Arc<Secret>> {
        self.placed.iter().chain(&self.naming).map(|(_, value)| value)
    }

    pub(crate) fn logout(&self) -> Option<&LogoutPlan> {
        self.logout.as_ref()
    }

    pub(crate) fn sources(&self) -> &BTreeMap<Name, Source> {
        &self.sources
    }

    pub(crate) fn client_certificate(&self) -> Option<&ClientCertificate> {
        self.presented.as_ref()
    }

    /// The log-out's path, and everything that it places: what the session places on a write, and its own headers.
    pub(crate) fn ending(
        &self,
        plan: &LogoutPlan,
        own: &Resolved,
        live: &mut Live,
    ) -> Result<(String, Placement), FailureKind> {
        let session = declared(&self.declaration).ok_or(FailureKind::Body)?;
        let logout = session.logout.as_ref().ok_or(FailureKind::Body)?;
        let secrets = own.with(self.placed.clone());
        let named = secrets.with(self.naming.clone());
        let mut parameters = Vec::new();
        for (name, template) in &logout.parameters {
            let value = inject::filled(template, &named, live)?;
            // EXPOSE: the path of the log-out names the session; nothing in this room prints a target.
            let text = std::str::from_utf8(value.expose()).map_err(|_| FailureKind::Unplaceable(name.clone()))?;
            parameters.push((name.to_string(), text.to_owned()));
        }
        let path = plan.path(&parameters).map_err(|_| FailureKind::Body)?;
        let mut placement = inject::place(&self.declaration.scheme, &self.declaration.headers, &secrets, None, live)?;
        placement.headers.extend(places(session, plan.method, &secrets, live)?);
        for (header, template) in &logout.headers {
            placement.headers.push(inject::templated(header, template, &secrets, live)?);
        }
        Ok((path, placement))
    }
}

/// What a session places beside the headers of its credential: cookies always, other headers on everything that may
/// change something.
pub(crate) fn places(
    session: &Session,
    method: &str,
    secrets: &Resolved,
    live: &mut Live,
) -> Result<Vec<(HeaderName, http::HeaderValue)>, FailureKind> {
    let mut headers = Vec::new();
    if !session.cookies.is_empty() {
        headers.push((header::COOKIE, cookies(session, secrets, live)?));
    }
    if !matches!(method, "GET" | "HEAD") {
        for (name, template) in &session.write_headers {
            headers.push(inject::templated(name, template, secrets, live)?);
        }
    }
    Ok(headers)
}

/// `name=value; name=value` (RFC 6265 §4.2.1).
fn cookies(session: &Session, secrets: &Resolved, live: &mut Live) -> Result<http::HeaderValue, FailureKind> {
    let filled = session.cookies.iter().map(|(name, template)| Ok((name, inject::filled(template, secrets, live)?)));
    let filled: Vec<(&String, Arc<Secret>)> = filled.collect::<Result<_, FailureKind>>()?;
    let length = filled.iter().map(|(name, value)| name.len() + value.len() + 3).sum();
    let mut text = Vec::with_capacity(length);
    for (name, value) in &filled {
        // EXPOSE: looked at for the border between two cookies, which would move.
        if value.expose().contains(&b';') {
            return Err(FailureKind::Unplaceable(first(session)?.clone()));
        }
        if !text.is_empty() {
            text.extend_from_slice(b"; ");
        }
        text.extend_from_slice(name.as_bytes());
        text.push(b'=');
        // EXPOSE: cookies are how the session travels; the buffer has its final size and is wiped with the request.
        text.extend_from_slice(value.expose());
    }
    inject::sensitive(Secret::new(text), first(session)?)
}

/// A name for what a session places: its first value's.
fn first(session: &Session) -> Result<&Name, FailureKind> {
    session.values.keys().next().ok_or(FailureKind::Body)
}

fn find(source: &SessionValue, json: Option<&Value>, headers: &HeaderMap) -> Option<Secret> {
    let found = match source {
        SessionValue::Pointer(pointer) => json?.pointer(pointer)?.as_str()?.as_bytes().to_vec(),
        SessionValue::Header(header) => {
            let mut values = headers.get_all(header.as_str()).iter();
            let value = values.next()?;
            // One that occurs twice could be either.
            if values.next().is_some() {
                return None;
            }
            value.as_bytes().to_vec()
        }
        SessionValue::Cookie(name) => cookie(name, headers)?.into_bytes(),
    };
    Some(Secret::new(found))
}

/// The cookie that is set last under this name, as a browser would keep it (RFC 6265 §5.3).
fn cookie(name: &str, headers: &HeaderMap) -> Option<String> {
    let set = headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut parsed = set.filter_map(|text| Cookie::parse(text).ok()).filter(|cookie| cookie.name() == name);
    parsed.next_back().map(|cookie| cookie.value().to_owned())
}

fn life(lifetime: &Lifetime, json: Option<&Value>, now: SystemTime) -> Option<Duration> {
    match lifetime {
        Lifetime::Fixed(life) => Some(*life),
        Lifetime::Seconds(pointer) => {
            let value = json?.pointer(pointer)?;
            value.as_u64().or_else(|| value.as_str()?.parse().ok()).map(Duration::from_secs)
        }
        Lifetime::Until(pointer) => {
            let until: jiff::Timestamp = json?.pointer(pointer)?.as_str()?.parse().ok()?;
            let until = Duration::from_secs(u64::try_from(until.as_second()).ok()?);
            until.checked_sub(now.duration_since(SystemTime::UNIX_EPOCH).ok()?)
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::time::{Duration, SystemTime};

    use claviger_manifest::{Lifetime, SessionValue};
    use http::HeaderMap;
    use serde_json::json;

    use super::{find, life};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_value_is_where_the_manifest_says_or_nowhere() {
        let json = json!({ "data": { "ticket": "kR7vQ2pXw9Lm", "n": 7 } });
        let at = |pointer: &str| find(&SessionValue::Pointer(pointer.to_owned()), Some(&json), &HeaderMap::new());
        assert_eq!(at("/data/ticket").unwrap().expose(), b"kR7vQ2pXw9Lm");
        assert!(at("/data/n").is_none() && at("/data").is_none() && at("").is_none());
        let whole = find(&SessionValue::Pointer(String::new()), Some(&json!("Zt4Yb8NcJ6Hf")), &HeaderMap::new());
        assert_eq!(whole.unwrap().expose(), b"Zt4Yb8NcJ6Hf");
        let header = |headers| find(&SessionValue::Header("X-Auth-Token".to_owned()), None, &headers);
        assert_eq!(header(headers(&[("x-auth-token", "kR7v")])).unwrap().expose(), b"kR7v");
        assert!(header(headers(&[("x-auth-token", "a"), ("x-auth-token", "b")])).is_none());
        assert!(header(headers(&[])).is_none());
    }

    #[test]
    fn a_cookie_is_the_last_of_its_name_without_its_attributes() {
        let cookie = |pairs: &[(&'static str, &str)]| {
            find(&SessionValue::Cookie("Sid".to_owned()), None, &headers(pairs)).map(|value| value.expose().to_vec())
        };
        let set = ("set-cookie", "Sid=kR7vQ2pXw9Lm; Path=/; HttpOnly; SameSite=Lax");
        assert_eq!(cookie(&[set]).unwrap(), b"kR7vQ2pXw9Lm");
        assert_eq!(cookie(&[("set-cookie", "Sid=old"), set, ("set-cookie", "Sidx=1")]).unwrap(), b"kR7vQ2pXw9Lm");
        assert!(cookie(&[("set-cookie", "Other=1"), ("x-set-cookie", "Sid=1")]).is_none());
    }

    #[test]
    fn a_lifetime_is_fixed_or_told() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
        let answer = json!({ "n": 60, "text": "90", "until": "2026-11-18T11:07:40Z", "past": "2020-01-01T00:00:00Z" });
        let of = |lifetime: Lifetime| life(&lifetime, Some(&answer), now).map(|life| life.as_secs());
        assert_eq!(of(Lifetime::Fixed(Duration::from_secs(7200))), Some(7200));
        assert_eq!(of(Lifetime::Seconds("/n".to_owned())), Some(60));
        assert_eq!(of(Lifetime::Seconds("/text".to_owned())), Some(90));
        assert_eq!(of(Lifetime::Until("/until".to_owned())), Some(60));
        for missing in [
            Lifetime::Seconds("/until".to_owned()),
            Lifetime::Until("/past".to_owned()),
            Lifetime::Until("/n".to_owned()),
        ] {
            assert_eq!(of(missing.clone()), None, "{missing:?}");
        }
    }
}
