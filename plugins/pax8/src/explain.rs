//! The vendor's errors: `{type, message, instance, status, details: [{type, message, instance, status}]}`.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Failure, excerpt, parse};

/// The longest message that is passed on, in characters.
const MESSAGE: usize = 400;

#[derive(Deserialize)]
struct Envelope {
    message: Option<String>,
    details: Option<Vec<Detail>>,
}

#[derive(Deserialize)]
struct Detail {
    message: Option<String>,
}

/// What an answer that is not a success means, and what would help.
pub(crate) fn explain(status: u16, body: &[u8]) -> Failure {
    let said = parse::<Envelope>(body).map(message).unwrap_or_default();
    match status {
        400 | 422 => Failure::InvalidArguments(format!("Pax8 does not accept the request: {said}")),
        401 => Failure::Upstream(format!(
            "Pax8 refuses the credential (401): check client-id and client-secret of this connection. {said}"
        )),
        // The vendor documents 403 for a company identifier that is not one of the partner's.
        403 => Failure::NotFound(format!(
            "Pax8 does not show this to the partner (403): check the company's identifier with list_companies. {said}"
        )),
        404 => Failure::NotFound(format!("Pax8 knows no such record. {said}")),
        _ => Failure::Upstream(format!("Pax8 answers {status}. {said}")),
    }
}

fn message(envelope: Envelope) -> String {
    let details = envelope.details.into_iter().flatten().filter_map(|detail| detail.message);
    let said: Vec<String> = envelope.message.into_iter().chain(details).collect();
    excerpt(&said.join("; "), MESSAGE)
}

#[cfg(test)]
mod tests {
    use claviger_plugin_sdk::Failure;

    use super::explain;

    #[test]
    fn the_envelope_is_passed_on() {
        let body = br#"{"type":"BAD_REQUEST","message":"invalid","instance":"/v1/subscriptions","status":400,
            "details":[{"type":"x","message":"size must be at most 200","instance":"y","status":400},{}]}"#;
        assert!(
            matches!(explain(400, body), Failure::InvalidArguments(text) if text.ends_with("invalid; size must be at most 200"))
        );
    }

    #[test]
    fn statuses_say_where_to_look() {
        assert!(
            matches!(explain(401, br#"{"error":"access_denied"}"#), Failure::Upstream(text) if text.contains("client-secret"))
        );
        assert!(matches!(explain(403, b"{}"), Failure::NotFound(text) if text.contains("list_companies")));
        assert!(matches!(explain(404, b"<html>"), Failure::NotFound(_)));
        assert!(matches!(explain(500, b"<html>"), Failure::Upstream(text) if !text.contains('<')));
    }
}
