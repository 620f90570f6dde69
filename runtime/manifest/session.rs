//! Session credentials: a log-in, what comes back of it, and where that is placed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::limits::Time;
use crate::{Name, Template};

/// A session that the host opens by logging in, keeps, and ends by logging out.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// The operation that logs in. No tool may have it.
    pub login: Name,
    /// Statuses besides 2xx that a log-in that worked may answer: form log-ins redirect. The redirect is not followed.
    pub login_status: Vec<u16>,
    /// What comes back: names that the templates of this credential may use.
    pub values: BTreeMap<Name, SessionValue>,
    /// How long a session lives; without it, until the upstream answers 401.
    pub lifetime: Option<Lifetime>,
    /// Cookies that are sent (RFC 6265 §4.2.1).
    pub cookies: BTreeMap<String, Template>,
    /// Headers that are sent with every method but GET and HEAD: tokens against cross-site requests.
    pub write_headers: BTreeMap<String, Template>,
    /// How a session is ended, so that an upstream that counts sessions does not run out of them.
    pub logout: Option<Logout>,
}

/// Where a value of a session is in the answer to the log-in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionValue {
    /// At this JSON pointer (RFC 6901) of the body; empty: the body is one JSON string.
    Pointer(String),
    /// In this header.
    Header(String),
    /// In the cookie of this name that the answer sets.
    Cookie(String),
}

/// How long a session lives.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawLifetime")]
pub enum Lifetime {
    /// This long.
    Fixed(Duration),
    /// As many seconds as the number at this JSON pointer of the answer.
    Seconds(String),
    /// Until the RFC 3339 time at this JSON pointer of the answer.
    Until(String),
}

/// How a session is ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Logout {
    /// The operation that logs out. No tool may have it.
    pub operation: Name,
    /// Values for the parameters of its path.
    #[serde(default)]
    pub parameters: BTreeMap<Name, Template>,
    /// Headers besides those of the credential.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a lifetime is a time as in \"120m\", or `{ seconds = pointer }`, or `{ until = pointer }`"
)]
enum RawLifetime {
    Fixed(String),
    Answer(AnswerLifetime),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum AnswerLifetime {
    Seconds(String),
    Until(String),
}

impl TryFrom<RawLifetime> for Lifetime {
    type Error = crate::LimitsError;

    fn try_from(raw: RawLifetime) -> Result<Self, crate::LimitsError> {
        Ok(match raw {
            RawLifetime::Fixed(text) => Self::Fixed(Time::try_from(text)?.0),
            RawLifetime::Answer(AnswerLifetime::Seconds(pointer)) => Self::Seconds(pointer),
            RawLifetime::Answer(AnswerLifetime::Until(pointer)) => Self::Until(pointer),
        })
    }
}

impl Session {
    /// Every template that is filled for a request or for the log-out.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        let logout = self.logout.iter().flat_map(|logout| logout.parameters.values().chain(logout.headers.values()));
        self.cookies.values().chain(self.write_headers.values()).chain(logout)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::time::Duration;

    use super::Lifetime;

    fn parse(text: &str) -> Option<Lifetime> {
        #[derive(serde::Deserialize)]
        struct Holder {
            lifetime: Lifetime,
        }
        toml::from_str::<Holder>(&format!("lifetime = {text}")).ok().map(|holder| holder.lifetime)
    }

    #[test]
    fn a_lifetime_is_a_time_or_a_place_in_the_answer() {
        assert_eq!(parse("\"120m\"").unwrap(), Lifetime::Fixed(Duration::from_secs(7200)));
        assert_eq!(parse("{ seconds = \"/expires_in\" }").unwrap(), Lifetime::Seconds("/expires_in".to_owned()));
        assert_eq!(parse("{ until = \"/token/expires\" }").unwrap(), Lifetime::Until("/token/expires".to_owned()));
        for text in ["\"2\"", "7200", "{ minutes = \"/x\" }", "{ seconds = \"/a\", until = \"/b\" }", "{}"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
