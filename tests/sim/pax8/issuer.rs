//! Who makes tokens, and which are good?

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of randomness in a token.
const TOKEN: usize = 32;

/// A token that was just made.
#[derive(Debug, Clone)]
pub struct Minted {
    /// The token.
    pub token: String,
    /// How long it lives; it is told in whole seconds.
    pub lifetime: Duration,
}

/// Makes tokens and knows which are good.
pub trait Issuer: Send + Sync {
    /// A token for a client, or `None` when the client or its secret is wrong.
    fn mint<'a>(&'a self, id: &'a str, secret: &'a str) -> Pin<Box<dyn Future<Output = Option<Minted>> + Send + 'a>>;

    /// Whether a token is good now.
    fn accepts<'a>(&'a self, token: &'a str) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>>;
}

/// An issuer with one client, whose tokens are opaque.
pub(super) struct Own {
    id: String,
    secret: String,
    lifetime: Duration,
    live: Mutex<BTreeMap<String, Instant>>,
}

impl Own {
    pub(super) fn new(id: String, secret: String, lifetime: Duration) -> Self {
        Self { id, secret, lifetime, live: Mutex::new(BTreeMap::new()) }
    }

    fn new_token(&self) -> Option<Minted> {
        let mut bytes = [0; TOKEN];
        getrandom::fill(&mut bytes).ok()?;
        let token = hex::encode(bytes);
        let until = Instant::now() + self.lifetime;
        self.live.lock().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), until);
        Some(Minted { token, lifetime: self.lifetime })
    }
}

impl Issuer for Own {
    fn mint<'a>(&'a self, id: &'a str, secret: &'a str) -> Pin<Box<dyn Future<Output = Option<Minted>> + Send + 'a>> {
        let good = id == self.id && secret == self.secret;
        Box::pin(async move { if good { self.new_token() } else { None } })
    }

    fn accepts<'a>(&'a self, token: &'a str) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let good = live.get(token).is_some_and(|until| Instant::now() < *until);
        Box::pin(async move { good })
    }
}
