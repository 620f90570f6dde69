//! `claviger init`.

use claviger_approval::{Enrolled, SimulatedAnswer, SoftwarePasskey, TerminalPrompt, Throwaway};
use claviger_audit::OperatorAction;
use claviger_vault::{Embedded, IdentityFile, NewSlot, Secret};
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
    Embedded::create(&state.vault(), &[slot]).map_err(Failure::state)?;
    keys::create(&state.host_key())?;
    keys::create(&state.audit_key())?;
    let audit_key = open::audit_key(state)?.public().vkey();
    state::write(&state.audit_public_key(), format!("{audit_key}\n").as_bytes())?;
    let approver = approver(state, &principal, throwaway.as_ref())?;
    let config = Config { principal: principal.clone(), approver, simulated_answer: None, op: None, vaults: std::collections::BTreeMap::new() };
    let text = toml::to_string(&config).map_err(Failure::state)?;
    // Last: a directory with this file is whole.
    state::write(&state.config_file(), text.as_bytes())?;
    open::note(state, OperatorAction::ApproverAdded, &principal, arguments.throwaway.then_some("simulated"))?;
    let said = format!(
        "{} is ready for {principal}{}\nnext: claviger plugin install PACKAGE --trust PUBLISHER.pub",
        state.root().display(),
        if arguments.throwaway { "; throw-away: approvals are simulated" } else { "" }
    );
    Output::new(said, &json!({ "state": state.root(), "principal": principal, "throwaway": arguments.throwaway,
        "audit-key": audit_key }))
}

fn principal(arguments: &Init) -> Result<String, Failure> {
    let user = || std::env::var("USER").ok();
    let principal = arguments.principal.clone().or_else(user).filter(|name| !name.trim().is_empty());
    principal.ok_or_else(|| Failure::usage("name yourself with --principal NAME; the audit log needs it"))
}

fn key_slot(state: &State, arguments: &Init) -> Result<NewSlot, Failure> {
    if arguments.throwaway {
        return IdentityFile::create(&state.identity()).map_err(Failure::state);
    }
    if let Some(recipient) = &arguments.age_recipient {
        return Ok(NewSlot::AgeRecipient(recipient.clone()));
    }
    let unreadable = |_| {
        Failure::usage(
            "a passphrase is asked for and there is no terminal; give --age-recipient, or --throwaway to try things",
        )
    };
    let first = rpassword::prompt_password("New vault passphrase: ").map_err(unreadable)?;
    let second = rpassword::prompt_password("Once more: ").map_err(unreadable)?;
    if first != second {
        return Err(Failure::usage("the two passphrases differ; nothing was made"));
    }
    Ok(NewSlot::Passphrase(Secret::new(first.into_bytes())))
}

fn approver(state: &State, principal: &str, throwaway: Option<&Throwaway>) -> Result<ApproverChoice, Failure> {
    let seed = keys::create(&state.approver_key())?;
    let (choice, key) = match throwaway {
        Some(proof) => {
            let passkey = SoftwarePasskey::new(&seed, SimulatedAnswer::Approve, proof).map_err(Failure::state)?;
            (ApproverChoice::Simulated, passkey.enrolment(principal))
        }
        None => (ApproverChoice::Terminal, TerminalPrompt::new(&seed).map_err(Failure::state)?.enrolment(principal)),
    };
    let mut enrolled = Enrolled::default();
    enrolled.add(key.map_err(Failure::state)?).map_err(Failure::state)?;
    let text = toml::to_string(&enrolled).map_err(Failure::state)?;
    state::write(&state.approvers(), text.as_bytes())?;
    Ok(choice)
}
