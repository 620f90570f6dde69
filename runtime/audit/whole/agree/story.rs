//! A log that could have been: calls under leases and receipts, refusals, events, crashes.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use claviger_approval::{Approved, Refused};
use jiff::Timestamp;

use super::{Chance, Written};
use crate::entry::{Body, Unknown};
use crate::fixtures::{Answer, House, SEED, at, caller};
use crate::{Event, OperatorAction, Outcome as _, OutcomeFacts, Text, Verdict, format};

/// Texts that are hard on a reader: other scripts, escapes, what a terminal would obey, what UTF-16 sorts otherwise.
const TEXTS: [&str; 6] = [
    "op://MSP/Demo/key",
    "Zoë \"quoted\" \\ back",
    "日本語 😀 \u{fb33}",
    "\u{1b}[2J\r\n",
    "\u{202e}exe.txt",
    "tab\there\u{7f}",
];

struct Teller<'a> {
    house: &'a House,
    chance: &'a mut Chance,
    lines: Vec<Vec<u8>>,
    second: i64,
}

impl Teller<'_> {
    /// A few seconds later, or at the same time.
    fn later(&mut self) -> Timestamp {
        self.second += i64::try_from(self.chance.below(20)).unwrap();
        at(self.second)
    }

    fn push(&mut self, body: &Body<'_>, time: Timestamp) -> u64 {
        let index = u64::try_from(self.lines.len()).unwrap();
        let mut line = Vec::new();
        format::line(&mut line, time, index, &body.canonical().unwrap());
        line.pop();
        self.lines.push(line);
        index
    }

    fn text(&mut self) -> &'static str {
        TEXTS.get(self.chance.below(TEXTS.len())).unwrap()
    }

    /// An approved request. Reads are covered by a lease after the first.
    async fn approved(&mut self, time: Timestamp) -> Approved {
        let operation = if self.chance.below(3) == 0 { "rename" } else { "show" };
        // In a path everything but letters and digits is encoded, so other scripts are all there is to try.
        let id: String = self.text().chars().filter(|character| character.is_alphanumeric()).collect();
        let id = format!("{id}-{}", self.lines.len());
        self.house.approve(operation, &id, time).await.unwrap()
    }

    async fn call(&mut self, ending: usize) {
        let time = self.later();
        let approved = self.approved(time).await;
        let intent = self.push(&Body::Intent { request: approved.facts(), proof: approved.evidence() }, time);
        let time = self.later();
        match ending {
            0 => {}
            1 => drop(self.push(&Body::OutcomeUnknown { intent, reason: Unknown::Abandoned }, time)),
            2 => {
                let mut outcome = OutcomeFacts::new(Verdict::Failed);
                outcome.code = Some("tls");
                outcome.detail = Some(Text::new(self.text()));
                self.push(&Body::Outcome { intent, outcome: &outcome }, time);
            }
            _ => {
                let mut outcome = Answer(200).outcome();
                outcome.captured.extend("new-token".parse());
                outcome.stored.extend("op://Acme/pve token/token".parse());
                self.push(&Body::Outcome { intent, outcome: &outcome }, time);
            }
        }
    }

    async fn event(&mut self, what: usize) {
        let time = self.later();
        let event = match what {
            0 => Event::denied(&caller(), &self.house.request("destroy", "1").unwrap_err()),
            1 => {
                // It was given, but the story says otherwise. A write: a read would leave a lease that the log knows nothing of.
                let approved = self.house.approve("rename", "refused", time).await.unwrap();
                Event::refused(approved.facts(), &Refused::Denied)
            }
            _ => Event::operator(OperatorAction::SecretPut, self.text(), Some(self.text())),
        };
        self.push(&Body::Event(&event), time);
    }
}

/// Tells one. It is whole, signed to its end or nearly, and perhaps torn after that.
pub(super) async fn tell(house: &House, chance: &mut Chance) -> Written {
    let mut teller = Teller { house, chance, lines: Vec::new(), second: 0 };
    let steps = 3 + teller.chance.below(6);
    // Each story has a lease with uses and a write of its own, so that each damage finds its victim.
    for _ in 0..steps {
        match teller.chance.below(8) {
            what @ 0..3 => teller.event(what).await,
            3 => teller.call(0).await,
            ending => teller.call(ending - 3).await,
        }
    }
    let lines = teller.lines;
    let covered = lines.len().saturating_sub(chance.below(2));
    let torn = if chance.below(4) == 0 { br#"{"at":"2026-"#.to_vec() } else { Vec::new() };
    let split = chance.yes().then(|| chance.below(covered + 1)).filter(|at| *at > 0);
    let hashed = chance.below(4) > 0;
    let (checkpoint, hashes, others) = (None, None, Vec::new());
    Written { lines, covered, signer: SEED, torn, hashed, split, checkpoint, hashes, others }
}
