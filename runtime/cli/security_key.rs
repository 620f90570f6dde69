//! A security key on the terminal: where it is, and whose it becomes.

use std::path::{Path, PathBuf};

use claviger_approval::{Enrolled, EnrolledKey, NewCredential, SecurityKeyError, SecurityKeyPlace, SecurityKeyPrompt};
use serde::{Deserialize, Serialize};

use crate::book::Book;
use crate::error::{Code, Failure};
use crate::output::{self, Output};
use crate::state::{ApproverChoice, Config, State};
use crate::{approver, keys, open, web};

/// Where the security key and the programs that talk to it are.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SecurityKey {
    /// The key's device, as `fido2-token -L` names it; otherwise whatever is plugged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<String>,
    /// The directory of libfido2's programs [default: /usr/bin].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) programs: Option<PathBuf>,
}

/// The prompt whose yes a security key signs. It asks for the keys of the file as it is then.
pub(crate) fn prompt(state: &State, config: &Config) -> Result<SecurityKeyPrompt, Failure> {
    SecurityKeyPrompt::new(&place(config), web::roll(state)).map_err(Failure::state)
}

/// Where the key and its programs are: from the operator's file alone. The environment is often the agent's.
fn place(config: &Config) -> SecurityKeyPlace {
    let given = config.security_key.as_ref();
    SecurityKeyPlace {
        device: given.and_then(|given| given.device.clone()),
        programs: given.and_then(|given| given.programs.clone()),
    }
}

/// Whether anybody can approve on the terminal with a security key.
pub(crate) fn is_enrolled(enrolled: &Enrolled) -> bool {
    enrolled.keys().iter().any(EnrolledKey::signs_on_terminal)
}

/// Enrols a security key on the terminal. The vault is unlocked first, as for a passkey.
pub(crate) fn add(
    state: &State,
    identity: Option<&Path>,
    name: Option<&str>,
    role: Option<&str>,
) -> Result<Output, Failure> {
    let config = state.config()?;
    let vault = open::embedded(state, identity)?;
    let mut book = Book::open_with(state, &vault)?;
    let name = name.unwrap_or(&config.principal);
    output::notice("your security key: its PIN if it is asked for, then touch it");
    let new = NewCredential { name, role, challenge: keys::random()?, user: keys::random()? };
    let made = SecurityKeyPrompt::enrol(&place(&config), &new);
    // What the person has to do about it is theirs; only a wrong configuration is the directory's.
    let key = made.map_err(|why| match why {
        SecurityKeyError::Configuration(_) | SecurityKeyError::NotInstalled(_) => Failure::state(why),
        _ => Failure::new(Code::Refused, why),
    })?;
    crate::block_on(approver::keep(state, &key, approver::added(&mut book, &key)))??;
    book.close()?;
    let said = format!(
        "{} approves on the terminal with security key {}\n{}",
        key.name(),
        approver::short(&key),
        asked_from_now_on(&config, &open::enrolled(state)?)
    );
    Output::new(said, &approver::told(&key))
}

/// By what requests are approved now: it need not be what was just enrolled.
fn asked_from_now_on(config: &Config, enrolled: &Enrolled) -> &'static str {
    match config.approver {
        ApproverChoice::SecurityKey => "a second key, for when one is lost: claviger approver add --security-key",
        ApproverChoice::Terminal if !approver::has_passkey(enrolled) => {
            "whatever is started from now on asks for it, and a host that runs on the terminal alone has to be started again; let claviger.toml say approver = \"security-key\", so that nothing weaker ever does"
        }
        _ => "let claviger.toml say approver = \"security-key\"; until then requests are approved as before",
    }
}
