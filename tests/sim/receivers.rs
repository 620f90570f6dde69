//! Where people are told things: a topic of ntfy, an incoming webhook of Slack, a workflow webhook of Teams. Each refuses
//! what the service refuses, and answers with words that would be a yes if anybody listened.

use std::io;

use http::{Method, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::TestCa;
use crate::asked::Asked;
use crate::reply::{self, Reply};
use crate::running::Running;
use crate::vendor::{Api, Vendor};

/// What ntfy shows as a message; a longer body becomes a file, which this server does not take.
const NTFY_MESSAGE: usize = 4_096;

/// The longest body that Teams takes.
const TEAMS_BODY: usize = 28 * 1_024;

/// The most characters in a text of Slack's.
const SLACK_TEXT: usize = 40_000;

/// Which service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiverKind {
    /// ntfy, `POST /<topic>`.
    Ntfy,
    /// Slack, `POST /services/T…/B…/…`.
    Slack,
    /// Teams, `POST /workflows/…?sig=…`.
    Teams,
}

/// A receiver with one address that is good.
#[derive(Debug)]
pub struct Receiver {
    kind: ReceiverKind,
    key: String,
}

impl Receiver {
    /// Starts it. `key` is the part of its address that whoever writes has to know.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(ca: &TestCa, kind: ReceiverKind, key: &str) -> io::Result<Running> {
        let tls = ca.server(&["receiver.example".to_owned()])?;
        Running::start(Api(Self { kind, key: key.to_owned() }), Some(tls))
    }

    /// The address of a running one, as the service hands it out.
    #[must_use]
    pub fn address(running: &Running, kind: ReceiverKind, key: &str) -> String {
        let origin = running.origin();
        match kind {
            ReceiverKind::Ntfy => format!("{origin}/{key}"),
            ReceiverKind::Slack => format!("{origin}/services/T0SIMULATED/B0SIMULATED/{key}"),
            ReceiverKind::Teams => format!("{origin}/workflows/simulated/triggers/manual/paths/invoke?sig={key}"),
        }
    }

    fn ntfy(&self, asked: &Asked) -> Reply {
        let refused = |status: StatusCode, code: u32, why: &str| {
            reply::json(status, &json!({ "code": code, "http": status.as_u16(), "error": why }))
        };
        match asked.route().as_slice() {
            [topic] if *topic == self.key => {}
            _ => return refused(StatusCode::FORBIDDEN, 40_301, "forbidden"),
        }
        let Ok(message) = std::str::from_utf8(&asked.body) else {
            return refused(StatusCode::BAD_REQUEST, 40_014, "invalid request: attachments not allowed");
        };
        if message.len() > NTFY_MESSAGE {
            return refused(StatusCode::BAD_REQUEST, 40_014, "invalid request: attachments not allowed");
        }
        reply::json(StatusCode::OK, &json!({ "event": "message", "message": message, "approved": true }))
    }

    fn slack(&self, asked: &Asked) -> Reply {
        match asked.route().as_slice() {
            ["services", _, _, key] if *key == self.key => {}
            ["services", ..] => return words(StatusCode::FORBIDDEN, "invalid_token"),
            _ => return words(StatusCode::NOT_FOUND, "no_service"),
        }
        let is_json = asked.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        let Some(Value::Object(payload)) = serde_json::from_slice(&asked.body).ok().filter(|_| is_json) else {
            return words(StatusCode::BAD_REQUEST, "invalid_payload");
        };
        let text = payload.get("text").and_then(Value::as_str).unwrap_or_default();
        let blocks = payload.get("blocks").and_then(Value::as_array);
        if text.is_empty() && blocks.is_none_or(Vec::is_empty) {
            return words(StatusCode::BAD_REQUEST, "no_text");
        }
        if text.chars().count() > SLACK_TEXT {
            return words(StatusCode::BAD_REQUEST, "msg_too_long");
        }
        match blocks.is_none_or(|blocks| blocks.iter().all(is_block)) {
            true => words(StatusCode::OK, "ok"),
            false => words(StatusCode::BAD_REQUEST, "invalid_blocks"),
        }
    }

    fn teams(&self, asked: &Asked) -> Reply {
        if asked.only("sig").ok().flatten() != Some(self.key.as_str()) {
            let error = json!({ "error": { "code": "DirectApiAuthorizationRequired" } });
            return reply::json(StatusCode::UNAUTHORIZED, &error);
        }
        if asked.body.len() > TEAMS_BODY {
            return reply::empty(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let message: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let cards = message.get("attachments").and_then(Value::as_array);
        if message.get("type") == Some(&json!("message")) && cards.is_some_and(|cards| cards.iter().all(is_card)) {
            return reply::json(StatusCode::ACCEPTED, &json!({ "approved": true, "decision": "approve" }));
        }
        reply::json(StatusCode::BAD_REQUEST, &json!({ "error": { "code": "TriggerInputSchemaMismatch" } }))
    }
}

impl Vendor for Receiver {
    async fn answer(&self, asked: Asked) -> Reply {
        if asked.method != Method::POST {
            return reply::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        match self.kind {
            ReceiverKind::Ntfy => self.ntfy(&asked),
            ReceiverKind::Slack => self.slack(&asked),
            ReceiverKind::Teams => self.teams(&asked),
        }
    }
}

/// The one kind of block that tests have a use for: rich text, of sections, of elements of plain text.
fn is_block(block: &Value) -> bool {
    let parts = |value: &Value, kind: &str| {
        let is_it = value.get("type").and_then(Value::as_str) == Some(kind);
        value.get("elements").and_then(Value::as_array).filter(|_| is_it).cloned()
    };
    let is_text = |element: &Value| {
        element.get("type") == Some(&json!("text"))
            && element.get("text").and_then(Value::as_str).is_some_and(|text| !text.is_empty())
    };
    parts(block, "rich_text").is_some_and(|sections| {
        sections.iter().all(|section| parts(section, "rich_text_section").is_some_and(|all| all.iter().all(is_text)))
    })
}

fn is_card(attachment: &Value) -> bool {
    let text = |pointer: &str| attachment.pointer(pointer).and_then(Value::as_str);
    text("/contentType") == Some("application/vnd.microsoft.card.adaptive")
        && text("/content/type") == Some("AdaptiveCard")
        && text("/content/version").is_some_and(|version| version.starts_with("1."))
        && attachment.pointer("/content/body").and_then(Value::as_array).is_some_and(|body| !body.is_empty())
}

/// Slack answers in words.
fn words(status: StatusCode, words: &'static str) -> Reply {
    let mut reply = Box::new(Response::new(Full::new(words.into())));
    *reply.status_mut() = status;
    reply
}
