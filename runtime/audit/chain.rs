//! The rules that hold between entries: index, time, and which outcome closes which intent.

use std::collections::BTreeSet;

use crate::error::Why;
use crate::format::{Kind, Line};

/// How many entries of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Intents.
    pub intents: u64,
    /// Intents whose outcome is logged.
    pub outcomes: u64,
    /// Intents whose outcome is logged as unknown.
    pub unknown: u64,
    /// Requests that were not declared or not granted.
    pub denied: u64,
    /// Requests that no human approved.
    pub refused: u64,
    /// What operators and the host did to the state.
    pub events: u64,
}

/// What has to be remembered of the entries before: nothing that grows with the log, only with intents that are open.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    next: u64,
    last: String,
    pub(crate) open: BTreeSet<u64>,
    pub(crate) tally: Tally,
}

impl Chain {
    /// Goes on in the middle of a log, from what was remembered of the entries before. The tally begins anew.
    pub(crate) fn resume(next: u64, last: String, open: BTreeSet<u64>) -> Self {
        Self { next, last, open, tally: Tally::default() }
    }

    /// Holds the next entry against those before it.
    pub(crate) fn accept(&mut self, line: &Line<'_>) -> Result<(), Why> {
        if line.index != self.next {
            return Err(Why::Misplaced { found: line.index });
        }
        // Fixed width and UTC, so the order of the texts is the order of the times.
        if line.at < self.last.as_str() {
            return Err(Why::TimeBackwards);
        }
        self.count(line)?;
        self.last.clear();
        self.last.push_str(line.at);
        self.next += 1;
        Ok(())
    }

    fn count(&mut self, line: &Line<'_>) -> Result<(), Why> {
        let tally = &mut self.tally;
        let counter = match line.kind {
            Kind::Intent => {
                self.open.insert(line.index);
                &mut tally.intents
            }
            Kind::Outcome => &mut tally.outcomes,
            Kind::OutcomeUnknown => &mut tally.unknown,
            Kind::Denied => &mut tally.denied,
            Kind::Refused => &mut tally.refused,
            Kind::Event => &mut tally.events,
        };
        if matches!(line.kind, Kind::Outcome | Kind::OutcomeUnknown) {
            let intent = line.intent()?;
            if !self.open.remove(&intent) {
                return Err(Why::NoOpenIntent { intent });
            }
        }
        *counter += 1;
        Ok(())
    }

    /// The time of the last entry; empty before the first.
    pub(crate) fn last(&self) -> &str {
        &self.last
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::Chain;
    use crate::error::Why;
    use crate::format::Line;

    fn accept(chain: &mut Chain, text: &str) -> Result<(), Why> {
        chain.accept(&Line::parse(text.as_bytes()).unwrap())
    }

    fn intent(index: u64, second: u8) -> String {
        format!(
            r#"{{"at":"2026-01-01T00:00:{second:02}.000Z","index":{index},"kind":"intent","proof":0,"request":0,"v":1}}"#
        )
    }

    fn outcome(index: u64, of: u64, second: u8) -> String {
        format!(
            r#"{{"at":"2026-01-01T00:00:{second:02}.000Z","index":{index},"intent":{of},"kind":"outcome","outcome":0,"v":1}}"#
        )
    }

    #[test]
    fn an_intent_has_one_outcome_after_it() {
        let mut chain = Chain::default();
        assert_eq!(accept(&mut chain, &outcome(0, 0, 0)), Err(Why::NoOpenIntent { intent: 0 }));
        accept(&mut chain, &intent(0, 0)).unwrap();
        accept(&mut chain, &intent(1, 0)).unwrap();
        assert_eq!(accept(&mut chain, &outcome(2, 2, 0)), Err(Why::NoOpenIntent { intent: 2 }));
        accept(&mut chain, &outcome(2, 1, 0)).unwrap();
        assert_eq!(accept(&mut chain, &outcome(3, 1, 0)), Err(Why::NoOpenIntent { intent: 1 }));
        assert_eq!(chain.open.iter().collect::<Vec<_>>(), [&0]);
        assert_eq!((chain.tally.intents, chain.tally.outcomes), (2, 1));
    }

    #[test]
    fn indexes_and_times_go_one_way() {
        let mut chain = Chain::default();
        assert_eq!(accept(&mut chain, &intent(1, 0)), Err(Why::Misplaced { found: 1 }));
        accept(&mut chain, &intent(0, 9)).unwrap();
        assert_eq!(accept(&mut chain, &intent(0, 9)), Err(Why::Misplaced { found: 0 }));
        assert_eq!(accept(&mut chain, &intent(1, 8)), Err(Why::TimeBackwards));
        accept(&mut chain, &intent(1, 9)).unwrap();
        assert_eq!(chain.last(), "2026-01-01T00:00:09.000Z");
    }
}
