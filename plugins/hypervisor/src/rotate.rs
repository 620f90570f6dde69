//! `rotate_api_token`: mint, store, verify with the new one, revoke the old one. In this order, because whatever fails,
//! there is always a token that works and a reference that leads to it.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, Request, Secret, now, store};

use crate::api_token::{ApiToken, Successor};
use crate::explain::explain;
use crate::fetch::{TOKEN, fetch_one};

/// The credential made of the captured values of this call.
const ROTATED: &str = "rotated";

/// The manifest's write-back rule.
const WRITE_BACK: &str = "api-token";

/// Which token, and the name of its successor.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    userid: String,
    old_token: String,
    new_token: String,
    expire: Option<u64>,
}

/// What was done. The references are pointers into the vault; the values were never here.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Rotated {
    references: Vec<String>,
    old_token: OldToken,
    next_step: String,
}

/// What became of the old token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum OldToken {
    Revoked,
    Valid,
}

#[derive(Deserialize)]
struct Version {
    version: Option<String>,
}

/// Rotates.
pub(crate) fn rotate(arguments: Arguments) -> Result<Rotated, Failure> {
    if arguments.old_token == arguments.new_token {
        return Err(Failure::InvalidArguments(
            "new_token must differ from old_token: both exist for a moment".to_owned(),
        ));
    }
    let current = Credential::open(TOKEN)?;
    let old: ApiToken = fetch_one(&current, request("get-token", &arguments.userid, &arguments.old_token))?;
    let comment = format!("replaces {}", arguments.old_token);
    let successor = old.successor(arguments.expire, comment, now())?;
    let references = store(WRITE_BACK, &mint(&current, &arguments, &successor)?)?;
    let rotated = Credential::open(ROTATED)?;
    verify(&rotated).map_err(|failure| unverified(&failure, &references))?;
    let revoked = if old.is_separated() { None } else { Some(revoke(&rotated, &arguments)) };
    Ok(outcome(references, &arguments.old_token, revoked))
}

fn request<'a>(operation: &'a str, userid: &str, token: &str) -> Request<'a> {
    Request::operation(operation).parameter("userid", userid).parameter("tokenid", token)
}

/// The new token; the host takes its two values out of the answer before it is handed over.
fn mint(current: &Credential, arguments: &Arguments, successor: &Successor) -> Result<Vec<Secret>, Failure> {
    let response = request("mint-token", &arguments.userid, &arguments.new_token)
        .json(successor)
        .credential(current)
        .once()
        .send()?
        .accepted(explain)?;
    Ok(response.captured())
}

/// `GET /version` needs no privilege, only a token that is one.
fn verify(rotated: &Credential) -> Result<(), Failure> {
    let version: Version = fetch_one(rotated, Request::operation("get-version"))?;
    match version.version {
        Some(_) => Ok(()),
        None => Err(Failure::Upstream("Proxmox told no version".to_owned())),
    }
}

fn revoke(rotated: &Credential, arguments: &Arguments) -> Result<(), Failure> {
    let request = request("revoke-token", &arguments.userid, &arguments.old_token);
    request.credential(rotated).once().send()?.accepted(explain)?;
    Ok(())
}

/// The new token is stored but did not prove itself: the old one stays, and nothing is lost.
fn unverified(failure: &Failure, references: &[String]) -> Failure {
    Failure::Upstream(format!(
        "the new token is stored at {} but was not accepted, so the old one was not revoked and stays in use: {}",
        references.join(" and "),
        text(failure)
    ))
}

/// `revoked` is none when the old token was left alone on purpose.
fn outcome(references: Vec<String>, old: &str, revoked: Option<Result<(), Failure>>) -> Rotated {
    let bind = "bind token-id and token-secret of this connection to the references";
    let (old_token, next_step) = match revoked {
        Some(Ok(())) => (OldToken::Revoked, format!("{bind}; the old token no longer works")),
        Some(Err(failure)) => (
            OldToken::Valid,
            format!("{bind}, then revoke token {old} in Proxmox: it could not be revoked: {}", text(&failure)),
        ),
        None => (
            OldToken::Valid,
            format!(
                "token {old} has privilege separation, and Proxmox does not hand its permissions on: grant the new token the same permissions, {bind}, then revoke {old} in Proxmox"
            ),
        ),
    };
    Rotated { references, old_token, next_step }
}

fn text(failure: &Failure) -> String {
    match failure {
        Failure::RateLimited(seconds) => format!("Proxmox asks to come back in {seconds} seconds"),
        Failure::InvalidArguments(text)
        | Failure::NotFound(text)
        | Failure::Upstream(text)
        | Failure::Refused(text)
        | Failure::Other(text) => text.clone(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_plugin_sdk::Failure;

    use super::{Arguments, OldToken, outcome, rotate, unverified};

    fn references() -> Vec<String> {
        vec!["op://MSP/pve/token-id".into(), "op://MSP/pve/token-secret".into()]
    }

    #[test]
    fn a_token_cannot_replace_itself() {
        let arguments = serde_json::from_str::<Arguments>(r#"{"userid":"a@pam","old_token":"x1","new_token":"x1"}"#);
        assert!(matches!(rotate(arguments.unwrap()), Err(Failure::InvalidArguments(_))));
    }

    #[test]
    fn the_references_are_told_whatever_became_of_the_old_token() {
        let done = outcome(references(), "x1", Some(Ok(())));
        assert_eq!((done.old_token, done.references), (OldToken::Revoked, references()));
        let kept = outcome(references(), "x1", Some(Err(Failure::Refused("nobody agreed".into()))));
        assert!(kept.old_token == OldToken::Valid && kept.next_step.contains("nobody agreed"));
        let separated = outcome(references(), "x1", None);
        assert!(separated.old_token == OldToken::Valid && separated.next_step.contains("grant the new token"));
        let Failure::Upstream(text) = unverified(&Failure::RateLimited(7), &references()) else {
            unreachable!("fixed")
        };
        assert!(text.contains("op://MSP/pve/token-secret") && text.contains("7 seconds"), "{text}");
    }
}
