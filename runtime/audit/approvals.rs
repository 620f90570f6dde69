//! Was each intent approved, by an enrolled key, for exactly what it says, and no more often than the approval allows?

use std::collections::{BTreeMap, BTreeSet};

use claviger_approval::{ApproverKind, Cover, CoveredCredential, Enrolled, Receipt, Scope, VerifiedReceipt, verify};
use claviger_manifest::{Digest, Effect, Name};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::canonical::{member, members};
use crate::error::Why;
use crate::format::{self, Line};

/// Seconds that an entry may be written after its approval ended. The approval is looked at first and the entry written
/// next; in between lie a busy disk and the rounding of the expiry to whole seconds.
const TOLERANCE: i64 = 60;

/// How many intents rest on which kind of approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ApprovalTally {
    /// Receipts of software in a throw-away directory: no human said yes.
    pub simulated: u64,
    /// Receipts that the host signed for a person.
    pub host_asserted: u64,
    /// Receipts of an authenticator that verified its user.
    pub webauthn: u64,
    /// Uses of a lease after its first, which is counted above.
    pub leased: u64,
}

/// What has to be remembered of earlier approvals: those that have not ended.
pub(crate) struct Approvals<'a> {
    enrolled: &'a Enrolled,
    /// SHA-256 of each signed question, to when it is forgotten.
    used: BTreeMap<[u8; 32], i64>,
    leases: BTreeMap<String, Lease>,
    last: i64,
    pub(crate) tally: ApprovalTally,
}

struct Lease {
    covers: Cover,
    seconds: i64,
    uses: u32,
    used: BTreeSet<u32>,
    last_use: i64,
    hard_end: i64,
}

/// The evidence of an intent, as it is logged.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Proof {
    Receipt(Box<Receipt>),
    Lease { receipt: String, use_number: u32 },
}

impl<'a> Approvals<'a> {
    pub(crate) fn new(enrolled: &'a Enrolled) -> Self {
        let (used, leases) = (BTreeMap::new(), BTreeMap::new());
        Self { enrolled, used, leases, last: i64::MIN, tally: ApprovalTally::default() }
    }

    /// Checks the approval of an intent.
    pub(crate) fn check(&mut self, intent: &Line<'_>) -> Result<(), Why> {
        let at = format::time(intent.at).ok_or(Why::Time)?.as_second();
        if at > self.last {
            self.forget(at);
        }
        let proof = serde_json::from_str(intent.member("proof")).map_err(|_| wrong("it is neither receipt nor lease"))?;
        match proof {
            Proof::Receipt(receipt) => self.receipt(&receipt, intent.member("request"), at)?,
            Proof::Lease { receipt, use_number } => self.lease(&receipt, use_number, intent.member("request"), at)?,
        }
        self.last = at;
        Ok(())
    }

    fn receipt(&mut self, receipt: &Receipt, request: &str, at: i64) -> Result<(), Why> {
        let key = self.enrolled.find(&receipt.credential_id);
        let key = key.ok_or_else(|| wrong("its key is not among the approvers' public keys"))?;
        let verified = verify(receipt, key).map_err(|error| Why::Approval(error.to_string()))?;
        let question = members(&receipt.request).map_err(|_| Why::OtherRequest)?;
        if member(&question, "facts") != Some(request) {
            return Err(Why::OtherRequest);
        }
        self.once(&verified, at)?;
        self.open(&verified, request, at)?;
        *match key.kind() {
            ApproverKind::Simulated => &mut self.tally.simulated,
            ApproverKind::HostAsserted => &mut self.tally.host_asserted,
            ApproverKind::Webauthn => &mut self.tally.webauthn,
        } += 1;
        Ok(())
    }

    /// A signed question is answered once, and in time.
    fn once(&mut self, verified: &VerifiedReceipt, at: i64) -> Result<(), Why> {
        let end = signed(verified.expires()).saturating_add(TOLERANCE);
        // An entry that has the time of the one before it may have been written while the clock was behind (`format.rs`),
        // and then its time says nothing about the approval's.
        if at > end && at != self.last {
            return Err(wrong("it was used after it had expired"));
        }
        let question: [u8; 32] = Sha256::digest(verified.receipt().request.as_bytes()).into();
        if self.used.insert(question, end.max(at)).is_some() {
            return Err(wrong("it was used for an earlier intent already"));
        }
        Ok(())
    }

    fn open(&mut self, verified: &VerifiedReceipt, request: &str, at: i64) -> Result<(), Why> {
        let Scope::Lease { seconds, limit, uses, covers } = verified.scope() else { return Ok(()) };
        if cover(request).as_ref() != Some(&**covers) {
            return Err(wrong("its lease covers something else than the request it was given for"));
        }
        let lease = Lease {
            covers: (**covers).clone(),
            seconds: signed(*seconds),
            uses: *uses,
            used: [1].into(),
            last_use: at,
            hard_end: at.saturating_add(signed(*limit)),
        };
        self.leases.insert(verified.receipt().digest(), lease);
        Ok(())
    }

    fn lease(&mut self, receipt: &str, use_number: u32, request: &str, at: i64) -> Result<(), Why> {
        let lease = self.leases.get_mut(receipt);
        let lease = lease.ok_or_else(|| wrong("the lease it names was not given before it, or had ended"))?;
        if cover(request).as_ref() != Some(&lease.covers) {
            return Err(wrong("its lease does not cover this request"));
        }
        let idle_end = lease.last_use.saturating_add(lease.seconds);
        if at > idle_end.min(lease.hard_end).saturating_add(TOLERANCE) {
            return Err(wrong("its lease had ended"));
        }
        if use_number > lease.uses || !lease.used.insert(use_number) {
            return Err(wrong("this use of its lease was not there any more"));
        }
        lease.last_use = at;
        self.tally.leased += 1;
        Ok(())
    }

    /// Drops what can play no part any more, so that memory does not grow with the log.
    fn forget(&mut self, at: i64) {
        self.used.retain(|_, end| *end >= at);
        self.leases.retain(|_, lease| lease.hard_end.saturating_add(TOLERANCE) >= at);
    }
}

/// The members of a request that decide which lease covers it. Parameters and body are not among them.
#[derive(Deserialize)]
struct Request {
    plugin: Plugin,
    connection: Name,
    client: Option<String>,
    principal: String,
    session: String,
    effect: Effect,
    action: Action,
}

#[derive(Deserialize)]
struct Plugin {
    component: Digest,
    manifest: Digest,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Action {
    Send(Box<Send>),
    Store {},
}

#[derive(Deserialize)]
struct Send {
    operation: Name,
    method: String,
    origin: String,
    connect: Option<String>,
    trust: Option<String>,
    credential: Option<CoveredCredential>,
    #[serde(default)]
    lent: BTreeMap<String, Name>,
    #[serde(default)]
    captures: BTreeMap<Name, String>,
}

/// What a lease for this request would have to cover. Only requests that read can have one.
fn cover(request: &str) -> Option<Cover> {
    let request: Request = serde_json::from_str(request).ok()?;
    let Action::Send(send) = request.action else { return None };
    (request.effect == Effect::Read).then_some(Cover {
        principal: request.principal,
        session: request.session,
        connection: request.connection,
        client: request.client,
        manifest: request.plugin.manifest,
        component: request.plugin.component,
        operation: send.operation,
        method: send.method,
        origin: send.origin,
        connect: send.connect,
        trust: send.trust,
        credential: send.credential,
        lent: send.lent,
        captures: send.captures,
    })
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn wrong(why: &str) -> Why {
    Why::Approval(why.to_owned())
}
