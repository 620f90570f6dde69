//! Does an upstream give back what it is given? Asked with canaries, so that the answer may be told in full.

use std::sync::Arc;

use claviger_grant::{CredentialPlan, Source};
use claviger_manifest::Name;

use crate::exchange::Raw;
use crate::failure::FailureKind;
use crate::inject::Resolved;
use crate::kept::Minted;
use crate::make::Made;
use crate::scan::{Echo, Shown, echoes};
use crate::session::{self, Opened};
use crate::token::{self, Token};

/// What a probe found out.
#[derive(Debug)]
pub struct Probed {
    /// The status code of the answer.
    pub status: u16,
    /// For each secret that was stood in for: where the answer held its canary, and how it was spelled.
    pub echoes: Vec<(Name, Vec<Echo>)>,
}

/// What stands in for a token that a probe does not mint, or for a session that it does not open: a canary of what that
/// would be made of.
pub(crate) fn made(plan: &CredentialPlan, canaries: &Resolved) -> Result<Made, FailureKind> {
    if let Some(oauth) = token::declared(plan) {
        let access = Arc::clone(canaries.find(oauth.client_secret.as_ref().unwrap_or(&oauth.client_id))?);
        let value = Arc::new(Token { access, refreshed: Vec::new() });
        return Ok(Made::Token(Minted { value, fresh: true }));
    }
    let Some(session) = session::declared(&plan.declaration) else { return Ok(Made::Nothing) };
    let canary = |name: &Name| canaries.find(name).map(Arc::clone);
    let value = Arc::new(Opened::of_canaries(plan, session, canary)?);
    Ok(Made::Session(Minted { value, fresh: true }))
}

/// Looks for every canary in everything that came.
pub(crate) fn look(plan: Option<&CredentialPlan>, canaries: Option<&Resolved>, raw: &Raw) -> Probed {
    let headers: Vec<(&str, &[u8])> =
        raw.headers.iter().chain(&raw.trailers).map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let shown = Shown {
        reason: raw.reason.as_ref().map_or(&[], |reason| reason.as_bytes()),
        headers: &headers,
        body: &raw.body,
        compressed: raw.packed.is_some(),
    };
    let sources = plan.into_iter().flat_map(|plan| &plan.sources);
    let stood_in = sources.filter(|(_, source)| matches!(source, Source::Canary));
    let found = stood_in.filter_map(|(name, _)| {
        let canary = canaries?.find(name).ok()?;
        // EXPOSE: a canary is nobody's secret; it was made for this request and ends with it.
        Some((name.clone(), echoes(canary.expose(), &shown)))
    });
    Probed { status: raw.status.as_u16(), echoes: found.collect() }
}
