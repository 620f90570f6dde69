//! What came of an action, held back until the log has it.

use std::fmt;

use bytes::Bytes;
use claviger_audit::{Outcome, OutcomeFacts, Text, Verdict};
use claviger_grant::SlotHandle;
use claviger_manifest::{Name, SecretReference};

use crate::failure::{Failure, FailureKind};
use crate::leaks::Leaks;
use crate::probe::Probed;

/// What came of an action. It is useful only out of a [`Recorded`](claviger_audit::Recorded) whose outcome was closed.
#[must_use = "an answer that nobody takes was asked for in vain"]
pub struct Response {
    result: Result<Answer, Failure>,
    report: Report,
}

/// An answer that was scanned and may be given out.
#[derive(Debug)]
pub enum Answer {
    /// An upstream answered.
    Http(HttpAnswer),
    /// An item was stored: one reference for each field, in the order of the rule.
    Stored(Vec<SecretReference>),
    /// A probe: where the answer held the canaries that went out.
    Probed(Probed),
}

/// An upstream's answer, without the values that were captured from it.
pub struct HttpAnswer {
    /// The status code. Any but a redirect: what an error means is for the plugin to say.
    pub status: u16,
    /// Headers that the operation lets through, lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Captured values, in the order of the rules.
    pub captured: Vec<SlotHandle>,
}

/// What is known about an action while it is under way: sizes, status, and whether it has left.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) left_host: bool,
    pub(crate) status: Option<u16>,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    pub(crate) captured: Vec<Name>,
    /// Where an answer held secrets. For the log alone.
    pub(crate) leaks: Leaks,
}

impl Response {
    pub(crate) fn new(result: Result<Answer, FailureKind>, report: Report) -> Self {
        let result = result.map_err(|kind| Failure { kind, left_host: report.left_host });
        Self { result, report }
    }

    /// The answer, or why there is none.
    ///
    /// # Errors
    /// [`Failure`]: what happened, and whether the request may have reached the upstream.
    pub fn into_result(self) -> Result<Answer, Failure> {
        self.result
    }
}

impl Outcome for Response {
    fn outcome(&self) -> OutcomeFacts {
        let mut facts = match &self.result {
            Ok(Answer::Http(_) | Answer::Probed(_)) => OutcomeFacts::new(Verdict::Answered),
            Ok(Answer::Stored(references)) => {
                OutcomeFacts { stored: references.clone(), ..OutcomeFacts::new(Verdict::Stored) }
            }
            Err(failure) => failed(failure, &self.report.leaks),
        };
        facts.left_host = self.report.left_host;
        facts.status = self.report.status;
        facts.request_bytes = self.report.request_bytes;
        facts.response_bytes = self.report.response_bytes;
        facts.captured.clone_from(&self.report.captured);
        facts
    }
}

fn failed(failure: &Failure, leaks: &Leaks) -> OutcomeFacts {
    let (verdict, detail) = match failure.kind {
        FailureKind::Leak => (Verdict::Leak, format!("{failure}; it was first found {leaks}")),
        _ => (Verdict::Failed, failure.to_string()),
    };
    let mut facts = OutcomeFacts::new(verdict);
    facts.code = Some(failure.kind.code());
    facts.detail = Some(Text::new(&detail));
    facts
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.result.as_ref().err().map(|failure| failure.kind.code());
        formatter.debug_struct("Response").field("code", &code).field("report", &self.report).finish_non_exhaustive()
    }
}

/// Sizes only: a body belongs to the guest that asked for it, not into a trace.
impl fmt::Debug for HttpAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpAnswer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .field("captured", &self.captured)
            .finish_non_exhaustive()
    }
}
