//! Opens the rooms of a state directory, each with its own key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use claviger_approval::{Approver, Desk, Enrolled, SoftwarePasskey, TerminalPrompt, Throwaway};
use claviger_audit::{CheckpointKey, Event, Log};
use claviger_grant::Policy;
use claviger_host::{Compiler, Host, Sandbox};
use claviger_manifest::Name;
use claviger_pipeline::{Hallway, Outside};
use claviger_vault::{Embedded, Journal, OpConfig, OpProvider, Provider, Providers, Quarantine, Unlock, Vault};

use crate::error::{Code, Failure};
use crate::state::{ApproverChoice, Config, Op, ProviderChoice, State};
use crate::{connection, keys, plugin, state};

/// The file name of the compiler process, which lies beside this program.
const COMPILER: &str = "claviger-compile";

/// Opens everything that a tool call needs.
pub(crate) fn host(state: &State, identity: Option<&Path>) -> Result<Host, Failure> {
    let config = state.config()?;
    let mut policy = Policy::default();
    for name in connection::names(state)? {
        let connection = connection::read(state, &name)?;
        let package = plugin::installed(state, &connection.plugin)?;
        policy.add(name, connection, package).map_err(Failure::state)?;
    }
    let vault = vault(state, &config, identity)?;
    let hallway = Hallway::new(policy, desk(state, &config)?, log(state)?, vault, Outside::system());
    let mut host = Host::new(sandbox(state)?, Arc::clone(&hallway));
    for name in connection::names(state)? {
        load(&mut host, &hallway, &name)?;
    }
    Ok(host)
}

fn load(host: &mut Host, hallway: &Hallway, name: &Name) -> Result<(), Failure> {
    let Some(package) = hallway.policy().package(name) else { return Ok(()) };
    host.load(name.clone(), package).map_err(|error| Failure::state(format!("connection {name}: {error}")))
}

/// The sandbox with its compiled components.
pub(crate) fn sandbox(state: &State) -> Result<Sandbox, Failure> {
    let compiler = Compiler::new(compiler_path()?);
    Sandbox::new(&state.compiled(), keys::read(&state.host_key())?, compiler).map_err(Failure::state)
}

fn compiler_path() -> Result<PathBuf, Failure> {
    let this = std::env::current_exe().map_err(|error| Failure::state(format!("this program's own path: {error}")))?;
    let beside = this.parent().map(|directory| directory.join(COMPILER));
    beside.filter(|path| path.exists()).ok_or_else(|| {
        Failure::state(format!("{COMPILER} is not beside {}; it is part of the installation", this.display()))
    })
}

/// The embedded vault, unlocked.
pub(crate) fn embedded(state: &State, identity: Option<&Path>) -> Result<Arc<Embedded>, Failure> {
    state.config()?;
    Embedded::open(&state.vault(), &unlock(state, identity)?).map(Arc::new).map_err(Failure::state)
}

fn vault(state: &State, config: &Config, identity: Option<&Path>) -> Result<Vault, Failure> {
    let embedded = embedded(state, identity)?;
    let journal = Journal::open(&state.journal(), embedded.journal_key()).map_err(Failure::state)?;
    let quarantine = Quarantine::open(&state.quarantine()).map_err(Failure::state)?;
    let op = config.op.as_ref().map(op).transpose()?;
    let mut providers = Providers::new(embedded);
    for (vault, choice) in &config.vaults {
        if choice.provider == ProviderChoice::Op {
            let op = op.clone().ok_or_else(|| Failure::state("claviger.toml: vaults that use op need an [op] table"))?;
            providers.assign(vault, op).map_err(Failure::state)?;
        }
    }
    Ok(Vault::new(providers, journal, quarantine))
}

fn op(settings: &Op) -> Result<Arc<dyn Provider>, Failure> {
    let config = OpConfig {
        path: settings.path.clone(),
        account: settings.account.clone(),
        service_account_token: settings.service_account_token.clone(),
    };
    Ok(Arc::new(OpProvider::new(config).map_err(Failure::state)?))
}

/// An identity file where one is named or the directory is a throw-away one; a passphrase otherwise.
pub(crate) fn unlock(state: &State, identity: Option<&Path>) -> Result<Unlock, Failure> {
    let throwaway = Some(state.identity()).filter(|path| path.exists());
    if let Some(path) = identity.map(Path::to_owned).or(throwaway) {
        return Ok(Unlock::AgeIdentity(state::read(&path)?.into()));
    }
    let asked = rpassword::prompt_password("Vault passphrase: ");
    let passphrase = asked.map_err(|_| {
        Failure::state("the vault needs a passphrase and there is no terminal; name an age identity with --identity FILE")
    })?;
    Ok(Unlock::Passphrase(passphrase.into()))
}

fn desk(state: &State, config: &Config) -> Result<Desk, Failure> {
    let enrolled = Enrolled::parse(&state::read(&state.approvers())?).map_err(Failure::state)?;
    let seed = keys::read(&state.approver_key())?;
    match config.approver {
        ApproverChoice::Terminal => {
            let approver: Box<dyn Approver> = Box::new(TerminalPrompt::new(&config.principal, seed).map_err(Failure::state)?);
            Ok(Desk::new(approver, enrolled))
        }
        ApproverChoice::Simulated => {
            let throwaway = Throwaway::of(state.root()).map_err(Failure::state)?;
            let passkey = SoftwarePasskey::new(&throwaway, &config.principal, seed).map_err(Failure::state)?;
            Ok(Desk::simulated(Box::new(passkey), enrolled, throwaway))
        }
    }
}

/// The audit log, locked for this process.
pub(crate) fn log(state: &State) -> Result<Log, Failure> {
    let key = CheckpointKey::from_seed(&keys::read(&state.audit_key())?).map_err(Failure::state)?;
    let (log, recovery) = Log::open(&state.audit(), key).map_err(|error| Failure::new(Code::Audit, error))?;
    if let Some(line) = recovery.summary() {
        crate::output::notice(&line);
    }
    Ok(log)
}

/// Records what an operator did. No record, no act: callers do this before they say that it is done.
pub(crate) fn note_operator(state: &State, action: &str, subject: &str, detail: &str) -> Result<(), Failure> {
    let log = log(state)?;
    let event = Event::operator(action, subject, detail);
    let noted = crate::block_on(log.note(event, (Outside::system().now)()))?;
    noted.map(|_| ()).map_err(|error| Failure::new(Code::Audit, error))
}
