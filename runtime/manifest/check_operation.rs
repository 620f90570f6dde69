//! The rules of one operation.

use crate::check::{broken, declared, description, distinct, query_name};
use crate::check_credential::check_conflicts;
use crate::{
    BodyType, CaptureSource, Effect, Manifest, ManifestError, Method, Name, Operation, Rule, headers, pointer, text,
};

/// The longest constant header value, in bytes.
const MAX_HEADER_VALUE: usize = 1024;

type Checked = Result<(), ManifestError>;

pub(crate) fn check_operation(manifest: &Manifest, name: &Name, operation: &Operation) -> Checked {
    let at = format!("[operations.{name}]");
    description(operation.description.as_ref(), &at)?;
    let endpoint = &operation.endpoint;
    declared(manifest.endpoints.contains_key(endpoint), format!("{at} endpoint"), endpoint, "endpoints")?;
    distinct(&operation.credentials, &format!("{at} credentials"))?;
    for credential in &operation.credentials {
        let found = manifest.credentials.get(credential);
        declared(found.is_some(), format!("{at} credential"), credential, "credentials")?;
        found.map_or(Ok(()), |found| check_conflicts(&at, operation, found))?;
    }
    check_query(&at, operation)?;
    check_headers(&at, operation)?;
    check_body(&at, operation)?;
    check_lend(&at, operation)?;
    check_answer(manifest, &at, operation)
}

fn check_query(at: &str, operation: &Operation) -> Checked {
    let here = format!("{at} query");
    distinct(&operation.query, &here)?;
    for name in &operation.query {
        query_name(name, &here)?;
        if operation.path.parameters().any(|parameter| parameter.as_str() == name) {
            return Err(broken(here, Rule::QueryConflict));
        }
    }
    Ok(())
}

fn check_headers(at: &str, operation: &Operation) -> Checked {
    let here = format!("{at} headers");
    let names: Vec<String> = operation.headers.keys().map(|name| name.to_ascii_lowercase()).collect();
    distinct(&names, &here)?;
    for (name, value) in &operation.headers {
        headers::constant(name).map_err(|rule| broken(here.as_str(), rule))?;
        if !text::is_plain(value, MAX_HEADER_VALUE) {
            return Err(broken(here, Rule::HeaderValue));
        }
    }
    Ok(())
}

fn check_body(at: &str, operation: &Operation) -> Checked {
    let here = format!("{at} body");
    distinct(&operation.body, &here)?;
    let none = operation.body.is_empty() && operation.lend.is_empty();
    if !none && matches!(operation.method, Method::Get | Method::Head) {
        return Err(broken(here, Rule::BodyOnGet));
    }
    if operation.body_type == BodyType::Form && operation.body.iter().any(|pattern| pattern.depth() != 1) {
        return Err(broken(here, Rule::FormDepth));
    }
    let overrides = |field: String| headers::overrides_method(field.trim_start_matches('/'));
    if operation.body.iter().map(ToString::to_string).any(overrides) {
        return Err(broken(here, Rule::MethodOverride));
    }
    Ok(())
}

fn check_lend(at: &str, operation: &Operation) -> Checked {
    let here = format!("{at} lend");
    for (index, site) in operation.lend.values().enumerate() {
        if !pointer::is_valid(site) {
            return Err(broken(here, Rule::Pointer));
        }
        if operation.body_type == BodyType::Form && pointer::tokens(site).count() != 1 {
            return Err(broken(here, Rule::FormDepth));
        }
        let within = |other: &String| pointer::tokens(site).zip(pointer::tokens(other)).all(|(one, two)| one == two);
        let taken = operation.body.iter().any(|pattern| pattern.overlaps(site))
            || operation.lend.values().skip(index + 1).any(within);
        if taken {
            return Err(broken(here, Rule::LendOverlap));
        }
    }
    Ok(())
}

/// What is taken out of the answer, and what is left of it for the plugin.
fn check_answer(manifest: &Manifest, at: &str, operation: &Operation) -> Checked {
    let here = format!("{at} capture");
    for (slot, source) in &operation.capture {
        declared(manifest.slots.contains_key(slot), here.clone(), slot, "slots")?;
        match source {
            CaptureSource::Pointer(place) if !pointer::is_valid(place) => return Err(broken(here, Rule::Pointer)),
            CaptureSource::Header(header) => headers::token(header).map_err(|rule| broken(here.as_str(), rule))?,
            CaptureSource::Pointer(_) => {}
        }
    }
    if !operation.capture.is_empty() && operation.effect < Effect::Write {
        return Err(broken(here, Rule::CaptureRead));
    }
    distinct(&operation.strip, &format!("{at} strip"))?;
    check_response_headers(at, operation)
}

fn check_response_headers(at: &str, operation: &Operation) -> Checked {
    let here = format!("{at} response-headers");
    let names: Vec<String> = operation.response_headers.iter().map(|name| name.to_ascii_lowercase()).collect();
    distinct(&names, &here)?;
    let captured = |name: &String| {
        operation
            .capture
            .values()
            .any(|source| matches!(source, CaptureSource::Header(header) if header.eq_ignore_ascii_case(name)))
    };
    for name in &names {
        headers::response(name).map_err(|rule| broken(here.as_str(), rule))?;
        if captured(name) {
            return Err(broken(here, Rule::SecretResponseHeader));
        }
    }
    Ok(())
}
