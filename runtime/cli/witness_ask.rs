//! Asking a witness over HTTP, and what its answer means.
//!
//! Who answers may be anybody: nothing of an answer is believed but a signature that verifies. Two claims are worth an
//! alarm although nothing proves them, because only a log that was rolled back or rewritten is answered so by a witness that
//! keeps to its rule: that it has seen more than there is, and that the log does not go on from what it has seen.

use std::collections::BTreeMap;
use std::path::Path;

use claviger_audit::{CheckpointVerifier, WitnessError, WitnessRequest, WitnessVerifier};
use claviger_grant::EndpointPlan;
use claviger_manifest::OriginTemplate;
use claviger_vault::Delivered;
use ipnet::IpNet;

use crate::audit;
use crate::error::{Code, Failure};
use crate::state::{self, State};

/// Where a witness on this machine may be, whatever else is allowed.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// A witness, and the way to it.
pub(crate) struct Reached {
    url: String,
    endpoint: EndpointPlan,
    path: String,
    known: Vec<WitnessVerifier>,
}

/// Why a witness's word is not there.
#[derive(Debug)]
pub(crate) struct Unsigned {
    pub(crate) failure: Failure,
    /// How many entries it says to have seen of another history than the log's.
    pub(crate) disagrees: Option<u64>,
}

/// What to do with an answer.
#[derive(Debug, PartialEq)]
enum Meaning {
    /// It may hold a signature.
    Lines,
    /// The witness stands there: ask again from there.
    From(u64),
    /// It has seen more than there is.
    Ahead(u64),
    /// The log does not go on from what it has seen.
    Forked,
    /// Anything else.
    No,
}

impl Reached {
    /// The witness at an address, by its keys. It may be on this machine, in public, and in these networks.
    pub(crate) fn new(
        url: &str,
        known: Vec<WitnessVerifier>,
        ca: Option<&Path>,
        networks: Vec<IpNet>,
    ) -> Result<Self, Failure> {
        let wrong = || Failure::usage(format!("{url} is no address of a witness, as https://witness.example/log"));
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte);
        let origin = OriginTemplate::try_from(format!("{scheme}://{authority}")).map_err(|_| wrong())?;
        let origin = origin.render(&BTreeMap::new()).map_err(|_| wrong())?;
        if !prefix.bytes().all(is_plain) {
            return Err(wrong());
        }
        let here = LOOPBACK.into_iter().filter_map(|text| text.parse().ok());
        let ca = ca.map(state::read).transpose()?;
        let path = format!("/{}", [prefix.trim_end_matches('/'), "add-checkpoint"].join("/").trim_start_matches('/'));
        let endpoint = EndpointPlan::of_the_host(origin, ca, here.chain(networks).collect());
        Ok(Self { url: url.to_owned(), endpoint, path, known })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its keys.
    pub(crate) fn known(&self) -> &[WitnessVerifier] {
        &self.known
    }

    /// Has it sign a checkpoint of the log; gives the lines of its answer, of which none was verified. A witness that stands
    /// elsewhere than at `old` entries says where, and is asked again from there, once.
    pub(crate) async fn ask(
        &self,
        state: &State,
        log: &CheckpointVerifier,
        note: &str,
        old: u64,
    ) -> Result<String, Unsigned> {
        let size = log.open(note.as_bytes()).map_or(0, |head| head.size());
        let request = |old| WitnessRequest::about(&state.audit(), note.as_bytes().to_vec(), old, log);
        let request = |old| request(old).map_err(|error| Unsigned::from(audit::broken(error)));
        // A statement over more than there is came from before a roll-back; the witness itself says the same then.
        let mut asked = request(if old > size { 0 } else { old })?;
        let mut answer = self.post(&asked).await?;
        if let Meaning::From(stands) = meaning(&answer, asked.old(), size) {
            asked = request(stands)?;
            answer = self.post(&asked).await?;
        }
        match meaning(&answer, asked.old(), size) {
            Meaning::Lines => Ok(String::from_utf8_lossy(&answer.body).into_owned()),
            Meaning::Ahead(seen) => Err(self.ahead(seen, size)),
            Meaning::Forked => Err(self.forked(asked.old())),
            Meaning::From(_) => {
                Err(self.no("stands elsewhere each time it is asked; ask again, one host at a time").into())
            }
            Meaning::No => Err(self.no(&told(answer.status)).into()),
        }
    }

    async fn post(&self, request: &WitnessRequest) -> Result<Delivered, Unsigned> {
        let sent = claviger_vault::post(self.endpoint.clone(), &self.path, request.to_text().into_bytes()).await;
        sent.map_err(|error| Failure::new(Code::Failed, format!("the witness at {}: {error}", self.url)).into())
    }

    /// It did not sign. Says what it did, and what to do.
    pub(crate) fn no(&self, why: &str) -> Failure {
        Failure::new(Code::Audit, format!("the witness at {} {why}", self.url))
    }

    fn ahead(&self, seen: u64, size: u64) -> Unsigned {
        let why = format!(
            "says that it has seen {seen} entries of this log, which has {size}: the log was rolled back, as by a backup that was restored"
        );
        Unsigned { failure: self.no(&why), disagrees: Some(seen) }
    }

    fn forked(&self, seen: u64) -> Unsigned {
        let failure = self.no(&format!("does not sign: {}", WitnessError::Inconsistent));
        Unsigned { failure, disagrees: Some(seen) }
    }
}

impl From<Failure> for Unsigned {
    fn from(failure: Failure) -> Self {
        Self { failure, disagrees: None }
    }
}

/// What an answer means (C2SP tlog-witness) to who asked from `old` entries on about a checkpoint of `size`.
fn meaning(answer: &Delivered, old: u64, size: u64) -> Meaning {
    match (answer.status, stands_at(answer)) {
        (200, _) => Meaning::Lines,
        (422, _) => Meaning::Forked,
        (409, Some(stands)) if stands > size => Meaning::Ahead(stands),
        // Not because of where it stands, then; what is left is that the root of that size is another.
        (409, Some(stands)) if stands == old && stands == size => Meaning::Forked,
        (409, Some(stands)) if stands != old => Meaning::From(stands),
        _ => Meaning::No,
    }
}

/// The size at which a witness says that it stands.
fn stands_at(answer: &Delivered) -> Option<u64> {
    std::str::from_utf8(&answer.body).ok()?.trim_end().parse().ok()
}

/// What a witness means that does not sign, and what to do.
fn told(status: u16) -> String {
    let why = match status {
        403 => "does not know the key that signed the checkpoint; give it audit.pub of this state directory",
        404 => {
            "does not know this log, or answers elsewhere; give it audit.pub of this state directory, and check the address"
        }
        _ => "did not sign; ask whoever runs it",
    };
    format!("{why} (status {status})")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_vault::Delivered;

    use super::{Meaning, Reached, meaning};

    #[test]
    fn an_alarm_is_raised_for_what_only_another_history_is_answered_with() {
        let says = |status, body: &str| meaning(&Delivered { status, body: body.as_bytes().to_vec() }, 4, 9);
        assert_eq!(says(200, "garbage"), Meaning::Lines, "signatures are looked at later");
        assert_eq!(says(422, ""), Meaning::Forked);
        assert_eq!(says(409, "10\n"), Meaning::Ahead(10));
        assert_eq!([says(409, "7\n"), says(409, "9\n"), says(409, "0")], [7, 9, 0].map(Meaning::From));
        // It says that it stands where it was asked from: it contradicts itself, and that proves nothing.
        assert_eq!(says(409, "4\n"), Meaning::No);
        for (status, body) in
            [(409, ""), (409, "-1"), (409, "ten"), (409, "99999999999999999999"), (403, "10"), (500, "10")]
        {
            assert_eq!(says(status, body), Meaning::No, "{status} {body}");
        }
        let at_the_end = meaning(&Delivered { status: 409, body: b"9\n".to_vec() }, 9, 9);
        assert_eq!(at_the_end, Meaning::Forked, "the root of that size is another");
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        for wrong in ["", "witness.example", "ftp://witness.example", "https://witness.example/a?b", "https://{host}/"]
        {
            assert!(Reached::new(wrong, Vec::new(), None, Vec::new()).is_err(), "{wrong}");
        }
        for (url, path) in [("https://w.example", "/add-checkpoint"), ("https://w.example/a/", "/a/add-checkpoint")] {
            assert_eq!(Reached::new(url, Vec::new(), None, Vec::new()).unwrap().path, path);
        }
    }
}
