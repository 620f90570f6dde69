//! From an operation's name and parameters to the one request that may be sent.

use std::collections::BTreeMap;

use claviger_manifest::{CaptureSource, Credential, Name, Operation, Origin, Scheme, Session};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::facts::{CredentialFacts, SendFacts};
use crate::parameters::{self, Target};
use crate::plan::{CredentialPlan, EndpointPlan, LogoutPlan, Outbound, Source, TokenEndpointPlan};
use crate::policy::Context;
use crate::request::{Lent, SendRequest, SlotHandle};
use crate::{Denied, body};

/// Renders a granted operation: what is shown and what is sent come from the same values.
pub(crate) fn render(
    context: &Context<'_>,
    name: &Name,
    operation: &Operation,
    send: SendRequest,
) -> Result<(SendFacts, Outbound), Denied> {
    let target = parameters::render(&operation.path, &operation.query, &send.parameters)
        .map_err(|why| Denied::Parameter { operation: name.clone(), why })?;
    let limits = &context.manifest().limits;
    let body = body::check(operation, send.body.as_deref(), limits.request)
        .map_err(|why| Denied::Body { operation: name.clone(), why })?;
    let lent = place_lent(name, operation, body.as_ref(), send.lent)?;
    let credential = credential(context, name, operation, send.credential.as_deref())?;
    let endpoint = endpoint(context, &operation.endpoint)?;
    let outbound = Outbound {
        connection: context.caller.connection.clone(),
        endpoint,
        method: operation.method.as_str(),
        path: target.path.clone(),
        query: target.query.clone(),
        headers: operation.headers.iter().map(|(header, value)| (header.clone(), value.clone())).collect(),
        body,
        body_type: operation.body_type,
        credential,
        lent,
        captures: operation.capture.iter().map(|(slot, source)| (slot.clone(), source.clone())).collect(),
        strip: operation.strip.clone(),
        strip_headers: operation.strip_headers.iter().map(|header| header.to_ascii_lowercase()).collect(),
        reply: operation.reply.clone(),
        response_headers: operation.response_headers.iter().map(|header| header.to_ascii_lowercase()).collect(),
        response_limit: limits.response,
        probe: false,
    };
    Ok((facts(name, target, &outbound)?, outbound))
}

/// The facts of a plan that was changed after it was rendered.
pub(crate) fn facts_of(
    operation: &Operation,
    name: &Name,
    send: &SendRequest,
    outbound: &Outbound,
) -> Result<SendFacts, Denied> {
    let target = parameters::render(&operation.path, &operation.query, &send.parameters)
        .map_err(|why| Denied::Parameter { operation: name.clone(), why })?;
    facts(name, target, outbound)
}

/// What the approver sees, read off the plan itself.
fn facts(name: &Name, target: Target, outbound: &Outbound) -> Result<SendFacts, Denied> {
    let body = outbound.body.as_ref().map(|value| body::facts(value, outbound.body_type)).transpose();
    Ok(SendFacts {
        operation: name.clone(),
        method: outbound.method.to_owned(),
        origin: outbound.endpoint.origin.to_string(),
        path: target.path,
        query: target.query_pairs,
        headers: outbound.headers.iter().cloned().collect(),
        body: body.map_err(|why| Denied::Body { operation: name.clone(), why })?,
        credential: outbound.credential.as_ref().map(credential_facts),
        lent: outbound.lent.iter().map(|(pointer, value)| (pointer.clone(), value.slot.clone())).collect(),
        captures: outbound.captures.iter().map(|(slot, source)| (slot.clone(), place(source))).collect(),
        connect: outbound.endpoint.connect.map(|address| address.to_string()),
        trust: outbound.endpoint.ca.as_ref().map(|pem| hex::encode(Sha256::digest(pem.as_bytes()))),
        pins: outbound.endpoint.pins.iter().map(ToString::to_string).collect(),
    })
}

fn place(source: &CaptureSource) -> String {
    match source {
        CaptureSource::Pointer(pointer) => pointer.clone(),
        CaptureSource::Header(header) => format!("header:{header}"),
    }
}

/// A session shows what it logs in with as its own.
fn credential_facts(plan: &CredentialPlan) -> CredentialFacts {
    let shown = |source: &Source| match source {
        Source::Reference(reference) => reference.to_string(),
        Source::Identifier(reference) => format!("identifier {reference}"),
        Source::Slot(slot) => format!("slot {slot}"),
        Source::Setting(text) => format!("setting {text}"),
        Source::Canary => "canary".to_owned(),
    };
    let login = plan.login.as_ref().and_then(|login| login.credential.as_ref());
    let sources = plan.sources.iter().chain(login.iter().flat_map(|login| &login.sources));
    CredentialFacts {
        name: plan.name.clone(),
        scheme: plan.declaration.scheme.as_str(),
        secrets: sources.map(|(name, source)| (name.clone(), shown(source))).collect(),
        versions: BTreeMap::new(),
        token_endpoint: plan.token_endpoint.as_ref().map(|token| format!("{}{}", token.endpoint.origin, token.path)),
        login: plan.login.as_ref().map(|login| format!("{} {}{}", login.method, login.endpoint.origin, login.path)),
        logout: plan.logout.as_ref().map(|out| format!("{} {}{}", out.method, out.endpoint.origin, out.path)),
    }
}

/// Lent values go to declared sites that the body has not filled.
fn place_lent(
    name: &Name,
    operation: &Operation,
    body: Option<&Value>,
    lent: Vec<Lent>,
) -> Result<Vec<(String, SlotHandle)>, Denied> {
    let refused = || Denied::Lent {
        operation: name.clone(),
        sites: operation.lend.keys().map(Name::as_str).collect::<Vec<_>>().join(", "),
    };
    let mut placed: Vec<(String, SlotHandle)> = Vec::new();
    for one in lent {
        let pointer =
            operation.lend.iter().find(|(site, _)| site.as_str() == one.site).map(|(_, p)| p).ok_or_else(refused)?;
        let filled = body.is_some_and(|value| value.pointer(pointer).is_some())
            || placed.iter().any(|(taken, _)| taken == pointer);
        if filled {
            return Err(refused());
        }
        placed.push((pointer.clone(), one.value));
    }
    Ok(placed)
}

fn credential(
    context: &Context<'_>,
    operation_name: &Name,
    operation: &Operation,
    asked: Option<&str>,
) -> Result<Option<CredentialPlan>, Denied> {
    let refused = || Denied::Credential {
        operation: operation_name.clone(),
        allowed: operation.credentials.iter().map(Name::as_str).collect::<Vec<_>>().join(", "),
    };
    // An operation that declares credentials is never sent without one: a request that silently went out bare would
    // come back as a puzzling 401, or worse, as somebody else's answer.
    let Some(asked) = asked else {
        return if operation.credentials.is_empty() { Ok(None) } else { Err(refused()) };
    };
    let name = operation.credentials.iter().find(|name| name.as_str() == asked).ok_or_else(refused)?;
    let declaration = context.manifest().credentials.get(name).ok_or_else(refused)?;
    let session = match &declaration.scheme {
        Scheme::Session(session) => Some(session),
        _ => None,
    };
    Ok(Some(CredentialPlan {
        name: name.clone(),
        sources: sources(context, declaration)?,
        versions: BTreeMap::new(),
        token_endpoint: token_endpoint(context, declaration)?,
        login: session.map(|session| login(context, session)).transpose()?,
        logout: session.and_then(|session| logout(context, session).transpose()).transpose()?,
        declaration: declaration.clone(),
    }))
}

/// The log-in is rendered as any other request. The manifest room saw to it that nothing in it is the guest's, and that
/// its own credential logs in nowhere else.
fn login(context: &Context<'_>, session: &Session) -> Result<Box<Outbound>, Denied> {
    let operation = host_operation(context, &session.login)?;
    let send = SendRequest {
        operation: session.login.to_string(),
        parameters: Vec::new(),
        body: None,
        credential: operation.credentials.first().map(ToString::to_string),
        lent: Vec::new(),
    };
    render(context, &session.login, operation, send).map(|(_, outbound)| Box::new(outbound))
}

fn logout(context: &Context<'_>, session: &Session) -> Result<Option<Box<LogoutPlan>>, Denied> {
    let Some(logout) = &session.logout else { return Ok(None) };
    let operation = host_operation(context, &logout.operation)?;
    Ok(Some(Box::new(LogoutPlan {
        endpoint: endpoint(context, &operation.endpoint)?,
        method: operation.method.as_str(),
        headers: operation.headers.iter().map(|(header, value)| (header.clone(), value.clone())).collect(),
        path: operation.path.clone(),
    })))
}

fn host_operation<'a>(context: &'a Context<'_>, name: &Name) -> Result<&'a Operation, Denied> {
    let undeclared = || Denied::UndeclaredOperation { tool: context.caller.tool.to_string() };
    context.manifest().operations.get(name).ok_or_else(undeclared)
}

fn sources(context: &Context<'_>, declaration: &Credential) -> Result<BTreeMap<Name, Source>, Denied> {
    declaration.sources().into_iter().map(|name| Ok((name.clone(), source(context, name)?))).collect()
}

/// A slot of this call, a setting, or the reference that the connection binds, or else the manifest's default.
fn source(context: &Context<'_>, name: &Name) -> Result<Source, Denied> {
    let (manifest, connection) = (context.manifest(), context.connection());
    let unbound = || Denied::Unbound { connection: context.caller.connection.clone(), secret: name.clone() };
    if manifest.slots.contains_key(name) {
        return Ok(Source::Slot(name.clone()));
    }
    if let Some(setting) = manifest.settings.get(name) {
        let text = connection.settings.get(name).or(setting.default.as_ref());
        let unset = || Denied::Unset { connection: context.caller.connection.clone(), setting: name.clone() };
        return text.cloned().map(Source::Setting).ok_or_else(unset);
    }
    let secret = manifest.secrets.get(name).ok_or_else(unbound)?;
    let bound = connection.secrets.get(name).or(secret.reference.as_ref()).cloned().ok_or_else(unbound)?;
    // Declared and granted: an author's word alone would switch the scanner off.
    let identifier = secret.identifier && connection.grant.identifiers.contains(name);
    Ok(if identifier { Source::Identifier(bound) } else { Source::Reference(bound) })
}

fn token_endpoint(context: &Context<'_>, declaration: &Credential) -> Result<Option<TokenEndpointPlan>, Denied> {
    let Scheme::Oauth2(oauth) = &declaration.scheme else { return Ok(None) };
    let token = &oauth.token_endpoint;
    Ok(Some(TokenEndpointPlan { endpoint: endpoint(context, &token.endpoint)?, path: token.path.clone() }))
}

fn endpoint(context: &Context<'_>, name: &Name) -> Result<EndpointPlan, Denied> {
    let settings = context.connection().endpoints.get(name).cloned().unwrap_or_default();
    Ok(EndpointPlan {
        origin: origin(context, name)?,
        ca: settings.ca,
        connect: settings.connect,
        networks: context.connection().grant.networks.clone(),
        pins: settings.pins,
    })
}

fn origin(context: &Context<'_>, name: &Name) -> Result<Origin, Denied> {
    let wrong =
        |why: String| Denied::Origin { connection: context.caller.connection.clone(), endpoint: name.clone(), why };
    let endpoint =
        context.manifest().endpoints.get(name).ok_or_else(|| wrong("the manifest declares no such endpoint".into()))?;
    let given = &context.connection().settings;
    let defaults = context.manifest().settings.iter();
    let mut settings: BTreeMap<Name, String> =
        defaults.filter_map(|(key, setting)| Some((key.clone(), setting.default.clone()?))).collect();
    settings.extend(given.iter().map(|(key, value)| (key.clone(), value.clone())));
    endpoint.origin.render(&settings).map_err(|error| wrong(error.to_string()))
}
