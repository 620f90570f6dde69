//! A log that could have been: calls under leases and receipts, refusals, events, crashes.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use claviger_approval::{Approved, Refused};
use claviger_grant::Granted;
use jiff::Timestamp;

use super::{Chance, Written};
use crate::entry::{Body, Unknown};
use crate::fixtures::{Answer, House, SEED, TOGETHER, at, caller};
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
        self.done(&approved, time, ending);
    }

    /// What is asked for by itself: two people and a match code, a match code, a write-back.
    async fn special(&mut self, what: usize) {
        let time = self.later();
        let id = self.lines.len().to_string();
        let granted = match what {
            0 => self.house.request("erase", &id).unwrap(),
            1 => self.house.request("make", &id).unwrap(),
            _ => self.house.store(&id),
        };
        let approved = self.house.approve_granted(granted, time).await.unwrap();
        let ending = self.chance.below(4);
        self.done(&approved, time, ending);
    }

    /// Two requests under one gesture, at least one of them a change that was asked for together with a write-back.
    async fn together(&mut self) {
        let time = self.later();
        let id = format!("{TOGETHER} {}", self.lines.len());
        let name = id.replace(' ', "-");
        let granted: [Granted; 2] = [self.house.request("rename", &name).unwrap(), self.house.store(&id)];
        let [change, store] = granted.map(|granted| self.house.approve_granted(granted, time));
        let (change, store) = tokio::join!(change, store);
        self.done(&change.unwrap(), time, 3);
        let (time, ending) = (self.later(), self.chance.below(4));
        self.done(&store.unwrap(), time, ending);
    }

    /// A lease that is given and drawn on at once.
    async fn leased(&mut self) {
        for _ in 0..2 {
            let time = self.later();
            let id = self.lines.len().to_string();
            let approved = self.house.approve("show", &id, time).await.unwrap();
            self.done(&approved, time, 3);
        }
    }

    /// The intent, and how it ended.
    fn done(&mut self, approved: &Approved, time: Timestamp, ending: usize) {
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

/// Tells one. It is whole, signed to its end or nearly, perhaps cosigned, and perhaps torn after that.
pub(super) async fn tell(house: &House, chance: &mut Chance) -> Written {
    let mut teller = Teller { house, chance, lines: Vec::new(), second: 0 };
    let steps = 5 + teller.chance.below(8);
    // Chance gives most stories a quorum, a batch, a match code and a lease, so that each damage finds its victims.
    for _ in 0..steps {
        match teller.chance.below(14) {
            what @ 0..3 => teller.event(what).await,
            3 => teller.call(0).await,
            ending @ 4..8 => teller.call(ending - 3).await,
            what @ 8..11 => teller.special(what - 8).await,
            11 | 12 => teller.together().await,
            _ => teller.leased().await,
        }
    }
    let lines = teller.lines;
    let covered = lines.len().saturating_sub(chance.below(2));
    let torn = if chance.below(4) == 0 { br#"{"at":"2026-"#.to_vec() } else { Vec::new() };
    let mut splits: Vec<usize> = (0..chance.below(4)).map(|_| chance.below(covered + 1)).filter(|at| *at > 0).collect();
    splits.sort_unstable();
    splits.dedup();
    let hashed = chance.below(4) > 0;
    let mut told = Written { lines, covered, signer: SEED, torn, hashed, splits, ..Written::default() };
    if chance.yes() {
        let size = chance.below(covered + 1);
        told.cosigned = Some(told.cosigned_note(size, chance));
    }
    told
}
