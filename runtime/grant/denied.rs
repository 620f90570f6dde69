//! Why a request is not granted. Every text is safe to log and says what to do next.

use claviger_manifest::Name;

use crate::{BodyError, ParameterError};

/// Why a request is denied. Names in these texts come from the manifest or the operator, or were checked to be names.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// No such connection.
    #[error("no connection has this name; `claviger connection list` shows them")]
    UnknownConnection,
    /// An operator wanted nothing to be done any more.
    #[error("the host was locked by its operator and does nothing any more; start it again to unlock the vault")]
    Locked,
    /// What was asked was granted, and the operator changed the connection before it was done.
    #[error(
        "what connection {connection} may do was changed while this waited; ask again, and it is held against the grant as it is now"
    )]
    Changed {
        /// The connection.
        connection: Name,
    },
    /// The tool is not in the manifest.
    #[error("the plugin's manifest declares no such tool; `claviger plugin inspect` lists its tools")]
    UnknownTool,
    /// The principal is not in the grant.
    #[error(
        "{principal} may not use connection {connection}; to allow it, connections/{connection}.toml needs\n  [grant]\n  principals = [{principal:?}]"
    )]
    Principal {
        /// The connection.
        connection: Name,
        /// Who asked.
        principal: String,
    },
    /// The tool uses an operation that its manifest entry does not list.
    #[error(
        "tool {tool} does not declare this operation; the manifest's [tools.{tool}] operations would have to list it"
    )]
    UndeclaredOperation {
        /// The tool.
        tool: String,
    },
    /// The tool uses a write-back rule that its manifest entry does not list.
    #[error(
        "tool {tool} does not declare this write-back; the manifest's [tools.{tool}] write-back would have to list it"
    )]
    UndeclaredWriteBack {
        /// The tool.
        tool: String,
    },
    /// Declared but not granted.
    #[error(
        "operation {operation} is declared but not granted; to allow it, connections/{connection}.toml needs\n  [grant]\n  operations = [\"{operation}\"]"
    )]
    OperationNotGranted {
        /// The connection.
        connection: Name,
        /// The operation.
        operation: Name,
    },
    /// Declared but not granted.
    #[error(
        "write-back {write_back} is declared but not granted; to allow it, connections/{connection}.toml needs\n  [grant]\n  write-back = [\"{write_back}\"]"
    )]
    WriteBackNotGranted {
        /// The connection.
        connection: Name,
        /// The write-back rule.
        write_back: Name,
    },
    /// The connection does not say which vault receives new items.
    #[error(
        "write-back {write_back} has no destination; connections/{connection}.toml needs\n  [write-back]\n  {write_back} = \"<vault>\""
    )]
    NoDestination {
        /// The connection.
        connection: Name,
        /// The write-back rule.
        write_back: Name,
    },
    /// The values lent do not fill the rule's fields, one each.
    #[error("write-back {write_back} needs one value for each of its slots: {slots}")]
    WriteBackValues {
        /// The write-back rule.
        write_back: Name,
        /// Its slots.
        slots: String,
    },
    /// The operation does not take this credential.
    #[error("operation {operation} does not take the credential it was given; the manifest allows: {allowed}")]
    Credential {
        /// The operation.
        operation: Name,
        /// The credentials it takes.
        allowed: String,
    },
    /// A secret has no reference.
    #[error(
        "secret {secret} is bound to no reference; connections/{connection}.toml needs\n  [secrets]\n  {secret} = \"op://<vault>/<item>/<field>\""
    )]
    Unbound {
        /// The connection.
        connection: Name,
        /// The secret.
        secret: Name,
    },
    /// A setting that a credential needs has no value.
    #[error(
        "setting {setting} has no value; connections/{connection}.toml needs\n  [settings]\n  {setting} = \"<value>\""
    )]
    Unset {
        /// The connection.
        connection: Name,
        /// The setting.
        setting: Name,
    },
    /// The endpoint's origin needs a setting that is missing or has the wrong form.
    #[error(
        "endpoint {endpoint} needs settings that are missing or malformed: {why}; see [settings] in connections/{connection}.toml"
    )]
    Origin {
        /// The connection.
        connection: Name,
        /// The endpoint.
        endpoint: Name,
        /// What is wrong, in the manifest room's words.
        why: String,
    },
    /// A lent value has no such site, or the site is filled already.
    #[error("operation {operation} has no free site for a lent secret; its sites are: {sites}")]
    Lent {
        /// The operation.
        operation: Name,
        /// Its sites.
        sites: String,
    },
    /// A parameter does not fit.
    #[error("operation {operation}: {why}")]
    Parameter {
        /// The operation.
        operation: Name,
        /// What is wrong.
        why: ParameterError,
    },
    /// The body does not fit.
    #[error("operation {operation}: {why}")]
    Body {
        /// The operation.
        operation: Name,
        /// What is wrong.
        why: BodyError,
    },
}

/// Whether the manifest or the operator is the one to ask: plugins tell their users differently.
impl Denied {
    /// True when the manifest does not declare it, so that no grant could help.
    pub fn is_undeclared(&self) -> bool {
        matches!(self, Self::UnknownTool | Self::UndeclaredOperation { .. } | Self::UndeclaredWriteBack { .. })
    }

    /// True when the request itself does not fit the operation.
    pub fn is_invalid_request(&self) -> bool {
        matches!(
            self,
            Self::Parameter { .. }
                | Self::Body { .. }
                | Self::Lent { .. }
                | Self::Credential { .. }
                | Self::WriteBackValues { .. }
        )
    }
}
