//! Opens the rooms of a state directory, each with its own key.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use claviger_approval::{
    Approver, Desk, Enrolled, HostMethod, Receipt, SimulatedAnswer, SoftwarePasskey, SystemBus, SystemDialog,
    TerminalPrompt, Throwaway,
};
use claviger_audit::{CheckpointKey, Event, Log, LogError, OperatorAction, Options, Recovery};
use claviger_grant::Policy;
use claviger_host::{Compiler, Host, HostKey, Prepared, Sandbox};
use claviger_manifest::{Name, VerifiedPackage};
use claviger_pipeline::{Hallway, Outside};
use claviger_server::Web;
use claviger_vault::{
    Embedded, IdentityFile, Journal, OpConfig, OpMode, OpProvider, Provider, Providers, Quarantine, Secret, Unlock,
    Vault,
};
use serde_json::json;

use crate::beside::beside;
use crate::console::Shelf;
use crate::error::{Code, Failure};
use crate::holder::holder;
use crate::meanwhile::Meanwhile;
use crate::state::{ApproverChoice, Config, Op, ProviderChoice, SimulatedChoice, State};
use crate::{approver, attending, connection, keys, notify, plugin, prompt, security_key, state, web};

/// The file name of the compiler process, which lies beside this program.
const COMPILER: &str = "claviger-compile";

/// Opens everything that tool calls need, on one connection or on all: a call loads no plugin that it does not run.
pub(crate) async fn host(
    state: &State,
    identity: Option<&Path>,
    only: Option<&Name>,
) -> Result<(Host, Option<Web>), Failure> {
    let config = state.config()?;
    let mut loading = Loading::new(state)?;
    for name in connection::names(state)?.into_iter().filter(|name| only.is_none_or(|only| only == name)) {
        match loading.add(&name).await {
            // One that is broken takes nothing from the others, where there are others.
            Err(failure) if only.is_none() => {
                crate::output::notice(&format!("connection {name} is left out: {}", failure.message));
            }
            added => added?,
        }
    }
    // Before anybody is asked for a passphrase: without the log nothing is done anyway.
    let (log, approved) = log_and_last(state)?;
    let (vault, embedded) = vault(state, &config, identity)?;
    let (desk, web) = desk(state, &config, &log, &vault).await?;
    let desk = desk.recalling(approved);
    let hallway = Hallway::new(loading.policy, desk, log, vault, Outside::system());
    attending::attend(state, &hallway, embedded, web.as_ref());
    Ok((Host::new(hallway, loading.plugins, Arc::new(crate::output::plugin_line)), web))
}

/// Opens what a request of one connection needs when no plugin runs.
pub(crate) async fn hallway(
    state: &State,
    identity: Option<&Path>,
    name: &Name,
) -> Result<(Arc<Hallway>, Option<Web>), Failure> {
    let config = state.config()?;
    let connection = connection::read(state, name)?;
    let package = plugin::installed(state, &connection.plugin)?;
    let mut policy = Policy::default();
    policy.add(name.clone(), connection, package).map_err(Failure::state)?;
    let (log, approved) = log_and_last(state)?;
    let (vault, embedded) = vault(state, &config, identity)?;
    let (desk, web) = desk(state, &config, &log, &vault).await?;
    let desk = desk.recalling(approved);
    let hallway = Hallway::new(policy, desk, log, vault, Outside::system());
    attending::attend(state, &hallway, embedded, web.as_ref());
    Ok((hallway, web))
}

/// Connections and their plugins, each plugin loaded once.
struct Loading<'a> {
    state: &'a State,
    sandbox: Sandbox,
    loaded: BTreeMap<Name, (Arc<VerifiedPackage>, Arc<Prepared>)>,
    policy: Policy,
    plugins: BTreeMap<Name, Arc<Prepared>>,
}

impl<'a> Loading<'a> {
    fn new(state: &'a State) -> Result<Self, Failure> {
        let (loaded, plugins) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { state, sandbox: sandbox(state)?, loaded, policy: Policy::default(), plugins })
    }

    async fn add(&mut self, name: &Name) -> Result<(), Failure> {
        let connection = connection::read(self.state, name)?;
        let (package, prepared) = self.plugin(&connection.plugin).await?;
        self.policy.add(name.clone(), connection, package).map_err(Failure::state)?;
        self.plugins.insert(name.clone(), prepared);
        Ok(())
    }

    async fn plugin(&mut self, name: &Name) -> Result<(Arc<VerifiedPackage>, Arc<Prepared>), Failure> {
        if let Some(loaded) = self.loaded.get(name) {
            return Ok(loaded.clone());
        }
        let mut package = plugin::installed(self.state, name)?;
        let prepared = self.sandbox.load(&package).await;
        let prepared = prepared.map_err(|error| Failure::state(format!("plugin {name}: {error}")))?;
        if let Some(only) = Arc::get_mut(&mut package) {
            only.release_component();
        }
        let loaded = (package, Arc::new(prepared));
        self.loaded.insert(name.clone(), loaded.clone());
        Ok(loaded)
    }
}

/// The sandbox with its compiled components.
pub(crate) fn sandbox(state: &State) -> Result<Sandbox, Failure> {
    let compiler = Compiler::new(compiler_path()?);
    Sandbox::new(compiler, state.compiled(), HostKey::new(keys::read(&state.host_key())?)).map_err(Failure::state)
}

fn compiler_path() -> Result<PathBuf, Failure> {
    beside(COMPILER)?
        .ok_or_else(|| Failure::state(format!("{COMPILER} is not beside this program; it is part of the installation")))
}

/// The embedded vault, unlocked until this is dropped: then its keys are wiped for every holder.
pub(crate) struct Unlocked(Arc<Embedded>);

impl Unlocked {
    /// The vault, for who holds it as long as this and no longer.
    pub(crate) fn shared(&self) -> Arc<Embedded> {
        Arc::clone(&self.0)
    }
}

impl Deref for Unlocked {
    type Target = Embedded;

    fn deref(&self) -> &Embedded {
        &self.0
    }
}

impl Drop for Unlocked {
    fn drop(&mut self) {
        self.0.lock();
    }
}

/// The embedded vault, unlocked for one command.
pub(crate) fn embedded(state: &State, identity: Option<&Path>) -> Result<Unlocked, Failure> {
    unlocked(state, identity).map(Unlocked)
}

/// The embedded vault, for a host, which locks it when it ends.
fn unlocked(state: &State, identity: Option<&Path>) -> Result<Arc<Embedded>, Failure> {
    state.config()?;
    let embedded = Embedded::open(&state.vault(), &unlock(state, identity)?).map_err(Failure::state)?;
    if let Some(warning) = embedded.warning() {
        crate::output::notice(&warning.to_string());
    }
    Ok(Arc::new(embedded))
}

fn vault(state: &State, config: &Config, identity: Option<&Path>) -> Result<(Vault, Arc<Embedded>), Failure> {
    let embedded = unlocked(state, identity)?;
    let journal = journal(state, &embedded)?;
    let quarantine = Quarantine::open(&state.quarantine()).map_err(Failure::state)?;
    Ok((Vault::new(providers(config, Arc::clone(&embedded))?, journal, quarantine), embedded))
}

/// The values that were made and are not stored yet.
pub(crate) fn journal(state: &State, embedded: &Embedded) -> Result<Journal, Failure> {
    Journal::open(&state.journal(), embedded.journal_key().map_err(Failure::state)?).map_err(Failure::state)
}

/// Which provider answers for which vault.
pub(crate) fn providers(config: &Config, embedded: Arc<Embedded>) -> Result<Providers, Failure> {
    let op = config.op.as_ref().map(op).transpose()?;
    let mut providers = Providers::new(embedded);
    for (vault, choice) in &config.vaults {
        if choice.provider == ProviderChoice::Op {
            let op =
                op.clone().ok_or_else(|| Failure::state("claviger.toml: vaults that use op need an [op] table"))?;
            providers = providers.with(vault, op).map_err(Failure::state)?;
        }
    }
    Ok(providers)
}

fn op(settings: &Op) -> Result<Arc<dyn Provider>, Failure> {
    let mode = if settings.token_file.is_some() { OpMode::ServiceAccount } else { OpMode::Desktop };
    let config = OpConfig {
        path: settings.path.clone(),
        mode,
        account: settings.account.clone(),
        token_file: settings.token_file.clone(),
    };
    // The provider takes from the environment only what `op` needs, and refuses what would change the account.
    Ok(Arc::new(OpProvider::new(&config, std::env::vars_os()).map_err(Failure::state)?))
}

/// An identity file where one is named or the directory is a throw-away one; a passphrase otherwise.
pub(crate) fn unlock(state: &State, identity: Option<&Path>) -> Result<Unlock, Failure> {
    let throwaway = Some(state.identity()).filter(|path| path.exists());
    if let Some(path) = identity.map(Path::to_owned).or(throwaway) {
        return IdentityFile::read(&path).map_err(Failure::state);
    }
    let asked = prompt::hidden("Vault passphrase: ");
    let passphrase = asked.map_err(|_| {
        Failure::state(
            "the vault needs a passphrase and there is no terminal; name an age identity with --identity FILE",
        )
    })?;
    Ok(Unlock::Passphrase(Secret::new(passphrase.into_bytes())))
}

/// The enrolled approvers.
pub(crate) fn enrolled(state: &State) -> Result<Enrolled, Failure> {
    let path = state.approvers();
    state::parse(&path, &state::read(&path)?)
}

async fn desk(state: &State, config: &Config, log: &Log, vault: &Vault) -> Result<(Desk, Option<Web>), Failure> {
    let enrolled = enrolled(state)?;
    let (approver, web): (Box<dyn Approver>, Option<Web>) = match config.approver {
        // Who enrolled a stronger way is not asked by the weaker one.
        ApproverChoice::Terminal if !approver::has_passkey(&enrolled) && security_key::is_enrolled(&enrolled) => {
            (Box::new(security_key::prompt(state, config)?), None)
        }
        ApproverChoice::SecurityKey => (Box::new(security_key::prompt(state, config)?), None),
        ApproverChoice::Terminal if !approver::has_passkey(&enrolled) => {
            (Box::new(Meanwhile::new(asserting(state, config, HostMethod::Terminal)?, state)), None)
        }
        // Nor here: who unplugs the reader gets no prompt without it.
        ApproverChoice::Fprintd => (Box::new(asserting(state, config, HostMethod::Fprintd)?), None),
        ApproverChoice::Polkit => (Box::new(asserting(state, config, HostMethod::Polkit)?), None),
        ApproverChoice::TouchId => (Box::new(asserting(state, config, HostMethod::TouchId)?), None),
        ApproverChoice::WindowsHello => (Box::new(asserting(state, config, HostMethod::WindowsHello)?), None),
        // Not back to the terminal when the page cannot be served: whoever takes its port could choose the weaker way.
        ApproverChoice::Terminal | ApproverChoice::Web => {
            let (place, tickets) = (web::place(config)?, web::tickets(state)?);
            let web = Web::start(place, tickets, web::roll(state)).await;
            let web = web.map_err(Failure::state)?;
            web.show(Arc::new(Shelf::new(state)));
            (Box::new(web.approver(web::summon(config))), Some(web))
        }
        ApproverChoice::Simulated => {
            let (passkey, proof) = simulated(state, config)?;
            let passkey = notify::before(Box::new(passkey), config, log, vault).await?;
            return Ok((Desk::throwaway(passkey, enrolled, proof), None));
        }
    };
    Ok((Desk::new(notify::before(approver, config, log, vault).await?, enrolled), web))
}

/// The prompt on the terminal, with what has to confirm besides who answers there.
pub(crate) fn asserting(state: &State, config: &Config, method: HostMethod) -> Result<TerminalPrompt, Failure> {
    let seed = keys::read(&state.approver_key())?;
    // From the operator's file alone: the environment is often the agent's.
    let bus = config.system_bus.as_deref().map_or_else(SystemBus::default, SystemBus::at);
    let prompt = match method {
        HostMethod::Terminal => TerminalPrompt::new(&seed),
        HostMethod::Fprintd => TerminalPrompt::with_fprintd(&seed, bus),
        HostMethod::Polkit => TerminalPrompt::with_polkit(&seed, bus),
        HostMethod::TouchId => {
            TerminalPrompt::with_system_dialog(&seed, SystemDialog::touch_id().map_err(Failure::state)?)
        }
        HostMethod::WindowsHello => {
            TerminalPrompt::with_system_dialog(&seed, SystemDialog::windows_hello().map_err(Failure::state)?)
        }
    };
    prompt.map_err(Failure::state)
}

fn simulated(state: &State, config: &Config) -> Result<(SoftwarePasskey, Throwaway), Failure> {
    let proof = Throwaway::of(state.root()).map_err(Failure::state)?;
    let answer = match config.simulated_answer {
        None | Some(SimulatedChoice::Lease) => SimulatedAnswer::ApproveWithLease,
        Some(SimulatedChoice::Approve) => SimulatedAnswer::Approve,
        Some(SimulatedChoice::Deny) => SimulatedAnswer::Deny,
        Some(SimulatedChoice::Never) => SimulatedAnswer::Never,
    };
    let seed = keys::read(&state.approver_key())?;
    let passkey = SoftwarePasskey::new(&seed, answer, &proof).map_err(Failure::state)?;
    Ok((passkey, proof))
}

/// The audit log, for this process alone, with what people approved last.
fn log_and_last(state: &State) -> Result<(Log, Vec<Receipt>), Failure> {
    told(state, try_log(state, state.config()?.second_checkpoint())?)
}

/// The audit log, for this process alone; `None` while another one has it.
pub(crate) fn log_unless_held(state: &State) -> Result<Option<Log>, Failure> {
    match try_log(state, state.config()?.second_checkpoint())? {
        Err(LogError::Locked) => Ok(None),
        opened => told(state, opened).map(|(log, _)| Some(log)),
    }
}

/// The audit log while there is no configuration yet.
pub(crate) fn open_log(state: &State, second: Option<PathBuf>) -> Result<Log, Failure> {
    told(state, try_log(state, second)?).map(|(log, _)| log)
}

type Opened = Result<(Log, Recovery), LogError>;

fn try_log(state: &State, second: Option<PathBuf>) -> Result<Opened, Failure> {
    let options = Options { second, ..Options::default() };
    Ok(Log::open_with(&state.audit(), audit_key(state)?, options))
}

/// Tells what opening found, and gives what people approved last.
fn told(state: &State, opened: Opened) -> Result<(Log, Vec<Receipt>), Failure> {
    let (mut log, recovery) = opened.map_err(|error| unopened(state, &error))?;
    if let Some(torn) = &recovery.torn {
        crate::output::notice(&format!(
            "entry {} of the audit log was cut off; it is kept in {}",
            torn.index, torn.file
        ));
    }
    if recovery.uncovered > 0 {
        let (count, first) = (recovery.uncovered, recovery.entries.saturating_sub(recovery.uncovered));
        crate::output::notice(&format!(
            "{count} entries of the audit log, from {first} on, were not signed when the host stopped; they are now"
        ));
    }
    if !recovery.unknown.is_empty() {
        let count = recovery.unknown.len();
        crate::output::notice(&format!("{count} requests have no known outcome: the host stopped while they were out"));
    }
    let approved = log.take_approved();
    Ok((log, approved))
}

/// That another process has the log.
pub(crate) fn held(state: &State) -> Failure {
    unopened(state, &LogError::Locked)
}

/// Why the log does not open. Another process that has it is the everyday case, so it is named.
fn unopened(state: &State, error: &LogError) -> Failure {
    let text = match error {
        LogError::Locked => {
            let who = holder(&state.audit_lock()).map_or_else(|| "another process".to_owned(), |who| who.to_string());
            format!(
                "{who} has the audit log of {} open, and one process at a time writes it; wait until that ends, stop it, or name another state directory with --state",
                state.root().display()
            )
        }
        other => other.to_string(),
    };
    let failure = Failure::new(Code::Audit, text);
    match error {
        LogError::Broken(broken) => failure.with(json!({ "entry": broken.index })),
        _ => failure,
    }
}

/// The key that signs checkpoints.
pub(crate) fn audit_key(state: &State) -> Result<CheckpointKey, Failure> {
    Ok(CheckpointKey::from_seed(keys::read(&state.audit_key())?))
}

/// Records what is done, before it is done: no record, no act.
pub(crate) async fn note_in(
    log: &Log,
    action: OperatorAction,
    subject: &str,
    detail: Option<&str>,
) -> Result<(), Failure> {
    let noted = log.note(Event::operator(action, subject, detail), (Outside::system().now)()).await;
    noted.map(|_| ()).map_err(|error| Failure::new(Code::Audit, error))
}
