//! What people approved last, so that a host that starts again can say what is different from it.
//!
//! The walk that opens a log sees each entry anyway, so nothing is read twice: of a log with several segments that is the
//! last one, and `recall.rs` reads some of those before it. Only receipts that the signed head covers are kept, and they prove themselves: whoever uses one verifies it.

use std::collections::BTreeMap;

use claviger_approval::Receipt;
use serde::Deserialize;

use crate::format::{Kind, Line};

/// The most receipts that are kept. As many operations as the approval room remembers.
const MAX_KEPT: usize = 4_096;

/// The most bytes of a proof that is kept: a request with a long body is seldom asked for, and is shown whole anyway.
const MAX_PROOF_BYTES: usize = 32 * 1024;

/// The most bytes of all that is kept; each receipt holds its request.
const MAX_ALL_BYTES: usize = 16 * 1024 * 1024;

/// How the canonical text of a proof begins that people gave.
const RECEIPTS: &str = "{\"receipts\":";

/// How an intent with such a proof has it in its line, and the most bytes before it: its time and its index.
const RECEIVED: &[u8] = b"\"kind\":\"intent\",\"proof\":{\"receipts\":";
const BEFORE_RECEIVED: usize = 80;

/// Whether a canonical line is an intent with receipts, by its first bytes alone: most lines need not be taken apart.
pub(crate) fn may_matter(line: &[u8]) -> bool {
    let beginning = line.get(..BEFORE_RECEIVED + RECEIVED.len()).unwrap_or(line);
    beginning.windows(RECEIVED.len()).any(|part| part == RECEIVED)
}

/// The newest receipts by who asked, on which connection, for which operation.
#[derive(Default)]
pub(crate) struct Last {
    kept: BTreeMap<(String, String, String), String>,
    bytes: usize,
}

#[derive(Deserialize)]
struct Request {
    principal: String,
    connection: String,
    action: Action,
}

#[derive(Deserialize)]
struct Action {
    #[serde(alias = "write_back")]
    operation: String,
}

#[derive(Deserialize)]
struct Proof {
    receipts: Vec<Receipt>,
}

impl Last {
    /// Takes note of an entry. What is no intent with receipts is passed over: a use of a lease is no gesture.
    pub(crate) fn see(&mut self, line: &Line<'_>) {
        if line.kind != Kind::Intent || !line.member("proof").starts_with(RECEIPTS) {
            return;
        }
        let proof = line.member("proof");
        let Ok(request) = serde_json::from_str::<Request>(line.member("request")) else { return };
        let key = (request.principal, request.connection, request.action.operation);
        // The one before is not the last any more, also where the last is too long to be kept.
        let before = self.kept.remove(&key).map_or(0, |before| before.len());
        let bytes = self.bytes.saturating_sub(before);
        let all = bytes.saturating_add(proof.len());
        let is_fit = proof.len() <= MAX_PROOF_BYTES && self.kept.len() < MAX_KEPT && all <= MAX_ALL_BYTES;
        self.bytes = if is_fit { all } else { bytes };
        if is_fit {
            self.kept.insert(key, proof.to_owned());
        }
    }

    /// One receipt of each: where several people agreed, they agreed to the same request.
    pub(crate) fn into_receipts(self) -> Vec<Receipt> {
        let one = |proof: String| serde_json::from_str::<Proof>(&proof).ok()?.receipts.into_iter().next();
        self.kept.into_values().filter_map(one).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_approval::SimulatedAnswer;
    use serde_json::Value;

    use crate::fixtures::{House, at};
    use crate::{CHECKPOINT_FILE, LOG_FILE};

    /// The paths that were approved last, as a log that is opened anew tells them.
    fn paths(house: &House) -> Vec<String> {
        let (mut log, _) = house.open();
        let asked = |receipt: claviger_approval::Receipt| {
            let question: Value = serde_json::from_str(&receipt.request).unwrap();
            question.pointer("/facts/action/path").unwrap().as_str().unwrap().to_owned()
        };
        let paths = log.take_approved().into_iter().map(asked).collect();
        assert!(log.take_approved().is_empty(), "given once");
        log.shutdown().unwrap();
        paths
    }

    #[tokio::test]
    async fn the_newest_of_each_operation_is_there_when_the_log_is_opened_again() {
        let house = House::new(SimulatedAnswer::ApproveWithLease);
        assert!(paths(&house).is_empty());
        let (log, _) = house.open();
        for second in 0..3 {
            house.call(&log, second).await;
            let look = house.approve("show", &second.to_string(), at(second)).await.unwrap();
            drop(log.open_intent(look, at(second)).await.unwrap());
        }
        log.shutdown().unwrap();
        // The lease was given for the first look; nobody looked at the others.
        assert_eq!(paths(&house), ["/v1/things/2", "/v1/things/0"]);
    }

    #[tokio::test]
    async fn what_no_checkpoint_covers_is_not_what_people_approved() {
        let house = House::new(SimulatedAnswer::Approve);
        let (log, _) = house.open();
        house.call(&log, 1).await;
        log.shutdown().unwrap();
        let checkpoint = std::fs::read(house.audit().join(CHECKPOINT_FILE)).unwrap();
        let (log, _) = house.open();
        house.call(&log, 2).await;
        log.shutdown().unwrap();
        // As after a crash, or as somebody with the disk would have it.
        std::fs::write(house.audit().join(CHECKPOINT_FILE), checkpoint).unwrap();
        assert_eq!(std::fs::read_to_string(house.audit().join(LOG_FILE)).unwrap().lines().count(), 4);
        assert_eq!(paths(&house), ["/v1/things/1"]);
    }
}
