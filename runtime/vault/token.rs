//! OAuth 2.0 client credentials (RFC 6749 §4.4): minted here, kept here, never given out.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use claviger_grant::CredentialPlan;
use claviger_manifest::{ClientAuthentication, Name, Oauth, Scheme};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use tokio::time::Instant;

use crate::body::{self, EncodedBody};
use crate::exchange::{Message, Route};
use crate::failure::FailureKind;
use crate::inject::{self, Placement, Resolved};
use crate::response::Report;
use crate::reveal::Secret;

/// The longest answer of a token endpoint, bytes. Tokens with many claims take a few KiB.
pub(crate) const MAX_ANSWER: u64 = 64 * 1024;

/// How long a token is used whose answer does not say (RFC 6749 §5.1 only recommends that it does). Short enough to be
/// safe with every service we know; a token that dies earlier is replaced on the 401 that it gets.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);

/// The longest life that is believed. Nothing keeps a token for longer than a working day.
const MAX_LIFE: Duration = Duration::from_secs(12 * 3600);

/// How long before its end a token is no longer used, so that it does not die on the way: a tenth of its life, but never
/// more than this.
const MARGIN: Duration = Duration::from_secs(30);

/// The tokens of all connections, for the life of the host: one for each connection and credential.
#[derive(Default)]
pub(crate) struct Tokens {
    kept: Mutex<HashMap<(Name, Name), Arc<Entry>>>,
}

/// The place of one token. Whoever mints holds the lock, and everybody else waits for what comes of it.
struct Entry {
    key: Key,
    state: tokio::sync::Mutex<State>,
}

/// Everything that a token depends on besides its connection and credential.
#[derive(PartialEq, Eq)]
struct Key {
    versions: Vec<String>,
    audience: Option<String>,
    scope: Option<String>,
    endpoint: String,
}

#[derive(Default)]
struct State {
    token: Option<Kept>,
    /// When minting failed last, with the status if there was one. Those who waited meanwhile share it: thirty wrong
    /// passwords in a row lock an account.
    failed: Option<(Instant, Refused)>,
}

struct Kept {
    value: Arc<Secret>,
    until: Instant,
}

#[derive(Clone, Copy)]
enum Refused {
    Status(u16),
    Answer,
}

/// A token, and whether it was minted just now.
pub(crate) struct Token {
    pub(crate) value: Arc<Secret>,
    pub(crate) fresh: bool,
}

/// What minting needs to know about the request it is for.
pub(crate) struct Client<'a> {
    pub(crate) connection: &'a Name,
    pub(crate) plan: &'a CredentialPlan,
    pub(crate) oauth: &'a Oauth,
    pub(crate) secrets: &'a Resolved,
    /// Versions of the client's identifier and secret.
    pub(crate) versions: &'a [String],
}

impl Tokens {
    /// The token that is kept, or a new one. Concurrent calls mint one between them.
    pub(crate) async fn get(
        &self,
        client: &Client<'_>,
        path: &str,
        route: &mut Route<'_>,
    ) -> Result<Token, FailureKind> {
        let asked = Instant::now();
        let entry = self.entry(client, path, route);
        let mut state = entry.state.lock().await;
        if let Some(kept) = state.token.as_ref().filter(|kept| Instant::now() < kept.until) {
            return Ok(Token { value: Arc::clone(&kept.value), fresh: false });
        }
        if let Some((_, refused)) = state.failed.filter(|(when, _)| *when > asked) {
            return Err(refused.kind(&client.plan.name));
        }
        match mint(client, path, route).await {
            Ok((value, life)) => {
                let value = Arc::new(value);
                state.token = Some(Kept { value: Arc::clone(&value), until: Instant::now() + usable(life) });
                state.failed = None;
                Ok(Token { value, fresh: true })
            }
            Err(kind) => {
                state.token = None;
                state.failed = Refused::of(&kind).map(|refused| (Instant::now(), refused));
                Err(kind)
            }
        }
    }

    /// Forgets a token that the upstream refused, unless another call has replaced it already.
    pub(crate) async fn forget(&self, connection: &Name, credential: &Name, token: &Arc<Secret>) {
        let place = (connection.clone(), credential.clone());
        let entry = self.kept().get(&place).map(Arc::clone);
        let Some(entry) = entry else { return };
        let mut state = entry.state.lock().await;
        if state.token.as_ref().is_some_and(|kept| Arc::ptr_eq(&kept.value, token)) {
            state.token = None;
        }
    }

    /// The entry of a connection's credential. One that depends on other things, an older secret for example, is replaced.
    fn entry(&self, client: &Client<'_>, path: &str, route: &Route<'_>) -> Arc<Entry> {
        let key = Key {
            versions: client.versions.to_owned(),
            audience: client.oauth.audience.clone(),
            scope: client.oauth.scope.clone(),
            endpoint: format!("{}{path}", route.endpoint.origin),
        };
        let mut kept = self.kept();
        let place = (client.connection.clone(), client.plan.name.clone());
        match kept.get(&place) {
            Some(entry) if entry.key == key => Arc::clone(entry),
            _ => {
                let entry = Arc::new(Entry { key, state: tokio::sync::Mutex::default() });
                kept.insert(place, Arc::clone(&entry));
                entry
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<(Name, Name), Arc<Entry>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Refused {
    /// What the token endpoint itself said. A broken connection says nothing about the next attempt.
    fn of(kind: &FailureKind) -> Option<Self> {
        match kind {
            FailureKind::Token { status, .. } => Some(Self::Status(*status)),
            FailureKind::TokenAnswer(_) => Some(Self::Answer),
            _ => None,
        }
    }

    fn kind(self, credential: &Name) -> FailureKind {
        match self {
            Self::Status(status) => FailureKind::Token { credential: credential.clone(), status },
            Self::Answer => FailureKind::TokenAnswer(credential.clone()),
        }
    }
}

/// The OAuth declaration of a credential, if it is one.
pub(crate) fn declared(plan: &CredentialPlan) -> Option<&Oauth> {
    match &plan.declaration.scheme {
        Scheme::Oauth2(oauth) => Some(oauth),
        _ => None,
    }
}

/// For how long a token of this life is used.
fn usable(life: Option<Duration>) -> Duration {
    let life = life.unwrap_or(DEFAULT_LIFE).min(MAX_LIFE);
    life.saturating_sub(MARGIN.min(life / 10))
}

/// Asks the token endpoint. What it answers goes nowhere but into the cache.
async fn mint(
    client: &Client<'_>,
    path: &str,
    route: &mut Route<'_>,
) -> Result<(Secret, Option<Duration>), FailureKind> {
    let credential = &client.plan.name;
    let (body, placement) = request(client)?;
    let accept = [("accept".to_owned(), "application/json".to_owned())];
    let message =
        Message { method: "POST", path, query: "", headers: &accept, body: Some(&body), placement: &placement };
    let raw = route.send(&message, &mut Report::default()).await?;
    if !raw.status.is_success() {
        return Err(FailureKind::Token { credential: credential.clone(), status: raw.status.as_u16() });
    }
    parse(&raw.body).ok_or_else(|| FailureKind::TokenAnswer(credential.clone()))
}

/// The request of RFC 6749 §4.4.2, with the client's authentication where the manifest says.
fn request(client: &Client<'_>) -> Result<(EncodedBody, Placement), FailureKind> {
    let oauth = client.oauth;
    let id = client.secrets.find(&oauth.client_id)?;
    let secret = oauth.client_secret.as_ref().map(|secret| client.secrets.find(secret)).transpose()?;
    let constant = |text: &str| Secret::new(text.as_bytes().to_vec());
    let grant = constant("client_credentials");
    let (audience, scope) = (oauth.audience.as_deref().map(constant), oauth.scope.as_deref().map(constant));
    let mut pairs: Vec<(&str, &Secret)> = vec![("grant_type", &grant)];
    pairs.extend(audience.as_ref().map(|audience| ("audience", audience)));
    pairs.extend(scope.as_ref().map(|scope| ("scope", scope)));
    let mut placement = Placement::default();
    match oauth.client_authentication {
        ClientAuthentication::Basic if secret.is_some() => {
            let value = inject::sensitive(basic(id, secret.ok_or(FailureKind::Body)?), &oauth.client_id)?;
            placement.headers.push((http::header::AUTHORIZATION, value));
        }
        _ => {
            pairs.push(("client_id", &**id));
            pairs.extend(secret.map(|secret| ("client_secret", &**secret)));
        }
    }
    Ok((body::pairs(&pairs, oauth.token_endpoint.body)?, placement))
}

/// RFC 6749 §2.3.1: both parts are form-encoded before they are joined, so that a colon in one of them is no border.
fn basic(id: &Secret, secret: &Secret) -> Secret {
    let mut pair = Vec::with_capacity((id.len() + secret.len()) * 3 + 1);
    // EXPOSE: composed into a buffer of its final size, which is wrapped at once.
    body::percent(id.expose(), &mut pair);
    pair.push(b':');
    body::percent(secret.expose(), &mut pair);
    inject::basic_value(&Secret::new(pair))
}

/// The fields of RFC 6749 §5.1 that matter here. A duplicate of one of them is refused.
#[derive(Deserialize)]
struct Granted {
    #[serde(deserialize_with = "text_to_secret")]
    access_token: Secret,
    token_type: Option<String>,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
}

fn parse(body: &[u8]) -> Option<(Secret, Option<Duration>)> {
    let granted: Granted = serde_json::from_slice(body).ok()?;
    let bearer = granted.token_type.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    let usable = bearer && granted.access_token.len() > 0;
    usable.then(|| (granted.access_token, granted.expires_in.map(Duration::from_secs)))
}

fn text_to_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    Ok(Secret::new(String::deserialize(deserializer)?.into_bytes()))
}

/// Seconds as a number, or as a string of digits: several services send the latter.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    struct Seconds;
    impl Visitor<'_> for Seconds {
        type Value = Option<u64>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("seconds")
        }

        fn visit_u64<E>(self, value: u64) -> Result<Option<u64>, E> {
            Ok(Some(value))
        }

        fn visit_i64<E>(self, value: i64) -> Result<Option<u64>, E> {
            Ok(Some(u64::try_from(value).unwrap_or(0)))
        }

        fn visit_f64<E: de::Error>(self, value: f64) -> Result<Option<u64>, E> {
            Duration::try_from_secs_f64(value).map(|life| Some(life.as_secs())).map_err(E::custom)
        }

        fn visit_str<E: de::Error>(self, value: &str) -> Result<Option<u64>, E> {
            value.parse().map(Some).map_err(E::custom)
        }

        fn visit_unit<E>(self) -> Result<Option<u64>, E> {
            Ok(None)
        }
    }
    deserializer.deserialize_any(Seconds)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::time::Duration;

    use super::{basic, parse, usable};
    use crate::reveal::Secret;

    fn lives(body: &str) -> Option<Option<u64>> {
        parse(body.as_bytes()).map(|(_, life)| life.map(|life| life.as_secs()))
    }

    #[test]
    fn answers_that_are_tokens() {
        let token = "kR7vQ2pXw9LmZt4Yb8NcJ6Hf";
        for (rest, life) in [
            ("", None),
            (r#","token_type":"Bearer","expires_in":3600"#, Some(3600)),
            (r#","token_type":"bearer","expires_in":"3599""#, Some(3599)),
            (r#","expires_in":59.9,"scope":"a b","refresh_token":"x""#, Some(59)),
            (r#","expires_in":null"#, None),
            (r#","expires_in":-1"#, Some(0)),
        ] {
            let body = format!(r#"{{"access_token":"{token}"{rest}}}"#);
            assert_eq!(lives(&body), Some(life), "{body}");
            assert_eq!(parse(body.as_bytes()).unwrap().0.expose(), token.as_bytes());
        }
    }

    #[test]
    fn answers_that_are_not() {
        for body in [
            "",
            "[]",
            "<html>",
            "{}",
            r#"{"access_token":""}"#,
            r#"{"access_token":7}"#,
            r#"{"access_token":"a","access_token":"b"}"#,
            r#"{"access_token":"a","token_type":"mac"}"#,
            r#"{"access_token":"a","expires_in":"soon"}"#,
            r#"{"error":"invalid_client"}"#,
        ] {
            assert!(parse(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn a_token_is_not_used_to_its_last_second() {
        assert_eq!(usable(Some(Duration::from_secs(3600))), Duration::from_secs(3570));
        assert_eq!(usable(Some(Duration::from_secs(20))), Duration::from_secs(18));
        assert_eq!(usable(Some(Duration::ZERO)), Duration::ZERO);
        assert_eq!(usable(None), Duration::from_secs(270));
        assert_eq!(usable(Some(Duration::from_secs(u64::MAX))), Duration::from_secs(12 * 3600 - 30));
    }

    #[test]
    fn client_authentication_encodes_both_parts_first() {
        let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
        let value = basic(&secret("a:b"), &secret("p w%"));
        // base64 of `a%3Ab:p%20w%25`
        assert_eq!(value.expose(), b"Basic YSUzQWI6cCUyMHclMjU=");
    }
}
