//! Was each intent approved, by an enrolled key, for exactly what it says, and no more often than the approval allows?

use std::collections::{BTreeMap, BTreeSet};

use claviger_approval::{ApproverKind, Cover, CoveredCredential, Enrolled, Receipt, Scope, VerifiedReceipt, verify};
use claviger_manifest::{Digest, Effect, Name};
use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::canonical::{member, members};
use crate::error::Why;
use crate::format::{Kind, Line};

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

/// What has to be remembered of earlier approvals. It grows with the gestures that people made, not with the log: a yes
/// must not count twice however far apart, and the times in a log are what its host says.
pub(crate) struct Approvals<'a> {
    enrolled: &'a Enrolled,
    /// The digest of each question that was signed, cut to 128 bits.
    used: BTreeSet<u128>,
    leases: BTreeMap<String, Lease>,
    /// The time of the entry before.
    last: Timestamp,
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

/// What an approval is held against.
struct Use<'a> {
    /// The request's canonical text.
    request: &'a str,
    /// When it was used, in seconds of Unix time.
    at: i64,
    /// Whether that time says anything.
    timed: bool,
}

/// The evidence of an intent, as it is logged.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Proof {
    Receipts(Vec<Receipt>),
    Lease { receipt: String, use_number: u32 },
}

impl<'a> Approvals<'a> {
    pub(crate) fn new(enrolled: &'a Enrolled) -> Self {
        let (used, leases) = (BTreeSet::new(), BTreeMap::new());
        Self { enrolled, used, leases, last: Timestamp::MIN, tally: ApprovalTally::default() }
    }

    /// Takes note of an entry's time, and checks the approval of an intent.
    pub(crate) fn entry(&mut self, line: &Line<'_>) -> Result<(), Why> {
        if line.kind == Kind::Intent {
            self.intent(line)?;
        }
        self.last = line.time;
        Ok(())
    }

    fn intent(&mut self, intent: &Line<'_>) -> Result<(), Why> {
        let proof =
            serde_json::from_str(intent.member("proof")).map_err(|_| wrong("it is neither receipts nor lease"))?;
        // An entry that has the time of the one before it may have been written while the clock was behind (docs/audit-format.md);
        // then its time says nothing about the approval's.
        let used =
            Use { request: intent.member("request"), at: intent.time.as_second(), timed: intent.time != self.last };
        match proof {
            Proof::Receipts(receipts) => self.receipts(&receipts, &used),
            Proof::Lease { receipt, use_number } => self.lease(&receipt, use_number, &used),
        }
    }

    /// As many distinct people as each of them was told.
    fn receipts(&mut self, receipts: &[Receipt], used: &Use<'_>) -> Result<(), Why> {
        let mut names = BTreeSet::new();
        for receipt in receipts {
            let need = self.receipt(receipt, used)?;
            if usize::from(need) != receipts.len() {
                return Err(wrong("another number of people had to agree than did"));
            }
            if !names.insert(receipt.approver.as_str()) {
                return Err(wrong("one person agreed twice where different people had to"));
            }
        }
        if names.is_empty() { Err(wrong("nobody agreed")) } else { Ok(()) }
    }

    /// How many people must have agreed, by what this one signed.
    fn receipt(&mut self, receipt: &Receipt, used: &Use<'_>) -> Result<u8, Why> {
        let key = self.enrolled.find(&receipt.credential_id);
        let key = key.ok_or_else(|| wrong("its key is not among the approvers' public keys"))?;
        let verified = verify(receipt, key).map_err(|error| Why::Approval(error.to_string()))?;
        let question = members(&receipt.request).map_err(|_| Why::OtherRequest)?;
        if member(&question, "facts") != Some(used.request) {
            return Err(Why::OtherRequest);
        }
        if used.is_after(signed(verified.expires())) {
            return Err(wrong("it was used after it had expired"));
        }
        if !self.used.insert(short_digest(&receipt.request)) {
            return Err(wrong("it was used for an earlier intent already"));
        }
        self.open(&verified, used)?;
        *match key.kind() {
            ApproverKind::Simulated => &mut self.tally.simulated,
            ApproverKind::HostAsserted => &mut self.tally.host_asserted,
            ApproverKind::Webauthn => &mut self.tally.webauthn,
        } += 1;
        Ok(verified.need())
    }

    /// The request that a lease was given for is its first use.
    fn open(&mut self, verified: &VerifiedReceipt, used: &Use<'_>) -> Result<(), Why> {
        let Scope::Lease { seconds, limit, uses, covers } = verified.scope() else { return Ok(()) };
        if cover(used.request).as_ref() != Some(&**covers) {
            return Err(wrong("its lease covers something else than the request it was given for"));
        }
        let lease = Lease {
            covers: (**covers).clone(),
            seconds: signed(*seconds),
            uses: *uses,
            // The first use is the receipt's own request; there is no use 0.
            used: [0, 1].into(),
            last_use: used.at,
            hard_end: used.at.saturating_add(signed(*limit)),
        };
        self.leases.insert(verified.receipt().digest(), lease);
        Ok(())
    }

    fn lease(&mut self, receipt: &str, use_number: u32, used: &Use<'_>) -> Result<(), Why> {
        let lease = self.leases.get_mut(receipt);
        let lease = lease.ok_or_else(|| wrong("the lease it names was not given before it"))?;
        if cover(used.request).as_ref() != Some(&lease.covers) {
            return Err(wrong("its lease does not cover this request"));
        }
        if used.is_after(lease.last_use.saturating_add(lease.seconds).min(lease.hard_end)) {
            return Err(wrong("its lease had ended"));
        }
        if use_number > lease.uses || !lease.used.insert(use_number) {
            return Err(wrong("this use of its lease was not there any more"));
        }
        lease.last_use = used.at;
        self.tally.leased += 1;
        Ok(())
    }
}

impl Use<'_> {
    fn is_after(&self, end: i64) -> bool {
        self.timed && self.at > end.saturating_add(TOLERANCE)
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
    #[serde(default)]
    pins: Vec<String>,
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
        pins: send.pins,
        credential: send.credential,
        lent: send.lent,
        captures: send.captures,
    })
}

fn short_digest(text: &str) -> u128 {
    Sha256::digest(text).iter().take(16).fold(0, |digest, byte| digest << 8 | u128::from(*byte))
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn wrong(why: &str) -> Why {
    Why::Approval(why.to_owned())
}
