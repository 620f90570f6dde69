//! argv, parsed once.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use claviger_grant::Pin;
use claviger_manifest::{Name, OriginTemplate, SecretReference};

use crate::audit_arguments::Audit;
use crate::machine_arguments::Machine;

/// Runs sandboxed integrations for agents, with secrets that neither the model nor the plugin ever sees.
#[derive(Parser)]
#[command(name = "claviger", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// The state directory [default: $XDG_STATE_HOME/claviger or ~/.local/state/claviger]
    #[arg(long, global = true, env = "CLAVIGER_STATE", hide_env_values = true, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// A file with an age identity that unlocks the vault, instead of a passphrase
    #[arg(long, global = true, env = "CLAVIGER_IDENTITY", hide_env_values = true, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// Print one JSON document instead of text; standard error then holds one JSON document per line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What scripts may rely on.
const EXIT_CODES: &str = "Exit codes:
  0  done
  1  the upstream, the plugin or a provider failed
  2  wrong usage
  3  not declared or not granted
  4  a human refused, or nobody answered
  5  the audit log is broken or could not be written
  6  the state directory, a file in it, a package or a key is not usable";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a state directory: vault, audit log, keys
    Init(Init),
    /// Show the main job against simulated upstreams, in a directory that is thrown away
    Demo,
    /// Call one tool: `claviger call psa.search_tickets --args '{"company":"Acme"}'`
    Call(Call),
    /// Serve the granted tools to an agent over the Model Context Protocol on standard input and output
    Mcp(Mcp),
    /// Plugins: inspect, install, list; and for their authors: key, pack
    #[command(subcommand)]
    Plugin(Plugin),
    /// Connections: an installed plugin with settings, secret references and a grant
    #[command(subcommand)]
    Connection(Connection),
    /// The embedded vault's items; values go in and never come out
    #[command(subcommand)]
    Secret(Secret),
    /// What each connection may do
    #[command(subcommand)]
    Grant(Grant),
    /// Send an operation with canaries for secrets to an upstream that you name, and learn where they come back
    Probe(Box<Probe>),
    /// Who may approve: the passkeys that count
    #[command(subcommand)]
    Approver(Approver),
    /// Open the page of the host that runs: what waits for an answer
    Console,
    /// The audit log
    #[command(subcommand)]
    Audit(Audit),
    /// Secret references
    #[command(subcommand)]
    Reference(Reference),
    /// Secrets that an answer held, and that are not used until an operator lifts it
    #[command(subcommand)]
    Quarantine(Quarantine),
    /// The vault's journal: values that were made but not stored
    #[command(subcommand)]
    Vault(Vault),
}

#[derive(Args)]
pub(crate) struct Init {
    /// Who approves at the terminal, as the audit log names them [default: $USER]
    #[arg(long)]
    pub(crate) principal: Option<String>,
    /// Let this age recipient unlock the vault instead of a passphrase
    #[arg(long, value_name = "age1…")]
    pub(crate) age_recipient: Option<String>,
    /// A directory to try things in: approvals are simulated and marked so for ever, the vault's key lies beside it
    #[arg(long, conflicts_with = "age_recipient")]
    pub(crate) throwaway: bool,
}

#[derive(Args)]
pub(crate) struct Call {
    /// `connection.tool`
    pub(crate) tool: String,
    /// The tool's arguments as JSON; `-` reads standard input
    #[arg(long, default_value = "{}", value_name = "JSON")]
    pub(crate) args: String,
    /// In whose name; the grant names who may [default: the state directory's principal]
    #[arg(long = "as", value_name = "PRINCIPAL")]
    pub(crate) principal: Option<String>,
}

#[derive(Args)]
pub(crate) struct Probe {
    /// The connection whose plugin declares the operation
    pub(crate) connection: Name,
    /// The operation
    pub(crate) operation: Name,
    /// Where to send it: a test system, or the real one, which will refuse a canary and may echo it
    #[arg(long, value_name = "https://HOST[:PORT]")]
    pub(crate) upstream: OriginTemplate,
    /// A private certificate authority for it, as a PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// A path or query parameter
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    pub(crate) parameters: Vec<(String, String)>,
    /// The body's fields as JSON
    #[arg(long, value_name = "JSON")]
    pub(crate) body: Option<String>,
    /// Which of the operation's credentials [default: its only one]
    #[arg(long, value_name = "NAME")]
    pub(crate) credential: Option<Name>,
}

#[derive(Args)]
pub(crate) struct Mcp {
    /// In whose name; the grant names who may [default: the state directory's principal]
    #[arg(long = "as", value_name = "PRINCIPAL")]
    pub(crate) principal: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Plugin {
    /// Show what a package or an installed plugin declares, and who signed it
    Inspect {
        /// A package directory, or the name of an installed plugin
        plugin: PathBuf,
    },
    /// Verify, compile and install a package
    Install {
        /// The package directory
        package: PathBuf,
        /// Trust this publisher from now on: a file with its verification key
        #[arg(long, value_name = "FILE")]
        trust: Option<PathBuf>,
    },
    /// List installed plugins
    List,
    /// Make a publisher's key; the verification key goes beside it with the ending `.pub`
    Key {
        /// The publisher's name
        publisher: String,
        /// Where to write the private key
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Pack and sign a plugin: manifest, schemas and component
    Pack {
        /// A directory with `manifest.toml` and `schemas/`
        source: PathBuf,
        /// The component that was built
        #[arg(long, value_name = "FILE")]
        component: PathBuf,
        /// The publisher's private key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The package directory to write
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

#[derive(Subcommand)]
pub(crate) enum Connection {
    /// Add a connection; allows nothing unless `--allow` says so
    Add(Box<AddConnection>),
    /// List connections
    List,
    /// Remove a connection and its grant; a host that runs denies it from then on
    Remove {
        /// The connection
        connection: Name,
    },
    /// Bind a secret of a connection to another reference, for example to the item that a rotation stored
    Bind {
        /// The connection
        connection: Name,
        /// `secret=op://vault/item/field`
        #[arg(value_parser = parse_pair::<SecretReference>, required = true)]
        secrets: Vec<(Name, SecretReference)>,
    },
}

#[derive(Args)]
pub(crate) struct AddConnection {
    /// Its name
    pub(crate) name: Name,
    /// The installed plugin
    #[arg(long)]
    pub(crate) plugin: Name,
    /// The client of the service provider that it is for
    #[arg(long)]
    pub(crate) client: Option<String>,
    /// A setting of the manifest
    #[arg(long = "setting", value_name = "NAME=VALUE", value_parser = parse_pair::<String>)]
    pub(crate) settings: Vec<(Name, String)>,
    /// A secret's reference
    #[arg(long = "secret", value_name = "NAME=op://…", value_parser = parse_pair::<SecretReference>)]
    pub(crate) secrets: Vec<(Name, SecretReference)>,
    /// The reference of a name that is no secret, though it is kept with them: answers are not searched for it. The manifest
    /// must call it an identifier
    #[arg(long = "identifier", value_name = "NAME=op://…", value_parser = parse_pair::<SecretReference>)]
    pub(crate) identifiers: Vec<(Name, SecretReference)>,
    /// A private certificate authority for an endpoint, as a PEM file
    #[arg(long = "ca", value_name = "ENDPOINT=FILE", value_parser = parse_pair::<PathBuf>)]
    pub(crate) authorities: Vec<(Name, PathBuf)>,
    /// The key or the certificate that an endpoint must show: `spki-sha256:` and base64, besides a chain that is trusted, or
    /// `certificate-sha256:` and hexadecimal, instead of one. Any of several is enough
    #[arg(long = "pin", value_name = "ENDPOINT=PIN", value_parser = parse_pair::<Pin>)]
    pub(crate) pins: Vec<(Name, Pin)>,
    /// An address to dial for an endpoint instead of resolving its host
    #[arg(long = "connect", value_name = "ENDPOINT=ADDR:PORT", value_parser = parse_pair::<SocketAddr>)]
    pub(crate) connect: Vec<(Name, SocketAddr)>,
    /// The vault that receives the items of a write-back rule
    #[arg(long = "write-back", value_name = "RULE=VAULT", value_parser = parse_pair::<String>)]
    pub(crate) write_back: Vec<(Name, String)>,
    /// Grant: an operation, or `all-reads`
    #[arg(long = "allow", value_name = "OPERATION")]
    pub(crate) operations: Vec<Name>,
    /// Grant: a write-back rule
    #[arg(long = "allow-write-back", value_name = "RULE")]
    pub(crate) allow_write_back: Vec<Name>,
    /// Grant: ask a human at every use of this reading operation, instead of once for a while
    #[arg(long = "each-use", value_name = "OPERATION")]
    pub(crate) each_use: Vec<Name>,
    /// Grant: how many different people must agree to an operation or write-back rule, 1 to 9
    #[arg(long = "people", value_name = "NAME=NUMBER", value_parser = parse_pair::<u8>)]
    pub(crate) people: Vec<(Name, u8)>,
    /// Grant: a private network it may reach
    #[arg(long = "network", value_name = "CIDR")]
    pub(crate) networks: Vec<String>,
    /// Grant: who may use it [default: the state directory's principal]
    #[arg(long = "principal")]
    pub(crate) principals: Vec<String>,
}

#[derive(Subcommand)]
pub(crate) enum Secret {
    /// Put values; read from standard input, or from prompts that do not echo
    Put {
        /// Where it goes: op://vault/item/field; for several, standard input holds a line each
        #[arg(required = true, value_name = "REFERENCE")]
        references: Vec<SecretReference>,
        /// Replace a value that exists; the old one is gone
        #[arg(long)]
        replace: bool,
    },
    /// List items: names and versions, never values
    List,
}

#[derive(Subcommand)]
pub(crate) enum Grant {
    /// Every connection and operation, declared and granted
    List,
    /// What one connection may do, with hosts, secrets and effects
    Show {
        /// The connection
        connection: Name,
    },
    /// Take operations, write-backs or principals from a connection; a host that runs denies them from then on
    Revoke {
        /// The connection
        connection: Name,
        /// Operations and write-back rules, as `claviger grant show` names them
        #[arg(required_unless_present = "principals")]
        actions: Vec<Name>,
        /// A principal who may use the connection no more; may be given again
        #[arg(long = "principal")]
        principals: Vec<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum Approver {
    /// Enrol a passkey in your browser; from the first one on, requests are approved there
    Add {
        /// Whose it is, as receipts name them [default: the state directory's principal]
        #[arg(long)]
        name: Option<String>,
        /// What they are, for rules that ask for a role
        #[arg(long)]
        role: Option<String>,
        #[command(flatten)]
        machine: Machine,
        /// Enrol the security key that is plugged in, for approving on the terminal (`approver = "security-key"`)
        #[arg(long, conflicts_with = "machine")]
        security_key: bool,
    },
    /// List the keys that count
    List,
    /// Let a key count no more: one that was lost, or every passkey of a person
    Revoke {
        /// The person's name, or the beginning of the key's identifier
        approver: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Reference {
    /// Check the syntax of references, and say what each part is
    Check {
        /// The references
        #[arg(required = true)]
        references: Vec<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum Quarantine {
    /// List quarantined secrets
    List,
    /// Allow a secret again
    Lift {
        /// The connection
        connection: Name,
        /// The secret's name in the manifest
        secret: Name,
    },
}

#[derive(Subcommand)]
pub(crate) enum Vault {
    /// Make a host that runs forget its keys and leases, end its sessions and deny everything until it is started again
    Lock,
    /// List values that are kept sealed because they could not be stored; with `--store`, store one
    Recover {
        /// Store the value of this number
        #[arg(long, value_name = "NUMBER", requires = "to")]
        store: Option<u64>,
        /// Where to store it: op://vault/item/field, which must not exist
        #[arg(long, value_name = "op://…")]
        to: Option<SecretReference>,
    },
}

/// `name=value`, where names are the upstream's.
fn parse_parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// `name=value`.
fn parse_pair<V: std::str::FromStr>(text: &str) -> Result<(Name, V), String>
where
    V::Err: std::fmt::Display,
{
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let name = name.parse().map_err(|error: claviger_manifest::NameError| error.to_string())?;
    let value = value.parse().map_err(|error: V::Err| error.to_string())?;
    Ok((name, value))
}
