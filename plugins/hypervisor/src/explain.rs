//! Proxmox's errors: `{data: null, errors: {parameter: text}, message}`, and statuses of its own proxy.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Failure, excerpt, parse};

/// The longest message that is passed on, in characters.
const MESSAGE: usize = 400;

/// What the proxy in front of every node answers when it does not reach the node that a request is for.
const NODE_UNREACHED: [u16; 2] = [595, 596];

/// Texts of the plain 500 that Proxmox answers for things that are not there.
const MISSING: [&str; 3] = ["does not exist", "hostname lookup", "no such"];

#[derive(Deserialize)]
struct Envelope {
    errors: Option<BTreeMap<String, String>>,
    message: Option<String>,
}

/// What an answer that is not a success means, and what would help.
pub(crate) fn explain(status: u16, body: &[u8]) -> Failure {
    let said = message(body);
    match status {
        400 => Failure::InvalidArguments(format!("Proxmox does not accept the request: {said}")),
        401 => Failure::Upstream(format!(
            "Proxmox refuses the token (401): check token-id (user@realm!name) and token-secret of this connection, and whether the token has expired. {said}"
        )),
        403 => Failure::Upstream(format!(
            "the token lacks a privilege (403). A token with privilege separation needs permissions of its own, beside its user's: {said}"
        )),
        404 => Failure::NotFound(format!("Proxmox knows nothing there: {said}")),
        500 if MISSING.iter().any(|text| said.contains(text)) => Failure::NotFound(said),
        501 => Failure::Upstream(format!("this version of Proxmox has no such operation (501). {said}")),
        status if NODE_UNREACHED.contains(&status) => Failure::Upstream(format!(
            "the Proxmox host answers, but does not reach the node asked for ({status}): is the name right and the node online?"
        )),
        _ => Failure::Upstream(format!("Proxmox answers {status}. {said}")),
    }
}

fn message(body: &[u8]) -> String {
    let Some(envelope) = parse::<Envelope>(body) else { return plain(body) };
    let errors = envelope.errors.into_iter().flatten().map(|(parameter, text)| format!("{parameter}: {}", text.trim()));
    let said: Vec<String> = envelope.message.map(|text| text.trim().to_owned()).into_iter().chain(errors).collect();
    excerpt(&said.join("; "), MESSAGE)
}

/// Old versions answer errors as plain text; a page of HTML from something in between is no explanation.
fn plain(body: &[u8]) -> String {
    let text = core::str::from_utf8(body).unwrap_or_default().trim();
    if text.starts_with('<') { String::new() } else { excerpt(text, MESSAGE) }
}

#[cfg(test)]
mod tests {
    use claviger_plugin_sdk::Failure;

    use super::explain;

    #[test]
    fn parameter_errors_are_passed_on() {
        let body = br#"{"data":null,"errors":{"vmid":"type check ('integer') failed\n"},"message":"Parameter verification failed.\n"}"#;
        assert!(matches!(explain(400, body), Failure::InvalidArguments(text)
            if text.ends_with("Parameter verification failed.; vmid: type check ('integer') failed")));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let body = br#"{"data":null,"message":"Configuration file 'nodes/pve/qemu-server/7.conf' does not exist\n"}"#;
        assert!(matches!(explain(500, body), Failure::NotFound(_)));
        assert!(matches!(
            explain(500, b"hostname lookup 'pve9' failed - failed to get address info"),
            Failure::NotFound(_)
        ));
        assert!(matches!(explain(500, br#"{"data":null,"message":"disk I/O error"}"#), Failure::Upstream(_)));
    }

    #[test]
    fn refusals_say_where_to_look() {
        assert!(matches!(explain(401, br#"{"data":null}"#), Failure::Upstream(text) if text.contains("token-secret")));
        assert!(matches!(explain(403, br#"{"data":null,"message":"Permission check failed (/, Sys.Audit)\n"}"#),
            Failure::Upstream(text) if text.contains("privilege separation") && text.ends_with("(/, Sys.Audit)")));
        for status in [595, 596] {
            assert!(matches!(explain(status, b""), Failure::Upstream(text) if text.contains("online")));
        }
        assert!(matches!(explain(502, b"<html>x</html>"), Failure::Upstream(text) if !text.contains('<')));
    }
}
