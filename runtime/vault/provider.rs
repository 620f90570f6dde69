//! A store that resolves references and takes write-back.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use claviger_manifest::SecretReference;

use crate::reveal::Secret;

/// A future that a provider returns: providers are chosen at run time, so the trait must be usable as `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A resolved reference.
#[derive(Debug)]
pub struct Resolved {
    /// The value.
    pub value: Secret,
    /// The provider's version of the item; token caches are keyed by it. Providers without versions give a keyed digest
    /// of the value, never the value.
    pub version: String,
}

/// An item to create.
#[derive(Debug)]
pub struct NewItem {
    /// The vault that receives it.
    pub vault: String,
    /// Its title. An item of this title must not exist in the vault.
    pub title: String,
    /// Field labels and values, in order.
    pub fields: Vec<(String, Secret)>,
}

impl NewItem {
    /// A second owner of the same item, for a provider that works on another thread.
    pub(crate) fn duplicate(&self) -> Self {
        let fields = self.fields.iter().map(|(label, value)| (label.clone(), value.duplicate())).collect();
        Self { vault: self.vault.clone(), title: self.title.clone(), fields }
    }
}

/// A created item.
#[derive(Debug)]
pub struct Created {
    /// One reference for each field, in the order of [`NewItem::fields`].
    pub references: Vec<SecretReference>,
}

impl Created {
    /// The reference to one field: by names where the reference grammar has room for them, else by identifiers. A name
    /// with a slash in it would parse, and mean something else; so the result is compared with what was meant.
    pub(crate) fn reference(names: [&str; 3], identifiers: [&str; 3]) -> Result<SecretReference, ProviderError> {
        let means = |reference: &SecretReference, [vault, item, field]: [&str; 3]| {
            (reference.vault(), reference.item(), reference.field()) == (vault, item, field)
                && reference.section().is_none()
                && reference.attribute().is_none()
        };
        let mut candidates = [names, identifiers].into_iter().filter_map(|parts| {
            let [vault, item, field] = parts;
            let reference = format!("op://{vault}/{item}/{field}").parse().ok()?;
            means(&reference, parts).then_some(reference)
        });
        candidates.next().ok_or(ProviderError::Unknown)
    }
}

/// A store that resolves references and takes write-back.
pub trait Provider: Send + Sync + fmt::Debug {
    /// The provider's name for people and for the log.
    fn name(&self) -> &'static str;

    /// Resolves one reference to its value. Never the first of several matches: that is [`ProviderError::Ambiguous`].
    fn resolve<'a>(&'a self, reference: &'a SecretReference) -> BoxFuture<'a, Result<Resolved, ProviderError>>;

    /// The version of the value, when it can be told without reading it and without asking anybody; `None` when not.
    fn version<'a>(&'a self, reference: &'a SecretReference) -> BoxFuture<'a, Result<Option<String>, ProviderError>>;

    /// Creates one item. Never overwrites: an item of the same title is [`ProviderError::Exists`].
    fn create<'a>(&'a self, item: &'a NewItem) -> BoxFuture<'a, Result<Created, ProviderError>>;

    /// Replaces a value that is held in exactly this version: for credentials that their issuer replaces, of which the old
    /// one is dead. A provider that cannot compare and replace in one step refuses, and the journal goes on holding the
    /// value.
    fn replace<'a>(
        &'a self,
        reference: &'a SecretReference,
        version: &'a str,
        value: &'a Secret,
    ) -> BoxFuture<'a, Result<(), ProviderError>>;

    /// Wipes the keys that it opens secrets with, where it has any: from then on it opens none.
    fn lock(&self) {}
}

/// Why a provider did not do it. Texts are the project's own: what a provider prints may carry names or worse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// No such vault.
    #[error("the provider has no such vault; check the reference's first segment and what this account may see")]
    VaultNotFound,
    /// No such item.
    #[error("the vault has no such item; check the reference's second segment")]
    ItemNotFound,
    /// No such section or field.
    #[error("the item has no such field; check the reference's section and field")]
    FieldNotFound,
    /// More than one match.
    #[error("more than one vault, item or field matches; use the identifier instead of the name")]
    Ambiguous,
    /// The field is empty.
    #[error("the field is empty; put a value in it")]
    Empty,
    /// The reference uses something that the provider cannot do.
    #[error("the provider cannot resolve this kind of reference ({0})")]
    Unsupported(&'static str),
    /// An item of this title exists.
    #[error("an item with this title exists already, and write-back never overwrites")]
    Exists,
    /// The field has a value.
    #[error("the field has a value already; say so explicitly if it is to be replaced")]
    FieldExists,
    /// The value is held in another version than the one to be replaced.
    #[error("the value was changed meanwhile, and is not replaced")]
    Conflict,
    /// The provider is locked or nobody is signed in.
    #[error("the provider is locked or signed out; unlock it and call again")]
    Locked,
    /// A human said no in the provider's own dialogue, or it timed out.
    #[error("the provider's own prompt was dismissed or timed out")]
    Dismissed,
    /// The provider's account, token or configuration is wrong.
    #[error("the provider is not set up correctly: {0}")]
    Misconfigured(&'static str),
    /// Too many requests.
    #[error("the provider's rate limit is reached; it asks to wait {} seconds", .retry_after.map_or_else(|| "some".to_owned(), |s| s.to_string()))]
    RateLimited {
        /// Seconds to wait, where the provider says so.
        retry_after: Option<u64>,
    },
    /// The provider did not answer in time, or cannot be reached.
    #[error("the provider cannot be reached: {0}")]
    Unavailable(&'static str),
    /// The store's own file failed.
    #[error("the vault's file could not be read or written: {0}")]
    Storage(std::io::ErrorKind),
    /// The store's own file is not what was saved.
    #[error("the vault's file is damaged in {0}; restore it from a backup")]
    Damaged(&'static str),
    /// Something that the provider said and nobody knows.
    #[error("the provider failed in a way that is not known here; run its own tool to see what it says")]
    Unknown,
}

impl ProviderError {
    /// Whether the provider is closed, or may be, until somebody opens it: what was agreed to while it was open has ended.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Dismissed | Self::Locked | Self::Unavailable(_))
    }
}
