//! The state directory: where everything lies, and with which permissions.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Failure;
use crate::state_files::only_its_owner_writes;
pub(crate) use crate::state_files::{names, parse, private_directory, read, sync, write};

/// A state directory. Every path in it is named here and nowhere else.
#[derive(Clone, Debug)]
pub(crate) struct State {
    root: PathBuf,
}

/// `claviger.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// In whose name commands run unless `--as` says otherwise.
    pub(crate) principal: String,
    /// Who is asked.
    pub(crate) approver: ApproverChoice,
    /// What a simulated approver answers, to try out the other answers too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) simulated_answer: Option<SimulatedChoice>,
    /// Where the approval page is.
    #[serde(default, skip_serializing_if = "Web::is_default")]
    pub(crate) web: Web,
    /// The D-Bus address of the system bus, where it is not in its usual place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) system_bus: Option<String>,
    /// Where the security key and libfido2's programs are, when they are not where they are looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) security_key: Option<crate::security_key::SecurityKey>,
    /// Who is told, elsewhere, that a request waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notify: Vec<crate::notify::Notify>,
    /// 1Password's command line, when vaults use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) op: Option<Op>,
    /// How the audit log is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) audit: Option<crate::audit_choice::AuditChoice>,
    /// Which provider answers for a vault; vaults that are not here are in the embedded one.
    #[serde(default)]
    pub(crate) vaults: std::collections::BTreeMap<String, VaultChoice>,
}

/// Who is asked for an approval.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ApproverChoice {
    /// The page in the browser as soon as a passkey is enrolled; until then a prompt on the controlling terminal, with a
    /// security key as soon as one is enrolled.
    Terminal,
    /// A prompt on the controlling terminal, and then a finger that the machine's fingerprint daemon recognises. The host
    /// asserts both; it is this and nothing else, whatever else is enrolled.
    Fprintd,
    /// A prompt on the controlling terminal, and then the dialog of a polkit agent, in which the person authenticates.
    /// Likewise.
    Polkit,
    /// The same with macOS's own dialog.
    TouchId,
    /// The same with Windows's own dialog.
    WindowsHello,
    /// A prompt on the controlling terminal, and then a security key that signs; this and nothing else.
    SecurityKey,
    /// The page in the browser and nothing else.
    Web,
    /// A software passkey that says yes. Only in a throw-away directory, and marked in every receipt.
    Simulated,
}

/// Where the approval page is: passkeys are bound to it. On this machine (`host`, `port`), or for a team (`origin`).
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Web {
    /// A name under `.localhost`.
    pub(crate) host: String,
    /// The port on 127.0.0.1 and ::1.
    pub(crate) port: u16,
    /// Whether the system's browser is opened; the link is printed in any case.
    pub(crate) open_browser: bool,
    /// Where people elsewhere reach the page: https, a host, nothing behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<String>,
    /// What passkeys are bound to, when it is a domain above the origin's host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) relying_party: Option<String>,
    /// Where it listens; `port` on 127.0.0.1 when this is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<SocketAddr>,
    /// The certificate of the origin's host and those that vouch for it, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<PathBuf>,
    /// Its private key, PEM, readable by its owner only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<PathBuf>,
    /// Whether a reverse proxy on this machine ends TLS.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) behind_proxy: bool,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            host: "claviger.localhost".to_owned(),
            port: 7443,
            open_browser: true,
            origin: None,
            relying_party: None,
            listen: None,
            certificate: None,
            key: None,
            behind_proxy: false,
        }
    }
}

impl Web {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What a simulated approver answers.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SimulatedChoice {
    /// Yes, each time.
    Approve,
    /// Yes, and reads for a while.
    Lease,
    /// No.
    Deny,
    /// Nothing.
    Never,
}

/// The provider of one vault.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct VaultChoice {
    /// Which.
    pub(crate) provider: ProviderChoice,
}

/// The providers.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProviderChoice {
    /// The vault in the state directory.
    Embedded,
    /// 1Password through `op`.
    Op,
}

/// How `op` is run.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Op {
    /// The program's absolute path; it is never looked up.
    pub(crate) path: PathBuf,
    /// The account; a reference has no account of its own, so it is pinned here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    /// A file, readable by its owner only, with a service account's token; the desktop app otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
}

impl State {
    /// The directory that the arguments or the environment name.
    pub(crate) fn at(given: Option<&Path>) -> Result<Self, Failure> {
        if let Some(root) = given {
            return Ok(Self { root: root.to_owned() });
        }
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state"));
        let base = std::env::var_os("XDG_STATE_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = base.or_else(home).ok_or_else(|| Failure::usage("no home directory; name one with --state DIR"))?;
        Ok(Self { root: base.join("claviger") })
    }

    /// The directory where the second copy of the log's checkpoint goes unless the operator says otherwise: data, where this directory is
    /// state, so that whoever restores one has not restored the other. A directory that was named gets none: what lies
    /// beside it is not ours to choose.
    pub(crate) fn default_second_checkpoint(given: Option<&Path>) -> Option<PathBuf> {
        if given.is_some() {
            return None;
        }
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
        let base = std::env::var_os("XDG_DATA_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
        base.or_else(home).map(|base| base.join("claviger"))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.root.join("claviger.toml")
    }

    pub(crate) fn approvers(&self) -> PathBuf {
        self.root.join("approvers.toml")
    }

    pub(crate) fn approver_key(&self) -> PathBuf {
        self.root.join("approver.key")
    }

    /// What polkit has to know of this program, to be installed by root. Named after the action, as polkit asks.
    pub(crate) fn polkit_policy(&self) -> PathBuf {
        self.root.join("org.claviger.approve.policy")
    }

    pub(crate) fn host_key(&self) -> PathBuf {
        self.root.join("host.key")
    }

    pub(crate) fn identity(&self) -> PathBuf {
        self.root.join("identity.age")
    }

    pub(crate) fn vault(&self) -> PathBuf {
        self.root.join("vault")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("vault").join("journal")
    }

    pub(crate) fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine.json")
    }

    /// Keys that count no more. Their receipts are still verified.
    pub(crate) fn revoked_approvers(&self) -> PathBuf {
        self.root.join("revoked-approvers.toml")
    }

    /// Where a host that runs is spoken to by its operator's commands.
    pub(crate) fn door(&self) -> PathBuf {
        self.root.join("door.sock")
    }

    /// What tickets for the page are made with.
    pub(crate) fn web_key(&self) -> PathBuf {
        self.root.join("web.key")
    }

    pub(crate) fn audit(&self) -> PathBuf {
        self.root.join("audit")
    }

    /// What the one process that writes the log holds a lock on.
    pub(crate) fn audit_lock(&self) -> PathBuf {
        self.audit().join("lock")
    }

    /// The log's checkpoint as a witness signed it last.
    pub(crate) fn cosigned(&self) -> PathBuf {
        self.audit().join(claviger_audit::COSIGNED_FILE)
    }

    /// What the configured witnesses said last. It is for people, and proves nothing.
    pub(crate) fn witnesses(&self) -> PathBuf {
        self.root.join("witnesses.json")
    }

    /// The log's present checkpoint.
    pub(crate) fn checkpoint(&self) -> Result<String, Failure> {
        read(&self.audit().join(claviger_audit::CHECKPOINT_FILE))
    }

    pub(crate) fn audit_key(&self) -> PathBuf {
        self.root.join("audit.key")
    }

    pub(crate) fn audit_public_key(&self) -> PathBuf {
        self.root.join("audit.pub")
    }

    pub(crate) fn trust(&self) -> PathBuf {
        self.root.join("trust")
    }

    pub(crate) fn plugins(&self) -> PathBuf {
        self.root.join("plugins")
    }

    pub(crate) fn plugin(&self, name: &claviger_manifest::Name) -> PathBuf {
        self.plugins().join(name.as_str())
    }

    pub(crate) fn compiled(&self) -> PathBuf {
        self.root.join("compiled")
    }

    pub(crate) fn connections(&self) -> PathBuf {
        self.root.join("connections")
    }

    pub(crate) fn connection(&self, name: &claviger_manifest::Name) -> PathBuf {
        self.connections().join(format!("{name}.toml"))
    }

    /// `claviger.toml`, or the advice to make one.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let path = self.config_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Failure::no_state(&self.root)),
            Err(error) => return Err(Failure::file(&path, &error)),
        };
        only_its_owner_writes(&self.root)?;
        parse(&path, &text)
    }
}
