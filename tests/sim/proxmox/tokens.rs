//! API tokens: minted once, shown once, revoked for good.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::auth::Session;
use super::parameters::{Parameters, refused};
use super::{ApiToken, Failure};

#[derive(Debug)]
struct Token {
    secret: String,
    privsep: bool,
    acl: bool,
    /// Seconds since 1970; 0 never expires.
    expire: u64,
    comment: Option<String>,
}

/// Every user with their tokens.
#[derive(Debug)]
pub(super) struct Tokens(BTreeMap<String, BTreeMap<String, Token>>);

impl Tokens {
    pub(super) fn new(tokens: Vec<ApiToken>) -> Self {
        let mut users: BTreeMap<String, BTreeMap<String, Token>> = BTreeMap::new();
        for ApiToken { user, id, secret, privsep, acl } in tokens {
            let token = Token { secret, privsep, acl, expire: 0, comment: None };
            users.entry(user).or_default().insert(id, token);
        }
        Self(users)
    }

    /// Checks a token as the vendor does, with the vendor's words for what is wrong.
    pub(super) fn verify(&self, user: &str, id: &str, secret: &str) -> Result<Session, String> {
        let tokens = self.0.get(user).ok_or_else(|| format!("no such user ('{user}')"))?;
        let token = tokens.get(id).ok_or_else(|| format!("no such token '{id}' for user '{user}'"))?;
        if token.expire != 0 && token.expire < now() {
            return Err(format!("token '{user}!{id}' access expired"));
        }
        if token.secret != secret {
            return Err("invalid token value!".to_owned());
        }
        Ok(Session { rights: token.acl || !token.privsep })
    }

    /// The tokens of a user; no value among them.
    pub(super) fn list(&self, session: &Session, user: &str) -> Result<Value, Failure> {
        allowed(session, user)?;
        let one = |(id, token): (&String, &Token)| {
            let mut info = token.info();
            info.insert("tokenid".to_owned(), json!(id));
            Value::Object(info)
        };
        Ok(Value::Array(self.user(user)?.iter().map(one).collect()))
    }

    /// One token; its value is never shown again.
    pub(super) fn show(&self, session: &Session, user: &str, id: &str) -> Result<Value, Failure> {
        allowed(session, user)?;
        let token = self.user(user)?.get(id).ok_or_else(|| missing(user, id))?;
        Ok(Value::Object(token.info()))
    }

    /// Makes a token and shows its value, once.
    pub(super) fn mint(
        &mut self,
        session: &Session,
        user: &str,
        id: &str,
        given: &Parameters,
    ) -> Result<Value, Failure> {
        given.only(&["expire", "privsep", "comment"])?;
        if !well_named(id) {
            return Err(refused("tokenid", "invalid format - value does not look like a valid token ID"));
        }
        let privsep = given.truth("privsep", true)?;
        let expire = given.number("expire")?.unwrap_or_default();
        let comment = given.get("comment").map(str::to_owned);
        allowed(session, user)?;
        let tokens = self.0.get_mut(user).ok_or_else(|| Failure::Failed(format!("no such user ('{user}')")))?;
        if tokens.contains_key(id) {
            return Err(refused("tokenid", "Token already exists."));
        }
        let secret = uuid().ok_or_else(|| Failure::Failed("generating token failed".to_owned()))?;
        let token = Token { secret: secret.clone(), privsep, acl: false, expire, comment };
        let info = token.info();
        tokens.insert(id.to_owned(), token);
        Ok(json!({"full-tokenid": format!("{user}!{id}"), "info": info, "value": secret}))
    }

    /// Removes a token; whoever still has it is not let in any more.
    pub(super) fn revoke(&mut self, session: &Session, user: &str, id: &str) -> Result<Value, Failure> {
        allowed(session, user)?;
        let tokens = self.0.get_mut(user).ok_or_else(|| Failure::Failed(format!("no such user ('{user}')")))?;
        tokens.remove(id).map(|_| Value::Null).ok_or_else(|| missing(user, id))
    }

    fn user(&self, user: &str) -> Result<&BTreeMap<String, Token>, Failure> {
        self.0.get(user).ok_or_else(|| Failure::Failed(format!("no such user ('{user}')")))
    }
}

impl Token {
    /// What anybody may know of it. The vendor writes the flag as text.
    fn info(&self) -> Map<String, Value> {
        let mut info = Map::new();
        info.insert("privsep".to_owned(), json!(if self.privsep { "1" } else { "0" }));
        if self.expire != 0 {
            info.insert("expire".to_owned(), json!(self.expire));
        }
        if let Some(comment) = &self.comment {
            info.insert("comment".to_owned(), json!(comment));
        }
        info
    }
}

/// A token is not its user: the exception that the vendor makes for users themselves does not hold for it.
fn allowed(session: &Session, user: &str) -> Result<(), Failure> {
    if session.rights { Ok(()) } else { Err(Failure::Permission(format!("/access/users/{user}, User.Modify"))) }
}

fn missing(user: &str, id: &str) -> Failure {
    Failure::Failed(format!("no such token '{id}' for user '{user}'"))
}

fn well_named(id: &str) -> bool {
    let rest = id.strip_prefix(|first: char| first.is_ascii_alphabetic());
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && rest.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_'))
    })
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A random UUID, version 4.
fn uuid() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    let value = u128::from_be_bytes(bytes);
    let versioned = (value & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let text = format!("{versioned:032x}");
    let part = |from, to| text.get(from..to);
    Some([part(0, 8)?, part(8, 12)?, part(12, 16)?, part(16, 20)?, part(20, 32)?].join("-"))
}
