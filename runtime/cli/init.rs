//! `claviger init`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use claviger_approval::{Enrolled, SimulatedAnswer, SoftwarePasskey, TerminalPrompt, Throwaway};
use claviger_audit::OperatorAction;
use claviger_vault::{Embedded, IdentityFile, NewSlot, Secret};
use serde_json::json;

use crate::arguments::Init;
use crate::audit_choice::AuditChoice;
use crate::error::Failure;
use crate::making::Making;
use crate::output::Output;
use crate::state::{self, ApproverChoice, Config, State};
use crate::{keys, open, prompt};

/// Makes a state directory. One that exists is left alone; one that could not be finished is taken away again.
pub(crate) fn run(state: &State, second: Option<PathBuf>, arguments: &Init) -> Result<Output, Failure> {
    if state.config_file().exists() {
        return Err(Failure::usage(format!("{} is a state directory already", state.root().display())));
    }
    let principal = principal(arguments)?;
    let chosen = chosen_slot(arguments)?;
    let making = Making::begin(state.root())?;
    let throwaway =
        if arguments.throwaway { Some(Throwaway::create(state.root()).map_err(Failure::state)?) } else { None };
    for directory in
        [state.vault(), state.trust(), state.plugins(), state.connections(), state.compiled(), state.audit()]
    {
        state::private_directory(&directory)?;
    }
    let slot = match chosen {
        Some(slot) => slot,
        None => IdentityFile::create(&state.identity()).map_err(Failure::state)?,
    };
    Embedded::create(&state.vault(), &[slot]).map_err(Failure::state)?;
    let audit_key = keys(state)?;
    // Named by the log, so that one state directory after another never meets another's copy.
    let log = open::audit_key(state)?.public().origin().replace('/', "-");
    let second = second.map(|directory| directory.join(format!("{log}.checkpoint")));
    let approver = approver(state, &principal, throwaway.as_ref())?;
    record(state, second.as_ref(), &principal, arguments.throwaway)?;
    configure(state, second, &principal, approver)?;
    making.keep();
    let note = if arguments.throwaway { "; throw-away: approvals are simulated" } else { "" };
    let root = state.root().display();
    let said =
        format!("{root} is ready for {principal}{note}\nnext: claviger plugin install PACKAGE --trust PUBLISHER.pub");
    Output::new(
        said,
        &json!({ "state": state.root(), "principal": principal, "throwaway": arguments.throwaway, "audit-key": audit_key }),
    )
}

fn principal(arguments: &Init) -> Result<String, Failure> {
    let user = || std::env::var("USER").ok();
    let principal = arguments.principal.clone().or_else(user).filter(|name| !name.trim().is_empty());
    principal.ok_or_else(|| Failure::usage("name yourself with --principal NAME; the audit log needs it"))
}

/// What opens the vault, asked for before anything is made. A throw-away vault's identity is made inside its directory.
fn chosen_slot(arguments: &Init) -> Result<Option<NewSlot>, Failure> {
    if arguments.throwaway {
        return Ok(None);
    }
    if let Some(recipient) = &arguments.age_recipient {
        return Ok(Some(NewSlot::AgeRecipient(recipient.clone())));
    }
    let unreadable = |_| {
        Failure::usage(
            "a passphrase is asked for and there is no terminal; give --age-recipient, or --throwaway to try things",
        )
    };
    let first = prompt::hidden("New vault passphrase: ").map_err(unreadable)?;
    let second = prompt::hidden("Once more: ").map_err(unreadable)?;
    if first != second {
        return Err(Failure::usage("the two passphrases differ; nothing was made"));
    }
    Ok(Some(NewSlot::Passphrase(Secret::new(first.into_bytes()))))
}

/// The host's own keys; gives the public one of the log.
fn keys(state: &State) -> Result<String, Failure> {
    keys::create(&state.host_key())?;
    keys::create(&state.audit_key())?;
    let audit_key = open::audit_key(state)?.public().vkey();
    state::write(&state.audit_public_key(), format!("{audit_key}\n").as_bytes())?;
    Ok(audit_key)
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

/// The log's first entries, before the directory can be used.
fn record(state: &State, second: Option<&PathBuf>, principal: &str, throwaway: bool) -> Result<(), Failure> {
    let kind = if throwaway { "throw-away" } else { "real" };
    let log = || open::open_log(state, second.cloned());
    let note = |action, subject: &str, detail| crate::block_on(open::note_in(&log()?, action, subject, detail))?;
    note(OperatorAction::Initialised, kind, None)?;
    note(OperatorAction::ApproverAdded, principal, throwaway.then_some("simulated"))
}

/// Last: a directory with this file is whole.
fn configure(state: &State, second: Option<PathBuf>, principal: &str, approver: ApproverChoice) -> Result<(), Failure> {
    let config = Config {
        principal: principal.to_owned(),
        approver,
        simulated_answer: None,
        web: state::Web::default(),
        system_bus: None,
        security_key: None,
        notify: Vec::new(),
        op: None,
        audit: second.map(|second| AuditChoice { second_checkpoint: Some(second), ..AuditChoice::default() }),
        vaults: BTreeMap::new(),
    };
    let text = toml::to_string(&config).map_err(Failure::state)?;
    state::write(&state.config_file(), text.as_bytes())
}
