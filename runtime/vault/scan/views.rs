//! A text, and what it says to a reader that undoes its escapes.
//!
//! JSON, URLs and HTML let every character be spelled in many ways, so no list of spellings is complete. A text that uses
//! such an encoding is decoded and looked at again, as it comes: a view begins at the first escape that means something,
//! with what the text before it was, and costs a search for its mark until then.

use super::echo::Spelling;
use super::escapes::{self, Encoding, LAYERED};
use super::finds::Finds;
use super::prints::Prints;
use super::roll::Roll;
use super::runs::Runs;

/// How many encodings may lie over one another: JSON inside JSON, a doubly percent-encoded URL, HTML inside JSON. Each
/// layer multiplies the work that a hostile answer can make by the number of encodings.
const LAYERS: usize = 2;

/// New bytes that are looked through at once. The buffers of a few views stay in a core's first-level cache.
const BLOCK: usize = 8 * 1024;

/// `+` read as a space.
pub(super) fn folded(byte: u8) -> u8 {
    if byte == b'+' { b' ' } else { byte }
}

/// A text, its runs, and the views of it.
pub(super) struct View {
    roll: Roll,
    runs: Runs,
    undone: Spelling,
    layers: Vec<Layer>,
}

/// What an encoding makes of a text.
struct Layer {
    encoding: Encoding,
    /// How much of the text was decoded. All layers of a text stop at the same place, so that one that begins can take over
    /// from the others what they made of the text before.
    taken: usize,
    /// Whether there was an escape. Until then what is decoded is the text.
    live: bool,
    /// How many layers may lie over this one.
    above: usize,
    view: Option<Box<View>>,
}

impl View {
    /// The text itself.
    pub(super) fn whole(prints: &Prints) -> Self {
        Self::new(prints, Spelling::Raw, LAYERS, prints.spaces())
    }

    fn new(prints: &Prints, undone: Spelling, above: usize, spaces: bool) -> Self {
        let layered = LAYERED.iter().filter(|_| above > 0);
        // A `+` that is read as a space is no layer: nothing is undone after it.
        let encodings = layered.chain(spaces.then_some(&Encoding::Plus));
        let layer = |encoding: &Encoding| Layer {
            encoding: *encoding,
            taken: 0,
            live: false,
            above: above.saturating_sub(1),
            view: None,
        };
        let roll = Roll::new(prints.longest() + 2 * escapes::LONGEST, BLOCK);
        Self { roll, runs: Runs::default(), undone, layers: encodings.map(layer).collect() }
    }

    /// Takes more of the text.
    pub(super) fn push(&mut self, mut text: &[u8], prints: &Prints, finds: &mut Finds) {
        loop {
            text = self.roll.take(text);
            if text.is_empty() {
                return;
            }
            self.work(false, prints, finds);
        }
    }

    /// The text is over. The next one begins.
    pub(super) fn end(&mut self, prints: &Prints, finds: &mut Finds) {
        self.work(true, prints, finds);
        self.clear();
    }

    fn work(&mut self, over: bool, prints: &Prints, finds: &mut Finds) {
        // An escape may be cut off where the text ends for now.
        let length = self.roll.bytes().len();
        let safe = if over { length } else { length.saturating_sub(escapes::LONGEST) };
        for at in 0..self.layers.len() {
            self.begin(at, safe, prints);
        }
        finds.undone = self.undone;
        self.roll.look(prints, over, finds);
        self.runs.read(self.roll.bytes(), over, prints, finds);
        for layer in self.layers.iter_mut().filter(|layer| layer.live) {
            layer.decode(self.roll.bytes(), safe, prints, finds);
            if let Some(view) = layer.view.as_mut().filter(|_| over) {
                view.end(prints, finds);
            }
        }
        if !over {
            let gone = self.roll.shift(self.runs.needed().min(safe));
            self.runs.moved(gone);
            self.layers.iter_mut().for_each(|layer| layer.taken -= gone);
        }
    }

    /// Begins a view if there is an escape now. What the others made of the text so far holds for it too.
    fn begin(&mut self, at: usize, safe: usize, prints: &Prints) {
        let Some(layer) = self.layers.get_mut(at).filter(|layer| !layer.live) else { return };
        if !layer.encoding.occurs(self.roll.bytes(), layer.taken, safe) {
            layer.taken = layer.taken.max(safe);
            return;
        }
        let taken = layer.taken;
        layer.view(prints);
        let Some(mut view) = layer.view.take() else { return };
        view.mirror(self, taken, prints);
        if let Some(layer) = self.layers.get_mut(at) {
            layer.live = true;
            layer.view = Some(view);
        }
    }

    /// Becomes another text's view of nothing undone yet, as far as that text's layers have come.
    fn mirror(&mut self, other: &Self, taken: usize, prints: &Prints) {
        self.roll.mirror(&other.roll, taken);
        self.runs.mirror(&other.runs, taken, prints);
        for layer in &mut self.layers {
            let twin = other.layers.iter().find(|twin| twin.encoding == layer.encoding && twin.live);
            layer.live = twin.is_some();
            layer.taken = twin.map_or(taken.min(self.roll.bytes().len()), |twin| twin.taken);
            if let Some(theirs) = twin.and_then(|twin| twin.view.as_ref()) {
                layer.view(prints).mirror(theirs, usize::MAX, prints);
            }
        }
    }

    fn clear(&mut self) {
        self.roll.clear();
        self.runs.clear();
        self.layers.iter_mut().for_each(|layer| (layer.live, layer.taken) = (false, 0));
    }
}

impl Layer {
    /// Its view; the memory is taken when it is first needed, and kept for the next text.
    fn view(&mut self, prints: &Prints) -> &mut View {
        let spaces = prints.spaces() && self.encoding != Encoding::Plus;
        let new = || Box::new(View::new(prints, self.encoding.spelling(), self.above, spaces));
        self.view.get_or_insert_with(new)
    }

    /// Decodes up to `safe`, or to the end of the escape that lies across it.
    fn decode(&mut self, text: &[u8], safe: usize, prints: &Prints, finds: &mut Finds) {
        let Some(view) = &mut self.view else { return };
        while self.taken < safe {
            let mark = self.encoding.find(text, self.taken, safe);
            view.push(text.get(self.taken..mark.unwrap_or(safe)).unwrap_or_default(), prints, finds);
            let Some(mark) = mark else {
                self.taken = safe;
                return;
            };
            let after = text.get(mark + 1..).unwrap_or_default();
            if let Some((piece, used)) = self.encoding.escape(after) {
                view.push(piece.as_slice(), prints, finds);
                self.taken = mark + 1 + used;
            } else {
                view.push(text.get(mark..=mark).unwrap_or_default(), prints, finds);
                self.taken = mark + 1;
            }
        }
    }
}
