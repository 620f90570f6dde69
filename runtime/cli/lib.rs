//! What does the person at the terminal want?
//!
//! argv in, one room's answer out. Every command has a JSON form, errors say what to do next, and the exit codes are the
//! ones that `claviger --help` lists.

mod approver;
mod arguments;
mod asserted;
mod attending;
mod audit;
mod audit_arguments;
mod audit_choice;
mod audit_filter;
mod audit_forms;
mod audit_html;
mod audit_report;
mod beside;
mod book;
mod call;
mod changes;
mod connection;
mod console;
mod console_alerts;
mod console_connections;
mod console_log;
mod demo;
mod door;
mod ending;
mod entry;
mod error;
mod following;
mod following_told;
mod grant;
mod holder;
mod init;
mod keys;
mod locking;
mod machine_arguments;
mod making;
mod mcp;
mod meanwhile;
mod notify;
mod open;
mod output;
mod package;
mod panics;
mod plugin;
mod probe;
mod prompt;
mod publisher;
mod quarantine;
mod recover;
mod reference;
mod revoking;
mod secret;
mod security_key;
mod state;
mod state_files;
mod usage;
mod web;
mod witness;
mod witness_ask;
mod witness_http;
mod witness_standing;
mod witnessing;

use std::ffi::OsString;
use std::future::Future;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use crate::arguments::{Approver, Arguments, Command, Connection, Grant, Plugin, Quarantine, Reference, Secret, Vault};
use crate::audit_arguments::Audit;
use crate::audit_forms::Form;
use crate::error::Failure;
use crate::output::Output;
use crate::state::State;

/// Runs one command.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    let argv: Vec<OsString> = argv.into_iter().collect();
    output::speak_json(usage::asks_for_json(&argv));
    panics::say_only_where();
    // Before anything is read that could be a secret.
    for warning in claviger_vault::harden() {
        output::notice(&warning.to_string());
    }
    let done = match Arguments::try_parse_from(&argv) {
        Ok(arguments) => command(&arguments).and_then(|output| output.as_ref().map_or(Ok(()), output::print)),
        Err(error) => usage::usage(error),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure);
            ExitCode::from(failure.code.number())
        }
    }
}

/// What the command has to say; nothing when standard output was somebody else's.
fn command(arguments: &Arguments) -> Result<Option<Output>, Failure> {
    // The commands that need no state directory.
    match &arguments.command {
        Command::Reference(Reference::Check { references }) => return reference::check(references).map(Some),
        Command::Demo => return demo::run(arguments.json).map(|told| arguments.json.then_some(told)),
        _ => {}
    }
    let state = State::at(arguments.state.as_deref())?;
    let identity = arguments.identity.as_deref();
    match &arguments.command {
        Command::Mcp(mcp) => return mcp::run(&state, identity, mcp).map(|()| None),
        // It has said what it has to say before it is over.
        Command::Call(call) => return call::run(&state, identity, call).map(|()| None),
        _ => {}
    }
    if let Command::Init(init) = &arguments.command {
        let second = State::default_second_checkpoint(arguments.state.as_deref()).filter(|_| !init.throwaway);
        return init::run(&state, second, init).map(Some);
    }
    said(&state, identity, &arguments.command).map(Some)
}

fn said(state: &State, identity: Option<&Path>, command: &Command) -> Result<Output, Failure> {
    match command {
        Command::Probe(probe) => probe::run(state, identity, probe),
        Command::Init(_) | Command::Call(_) | Command::Mcp(_) | Command::Demo => {
            Err(Failure::usage("this command says nothing by itself"))
        }
        Command::Plugin(command) => plugin_command(state, identity, command),
        Command::Connection(Connection::Add(add)) => connection::add(state, identity, add),
        Command::Connection(Connection::List) => connection::list(state),
        Command::Connection(Connection::Remove { connection }) => revoking::remove(state, identity, connection),
        Command::Connection(Connection::Bind { connection, secrets }) => {
            connection::bind(state, identity, connection, secrets)
        }
        Command::Secret(Secret::Put { references, replace }) => secret::put(state, identity, references, *replace),
        Command::Secret(Secret::List) => secret::list(state, identity),
        Command::Grant(Grant::List) => grant::list(state),
        Command::Grant(Grant::Show { connection }) => grant::show(state, connection),
        Command::Grant(Grant::Revoke { connection, actions, principals }) => {
            revoking::revoke(state, identity, connection, actions, principals)
        }
        Command::Approver(Approver::Add { security_key: true, name, role, .. }) => {
            security_key::add(state, identity, name.as_deref(), role.as_deref())
        }
        Command::Approver(Approver::Add { name, role, machine, .. }) => match machine.method() {
            Some(method) => asserted::add(state, identity, method),
            None => approver::add(state, identity, name.as_deref(), role.as_deref()),
        },
        Command::Approver(Approver::List) => approver::list(state),
        Command::Approver(Approver::Revoke { approver }) => approver::revoke(state, identity, approver),
        Command::Console => web::console(state),
        Command::Audit(command) => audit_command(state, identity, command),
        Command::Reference(Reference::Check { references }) => reference::check(references),
        Command::Quarantine(Quarantine::List) => quarantine::list(state),
        Command::Quarantine(Quarantine::Lift { connection, secret }) => {
            quarantine::lift(state, identity, connection, secret)
        }
        Command::Vault(Vault::Lock) => locking::lock(state),
        Command::Vault(Vault::Recover { store, to }) => recover::run(state, identity, store.zip(to.as_ref())),
    }
}

fn audit_command(state: &State, identity: Option<&Path>, command: &Audit) -> Result<Output, Failure> {
    match command {
        Audit::Log { last, filter, follow } if *follow => audit::follow(state, *last, filter),
        Audit::Log { last, filter, .. } => audit::log(state, *last, filter),
        Audit::Verify(verify) => audit::verify(state, verify),
        Audit::Export { out, format: Form::Bundle } => audit::export(state, identity, out),
        Audit::Export { out, format } => audit::export_as(state, identity, out, *format),
        Audit::Report { filter, html } => audit::report(state, filter, html.as_deref()),
        Audit::Witness(command) => witness::run(state, command),
        Audit::Prove { entry, out } => audit::prove(state, *entry, out),
    }
}

fn plugin_command(state: &State, identity: Option<&Path>, command: &Plugin) -> Result<Output, Failure> {
    match command {
        Plugin::Inspect { plugin } => plugin::inspect(state, plugin),
        Plugin::Install { package, trust } => plugin::install(state, identity, package, trust.as_deref()),
        Plugin::List => plugin::list(state),
        Plugin::Key { publisher, out } => plugin::key(publisher, out),
        Plugin::Pack { source, component, key, out } => plugin::pack(source, component, key, out),
    }
}

/// How long a write may take that is under way when a command ends.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// One runtime on this thread: work stealing costs a third more for each call and gives a single caller nothing.
pub(crate) fn block_on<F: Future>(future: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::state(format!("no asynchronous runtime: {error}")))?;
    let done = runtime.block_on(future);
    // What still waits for the disk comes to its end; what waits for another process, or for a key press, is left.
    runtime.shutdown_timeout(LAST_WRITES);
    Ok(done)
}
