//! Why the page did not get what it asked for. Texts are for the person at the page.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use claviger_approval::{NotABatch, Refused};
use serde_json::json;

use super::board::Ending;

/// A refusal of the server. None of them ends a question.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// No session, or its page token is missing.
    #[error("this page is not signed in any more; run `claviger console` and open the link that it gives")]
    NoSession,
    /// Nobody has signed in with this browser, or not for a while.
    #[error("this page is not signed in any more; reload it and sign in")]
    SignedOut,
    /// An answer that opens no session. It does not say whose key it was.
    #[error("this passkey does not sign in here: {0}; ask whoever runs this host for a link to enrol one")]
    NotSignedIn(Refused),
    /// A sign-in that took too long, or was used.
    #[error("this sign-in took too long or was used already; try again")]
    SignIn,
    /// Too many answers that did not verify.
    #[error("too many sign-ins failed from this address; wait five minutes")]
    TooManySignIns,
    /// The key of somebody else.
    #[error("this passkey is another person's than the one who is signed in; use your own, or sign in as that person")]
    NotYours,
    /// A ticket that opens nothing.
    #[error("this link was used already or is too old; run `claviger console` for a new one")]
    Ticket,
    /// A link to an enrolment that opens nothing, or whose page is open in another browser.
    #[error(
        "this link was used already or is too old; ask whoever runs this host for a new one, which `claviger approver add --name …` prints"
    )]
    EnrolmentLink,
    /// The books are not theirs.
    #[error(
        "this is for people who are enrolled as operator or auditor; whoever runs this host enrols them with `claviger approver add --name … --role auditor`"
    )]
    NotYourBooks,
    /// Nobody knows it.
    #[error("there is no such request here; it may belong to a host that has ended")]
    Unknown,
    /// It is over.
    #[error("this request {} already", past(*.0))]
    Over(Ending),
    /// A lease where none is offered.
    #[error("no lease is offered for this request; approve it once")]
    NoLease,
    /// Nobody who could sign.
    #[error("nobody else has a passkey for this page; run `claviger approver add`")]
    NoKey,
    /// Not the digits.
    #[error("these are not the two digits that are shown where the call was made; look there, or deny")]
    Code,
    /// Twice the same.
    #[error("you have agreed already; somebody else must")]
    SamePerson,
    /// What somebody is about to sign is not what they see.
    #[error("one of these requests ended meanwhile; look at those that are left")]
    Changed,
    /// Not together.
    #[error("{0}")]
    Together(#[from] NotABatch),
    /// The answer would be refused.
    #[error("{0}")]
    Answer(#[from] Refused),
    /// A passkey that cannot be enrolled.
    #[error("{0}")]
    Enrolment(String),
    /// Something that this page did not send.
    #[error("the request is not one that this page makes; reload the page")]
    Malformed,
}

impl Trouble {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoSession | Self::Ticket | Self::EnrolmentLink | Self::SignedOut | Self::SignIn => {
                StatusCode::UNAUTHORIZED
            }
            Self::NotYourBooks => StatusCode::FORBIDDEN,
            Self::TooManySignIns => StatusCode::TOO_MANY_REQUESTS,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Over(_) => StatusCode::GONE,
            Self::NoLease
            | Self::NoKey
            | Self::Code
            | Self::SamePerson
            | Self::NotYours
            | Self::Changed
            | Self::Together(_) => StatusCode::CONFLICT,
            Self::Answer(_) | Self::Enrolment(_) | Self::NotSignedIn(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Malformed => StatusCode::BAD_REQUEST,
        }
    }

    /// A short name for scripts.
    fn code(&self) -> &'static str {
        match self {
            Self::NoSession => "no-session",
            Self::Ticket => "ticket",
            Self::EnrolmentLink => "enrolment-link",
            Self::NotYourBooks => "not-your-books",
            Self::SignedOut => "signed-out",
            Self::NotSignedIn(_) => "not-signed-in",
            Self::SignIn => "sign-in",
            Self::TooManySignIns => "too-many-sign-ins",
            Self::NotYours => "not-yours",
            Self::Unknown => "unknown",
            Self::Over(ending) => ending.as_str(),
            Self::NoLease => "no-lease",
            Self::NoKey => "no-key",
            Self::Code => "code",
            Self::SamePerson => "same-person",
            Self::Changed => "changed",
            Self::Together(_) => "together",
            Self::Answer(refused) => refused.code(),
            Self::Enrolment(_) => "enrolment",
            Self::Malformed => "malformed",
        }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.to_string(), "code": self.code() });
        (self.status(), Json(body)).into_response()
    }
}

/// What happened to a question, after its name.
pub(crate) fn past(ending: Ending) -> &'static str {
    match ending {
        Ending::Approved => "was approved",
        Ending::Denied => "was denied",
        Ending::Withdrawn => "ran out of time or was withdrawn",
    }
}
