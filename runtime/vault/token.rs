//! OAuth 2.0 tokens (RFC 6749 §4.4, §6): minted here, kept here, never given out.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use claviger_grant::{CredentialPlan, TokenEndpointPlan};
use claviger_manifest::{ClientAuthentication, FieldValue, Name, Oauth, OauthGrant, Scheme};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::body::{self, EncodedBody};
use crate::exchange::{Message, OwnRoute};
use crate::failure::FailureKind;
use crate::inject::{self, Placement, Resolved};
use crate::reveal::Secret;
use crate::scan::MIN_SCANNED;

/// The longest answer of a token endpoint, bytes. Tokens with many claims take a few KiB.
pub(crate) const MAX_ANSWER: u64 = 64 * 1024;

/// How long a token is used whose answer does not say (RFC 6749 §5.1 only recommends that it does). Short enough to be
/// safe with every service we know; a token that dies earlier is replaced on the 401 that it gets.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);

/// What minting needs to know. All of it is its own, because minting goes on when the call that began it is cancelled.
pub(crate) struct Client {
    pub(crate) credential: Name,
    pub(crate) oauth: Oauth,
    pub(crate) secrets: Resolved,
}

/// A minted token.
pub(crate) struct Token {
    pub(crate) access: Arc<Secret>,
    /// The refresh tokens that it was made with and that came with it. Answers are scanned for these too.
    pub(crate) refreshed: Vec<Arc<Secret>>,
}

/// Everything that a token depends on besides its connection and credential.
pub(crate) fn key(plan: &CredentialPlan, oauth: &Oauth, versions: &[String], place: &TokenEndpointPlan) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut key = vec![format!("{}{}", place.endpoint.origin, place.path), text(&oauth.audience), text(&oauth.scope)];
    // Further parameters are made of secrets and settings, whose versions tell their values apart. A refresh token
    // changes with every use, and the access token lives on.
    let rotates = |name: &Name| matches!(&oauth.grant, OauthGrant::RefreshToken(token) if token == name);
    let sources = plan.sources.keys().zip(versions);
    key.extend(sources.filter(|(name, _)| !rotates(name)).map(|(_, version)| version.clone()));
    key
}

/// The OAuth declaration of a credential, if it is one.
pub(crate) fn declared(plan: &CredentialPlan) -> Option<&Oauth> {
    match &plan.declaration.scheme {
        Scheme::Oauth2(oauth) => Some(oauth),
        _ => None,
    }
}

/// Asks the token endpoint. What it answers goes nowhere but into the cache.
pub(crate) async fn mint(
    client: &Client,
    refresh: Option<&Secret>,
    path: &str,
    route: &mut OwnRoute,
) -> Result<Granted, FailureKind> {
    let credential = &client.credential;
    let (body, placement) = request(client, refresh)?;
    let query = query(client)?;
    let accept = [("accept".to_owned(), "application/json".to_owned())];
    let message =
        Message { method: "POST", path, query: &query, headers: &accept, body: Some(&body), placement: &placement };
    let raw = route.send(&message).await?;
    if !raw.status.is_success() {
        return Err(FailureKind::Token { credential: credential.clone(), status: raw.status.as_u16() });
    }
    parse(&raw.body).ok_or_else(|| FailureKind::TokenAnswer(credential.clone()))
}

/// The request of RFC 6749 §4.4.2, with the client's authentication where the manifest says.
fn request(client: &Client, refresh: Option<&Secret>) -> Result<(EncodedBody, Placement), FailureKind> {
    let oauth = &client.oauth;
    let id = client.secrets.find(&oauth.client_id)?;
    let secret = oauth.client_secret.as_ref().map(|secret| client.secrets.find(secret)).transpose()?;
    let constant = |text: &str| Secret::new(text.as_bytes().to_vec());
    let grant = constant(if refresh.is_some() { "refresh_token" } else { "client_credentials" });
    let (audience, scope) = (oauth.audience.as_deref().map(constant), oauth.scope.as_deref().map(constant));
    let mut pairs: Vec<(&str, &Secret)> = vec![("grant_type", &grant)];
    pairs.extend(refresh.map(|token| ("refresh_token", token)));
    pairs.extend(audience.as_ref().map(|audience| ("audience", audience)));
    pairs.extend(scope.as_ref().map(|scope| ("scope", scope)));
    let further = further(&oauth.token_endpoint.parameters, &client.secrets)?;
    pairs.extend(further.iter().map(|(name, value)| (*name, &**value)));
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

/// Further parameters, such as a tenant, filled.
fn further<'a>(
    parameters: &'a BTreeMap<String, FieldValue>,
    secrets: &Resolved,
) -> Result<Vec<(&'a str, Arc<Secret>)>, FailureKind> {
    let filled = parameters.iter().map(|(name, value)| {
        let value = match value {
            FieldValue::Template(template) => inject::fill(template, secrets)?,
            FieldValue::Constant(value) => Secret::new(value.as_str().ok_or(FailureKind::Body)?.as_bytes().to_vec()),
        };
        Ok((name.as_str(), Arc::new(value)))
    });
    filled.collect()
}

/// The query of the token request, without `?`.
fn query(client: &Client) -> Result<String, FailureKind> {
    let mut query = Vec::new();
    for (name, value) in further(&client.oauth.token_endpoint.query, &client.secrets)? {
        // EXPOSE: the manifest says that the value stands in the query; nothing in this room prints a target.
        body::pair(name, value.expose(), &mut query);
    }
    String::from_utf8(query).map_err(|_| FailureKind::Body)
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

/// What a token endpoint granted.
pub(crate) struct Granted {
    pub(crate) access: Arc<Secret>,
    pub(crate) life: Option<Duration>,
    /// The next refresh token, where there is one.
    pub(crate) refresh: Option<Secret>,
}

/// The fields of RFC 6749 §5.1 that matter here. A duplicate of one of them is refused.
#[derive(Deserialize)]
struct Answer {
    #[serde(deserialize_with = "text_to_secret")]
    access_token: Secret,
    token_type: Option<String>,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
    refresh_token: Option<String>,
}

fn parse(body: &[u8]) -> Option<Granted> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let bearer = answer.token_type.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    // Answers could not be scanned for a shorter one.
    let usable = bearer && answer.access_token.len() >= MIN_SCANNED;
    let refresh = answer.refresh_token.map(|text| Secret::new(text.into_bytes())).filter(|token| token.len() > 0);
    let life = answer.expires_in.map_or(DEFAULT_LIFE, Duration::from_secs);
    usable.then_some(Granted { access: Arc::new(answer.access_token), life: Some(life), refresh })
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
    use super::{basic, parse};
    use crate::reveal::Secret;

    fn lives(body: &str) -> Option<Option<u64>> {
        parse(body.as_bytes()).map(|granted| granted.life.map(|life| life.as_secs()))
    }

    #[test]
    fn answers_that_are_tokens() {
        let token = "kR7vQ2pXw9LmZt4Yb8NcJ6Hf";
        for (rest, life) in [
            ("", Some(300)),
            (r#","token_type":"Bearer","expires_in":3600"#, Some(3600)),
            (r#","token_type":"bearer","expires_in":"3599""#, Some(3599)),
            (r#","expires_in":59.9,"scope":"a b","refresh_token":"x""#, Some(59)),
            (r#","expires_in":null"#, Some(300)),
            (r#","expires_in":-1"#, Some(0)),
        ] {
            let body = format!(r#"{{"access_token":"{token}"{rest}}}"#);
            assert_eq!(lives(&body), Some(life), "{body}");
            assert_eq!(parse(body.as_bytes()).unwrap().access.expose(), token.as_bytes());
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
            r#"{"access_token":"kR7vQ2p"}"#,
            r#"{"access_token":"kR7vQ2pXw","access_token":"kR7vQ2pXw"}"#,
            r#"{"access_token":"kR7vQ2pXw","token_type":"mac"}"#,
            r#"{"access_token":"kR7vQ2pXw","expires_in":"soon"}"#,
            r#"{"error":"invalid_client"}"#,
        ] {
            assert!(parse(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn client_authentication_encodes_both_parts_first() {
        let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
        let value = basic(&secret("a:b"), &secret("p w%"));
        // base64 of `a%3Ab:p%20w%25`
        assert_eq!(value.expose(), b"Basic YSUzQWI6cCUyMHclMjU=");
    }
}
