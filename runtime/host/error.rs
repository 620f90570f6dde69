//! Why a tool call failed, and why a plugin cannot be installed. Safe to log and to show to a model.

use std::time::Duration;

use claviger_manifest::ToolName;
use claviger_pipeline::Refusal;

use crate::limits::Limit;
use crate::schema::Mismatches;

/// Why a tool call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No plugin is loaded for this connection.
    #[error("no connection has this name; `claviger connection list` shows them")]
    UnknownConnection,
    /// The manifest has no such tool.
    #[error("the plugin's manifest declares no such tool; `claviger plugin inspect` lists its tools")]
    UnknownTool,
    /// The arguments do not fit the tool's input schema. Nothing ran.
    #[error("the arguments do not fit the tool's input schema: {0}")]
    Arguments(Mismatches),
    /// The plugin's result is not what its manifest promises. It is not passed on.
    #[error("the plugin's result does not fit the tool's output schema: {0}")]
    Result(Mismatches),
    /// The plugin's result is not JSON. It is not passed on.
    #[error("the plugin's result is not JSON; this is a defect of the plugin")]
    ResultNotJson,
    /// A limit of the manifest was reached and the plugin was stopped.
    #[error("the plugin reached its limit and was stopped; the manifest's `{line}` sets it")]
    Limit {
        /// Which.
        limit: Limit,
        /// The manifest's line that sets it.
        line: String,
    },
    /// The plugin broke.
    #[error("the plugin stopped: {what}{}", said(said_last.as_deref()))]
    Trapped {
        /// What happened, in the sandbox's words.
        what: String,
        /// What the plugin wrote to standard error last: a panic's text, usually. Its own claim, bounded and escaped.
        said_last: Option<String>,
    },
    /// The host refused something and the plugin passed that on.
    #[error("{0}")]
    Refused(Refusal),
    /// The plugin says that it failed. Its own claim, bounded and escaped.
    #[error("the plugin says: {0}")]
    Plugin(PluginFailure),
    /// Every slot for a call is taken.
    #[error("too many calls are running; try again when some have ended")]
    Busy,
    /// The host itself failed.
    #[error("the host could not run the plugin: {0}")]
    Host(String),
}

fn said(last: Option<&str>) -> String {
    last.map(|last| format!("; it said: {last:?}")).unwrap_or_default()
}

/// A failure that the plugin reports, as in `wit/plugin.wit`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PluginFailure {
    /// The arguments make no sense to the upstream.
    #[error("the arguments are not valid: {0}")]
    InvalidArguments(String),
    /// The thing asked for does not exist.
    #[error("not found: {0}")]
    NotFound(String),
    /// The upstream answered with an error.
    #[error("the upstream failed: {0}")]
    Upstream(String),
    /// Come back later.
    #[error("the upstream asks to come back in {} seconds", .0.as_secs())]
    RateLimited(Duration),
    /// It claims that the host refused, though the host refused nothing in this call.
    #[error("refused: {0}")]
    Refused(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Why a plugin is not installed or cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Too large.
    #[error("the component is {size} bytes; at most {limit} are accepted")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Compiled code from an author is never loaded.
    #[error("this is compiled code, not a component; give the component, the host compiles it itself")]
    Precompiled,
    /// Not a component.
    #[error("this is not a WebAssembly component; build the plugin for the target wasm32-wasip2")]
    NotAComponent,
    /// It imports something that the door does not offer.
    #[error("the component imports {}, which this host does not offer: {advice}", imports.join(", "))]
    Import {
        /// The imports' names.
        imports: Vec<String>,
        /// What to do instead.
        advice: &'static str,
    },
    /// It lacks the one export.
    #[error("the component does not export `call`; wit/plugin.wit says what a plugin must export")]
    NoCall,
    /// Its imports or its export have the wrong types.
    #[error("the component does not fit wit/plugin.wit: {0}")]
    Door(String),
    /// It is not valid, or the compiler cannot compile it.
    #[error("the component could not be compiled: {0}")]
    Compile(String),
    /// Compiling it took more than the compiler process may.
    #[error("compiling the component took too much {0}; it was stopped, and nothing was installed")]
    CompilerLimit(&'static str),
    /// The compiler program is missing or broken.
    #[error("the compiler could not be run: {0}; `claviger-compile` must be installed beside `claviger`")]
    Compiler(String),
    /// A schema of a tool is not usable.
    #[error("the {what} schema of tool {tool} is not usable: {why}")]
    Schema {
        /// The tool.
        tool: ToolName,
        /// `input` or `output`.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// The cache of compiled code could not be written.
    #[error("the cache of compiled plugins could not be written: {0}")]
    Cache(std::io::Error),
    /// The sandbox itself failed.
    #[error("the sandbox could not be set up: {0}")]
    Sandbox(String),
}
