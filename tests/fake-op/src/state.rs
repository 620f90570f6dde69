//! The account: its vaults, its items, and how it behaves today.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::VERSION;
use crate::failure::Failure;

/// Where everything is.
#[derive(Deserialize)]
pub(crate) struct World {
    state: PathBuf,
    pub(crate) record: Option<PathBuf>,
}

/// Who uses `op`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// A person, through the desktop app.
    #[default]
    Desktop,
    /// A machine, with a token.
    ServiceAccount,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Behaviour {
    /// Nothing.
    #[default]
    Normal,
    /// A warning on standard error although everything goes well.
    Warns,
    /// New values get a blank at their end.
    Mangles,
    /// Nobody is signed in.
    SignedOut,
    /// The desktop app does not answer.
    Locked,
    /// The human says no.
    Dismissed,
    /// The hour's requests are used up.
    RateLimited,
    /// The service account was deleted.
    Revoked,
    /// The server does not like the request.
    BadRequest,
    /// A message that nobody has heard before.
    Unheard,
    /// No answer.
    Slow,
    /// Far too much of an answer.
    Talks,
}

/// The account.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    #[serde(default = "version")]
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) mode: Mode,
    #[serde(default)]
    pub(crate) behaviour: Behaviour,
    pub(crate) account: String,
    #[serde(default)]
    pub(crate) token: Option<String>,
    /// Whether the human has agreed already.
    #[serde(default)]
    pub(crate) unlocked: bool,
    /// How long the human thinks.
    #[serde(default)]
    pub(crate) prompt_ms: u64,
    /// How long each command takes.
    #[serde(default)]
    pub(crate) delay_ms: u64,
    pub(crate) vaults: Vec<Vault>,
    #[serde(default)]
    pub(crate) items: Vec<Item>,
}

fn version() -> String {
    VERSION.to_owned()
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Vault {
    pub(crate) id: String,
    pub(crate) name: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) title: String,
    /// The identifier of its vault.
    pub(crate) vault: String,
    #[serde(default = "first")]
    pub(crate) version: u64,
    #[serde(default = "api_credential")]
    pub(crate) category: String,
    #[serde(default)]
    pub(crate) archived: bool,
    pub(crate) fields: Vec<Field>,
}

fn first() -> u64 {
    1
}

fn api_credential() -> String {
    "API_CREDENTIAL".to_owned()
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Field {
    #[serde(default)]
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) section: Option<Section>,
    #[serde(rename = "type", default = "concealed")]
    pub(crate) kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) totp: Option<String>,
}

fn concealed() -> String {
    "CONCEALED".to_owned()
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Section {
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
}

impl World {
    /// The configuration file, where the environment says that configuration is.
    pub(crate) fn find() -> Option<Self> {
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".config"));
        let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home)?;
        serde_json::from_slice(&fs::read(config.join("op/fake-op.json")).ok()?).ok()
    }

    pub(crate) fn read(&self) -> Result<State, Failure> {
        let bytes = fs::read(&self.state).map_err(|error| broken(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| broken(&error))
    }

    /// Changes the state, one process after the other.
    pub(crate) fn change(&self, apply: impl FnOnce(&mut State)) -> Result<(), Failure> {
        let lock = File::create(self.state.with_extension("lock")).map_err(|error| broken(&error))?;
        lock.lock().map_err(|error| broken(&error))?;
        let mut state = self.read()?;
        apply(&mut state);
        let unfinished = self.state.with_extension("new");
        let bytes = serde_json::to_vec_pretty(&state).map_err(|error| broken(&error))?;
        fs::write(&unfinished, bytes).map_err(|error| broken(&error))?;
        fs::rename(&unfinished, &self.state).map_err(|error| broken(&error))
    }
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    Failure::plain(9, &format!("fake-op: the state cannot be used: {error}\n"))
}
