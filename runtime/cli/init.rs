//! `claviger init`.

use claviger_approval::{Enrolled, SoftwarePasskey, TerminalPrompt, Throwaway};
use claviger_audit::CheckpointKey;
use claviger_vault::{Embedded, KeySlot};
use serde_json::json;

use crate::arguments::Init;
use crate::error::Failure;
use crate::output::Output;
use crate::state::{self, ApproverChoice, Config, State};
use crate::{keys, open};

/// Makes a state directory. One that exists is left alone.
pub(crate) fn run(state: &State, arguments: &Init) -> Result<Output, Failure> {
    if state.config_file().exists() {
        return Err(Failure::usage(format!("{} is a state directory already", state.root().display())));
    }
    let principal = principal(arguments)?;
    state::private_directory(state.root())?;
    let throwaway =
        if arguments.throwaway { Some(Throwaway::create(state.root()).map_err(Failure::state)?) } else { None };
    for directory in [state.vault(), state.trust(), state.plugins(), state.connections(), state.compiled(), state.audit()] {
        state::private_directory(&directory)?;
    }
    let slot = key_slot(state, arguments)?;
    Embedded::create(&state.vault(), slot).map_err(Failure::state)?;
    keys::create(&state.host_key())?;
    let checkpoint = CheckpointKey::from_seed(&keys::create(&state.audit_key())?).map_err(Failure::state)?;
    state::write(&state.audit_public_key(), format!("{}\n", checkpoint.vkey()).as_bytes())?;
    let approver = approver(state, &principal, throwaway.as_ref())?;
    let config = Config { principal: principal.clone(), approver, op: None, vaults: std::collections::BTreeMap::new() };
    let text = toml::to_string(&config).map_err(Failure::state)?;
    // Last: a directory with this file is whole.
    state::write(&state.config_file(), text.as_bytes())?;
    open::note_operator(state, "state-created", &principal, if arguments.throwaway { "throw-away" } else { "" })?;
    let said = format!(
        "{} is ready for {principal}{}\nnext: claviger plugin install PACKAGE --trust PUBLISHER.pub",
        state.root().display(),
        if arguments.throwaway { "; throw-away: approvals are simulated" } else { "" }
    );
    Output::new(said, &json!({ "state": state.root(), "principal": principal, "throwaway": arguments.throwaway,
        "audit-key": checkpoint.vkey() }))
}

fn principal(arguments: &Init) -> Result<String, Failure> {
    let user = || std::env::var("USER").ok();
    let principal = arguments.principal.clone().or_else(user).filter(|name| !name.trim().is_empty());
    principal.ok_or_else(|| Failure::usage("name yourself with --principal NAME; the audit log needs it"))
}

fn key_slot(state: &State, arguments: &Init) -> Result<KeySlot, Failure> {
    if arguments.throwaway {
        let (identity, recipient) = KeySlot::generate_age_identity();
        state::write(&state.identity(), identity.as_bytes())?;
        return KeySlot::age_recipient(&recipient).map_err(Failure::state);
    }
    if let Some(recipient) = &arguments.age_recipient {
        return KeySlot::age_recipient(recipient).map_err(Failure::usage);
    }
    let unreadable = |_| {
        Failure::usage("a passphrase is asked for and there is no terminal; give --age-recipient, or --throwaway to try things")
    };
    let first = rpassword::prompt_password("New vault passphrase: ").map_err(unreadable)?;
    let second = rpassword::prompt_password("Once more: ").map_err(unreadable)?;
    if first != second {
        return Err(Failure::usage("the two passphrases differ; nothing was made"));
    }
    KeySlot::passphrase(first.into()).map_err(Failure::usage)
}

fn approver(state: &State, principal: &str, throwaway: Option<&Throwaway>) -> Result<ApproverChoice, Failure> {
    let seed = keys::create(&state.approver_key())?;
    let (choice, key) = match throwaway {
        Some(proof) => {
            let passkey = SoftwarePasskey::new(proof, principal, seed).map_err(Failure::state)?;
            (ApproverChoice::Simulated, passkey.enrolled_key())
        }
        None => {
            let prompt = TerminalPrompt::new(principal, seed).map_err(Failure::state)?;
            (ApproverChoice::Terminal, prompt.enrolled_key())
        }
    };
    let mut enrolled = Enrolled::default();
    enrolled.add(key).map_err(Failure::state)?;
    let text = toml::to_string(&enrolled).map_err(Failure::state)?;
    state::write(&state.approvers(), text.as_bytes())?;
    Ok(choice)
}
