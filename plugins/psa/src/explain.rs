//! The vendor's errors: `{code, message, errors: [{code, message, resource, field}]}`.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Failure, excerpt};

/// The longest message that is passed on, in characters.
const MESSAGE: usize = 400;

#[derive(Deserialize)]
struct Envelope {
    code: Option<String>,
    message: Option<String>,
    errors: Option<Vec<Detail>>,
}

#[derive(Deserialize)]
struct Detail {
    message: Option<String>,
    field: Option<String>,
}

/// What an answer that is not a success means, and what would help.
pub(crate) fn explain(status: u16, body: &[u8]) -> Failure {
    let envelope = claviger_plugin_sdk::parse::<Envelope>(body).filter(|envelope| envelope.message.is_some());
    let said = envelope.as_ref().map(message).unwrap_or_default();
    match status {
        400 => Failure::InvalidArguments(format!("ConnectWise does not accept the request: {said}")),
        401 => Failure::Upstream(format!(
            "ConnectWise refuses the credential (401): check company, public-key, private-key and client-id of this connection. {said}"
        )),
        403 => Failure::Upstream(format!(
            "the API member's security role does not allow this (403): change it in ConnectWise under System, Security Roles. {said}"
        )),
        404 if envelope.is_some() => Failure::NotFound(said),
        // The guide's own advice: on the cloud a wrong company or host answers with a bare 404.
        404 => Failure::Upstream(
            "ConnectWise answers 404 without its usual explanation: check the setting `host` and the company of this connection".into(),
        ),
        _ => Failure::Upstream(format!("ConnectWise answers {status}. {said}")),
    }
}

fn message(envelope: &Envelope) -> String {
    let mut text = envelope.message.clone().unwrap_or_default();
    for detail in envelope.errors.iter().flatten() {
        let field = detail.field.as_deref().unwrap_or_default();
        let said = detail.message.as_deref().unwrap_or_default();
        text = format!("{text} {field}: {said}");
    }
    if let Some(code) = &envelope.code {
        text = format!("{text} ({code})");
    }
    excerpt(&text, MESSAGE)
}

#[cfg(test)]
mod tests {
    use claviger_plugin_sdk::Failure;

    use super::explain;

    #[test]
    fn a_missing_record_is_told_apart_from_a_wrong_host() {
        let body = br#"{"code":"NotFound","message":"Ticket 7 not found","errors":null}"#;
        assert!(matches!(explain(404, body), Failure::NotFound(text) if text == "Ticket 7 not found (NotFound)"));
        assert!(matches!(explain(404, b"<html>"), Failure::Upstream(text) if text.contains("`host`")));
        assert!(matches!(explain(404, b""), Failure::Upstream(_)));
    }

    #[test]
    fn field_errors_are_passed_on() {
        let body = br#"{"code":"InvalidObject","message":"conditions are invalid",
            "errors":[{"code":"InvalidField","message":"no such field","resource":"ticket","field":"sumary"}]}"#;
        assert!(
            matches!(explain(400, body), Failure::InvalidArguments(text) if text.contains("sumary: no such field"))
        );
    }

    #[test]
    fn refusals_say_where_to_look() {
        let body = br#"{"code":"Unauthorized","message":"Invalid credential"}"#;
        assert!(matches!(explain(401, body), Failure::Upstream(text) if text.contains("client-id")));
        assert!(matches!(explain(403, b"{}"), Failure::Upstream(text) if text.contains("Security Roles")));
        assert!(matches!(explain(502, b"<html>bad gateway</html>"), Failure::Upstream(text) if !text.contains('<')));
    }
}
