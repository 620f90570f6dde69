//! Default deny: what may be done is what is declared and granted.

use std::collections::BTreeMap;
use std::sync::Arc;

use claviger_manifest::{Effect, Manifest, Name, Operation, Tool, ToolName, VerifiedPackage, WriteBack};

use crate::facts::{ActionFacts, PluginFacts, StoreFacts};
use crate::plan::{Plan, StorePlan};
use crate::request::{Action, Caller, Request, SendRequest, StoreRequest};
use crate::{Connection, Denied, Facts, Granted, Terms};

/// Why a connection does not fit its plugin.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The connection is for another plugin.
    #[error("connection {0} is for another plugin than the one it was given")]
    OtherPlugin(Name),
    /// A name in the connection file is not in the manifest.
    #[error(
        "connection {connection} names {what} {name}, which the plugin's manifest does not declare; `claviger plugin inspect` lists what it does"
    )]
    Undeclared {
        /// The connection.
        connection: Name,
        /// Which table.
        what: &'static str,
        /// The name.
        name: Name,
    },
}

/// The connections of this host, each with its verified plugin. A copy shares them.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    connections: BTreeMap<Name, Arc<Installed>>,
    is_locked: bool,
}

/// A connection with the plugin it is for.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) connection: Connection,
    pub(crate) package: Arc<VerifiedPackage>,
}

/// What every step of a check needs to know.
pub(crate) struct Context<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) installed: &'a Installed,
    pub(crate) tool: &'a Tool,
}

impl Context<'_> {
    pub(crate) fn manifest(&self) -> &Manifest {
        self.installed.package.manifest()
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.installed.connection
    }

    pub(crate) fn terms(&self, effect: Effect, name: &Name) -> Terms {
        self.connection().grant.terms(effect, name)
    }
}

impl Policy {
    /// Allows nothing, because an operator locked the host.
    pub fn locked() -> Self {
        Self { is_locked: true, ..Self::default() }
    }

    /// Adds a connection. Names that the manifest does not declare are errors, not wishes.
    ///
    /// # Errors
    /// [`PolicyError`] when the connection does not fit the plugin.
    pub fn add(
        &mut self,
        name: Name,
        connection: Connection,
        package: Arc<VerifiedPackage>,
    ) -> Result<(), PolicyError> {
        fits(&name, &connection, package.manifest())?;
        self.connections.insert(name, Arc::new(Installed { connection, package }));
        Ok(())
    }

    /// Takes a connection out, and says whether it was there.
    pub fn remove(&mut self, name: &Name) -> bool {
        self.connections.remove(name).is_some()
    }

    /// The names of the connections, in order.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.connections.keys()
    }

    /// Whether a connection is the same one in both, not merely one that reads alike: what was granted under one of them
    /// still is under the other.
    pub fn agrees(&self, other: &Self, name: &Name) -> bool {
        match (self.connections.get(name), other.connections.get(name)) {
            (Some(mine), Some(theirs)) => Arc::ptr_eq(mine, theirs),
            (mine, theirs) => mine.is_none() && theirs.is_none(),
        }
    }

    /// The connection of this name.
    pub fn connection(&self, name: &Name) -> Option<&Connection> {
        self.connections.get(name).map(|installed| &installed.connection)
    }

    /// The plugin of the connection of this name.
    pub fn package(&self, name: &Name) -> Option<&Arc<VerifiedPackage>> {
        self.connections.get(name).map(|installed| &installed.package)
    }

    /// Whether a caller may use the connection and its plugin declares the tool. Says nothing about operations.
    ///
    /// # Errors
    /// [`Denied`], with the line that would allow it.
    pub fn admit(&self, caller: &Caller) -> Result<(), Denied> {
        self.context(caller).map(|_| ())
    }

    /// Whether every operation and write-back rule of a tool is granted to a principal: then the tool can do what it says.
    pub fn grants_tool(&self, principal: &str, connection: &Name, tool: &ToolName) -> bool {
        let Some(installed) = self.connections.get(connection) else { return false };
        let grant = &installed.connection.grant;
        let Some(tool) = installed.package.manifest().tools.get(tool) else { return false };
        grant.principals.contains(principal)
            && tool.operations.iter().all(|operation| grant.operations.contains(operation))
            && tool.write_back.iter().all(|rule| grant.write_back.contains(rule))
    }

    /// Holds a request against manifest and grant and renders it.
    ///
    /// # Errors
    /// [`Denied`], with the line that would allow it.
    pub fn check(&self, request: Request) -> Result<Granted, Denied> {
        let Request { caller, action } = request;
        let context = self.context(&caller)?;
        match action {
            Action::Send(send) => check_send(&context, send),
            Action::Store(store) => check_store(&context, store),
        }
    }

    pub(crate) fn installed(&self, connection: &Name) -> Result<&Installed, Denied> {
        let missing = if self.is_locked { Denied::Locked } else { Denied::UnknownConnection };
        self.connections.get(connection).map(Arc::as_ref).ok_or(missing)
    }

    fn context<'a>(&'a self, caller: &'a Caller) -> Result<Context<'a>, Denied> {
        let installed = self.installed(&caller.connection)?;
        if !installed.connection.grant.principals.contains(&caller.principal) {
            return Err(Denied::Principal {
                connection: caller.connection.clone(),
                principal: caller.principal.clone(),
            });
        }
        let tool = installed.package.manifest().tools.get(&caller.tool).ok_or(Denied::UnknownTool)?;
        Ok(Context { caller, installed, tool })
    }
}

fn check_send(context: &Context<'_>, send: SendRequest) -> Result<Granted, Denied> {
    let (name, operation) = declared_operation(context, &send.operation)?;
    if !context.connection().grant.operations.contains(name) {
        return Err(Denied::OperationNotGranted {
            connection: context.caller.connection.clone(),
            operation: name.clone(),
        });
    }
    let (send_facts, outbound) = crate::render::render(context, name, operation, send)?;
    let facts = facts(context, operation.effect, operation.description.clone(), ActionFacts::Send(send_facts));
    Ok(Granted::new(facts, Plan::Send(Box::new(outbound)), context.terms(operation.effect, name)))
}

fn declared_operation<'a>(context: &'a Context<'_>, asked: &str) -> Result<(&'a Name, &'a Operation), Denied> {
    let undeclared = || Denied::UndeclaredOperation { tool: context.caller.tool.to_string() };
    let name = context.tool.operations.iter().find(|name| name.as_str() == asked).ok_or_else(undeclared)?;
    let operation = context.manifest().operations.get(name).ok_or_else(undeclared)?;
    Ok((name, operation))
}

fn check_store(context: &Context<'_>, store: StoreRequest) -> Result<Granted, Denied> {
    let (name, rule) = declared_write_back(context, &store.write_back)?;
    let connection = context.caller.connection.clone();
    if !context.connection().grant.write_back.contains(name) {
        return Err(Denied::WriteBackNotGranted { connection, write_back: name.clone() });
    }
    let Some(vault) = context.connection().write_back.get(name).cloned() else {
        return Err(Denied::NoDestination { connection, write_back: name.clone() });
    };
    let plan = StorePlan {
        title: rule.title.render(connection.as_str(), &store.stamp),
        fields: fill_fields(name, rule, store)?,
        connection,
        vault,
    };
    let shown = StoreFacts {
        write_back: name.clone(),
        vault: plan.vault.clone(),
        title: plan.title.clone(),
        fields: plan.fields.iter().map(|(label, value)| (label.clone(), value.slot.clone())).collect(),
    };
    let effect = Effect::Write;
    let facts = facts(context, effect, rule.description.clone(), ActionFacts::Store(shown));
    Ok(Granted::new(facts, Plan::Store(plan), context.terms(effect, name)))
}

fn declared_write_back<'a>(context: &'a Context<'_>, asked: &str) -> Result<(&'a Name, &'a WriteBack), Denied> {
    let undeclared = || Denied::UndeclaredWriteBack { tool: context.caller.tool.to_string() };
    let name = context.tool.write_back.iter().find(|name| name.as_str() == asked).ok_or_else(undeclared)?;
    let rule = context.manifest().write_back.get(name).ok_or_else(undeclared)?;
    Ok((name, rule))
}

/// One value for each field, by slot; none twice, none left over.
fn fill_fields(name: &Name, rule: &WriteBack, store: StoreRequest) -> Result<Vec<(String, crate::SlotHandle)>, Denied> {
    let wrong = || Denied::WriteBackValues {
        write_back: name.clone(),
        slots: rule.fields.iter().map(|field| field.slot.to_string()).collect::<Vec<_>>().join(", "),
    };
    let mut values = store.values;
    let mut filled = Vec::new();
    for field in &rule.fields {
        let at = values.iter().position(|value| value.slot == field.slot).ok_or_else(wrong)?;
        filled.push((field.field.clone(), values.swap_remove(at)));
    }
    if values.is_empty() { Ok(filled) } else { Err(wrong()) }
}

pub(crate) fn facts(context: &Context<'_>, effect: Effect, description: Option<String>, action: ActionFacts) -> Facts {
    let plugin = &context.manifest().plugin;
    Facts {
        plugin: PluginFacts {
            name: plugin.name.clone(),
            version: plugin.version.to_string(),
            component: plugin.component.clone(),
            manifest: context.installed.package.manifest_digest().clone(),
        },
        connection: context.caller.connection.clone(),
        client: context.connection().client.clone(),
        principal: context.caller.principal.clone(),
        session: context.caller.session.clone(),
        tool: context.caller.tool.clone(),
        effect,
        description,
        action,
    }
}

/// Every name in a connection file must mean something to the plugin: a typing error must not silently grant nothing.
fn fits(name: &Name, connection: &Connection, manifest: &Manifest) -> Result<(), PolicyError> {
    if connection.plugin != manifest.plugin.name {
        return Err(PolicyError::OtherPlugin(name.clone()));
    }
    let grant = &connection.grant;
    let identifiers = manifest.secrets.iter().filter(|(_, secret)| secret.identifier);
    let identifiers: BTreeMap<Name, ()> = identifiers.map(|(name, _)| (name.clone(), ())).collect();
    let actions = manifest.operations.keys().chain(manifest.write_back.keys());
    let actions: BTreeMap<Name, ()> = actions.map(|name| (name.clone(), ())).collect();
    let strangers = [
        ("the setting", stranger(connection.settings.keys(), &manifest.settings)),
        ("the secret", stranger(connection.secrets.keys(), &manifest.secrets)),
        ("the endpoint", stranger(connection.endpoints.keys(), &manifest.endpoints)),
        ("the write-back", stranger(connection.write_back.keys(), &manifest.write_back)),
        ("the operation", stranger(&grant.operations, &manifest.operations)),
        ("the write-back", stranger(&grant.write_back, &manifest.write_back)),
        ("the operation", stranger(&grant.each_use, &manifest.operations)),
        ("the operation or write-back", stranger(grant.people.keys(), &actions)),
        ("the identifier", stranger(&grant.identifiers, &identifiers)),
    ];
    let mut found = strangers.into_iter().filter_map(|(what, stranger)| Some((what, stranger?)));
    match found.next() {
        Some((what, stranger)) => {
            Err(PolicyError::Undeclared { connection: name.clone(), what, name: stranger.clone() })
        }
        None => Ok(()),
    }
}

/// The first name that the table does not have.
fn stranger<'a, T>(names: impl IntoIterator<Item = &'a Name>, declared: &BTreeMap<Name, T>) -> Option<&'a Name> {
    names.into_iter().find(|name| !declared.contains_key(*name))
}
