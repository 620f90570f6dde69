//! 1Password, through its command line `op`.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use claviger_manifest::SecretReference;
use serde::Deserialize;
use tokio::sync::{Mutex, OnceCell};
use zeroize::Zeroizing;

use crate::embedded_index::{only, same_name};
use crate::op_gate::Gate;
use crate::op_item::{self, CreatedItem, ItemSummary, VaultSummary};
use crate::op_process::OpProcess;
use crate::private_file;
use crate::provider::{BoxFuture, Created, NewItem, Provider, ProviderError, Resolved};
use crate::reveal::Secret;
use crate::seal::Key;

/// The first version that takes an item as JSON on its standard input and can be trusted with it.
const WRITES_SINCE: (u32, u32) = (2, 23);
/// The longest token file, bytes. A token is about 850.
const TOKEN_MAX: u64 = 16 * 1024;
/// What every service account's token begins with.
const TOKEN_PREFIX: &[u8] = b"ops_";
/// Variables by which 1Password Connect would take the place of what is configured.
const CONNECT: [&str; 2] = ["OP_CONNECT_HOST", "OP_CONNECT_TOKEN"];
/// The variable by which a service account would take the place of what is configured.
const SERVICE_ACCOUNT: &str = "OP_SERVICE_ACCOUNT_TOKEN";

/// How 1Password is reached.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OpConfig {
    /// The absolute path of `op`.
    pub path: PathBuf,
    /// Who uses it.
    pub mode: OpMode,
    /// The account (`acme.1password.eu` or its identifier). Needed with the desktop app: a reference names no account, and
    /// a vault of the same name in another account holds another secret.
    pub account: Option<String>,
    /// A file with a service account's token, which only its owner can read.
    pub token_file: Option<PathBuf>,
}

/// Who uses `op`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpMode {
    /// A person, who agrees in the 1Password app.
    Desktop,
    /// A machine, with a token.
    ServiceAccount,
}

/// Why `op` is not used as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpConfigError {
    /// The path.
    #[error("the path of op {0}; give the absolute path that `command -v op` prints")]
    Path(&'static str),
    /// No account.
    #[error("mode = \"desktop\" needs account = \"…\": `op account list` shows it")]
    NoAccount,
    /// A setting of the other mode.
    #[error("{0} has no meaning in this mode; remove it")]
    Superfluous(&'static str),
    /// The token file.
    #[error("the service account's token-file {0}")]
    Token(&'static str),
    /// The environment says something else.
    #[error(
        "the environment has {0}, which would take the place of the configured account; unset it, or configure that account"
    )]
    Conflict(&'static str),
    /// No randomness.
    #[error("the operating system gave no randomness; try again")]
    Randomness,
}

/// 1Password through `op`.
pub struct OpProvider {
    process: OpProcess,
    gate: Gate,
    account: Option<String>,
    /// Keys the digests that stand for versions; new for each process, so that a digest says nothing to anybody else.
    versions: Key,
    /// Whether the version of `op` was found to be new enough to write.
    writes: OnceCell<()>,
    /// One creation at a time, so that two of ours never both find a title free.
    creating: Mutex<()>,
}

impl OpProvider {
    /// Checks the configuration against the host's environment, of which `op` gets only what it needs.
    pub fn new(
        config: &OpConfig,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, OpConfigError> {
        let environment: Vec<_> = environment.into_iter().collect();
        check_path(&config.path)?;
        check_environment(&environment)?;
        let (account, token) = match (config.mode, &config.account, &config.token_file) {
            (OpMode::Desktop, _, Some(_)) => return Err(OpConfigError::Superfluous("token-file")),
            (OpMode::Desktop, None, None) => return Err(OpConfigError::NoAccount),
            (OpMode::Desktop, Some(account), None) => (Some(format!("--account={account}")), None),
            (OpMode::ServiceAccount, Some(_), _) => return Err(OpConfigError::Superfluous("account")),
            (OpMode::ServiceAccount, None, None) => return Err(OpConfigError::Token("is not set")),
            (OpMode::ServiceAccount, None, Some(path)) => (None, Some(read_token(path)?)),
        };
        Ok(Self {
            process: OpProcess::new(config.path.clone(), &environment, token),
            gate: Gate::new(),
            account,
            versions: Key::random().map_err(|_| OpConfigError::Randomness)?,
            writes: OnceCell::new(),
            creating: Mutex::new(()),
        })
    }

    /// Another limit than 130 seconds.
    #[cfg(test)]
    fn with_timeout(self, timeout: std::time::Duration) -> Self {
        Self { process: self.process.with_timeout(timeout), ..self }
    }

    async fn run(&self, arguments: &[&str], input: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let arguments: Vec<&str> = arguments.iter().copied().chain(self.account.as_deref()).collect();
        self.gate.pass(self.process.run(&arguments, input)).await
    }

    async fn read(&self, reference: &SecretReference) -> Result<Resolved, ProviderError> {
        let reference = reference.to_string();
        let mut printed = self.run(&["read", "--no-newline", &reference], None).await?;
        if printed.is_empty() {
            return Err(ProviderError::Empty);
        }
        let version = self.versions.fingerprint(&printed);
        // The buffer moves into the secret; nothing is copied.
        Ok(Resolved { value: Secret::new(std::mem::take(&mut *printed)), version })
    }

    async fn create(&self, item: &NewItem) -> Result<Created, ProviderError> {
        let template = op_item::template(item)?;
        let _creating = self.creating.lock().await;
        self.writes.get_or_try_init(|| self.check_version()).await?;
        let vaults = self.run(&["vault", "list", "--format=json"], None).await?;
        let vaults: Vec<VaultSummary> = op_item::parse(&vaults)?;
        let vault = only(&vaults, &item.vault, |vault| (&vault.id, &vault.name), ProviderError::VaultNotFound)?;
        let place = format!("--vault={}", vault.id);
        // Not from the cache of `op`: what somebody has just created elsewhere counts.
        let items = self.run(&["item", "list", &place, "--cache=false", "--format=json"], None).await?;
        let items: Vec<ItemSummary> = op_item::parse(&items)?;
        if items.iter().any(|there| same_name(&there.title, &item.title)) {
            return Err(ProviderError::Exists);
        }
        let printed = self.run(&["item", "create", "-", &place, "--format=json"], Some(&template)).await?;
        op_item::parse::<CreatedItem>(&printed)?.references(vault, item)
    }

    /// Asks for the version. Nobody has to agree to that.
    async fn check_version(&self) -> Result<(), ProviderError> {
        let printed = self.process.run(&["--version"], None).await?;
        let text = std::str::from_utf8(&printed).unwrap_or_default();
        let mut numbers = text.trim().split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        let old = ProviderError::Misconfigured("op is older than 2.23, which cannot create items from standard input");
        if version < WRITES_SINCE { Err(old) } else { Ok(()) }
    }
}

impl Provider for OpProvider {
    /// `op` cannot tell: an item's version comes with the item, and reading that asks a person.
    fn version<'a>(&'a self, _reference: &'a SecretReference) -> BoxFuture<'a, Result<Option<String>, ProviderError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn name(&self) -> &'static str {
        "1password-op"
    }

    fn resolve<'a>(&'a self, reference: &'a SecretReference) -> BoxFuture<'a, Result<Resolved, ProviderError>> {
        Box::pin(self.read(reference))
    }

    fn create<'a>(&'a self, item: &'a NewItem) -> BoxFuture<'a, Result<Created, ProviderError>> {
        Box::pin(self.create(item))
    }

    /// `op item edit` has no condition: what another device changed a moment ago would be overwritten. So the journal keeps
    /// the value, and an operator stores it when the vault is theirs alone.
    fn replace<'a>(
        &'a self,
        _reference: &'a SecretReference,
        _version: &'a str,
        _value: &'a Secret,
    ) -> BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(std::future::ready(Err(ProviderError::Unsupported("replacing a value only if nobody changed it"))))
    }
}

impl fmt::Debug for OpProvider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OpProvider").field("process", &self.process).finish_non_exhaustive()
    }
}

fn check_path(path: &Path) -> Result<(), OpConfigError> {
    if !path.is_absolute() {
        return Err(OpConfigError::Path("is not absolute"));
    }
    let metadata = std::fs::metadata(path).map_err(|_| OpConfigError::Path("leads nowhere"))?;
    let mode = metadata.permissions().mode();
    if !metadata.is_file() || mode & 0o111 == 0 {
        return Err(OpConfigError::Path("leads to no program"));
    }
    if mode & 0o002 != 0 {
        return Err(OpConfigError::Path("leads to a program that anybody can replace"));
    }
    Ok(())
}

/// Refuses an environment that would make `op` somebody else. None of these variables is passed on; the refusal tells the
/// operator that two answers to one question are around.
fn check_environment(environment: &[(OsString, OsString)]) -> Result<(), OpConfigError> {
    let set = |name: &&str| environment.iter().any(|(there, value)| there == name && !value.is_empty());
    match CONNECT.iter().chain([&SERVICE_ACCOUNT]).find(|name| set(name)) {
        Some(name) => Err(OpConfigError::Conflict(name)),
        None => Ok(()),
    }
}

fn read_token(path: &Path) -> Result<Secret, OpConfigError> {
    let (bytes, _) = private_file::read(path, TOKEN_MAX)
        .map_err(|_| OpConfigError::Token("cannot be read, or others can read it too; `chmod 600` it"))?;
    let bytes = Zeroizing::new(bytes);
    let token = bytes.trim_ascii();
    if !token.starts_with(TOKEN_PREFIX) {
        return Err(OpConfigError::Token("holds no token; it begins with ops_"));
    }
    Ok(Secret::new(token.to_vec()))
}

#[cfg(test)]
#[path = "op_tests.rs"]
mod tests;
