//! The account: its vaults, its items, and how it behaves today.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::VERSION;
use crate::failure::Failure;

/// Where everything is.
#[derive(Deserialize)]
pub struct World {
    state: PathBuf,
    pub record: Option<PathBuf>,
}

/// Who uses `op`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A person, through the desktop app.
    #[default]
    Desktop,
    /// A machine, with a token.
    ServiceAccount,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
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
pub struct State {
    #[serde(default = "version")]
    pub version: String,
    #[serde(default)]
    pub mode: Mode,
    #[serde(default)]
    pub behaviour: Behaviour,
    pub account: String,
    #[serde(default)]
    pub token: Option<String>,
    /// Whether the human has agreed already.
    #[serde(default)]
    pub unlocked: bool,
    /// How long the human thinks.
    #[serde(default)]
    pub prompt_ms: u64,
    /// How long each command takes.
    #[serde(default)]
    pub delay_ms: u64,
    pub vaults: Vec<Vault>,
    #[serde(default)]
    pub items: Vec<Item>,
}

fn version() -> String {
    VERSION.to_owned()
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Vault {
    pub id: String,
    pub name: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Item {
    pub id: String,
    pub title: String,
    /// The identifier of its vault.
    pub vault: String,
    #[serde(default = "first")]
    pub version: u64,
    #[serde(default = "api_credential")]
    pub category: String,
    #[serde(default)]
    pub archived: bool,
    pub fields: Vec<Field>,
}

fn first() -> u64 {
    1
}

fn api_credential() -> String {
    "API_CREDENTIAL".to_owned()
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Field {
    #[serde(default)]
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<Section>,
    #[serde(rename = "type", default = "concealed")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp: Option<String>,
}

fn concealed() -> String {
    "CONCEALED".to_owned()
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Section {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl World {
    /// The configuration file, where the environment says that configuration is.
    pub fn find() -> Option<Self> {
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".config"));
        let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home)?;
        serde_json::from_slice(&fs::read(config.join("op/fake-op.json")).ok()?).ok()
    }

    pub fn read(&self) -> Result<State, Failure> {
        let bytes = fs::read(&self.state).map_err(|error| broken(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| broken(&error))
    }

    /// Changes the state, one process after the other.
    pub fn change(&self, apply: impl FnOnce(&mut State)) -> Result<(), Failure> {
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
