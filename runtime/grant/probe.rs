//! A request with nothing real in it: does an upstream give back what it is given?

use claviger_manifest::{Name, Operation, Origin, Scheme, ToolName};

use crate::facts::ActionFacts;
use crate::plan::{CredentialPlan, EndpointPlan, Outbound, Plan, Source};
use crate::policy::{Context, facts};
use crate::{Caller, Denied, Granted, Policy, SendRequest, render};

/// An upstream that an operator names for a probe.
#[derive(Clone, Debug)]
pub struct ProbeUpstream {
    /// Scheme, host and port.
    pub origin: Origin,
    /// A private certificate authority, PEM text; the public ones otherwise.
    pub ca: Option<String>,
}

impl Policy {
    /// Renders a declared operation with canaries in the place of every secret, towards an upstream that an operator
    /// names. No grant is asked for, since nothing of the connection's goes out; approval and log are as for any request.
    ///
    /// # Errors
    /// [`Denied`] when there is no such connection or operation, or the request does not fit the operation.
    pub fn probe(
        &self,
        principal: &str,
        session: &str,
        connection: &Name,
        send: SendRequest,
        upstream: &ProbeUpstream,
    ) -> Result<Granted, Denied> {
        let installed = self.installed(connection)?;
        let manifest = installed.package.manifest();
        let undeclared = || Denied::UndeclaredOperation { tool: "any tool".to_owned() };
        let declaring =
            manifest.tools.iter().find(|(_, tool)| tool.operations.iter().any(|name| name.as_str() == send.operation));
        let (tool_name, tool) = declaring.ok_or_else(undeclared)?;
        let (name, operation) =
            manifest.operations.iter().find(|(name, _)| name.as_str() == send.operation).ok_or_else(undeclared)?;
        let caller = caller(principal, session, connection, tool_name);
        let context = Context { caller: &caller, installed, tool };
        rendered(&context, name, operation, send, upstream)
    }
}

fn caller(principal: &str, session: &str, connection: &Name, tool: &ToolName) -> Caller {
    Caller {
        principal: principal.to_owned(),
        session: session.to_owned(),
        connection: connection.clone(),
        tool: tool.clone(),
    }
}

fn rendered(
    context: &Context<'_>,
    name: &Name,
    operation: &Operation,
    send: SendRequest,
    upstream: &ProbeUpstream,
) -> Result<Granted, Denied> {
    let (_, mut outbound) = render::render(context, name, operation, send.clone())?;
    disarm(&mut outbound, upstream);
    // Shown as it will be sent: read off the changed plan, like the facts of every other request.
    let shown = render::facts_of(operation, name, &send, &outbound)?;
    let facts = facts(context, operation.effect, operation.description.clone(), ActionFacts::Send(shown));
    Ok(Granted::new(facts, Plan::Send(Box::new(outbound)), context.terms(operation.effect, name)))
}

/// Takes everything out of a plan that is the connection's: where it goes, whom it trusts, what it authenticates with.
fn disarm(outbound: &mut Outbound, upstream: &ProbeUpstream) {
    let networks = std::mem::take(&mut outbound.endpoint.networks);
    outbound.endpoint = EndpointPlan {
        origin: upstream.origin.clone(),
        ca: upstream.ca.clone(),
        connect: None,
        networks,
        pins: Vec::new(),
    };
    outbound.captures.clear();
    outbound.probe = true;
    if let Some(credential) = &mut outbound.credential {
        disarm_credential(credential);
    }
}

/// A token or a session is not fetched: the canary stands for it.
fn disarm_credential(credential: &mut CredentialPlan) {
    credential.token_endpoint = None;
    credential.login = None;
    credential.logout = None;
    for source in credential.sources.values_mut() {
        if !matches!(source, Source::Setting(_)) {
            *source = Source::Canary;
        }
    }
    if let Scheme::Session(session) = &credential.declaration.scheme {
        credential.sources.extend(session.values.keys().map(|name| (name.clone(), Source::Canary)));
    }
}
