//! Entries that are not about a request under way: what was turned back, and what operators did.

use claviger_approval::Refused;
use claviger_grant::{ActionFacts, Caller, Denied, Facts};
use claviger_manifest::{Digest, Effect, Name, ToolName};
use serde::{Deserialize, Serialize};

use crate::canonical::canonicalise;
use crate::checkpoint::DigestKey;
use crate::text::Text;

/// One thing to note. Fields are typed or bounded; there is no place for free content.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Event {
    /// A request that is not declared or not granted.
    Denied {
        /// What and why.
        refusal: DeniedFacts,
    },
    /// A request that no human approved.
    Refused {
        /// What and why.
        refusal: Box<RefusedFacts>,
    },
    /// An operator, or the host itself, did something to the state.
    #[serde(rename = "event")]
    Operator {
        /// What.
        note: OperatorFacts,
    },
}

/// Who was denied what kind of thing.
#[derive(Clone, Debug, Serialize)]
pub struct DeniedFacts {
    /// Who asked.
    pub principal: Text,
    /// In which session.
    pub session: Text,
    /// On which connection.
    pub connection: Name,
    /// With which tool.
    pub tool: ToolName,
    /// `undeclared`, `invalid-request` or `not-granted`.
    pub code: &'static str,
    /// The reason in words.
    pub text: Text,
}

/// What was refused, without the request's content: `request` is the digest of all of it.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedFacts {
    /// `sha256:` and the hex digest of the canonical request; in the log `hmac-sha256:` and that digest, keyed.
    pub request: String,
    /// Whose code asked.
    pub plugin: Name,
    /// Its version.
    pub version: Text,
    /// On which connection.
    pub connection: Name,
    /// For which client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Text>,
    /// Who asked.
    pub principal: Text,
    /// In which session.
    pub session: Text,
    /// With which tool.
    pub tool: ToolName,
    /// What it would have done.
    pub effect: Effect,
    /// The operation or write-back rule.
    pub action: Name,
    /// Method and address, or vault and title.
    pub target: Text,
    /// The approval room's word for the reason.
    pub code: &'static str,
    /// The reason in words.
    pub text: Text,
}

/// What was done to the state.
#[derive(Clone, Debug, Serialize)]
pub struct OperatorFacts {
    /// What.
    pub action: OperatorAction,
    /// To what: a plugin, connection, reference, approver. Never a value.
    pub subject: Text,
    /// A digest, a version, a count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Text>,
}

/// Everything that can be done to the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperatorAction {
    /// A state directory was made.
    Initialised,
    /// A publisher is trusted.
    PublisherTrusted,
    /// A publisher is trusted no more.
    PublisherRemoved,
    /// A plugin was installed or updated.
    PluginInstalled,
    /// A plugin was removed.
    PluginRemoved,
    /// A connection was added.
    ConnectionAdded,
    /// A connection, its grant included, was changed.
    ConnectionChanged,
    /// A connection was removed.
    ConnectionRemoved,
    /// A host that runs found a connection changed, its grant included, and goes by it from now on; the detail says in what.
    ConnectionFollowed,
    /// A value was put under a reference.
    SecretPut,
    /// A reference's value was removed.
    SecretRemoved,
    /// A kept value was recovered from the journal.
    SecretRecovered,
    /// An approver was enrolled.
    ApproverAdded,
    /// An approver was revoked.
    ApproverRevoked,
    /// An operator locked a host that runs: it does nothing any more.
    HostLocked,
    /// A quarantine was lifted.
    QuarantineLifted,
    /// The log was exported.
    LogExported,
    /// The host itself set a torn tail of the log aside when it opened it.
    LogRecovered,
    /// The host ends a session that it opened at an upstream.
    SessionEnded,
    /// A host may tell people through a channel that a request waits; the subject is the reference of its address.
    ChannelOpened,
    /// A witness says that the log is not the one that it has signed: rolled back, or rewritten. The subject is its address.
    WitnessDisagreed,
    /// The host started.
    HostStarted,
    /// The host stopped.
    HostStopped,
}

impl OperatorAction {
    /// Whether an operator's command does it while a host runs. The rest is what hosts say of themselves.
    pub fn is_a_command(self) -> bool {
        match self {
            Self::PublisherTrusted
            | Self::PublisherRemoved
            | Self::PluginInstalled
            | Self::PluginRemoved
            | Self::ConnectionAdded
            | Self::ConnectionChanged
            | Self::ConnectionRemoved
            | Self::SecretPut
            | Self::SecretRemoved
            | Self::SecretRecovered
            | Self::ApproverAdded
            | Self::ApproverRevoked
            | Self::QuarantineLifted
            | Self::LogExported => true,
            Self::Initialised
            | Self::ConnectionFollowed
            | Self::HostLocked
            | Self::WitnessDisagreed
            | Self::LogRecovered
            | Self::SessionEnded
            | Self::ChannelOpened
            | Self::HostStarted
            | Self::HostStopped => false,
        }
    }
}

impl Event {
    /// A request that the grant room turned back.
    pub fn denied(caller: &Caller, denied: &Denied) -> Self {
        let code = match denied {
            denied if denied.is_undeclared() => "undeclared",
            denied if denied.is_invalid_request() => "invalid-request",
            _ => "not-granted",
        };
        let refusal = DeniedFacts {
            principal: Text::new(&caller.principal),
            session: Text::new(&caller.session),
            connection: caller.connection.clone(),
            tool: caller.tool.clone(),
            code,
            text: Text::new(&denied.to_string()),
        };
        Self::Denied { refusal }
    }

    /// A request that the approval room turned back.
    pub fn refused(facts: &Facts, refused: &Refused) -> Self {
        let refusal = RefusedFacts {
            request: digest(facts),
            plugin: facts.plugin.name.clone(),
            version: Text::new(&facts.plugin.version),
            connection: facts.connection.clone(),
            client: facts.client.as_deref().map(Text::new),
            principal: Text::new(&facts.principal),
            session: Text::new(&facts.session),
            tool: facts.tool.clone(),
            effect: facts.effect,
            action: facts.action_name().clone(),
            target: target(facts),
            code: refused.code(),
            text: Text::new(&refused.to_string()),
        };
        Self::Refused { refusal: Box::new(refusal) }
    }

    /// As it is written: the digest of a request that nobody approved is keyed, because whoever reads the log knows most of
    /// that request and could guess the rest.
    pub(crate) fn keyed(mut self, key: &DigestKey) -> Self {
        if let Self::Refused { refusal } = &mut self {
            refusal.request = key.digest(&refusal.request);
        }
        self
    }

    /// Something that was done to the state. `subject` and `detail` name things; a value has no place in them.
    pub fn operator(action: OperatorAction, subject: &str, detail: Option<&str>) -> Self {
        Self::Operator { note: OperatorFacts { action, subject: Text::new(subject), detail: detail.map(Text::new) } }
    }
}

/// Facts are strings, maps and lists of them, so they always have a canonical form; if that should ever change, the entry
/// says so instead of failing.
fn digest(facts: &Facts) -> String {
    canonicalise(facts).map_or_else(|_| "none".to_owned(), |text| Digest::of(text.as_bytes()).to_string())
}

fn target(facts: &Facts) -> Text {
    match &facts.action {
        ActionFacts::Send(send) => Text::new(&format!("{} {}{}", send.method, send.origin, send.path)),
        ActionFacts::Store(store) => Text::new(&format!("{}/{}", store.vault, store.title)),
    }
}
