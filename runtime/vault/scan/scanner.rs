//! A scan of texts that come in pieces.

use std::sync::Arc;

use super::echo::Spelling;
use super::finds::Finds;
use super::prints::{Key, Prints};
use super::views::View;

/// Looks for values in every spelling that this room knows, in texts that come in pieces of any size. Memory is taken when
/// it is made and when a text first uses an encoding, never for a piece of a text.
///
/// It keeps no value: only fingerprints, and of a text no more than the longest form needs.
pub struct Scanner {
    prints: Arc<Prints>,
    view: View,
    finds: Finds,
}

impl Scanner {
    /// A scanner for these values. Those below 8 bytes are not looked for: they occur in ordinary text by chance.
    #[must_use]
    pub fn new(values: &[&[u8]]) -> Self {
        let mut prints = Prints::new(Arc::new(Key::new()));
        let long = values.iter().enumerate().filter(|(_, value)| value.len() >= super::MIN_SCANNED);
        long.for_each(|(owner, value)| prints.add(owner, value));
        Self::of(Arc::new(prints), Finds::new(values.len()))
    }

    /// A scanner that also tells spellings.
    pub(super) fn telling(value: &[u8]) -> Self {
        let plain = Self::new(&[value]);
        Self { finds: Finds::telling(1), ..plain }
    }

    pub(super) fn of(prints: Arc<Prints>, finds: Finds) -> Self {
        let view = View::whole(&prints);
        Self { prints, view, finds }
    }

    /// Takes the next piece of a text.
    pub fn feed(&mut self, piece: &[u8]) {
        if !self.prints.is_empty() {
            self.view.push(piece, &self.prints, &mut self.finds);
        }
    }

    /// Ends a text. What is fed from now on is another one: nothing is found across the two.
    pub fn finish(&mut self) {
        if !self.prints.is_empty() {
            self.view.end(&self.prints, &mut self.finds);
        }
    }

    /// A whole text.
    pub fn text(&mut self, text: &[u8]) {
        self.feed(text);
        self.finish();
    }

    /// A whole text that is a header name. HTTP libraries bring those to lower case, so the values are too.
    pub fn header_name(&mut self, name: &[u8]) {
        self.finds.name = true;
        self.text(name);
        self.finds.name = false;
    }

    /// A whole text, of which it is no news what another one holds as well. That one may hold what it wants.
    pub(crate) fn text_beyond(&mut self, known: &[u8], text: &[u8]) {
        let fresh = self.finds.fresh();
        let all = std::mem::replace(&mut self.finds, fresh);
        self.text(known);
        let fresh = self.finds.fresh();
        let there = std::mem::replace(&mut self.finds, fresh);
        self.text(text);
        let here = std::mem::replace(&mut self.finds, all);
        self.finds.add_beyond(&here, &there);
    }

    /// How the first of the values was spelled that were found since the last time this was asked.
    pub(crate) fn take_latest(&mut self) -> Option<Spelling> {
        self.finds.take_latest()
    }

    /// Whether any text so far held any value.
    #[must_use]
    pub fn hit(&self) -> bool {
        self.finds.any()
    }

    /// The values that the texts so far held: their places in the list that the scanner was made for.
    pub fn found(&self) -> impl Iterator<Item = usize> {
        self.finds.owners()
    }

    /// Forgets what was found.
    pub fn clear(&mut self) {
        self.finds.clear();
    }

    /// Bytes of all buffers.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.view.memory()
    }

    pub(super) fn take_spellings(&mut self) -> Vec<Spelling> {
        self.finds.take_spellings()
    }
}

/// Whether a text holds any of the values, in any spelling that this room knows.
#[must_use]
pub fn holds(values: &[&[u8]], text: &[u8]) -> bool {
    let mut scanner = Scanner::new(values);
    scanner.text(text);
    scanner.hit()
}
